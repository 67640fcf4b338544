package sql

import "strings"

// Format writes an expression in a short form: what an output without an alias
// is called, and what messages show.
func Format(e Expr) string {
	switch e := e.(type) {
	case nil:
		return ""
	case *ColumnRef:
		return strings.Join(e.Parts, ".")
	case *Null:
		return "null"
	case *Bool:
		if e.Value {
			return "true"
		}
		return "false"
	case *Number:
		return e.Text
	case *String:
		return "'" + e.Value + "'"
	case *Call:
		return formatCall(e)
	case *Cast:
		return "cast(" + Format(e.X) + " as " + strings.ToLower(e.Type.Name) + ")"
	case *Unary:
		if e.Op == "not" {
			return "not " + Format(e.X)
		}
		return e.Op + Format(e.X)
	case *Binary:
		return Format(e.L) + " " + e.Op + " " + Format(e.R)
	case *IsNull:
		if e.Not {
			return Format(e.X) + " is not null"
		}
		return Format(e.X) + " is null"
	case *Between:
		return Format(e.X) + " between " + Format(e.Low) + " and " + Format(e.High)
	case *Case:
		return "case when ... end"
	}
	return "expression"
}

func formatCall(c *Call) string {
	args := make([]string, len(c.Args))
	for i, a := range c.Args {
		args[i] = Format(a)
	}
	inner := strings.Join(args, ", ")
	if c.Star {
		inner = "*"
	}
	if c.Distinct {
		inner = "distinct " + inner
	}
	return c.Name + "(" + inner + ")"
}

// Walk calls visit for an expression and all in it, but not in its subqueries;
// it goes no deeper where visit says false.
func Walk(e Expr, visit func(Expr) bool) {
	if e == nil || !visit(e) {
		return
	}
	for _, child := range children(e) {
		Walk(child, visit)
	}
}

func children(e Expr) []Expr {
	switch e := e.(type) {
	case *Call:
		return e.Args
	case *Cast:
		return []Expr{e.X}
	case *Unary:
		return []Expr{e.X}
	case *Binary:
		return []Expr{e.L, e.R}
	case *IsNull:
		return []Expr{e.X}
	case *IsBool:
		return []Expr{e.X}
	case *Between:
		return []Expr{e.X, e.Low, e.High}
	case *In:
		return append([]Expr{e.X}, e.List...)
	case *Interval:
		return []Expr{e.X}
	case *Case:
		all := []Expr{e.Operand, e.Else}
		for _, w := range e.Whens {
			all = append(all, w.If, w.Then)
		}
		return all
	}
	return nil
}

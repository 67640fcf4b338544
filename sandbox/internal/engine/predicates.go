package engine

import (
	"bytes"
	"strings"

	"rewind/sandbox/internal/sql"
)

var boolType = Type{Kind: Boolean}

func (a *analyzer) binary(e *sql.Binary, s *scope) (node, error) {
	switch e.Op {
	case "and", "or":
		return a.logical(e, s)
	case "+", "-", "*", "/", "%", "div", "&", "|", "^":
		return a.arithmetic(e, s)
	}
	l, err := a.expression(e.L, s)
	if err != nil {
		return l, err
	}
	r, err := a.expression(e.R, s)
	if err != nil {
		return r, err
	}
	switch e.Op {
	case "||":
		if l.typ.isText() && r.typ.isText() {
			return a.concat([]node{l, r})
		}
		return combine(boolType, "("+l.sql+" OR "+r.sql+")", l, r), nil
	case "like", "ilike", "rlike", "regexp", "iregexp":
		return a.like(e.Op, l, r)
	}
	return a.compare(e.Op, l, r)
}

func (a *analyzer) logical(e *sql.Binary, s *scope) (node, error) {
	l, err := a.condition(e.L, s)
	if err != nil {
		return l, err
	}
	r, err := a.condition(e.R, s)
	if err != nil {
		return r, err
	}
	return combine(boolType, "("+l.sql+" "+strings.ToUpper(e.Op)+" "+r.sql+")", l, r), nil
}

// compare brings both sides to one type, whose stored form compares as its
// values do; only floating point needs Go, for NaN and −0.
func (a *analyzer) compare(op string, l, r node) (node, error) {
	t, ok := commonType(l.typ, r.typ)
	if !ok {
		return node{}, analysis("operands of type %s and %s are not comparable: %s %s %s", l.typ, r.typ, l.sql, op, r.sql)
	}
	padded := l.typ.Kind == Char || r.typ.Kind == Char
	var err error
	if l, err = a.coerce(l, t); err != nil {
		return l, err
	}
	if r, err = a.coerce(r, t); err != nil {
		return r, err
	}
	if padded {
		if l, err = a.trimmed(l); err != nil {
			return l, err
		}
		if r, err = a.trimmed(r); err != nil {
			return r, err
		}
	}
	if t.isFloat() {
		return a.compareDoubles(op, l, r)
	}
	if op == "<=>" {
		op = "IS"
	}
	return combine(boolType, "("+l.sql+" "+op+" "+r.sql+")", l, r), nil
}

func (a *analyzer) trimmed(n node) (node, error) {
	return a.apply("rtrim", Type{Kind: String}, strict(func(x []datum) (datum, error) {
		return blob(bytes.TrimRight(x[0].b, " ")), nil
	}), n)
}

func (a *analyzer) compareDoubles(op string, l, r node) (node, error) {
	holds := map[string]func(x, y float64) bool{
		"=":   func(x, y float64) bool { return x == y },
		"<=>": func(x, y float64) bool { return x == y },
		"<>":  func(x, y float64) bool { return x != y },
		"<":   func(x, y float64) bool { return x < y },
		"<=":  func(x, y float64) bool { return x <= y },
		">":   func(x, y float64) bool { return x > y },
		">=":  func(x, y float64) bool { return x >= y },
	}[op]
	fn := strict(func(x []datum) (datum, error) { return boolean(holds(x[0].double(), x[1].double())), nil })
	if op == "<=>" {
		known := fn
		fn = func(x []datum) (datum, error) {
			if x[0].null || x[1].null {
				return boolean(x[0].null && x[1].null), nil
			}
			return known(x)
		}
	}
	return a.apply("compare"+op, boolType, fn, l, r)
}

func (a *analyzer) isNull(e *sql.IsNull, s *scope) (node, error) {
	n, err := a.expression(e.X, s)
	not := ""
	if e.Not {
		not = "NOT "
	}
	return combine(boolType, "("+n.sql+" IS "+not+"NULL)", n), err
}

func (a *analyzer) isBool(e *sql.IsBool, s *scope) (node, error) {
	n, err := a.condition(e.X, s)
	op, value := " IS ", "0"
	if e.Not {
		op = " IS NOT "
	}
	if e.Value {
		value = "1"
	}
	return combine(boolType, "("+n.sql+op+value+")", n), err
}

func (a *analyzer) between(e *sql.Between, s *scope) (node, error) {
	x, err := a.expressions([]sql.Expr{e.X, e.Low, e.High}, s)
	if err != nil {
		return node{}, err
	}
	low, err := a.compare(">=", x[0], x[1])
	if err != nil {
		return low, err
	}
	high, err := a.compare("<=", x[0], x[2])
	not := ""
	if e.Not {
		not = "NOT "
	}
	return combine(boolType, "("+not+"("+low.sql+" AND "+high.sql+"))", low, high), err
}

func (a *analyzer) in(e *sql.In, s *scope) (node, error) {
	x, err := a.expression(e.X, s)
	if err != nil {
		return x, err
	}
	not := ""
	if e.Not {
		not = "NOT "
	}
	if e.Query != nil {
		return a.inQuery(e, x, not, s)
	}
	any := make([]node, len(e.List))
	parts := make([]string, len(e.List))
	for i, item := range e.List {
		n, err := a.expression(item, s)
		if err != nil {
			return n, err
		}
		if any[i], err = a.compare("=", x, n); err != nil {
			return any[i], err
		}
		parts[i] = any[i].sql
	}
	return combine(boolType, "("+not+"("+strings.Join(balance(parts, " OR "), "")+"))", any...), nil
}

// balance joins operands as a balanced tree: SQLite limits the depth of an expression.
func balance(parts []string, op string) []string {
	if len(parts) <= 2 {
		return []string{strings.Join(parts, op)}
	}
	half := len(parts) / 2
	l, r := balance(parts[:half], op), balance(parts[half:], op)
	return []string{"(" + strings.Join(l, "") + ")" + op + "(" + strings.Join(r, "") + ")"}
}

func (a *analyzer) inQuery(e *sql.In, x node, not string, s *scope) (node, error) {
	r, err := a.query(e.Query, s)
	if err != nil {
		return node{}, err
	}
	if len(r.columns) != 1 {
		return node{}, analysis("Subquery must return a single column")
	}
	t, ok := commonType(x.typ, r.columns[0].typ)
	if !ok {
		return node{}, analysis("Incompatible return types '%s' and '%s' of exprs", x.typ, r.columns[0].typ)
	}
	if x, err = a.coerce(x, t); err != nil {
		return x, err
	}
	text, err := a.convertColumns(r, []Type{t})
	return combine(boolType, "("+x.sql+" "+not+"IN ("+text+"))", x, node{sources: allSources}), err
}

func (a *analyzer) caseOf(e *sql.Case, s *scope) (node, error) {
	var conditions, results []node
	var operand node
	var err error
	if e.Operand != nil {
		if operand, err = a.expression(e.Operand, s); err != nil {
			return operand, err
		}
	}
	for _, w := range e.Whens {
		var c node
		if e.Operand == nil {
			c, err = a.condition(w.If, s)
		} else if c, err = a.expression(w.If, s); err == nil {
			c, err = a.compare("=", operand, c)
		}
		if err != nil {
			return c, err
		}
		r, err := a.expression(w.Then, s)
		if err != nil {
			return r, err
		}
		conditions, results = append(conditions, c), append(results, r)
	}
	if e.Else != nil {
		r, err := a.expression(e.Else, s)
		if err != nil {
			return r, err
		}
		results = append(results, r)
	}
	return a.choose(conditions, results)
}

// choose is CASE over analyzed parts; one more result than conditions is ELSE.
func (a *analyzer) choose(conditions, results []node) (node, error) {
	t, err := a.unify(results)
	if err != nil {
		return node{}, err
	}
	var b strings.Builder
	b.WriteString("CASE")
	for i, c := range conditions {
		b.WriteString(" WHEN " + c.sql + " THEN " + results[i].sql)
	}
	if len(results) > len(conditions) {
		b.WriteString(" ELSE " + results[len(conditions)].sql)
	}
	b.WriteString(" END")
	return combine(t, b.String(), append(conditions, results...)...), nil
}

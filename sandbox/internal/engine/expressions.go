package engine

import (
	"math/big"
	"strings"

	"rewind/sandbox/internal/sql"
)

// maxDepth bounds the nesting of one statement, views included.
const maxDepth = 500

// expression analyzes e. Where the query is grouped, an expression is either
// one of GROUP BY, or built from such and from aggregates.
func (a *analyzer) expression(e sql.Expr, s *scope) (node, error) {
	if a.depth++; a.depth > maxDepth {
		return node{}, analysis("Expression nested too deep")
	}
	defer func() { a.depth-- }()
	if s != nil && len(s.grouped) > 0 {
		plain := *s
		plain.grouped = nil
		if n, err := a.plainExpression(e, &plain); err == nil && s.grouped[n.sql] {
			return n, nil
		}
	}
	return a.plainExpression(e, s)
}

func (a *analyzer) plainExpression(e sql.Expr, s *scope) (node, error) {
	switch e := e.(type) {
	case *sql.Null:
		return nullNode, nil
	case *sql.Bool:
		return literal(Type{Kind: Boolean}, boolean(e.Value)), nil
	case *sql.String:
		return literal(Type{Kind: String}, text(e.Value)), nil
	case *sql.Number:
		return number(e.Text)
	case *sql.ColumnRef:
		return a.column(e, s)
	case *sql.Cast:
		return a.castExpression(e, s)
	case *sql.Unary:
		return a.unary(e, s)
	case *sql.Binary:
		return a.binary(e, s)
	case *sql.IsNull:
		return a.isNull(e, s)
	case *sql.IsBool:
		return a.isBool(e, s)
	case *sql.Between:
		return a.between(e, s)
	case *sql.In:
		return a.in(e, s)
	case *sql.Case:
		return a.caseOf(e, s)
	case *sql.Call:
		return a.call(e, s)
	case *sql.Exists:
		r, err := a.query(e.Query, s)
		if err != nil {
			return node{}, err
		}
		return combine(Type{Kind: Boolean}, "EXISTS ("+r.sql+")", node{sources: allSources}), nil
	case *sql.Scalar:
		r, err := a.query(e.Query, s)
		if err != nil {
			return node{}, err
		}
		if len(r.columns) != 1 {
			return node{}, analysis("Subquery must return a single column: %d", len(r.columns))
		}
		return combine(r.columns[0].typ, "("+r.sql+")", node{sources: allSources}), nil
	case *sql.Interval:
		return node{}, analysis("INTERVAL is allowed only in an addition to or subtraction from a timestamp")
	}
	return node{}, analysis("Unsupported expression")
}

// allSources marks what may read any table, as a correlated subquery does.
const allSources = ^uint64(0)

// number gives a literal Impala's type: the smallest integer, else DECIMAL, else DOUBLE.
func number(s string) (node, error) {
	x, scale, ok := parseDecimal(s)
	if ok && scale == 0 && !strings.ContainsAny(s, ".eE") && x.IsInt64() {
		return integerLiteral(x.Int64()), nil
	}
	if ok && scale <= maxPrecision {
		digits := max(len(new(big.Int).Abs(x).String()), scale)
		if digits <= maxPrecision {
			t := Type{Kind: Decimal, Precision: digits, Scale: scale}
			u, _ := unscaledOf(x, digits)
			return literal(t, u.datum()), nil
		}
	}
	f, ok := parseDouble(s)
	if !ok {
		return node{}, analysis("Numeric literal '%s' exceeds maximum range of DOUBLE.", s)
	}
	return literal(Type{Kind: Double}, double(f)), nil
}

func integerLiteral(i int64) node {
	k := TinyInt
	for !fits(i, k) {
		k++
	}
	return literal(Type{Kind: k}, integer(i))
}

// column looks a name up in this FROM clause and then in the queries around it.
func (a *analyzer) column(e *sql.ColumnRef, s *scope) (node, error) {
	for at := s; at != nil; at = at.parent {
		n, found, err := at.lookup(e.Parts)
		if err != nil || !found {
			if err != nil {
				return node{}, err
			}
			continue
		}
		if at != s {
			n.sources = 0
		}
		if at.grouped != nil && !at.grouped[n.sql] {
			return node{}, analysis("select list expression not produced by aggregation output (missing from GROUP BY clause?): %s", strings.Join(e.Parts, "."))
		}
		return n, nil
	}
	return node{}, analysis("Could not resolve column/field reference: '%s'", strings.Join(e.Parts, "."))
}

func (s *scope) lookup(parts []string) (n node, found bool, err error) {
	name, qualifier := parts[len(parts)-1], parts[:len(parts)-1]
	for i, src := range s.sources {
		if src.hidden || !src.matches(qualifier) {
			continue
		}
		for _, c := range src.columns {
			if c.name != name {
				continue
			}
			if found {
				return n, true, analysis("Column/field reference is ambiguous: '%s'", strings.Join(parts, "."))
			}
			n, found = node{typ: c.typ, sql: c.sql, sources: 1 << (i % 64)}, true
		}
	}
	return n, found, nil
}

func (s *source) matches(qualifier []string) bool {
	switch len(qualifier) {
	case 0:
		return true
	case 1:
		return qualifier[0] == s.alias
	}
	return len(qualifier) == 2 && s.database == qualifier[0] && s.alias == qualifier[1]
}

func (a *analyzer) castExpression(e *sql.Cast, s *scope) (node, error) {
	to, err := typeOf(e.Type)
	if err != nil {
		return node{}, err
	}
	n, err := a.expression(e.X, s)
	if err != nil {
		return node{}, err
	}
	if n.typ.Kind == Boolean && (to.Kind == Decimal || to.Kind == Timestamp) {
		return node{}, analysis("Invalid type cast of %s from BOOLEAN to %s", n.sql, to)
	}
	return a.cast(n, to)
}

// expressions analyzes several.
func (a *analyzer) expressions(list []sql.Expr, s *scope) ([]node, error) {
	nodes := make([]node, len(list))
	for i, e := range list {
		var err error
		if nodes[i], err = a.expression(e, s); err != nil {
			return nil, err
		}
	}
	return nodes, nil
}

// condition is an expression that must be BOOLEAN.
func (a *analyzer) condition(e sql.Expr, s *scope) (node, error) {
	n, err := a.expression(e, s)
	if err != nil {
		return n, err
	}
	if n.typ.Kind != Boolean && n.typ.Kind != NullType {
		return n, analysis("expression must return type 'BOOLEAN', not '%s'", n.typ)
	}
	n.typ = Type{Kind: Boolean}
	return n, nil
}

func (a *analyzer) unary(e *sql.Unary, s *scope) (node, error) {
	if e.Op == "not" {
		n, err := a.condition(e.X, s)
		return combine(Type{Kind: Boolean}, "(NOT "+n.sql+")", n), err
	}
	if num, ok := e.X.(*sql.Number); ok && e.Op == "-" {
		return negativeNumber(num.Text)
	}
	n, err := a.expression(e.X, s)
	if err != nil || e.Op == "+" {
		return n, err
	}
	if e.Op == "~" {
		if !n.typ.isInteger() {
			return n, analysis("'~' operation only allowed on integer types")
		}
		return a.apply("~", n.typ, strict(func(x []datum) (datum, error) { return integer(^x[0].i), nil }), n)
	}
	switch {
	case n.typ.isInteger(), n.typ.Kind == NullType:
		return a.apply("neg", n.typ, strict(func(x []datum) (datum, error) { return wrap(-x[0].i, n.typ.Kind), nil }), n)
	case n.typ.isFloat():
		return a.apply("neg", n.typ, strict(func(x []datum) (datum, error) { return double(-x[0].double()), nil }), n)
	case n.typ.Kind == Decimal:
		return a.apply("neg", n.typ, strict(func(x []datum) (datum, error) {
			u, _ := unscaledOf(new(big.Int).Neg(x[0].unscaled().big()), n.typ.Precision)
			return u.datum(), nil
		}), n)
	}
	return n, analysis("Arithmetic operation requires numeric operands: -%s", n.typ)
}

// negativeNumber reads the sign as part of the literal: -128 is a TINYINT.
func negativeNumber(s string) (node, error) {
	if x, ok := new(big.Int).SetString("-"+s, 10); ok && x.IsInt64() {
		return integerLiteral(x.Int64()), nil
	}
	n, err := number(s)
	if err != nil {
		return n, err
	}
	if n.typ.Kind == Double {
		return literal(n.typ, double(-n.constant.double())), nil
	}
	u, _ := unscaledOf(new(big.Int).Neg(n.constant.unscaled().big()), n.typ.Precision)
	return literal(n.typ, u.datum()), nil
}

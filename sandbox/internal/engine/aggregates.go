package engine

import (
	"math/big"
	"strings"

	"rewind/sandbox/internal/sql"
)

// accumulator sums up a group; a value that is NULL is not added.
type accumulator interface {
	add(args []datum)
	value() (datum, error)
}

// aggregate resolves one call over coerced arguments.
type aggregate func(a *analyzer, args []node, distinct string) (node, error)

var aggregates = map[string]aggregate{
	"count":        countCall,
	"sum":          sumCall,
	"avg":          averageCall,
	"min":          extreme("min"),
	"max":          extreme("max"),
	"group_concat": groupConcat,
}

// aggregateCall analyzes the arguments as they are before grouping.
func (a *analyzer) aggregateCall(e *sql.Call, agg aggregate, s *scope) (node, error) {
	if s == nil || s.grouped == nil {
		return node{}, analysis("aggregate function not allowed here: %s", e.Name)
	}
	inner := *s
	inner.grouped = nil
	args, err := a.expressions(e.Args, &inner)
	if err != nil {
		return node{}, err
	}
	if e.Star {
		if e.Name != "count" {
			return node{}, analysis("'*' can only be used in conjunction with COUNT: %s(*)", e.Name)
		}
		return node{typ: Type{Kind: BigInt}, sql: "count(*)", aggregate: true}, nil
	}
	if len(args) == 0 {
		return node{}, analysis("%s() requires an argument", e.Name)
	}
	distinct := ""
	if e.Distinct {
		distinct = "DISTINCT "
	}
	n, err := agg(a, args, distinct)
	n.aggregate = true
	return n, err
}

func countCall(a *analyzer, args []node, distinct string) (node, error) {
	if len(args) > 1 {
		return node{}, analysis("count takes one argument in the stand-in")
	}
	return combine(Type{Kind: BigInt}, "count("+distinct+args[0].sql+")", args...), nil
}

func extreme(name string) aggregate {
	return func(a *analyzer, args []node, _ string) (node, error) {
		if len(args) != 1 {
			return node{}, analysis("%s takes one argument", name)
		}
		return combine(args[0].typ, name+"("+args[0].sql+")", args...), nil
	}
}

// accumulate calls an aggregate of ours.
func (a *analyzer) accumulate(key string, t Type, step func() accumulator, distinct string, args ...node) node {
	f := a.register("aggregate "+key, t, len(args))
	f.step = step
	return combine(t, f.name+"("+distinct+texts(args)+")", args...)
}

func sumCall(a *analyzer, args []node, distinct string) (node, error) {
	n := args[0]
	switch {
	case n.typ.isInteger(), n.typ.Kind == NullType:
		return a.accumulate("sum", Type{Kind: BigInt}, func() accumulator { return &integerSum{} }, distinct, n), nil
	case n.typ.isFloat():
		return a.accumulate("sum", Type{Kind: Double}, func() accumulator { return &doubleSum{} }, distinct, n), nil
	case n.typ.Kind == Decimal:
		t := Type{Kind: Decimal, Precision: maxPrecision, Scale: n.typ.Scale}
		return a.accumulate("sum", t, func() accumulator { return &decimalSum{from: n.typ, to: t} }, distinct, n), nil
	}
	return node{}, analysis("SUM requires a numeric parameter: sum(%s)", n.typ)
}

func averageCall(a *analyzer, args []node, distinct string) (node, error) {
	n := args[0]
	if n.typ.Kind == Decimal {
		t := boundedDecimal(maxPrecision, max(n.typ.Scale, 6))
		return a.accumulate("avg", t, func() accumulator { return &decimalSum{from: n.typ, to: t, average: true} }, distinct, n), nil
	}
	if !n.typ.isNumeric() {
		return node{}, analysis("AVG requires a numeric or timestamp parameter: avg(%s)", n.typ)
	}
	n, err := a.coerce(n, Type{Kind: Double})
	return a.accumulate("avg", Type{Kind: Double}, func() accumulator { return &doubleSum{average: true} }, distinct, n), err
}

func groupConcat(a *analyzer, args []node, distinct string) (node, error) {
	separator := ", "
	if len(args) == 2 && args[1].constant != nil {
		separator = string(args[1].constant.b)
	}
	n, err := a.coerce(args[0], Type{Kind: String})
	step := func() accumulator { return &joined{separator: separator} }
	return a.accumulate("group_concat"+separator, Type{Kind: String}, step, distinct, n), err
}

// integerSum wraps modulo 2^64.
type integerSum struct {
	sum  int64
	some bool
}

func (s *integerSum) add(x []datum) { s.sum, s.some = s.sum+x[0].i, true }
func (s *integerSum) value() (datum, error) {
	return datum{null: !s.some, i: s.sum}, nil
}

type doubleSum struct {
	sum     float64
	count   int64
	average bool
}

func (s *doubleSum) add(x []datum) {
	s.sum += x[0].double()
	s.count++
}

func (s *doubleSum) value() (datum, error) {
	switch {
	case s.count == 0:
		return null, nil
	case s.average:
		return double(s.sum / float64(s.count)), nil
	}
	return double(s.sum), nil
}

type decimalSum struct {
	sum      big.Int
	count    int64
	from, to Type
	average  bool
}

func (s *decimalSum) add(x []datum) {
	s.sum.Add(&s.sum, x[0].unscaled().big())
	s.count++
}

func (s *decimalSum) value() (datum, error) {
	if s.count == 0 {
		return null, nil
	}
	sum, scale := &s.sum, s.from.Scale
	if s.average {
		sum, scale = roundedQuotient(rescale(sum, scale, s.to.Scale), big.NewInt(s.count)), s.to.Scale
	}
	u, ok := decimalFrom(sum, scale, s.to)
	if !ok {
		return null, runtimeError("Sum computation overflowed")
	}
	return u.datum(), nil
}

type joined struct {
	separator string
	parts     []string
}

func (j *joined) add(x []datum) { j.parts = append(j.parts, string(x[0].b)) }
func (j *joined) value() (datum, error) {
	if j.parts == nil {
		return null, nil
	}
	return text(strings.Join(j.parts, j.separator)), nil
}

// analytic functions are SQLite's own; those that need no frame are offered.
func (a *analyzer) analytic(e *sql.Call, s *scope) (node, error) {
	switch e.Name {
	case "row_number", "rank", "dense_rank":
	default:
		return node{}, analysis("analytic function not offered by the stand-in: %s", e.Name)
	}
	if len(e.Args) > 0 || s == nil || !s.windows {
		return node{}, analysis("analytic expression not allowed here: %s", e.Name)
	}
	parts, err := a.expressions(e.Over.Partition, s)
	if err != nil {
		return node{}, err
	}
	var b strings.Builder
	b.WriteString(e.Name + "() OVER (")
	if len(parts) > 0 {
		b.WriteString("PARTITION BY " + texts(parts))
	}
	if len(e.Over.Order) > 0 {
		order := make([]string, len(e.Over.Order))
		for i, o := range e.Over.Order {
			n, err := a.expression(o.Expr, s)
			if err != nil {
				return n, err
			}
			parts = append(parts, n)
			order[i] = n.sql + direction(o)
		}
		b.WriteString(" ORDER BY " + strings.Join(order, ", "))
	}
	b.WriteString(")")
	return combine(Type{Kind: BigInt}, b.String(), parts...), nil
}

// direction writes Impala's order: without NULLS …, a NULL is the greatest.
func direction(o sql.OrderItem) string {
	first := o.Descending
	if o.NullsFirst != nil {
		first = *o.NullsFirst
	}
	text := " ASC"
	if o.Descending {
		text = " DESC"
	}
	if first {
		return text + " NULLS FIRST"
	}
	return text + " NULLS LAST"
}

package engine

import (
	"math"
	"math/big"
	"time"

	"rewind/sandbox/internal/sql"
)

func (a *analyzer) arithmetic(e *sql.Binary, s *scope) (node, error) {
	l, err := a.expression(e.L, s)
	if err != nil {
		return l, err
	}
	if i, ok := e.R.(*sql.Interval); ok {
		return a.shift(e.Op, l, i, s)
	}
	r, err := a.expression(e.R, s)
	if err != nil {
		return r, err
	}
	numeric := func(t Type) bool { return t.isNumeric() || t.Kind == NullType }
	if !numeric(l.typ) || !numeric(r.typ) {
		return node{}, analysis("Arithmetic operation requires numeric operands: %s %s %s", l.typ, e.Op, r.typ)
	}
	switch e.Op {
	case "&", "|", "^", "div":
		return a.integerOperation(e.Op, l, r)
	}
	t := Type{Kind: Double}
	if (l.typ.Kind == Decimal || r.typ.Kind == Decimal) && !l.typ.isFloat() && !r.typ.isFloat() {
		return a.decimalOperation(e.Op, l, r)
	}
	if e.Op != "/" && !l.typ.isFloat() && !r.typ.isFloat() {
		return a.integerOperation(e.Op, l, r)
	}
	if l, err = a.coerce(l, t); err != nil {
		return l, err
	}
	if r, err = a.coerce(r, t); err != nil {
		return r, err
	}
	return a.apply(e.Op, t, strict(func(x []datum) (datum, error) {
		return double(floatOperation(e.Op, x[0].double(), x[1].double())), nil
	}), l, r)
}

func floatOperation(op string, x, y float64) float64 {
	switch op {
	case "+":
		return x + y
	case "-":
		return x - y
	case "*":
		return x * y
	case "%":
		return math.Mod(x, y)
	}
	return x / y
}

// integerOperation widens by one step for + - *, as Impala does, and wraps.
func (a *analyzer) integerOperation(op string, l, r node) (node, error) {
	if !l.typ.isInteger() && l.typ.Kind != NullType || !r.typ.isInteger() && r.typ.Kind != NullType {
		return node{}, analysis("Invalid non-integer argument to operation '%s'", op)
	}
	k := max(l.typ.Kind, r.typ.Kind, TinyInt)
	if (op == "+" || op == "-" || op == "*") && k < BigInt {
		k++
	}
	return a.apply(op, Type{Kind: k}, strict(func(x []datum) (datum, error) {
		i, ok := integerResult(op, x[0].i, x[1].i)
		if !ok {
			return null, nil
		}
		return wrap(i, k), nil
	}), l, r)
}

func integerResult(op string, x, y int64) (int64, bool) {
	switch op {
	case "+":
		return x + y, true
	case "-":
		return x - y, true
	case "*":
		return x * y, true
	case "&":
		return x & y, true
	case "|":
		return x | y, true
	case "^":
		return x ^ y, true
	}
	if y == 0 {
		return 0, false
	}
	if y == -1 {
		return map[string]int64{"div": -x, "%": 0}[op], true
	}
	if op == "%" {
		return x % y, true
	}
	return x / y, true
}

// decimalOperation follows DECIMAL_V2's result types; an overflow is an error.
func (a *analyzer) decimalOperation(op string, l, r node) (node, error) {
	lt, rt := decimalOf(l.typ), decimalOf(r.typ)
	for _, t := range []*Type{&lt, &rt} {
		if t.Kind == NullType {
			*t = Type{Kind: Decimal, Precision: 1}
		}
	}
	var err error
	if l, err = a.coerce(l, lt); err != nil {
		return l, err
	}
	if r, err = a.coerce(r, rt); err != nil {
		return r, err
	}
	t := decimalResult(op, lt, rt)
	key := "decimal" + op + lt.String() + rt.String()
	return a.apply(key, t, strict(func(x []datum) (datum, error) {
		v, scale, ok := decimalValue(op, x[0].unscaled().big(), x[1].unscaled().big(), lt, rt, t)
		if !ok {
			return null, runtimeError("Cannot divide decimal by zero")
		}
		u, ok := decimalFrom(v, scale, t)
		if !ok {
			return null, runtimeError("Decimal expression overflowed")
		}
		return u.datum(), nil
	}), l, r)
}

func decimalResult(op string, l, r Type) Type {
	whole := max(l.Precision-l.Scale, r.Precision-r.Scale)
	switch op {
	case "*":
		return boundedDecimal(l.Precision+r.Precision+1, l.Scale+r.Scale)
	case "/":
		scale := max(6, l.Scale+r.Precision+1)
		return boundedDecimal(l.Precision-l.Scale+r.Scale+scale, scale)
	case "%":
		scale := max(l.Scale, r.Scale)
		return boundedDecimal(min(l.Precision-l.Scale, r.Precision-r.Scale)+scale, scale)
	}
	scale := max(l.Scale, r.Scale)
	return boundedDecimal(scale+whole+1, scale)
}

func decimalValue(op string, x, y *big.Int, l, r, t Type) (v *big.Int, scale int, ok bool) {
	if op == "*" {
		return new(big.Int).Mul(x, y), l.Scale + r.Scale, true
	}
	if op == "/" {
		if y.Sign() == 0 {
			return nil, 0, false
		}
		shift := t.Scale + r.Scale - l.Scale
		if shift < 0 {
			return roundedQuotient(x, new(big.Int).Mul(y, powers[-shift])), t.Scale, true
		}
		return roundedQuotient(new(big.Int).Mul(x, powers[shift]), y), t.Scale, true
	}
	scale = max(l.Scale, r.Scale)
	x, y = rescale(x, l.Scale, scale), rescale(y, r.Scale, scale)
	switch op {
	case "+":
		return x.Add(x, y), scale, true
	case "-":
		return x.Sub(x, y), scale, true
	}
	if y.Sign() == 0 {
		return nil, 0, false
	}
	return x.Rem(x, y), scale, true
}

// shift adds an interval to a timestamp or a date.
func (a *analyzer) shift(op string, l node, i *sql.Interval, s *scope) (node, error) {
	n, err := a.expression(i.X, s)
	if err != nil {
		return n, err
	}
	if l.typ.isText() {
		if l, err = a.cast(l, Type{Kind: Timestamp}); err != nil {
			return l, err
		}
	}
	unit, ok := intervals[i.Unit]
	if !ok || op != "+" && op != "-" || l.typ.Kind != Timestamp && l.typ.Kind != Date || !n.typ.isInteger() {
		return n, analysis("Invalid interval arithmetic: %s %s INTERVAL %s %s", l.typ, op, n.typ, i.Unit)
	}
	sign := int64(1)
	if op == "-" {
		sign = -1
	}
	return a.apply("interval"+op+i.Unit, l.typ, strict(func(x []datum) (datum, error) {
		if l.typ.Kind == Date {
			return integer(daysOf(unit(time.Unix(x[0].i*86400, 0).UTC(), sign*x[1].i))), nil
		}
		return timestamp(unit(x[0].time(), sign*x[1].i)), nil
	}), l, n)
}

var intervals = map[string]func(time.Time, int64) time.Time{
	"year":        func(t time.Time, n int64) time.Time { return addMonths(t, 12*n) },
	"month":       addMonths,
	"week":        func(t time.Time, n int64) time.Time { return t.AddDate(0, 0, int(7*n)) },
	"day":         func(t time.Time, n int64) time.Time { return t.AddDate(0, 0, int(n)) },
	"hour":        func(t time.Time, n int64) time.Time { return t.Add(time.Duration(n) * time.Hour) },
	"minute":      func(t time.Time, n int64) time.Time { return t.Add(time.Duration(n) * time.Minute) },
	"second":      func(t time.Time, n int64) time.Time { return t.Add(time.Duration(n) * time.Second) },
	"millisecond": func(t time.Time, n int64) time.Time { return t.Add(time.Duration(n) * time.Millisecond) },
	"microsecond": func(t time.Time, n int64) time.Time { return t.Add(time.Duration(n) * time.Microsecond) },
	"nanosecond":  func(t time.Time, n int64) time.Time { return t.Add(time.Duration(n)) },
}

// addMonths keeps the day, or takes the month's last.
func addMonths(t time.Time, n int64) time.Time {
	first := time.Date(t.Year(), t.Month()+time.Month(n), 1, t.Hour(), t.Minute(), t.Second(), t.Nanosecond(), t.Location())
	last := first.AddDate(0, 1, -1).Day()
	return first.AddDate(0, 0, min(t.Day(), last)-1)
}

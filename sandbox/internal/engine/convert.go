package engine

import (
	"bytes"
	"math"
	"math/big"
	"strconv"
	"strings"
	"time"
)

// function computes one value of SQL; its arguments alias SQLite's memory.
type function func(args []datum) (datum, error)

// conversion turns a value that is not NULL into another type.
type conversion func(datum) (datum, error)

func same(d datum) (datum, error) { return d, nil }

// retypes tells whether every value of one type is a value of the other as it is stored.
func retypes(from, to Type) bool {
	switch {
	case from == to, from.Kind == NullType:
		return true
	case from.isInteger() && to.isInteger():
		return from.Kind <= to.Kind
	case from.Kind == Float && to.Kind == Double, from.isText() && to.Kind == String:
		return true
	case from.Kind == VarChar && to.Kind == VarChar:
		return from.Length <= to.Length
	case from.Kind == String && to.Kind == Binary, from.Kind == Binary && to.Kind == String:
		return true
	case from.Kind == Decimal && to.Kind == Decimal:
		return from.Scale == to.Scale && from.Precision <= to.Precision
	}
	return false
}

// convert finds the explicit cast between two types, as Impala's CAST does it.
func convert(from, to Type) (conversion, bool) {
	if retypes(from, to) {
		return same, true
	}
	switch to.Kind {
	case Boolean:
		return toBoolean(from)
	case TinyInt, SmallInt, Int, BigInt:
		return toInteger(from, to)
	case Float, Double:
		return toDouble(from, to)
	case Decimal:
		return toDecimal(from, to)
	case String, VarChar, Char:
		return toText(from, to)
	case Timestamp:
		return toTimestamp(from)
	case Date:
		return toDate(from)
	}
	return nil, false
}

func toBoolean(from Type) (conversion, bool) {
	switch {
	case from.isInteger():
		return func(d datum) (datum, error) { return boolean(d.i != 0), nil }, true
	case from.isFloat():
		return func(d datum) (datum, error) { return boolean(d.double() != 0), nil }, true
	case from.Kind == Decimal:
		return func(d datum) (datum, error) { return boolean(d.unscaled() != unscaled{}), nil }, true
	case from.isText():
		return func(d datum) (datum, error) {
			switch strings.ToLower(strings.TrimSpace(string(d.b))) {
			case "true", "1":
				return boolean(true), nil
			case "false", "0":
				return boolean(false), nil
			}
			return null, nil
		}, true
	}
	return nil, false
}

// wrap cuts an integer to the width of a type, silently as Impala does.
func wrap(i int64, to Kind) datum {
	switch to {
	case TinyInt:
		return integer(int64(int8(i)))
	case SmallInt:
		return integer(int64(int16(i)))
	case Int:
		return integer(int64(int32(i)))
	}
	return integer(i)
}

func fits(i int64, to Kind) bool { return wrap(i, to).i == i }

func toInteger(from, to Type) (conversion, bool) {
	switch {
	case from.isInteger(), from.Kind == Boolean:
		return func(d datum) (datum, error) { return wrap(d.i, to.Kind), nil }, true
	case from.isFloat():
		return func(d datum) (datum, error) { return doubleToInteger(d.double(), to.Kind), nil }, true
	case from.Kind == Decimal:
		return func(d datum) (datum, error) {
			x, ok := unscaledOf(rescale(d.unscaled().big(), from.Scale, 0), maxPrecision)
			if i, whole := x.int64(); ok && whole && fits(i, to.Kind) {
				return integer(i), nil
			}
			return null, runtimeError("Decimal expression overflowed")
		}, true
	case from.isText():
		return func(d datum) (datum, error) {
			i, err := strconv.ParseInt(strings.TrimSpace(string(d.b)), 10, 64)
			if err == nil && fits(i, to.Kind) {
				return integer(i), nil
			}
			return null, nil
		}, true
	case from.Kind == Timestamp && to.Kind == BigInt:
		return func(d datum) (datum, error) { return integer(d.time().Unix()), nil }, true
	}
	return nil, false
}

func doubleToInteger(f float64, to Kind) datum {
	if math.IsNaN(f) || f < -(1<<63) || f >= 1<<63 {
		return wrap(math.MinInt64, to)
	}
	return wrap(int64(f), to)
}

func toDouble(from, to Type) (conversion, bool) {
	cut := func(f float64) (datum, error) {
		if to.Kind == Float {
			f = widen(float32(f), f)
		}
		return double(f), nil
	}
	switch {
	case from.isInteger(), from.Kind == Boolean:
		return func(d datum) (datum, error) { return cut(float64(d.i)) }, true
	case from.isFloat():
		return func(d datum) (datum, error) { return cut(d.double()) }, true
	case from.Kind == Decimal:
		return func(d datum) (datum, error) { return cut(doubleFromDecimal(d.unscaled(), from.Scale)) }, true
	case from.isText():
		return func(d datum) (datum, error) {
			f, ok := parseDouble(string(d.b))
			if !ok {
				return null, nil
			}
			return cut(f)
		}, true
	case from.Kind == Timestamp:
		return func(d datum) (datum, error) {
			t := d.time()
			return cut(float64(t.Unix()) + float64(t.Nanosecond())/1e9)
		}, true
	}
	return nil, false
}

// widen keeps a NaN's bits, which the conversion to float32 might change.
func widen(f float32, was float64) float64 {
	if math.IsNaN(was) {
		return was
	}
	return float64(f)
}

// parseDouble reads what Impala reads: no hexadecimal, no underscores.
func parseDouble(s string) (float64, bool) {
	s = strings.TrimSpace(s)
	if strings.ContainsAny(s, "xXpP_") {
		return 0, false
	}
	f, err := strconv.ParseFloat(s, 64)
	if err != nil && !math.IsInf(f, 0) {
		return 0, false
	}
	return f, true
}

func toDecimal(from, to Type) (conversion, bool) {
	result := func(u unscaled, ok bool, what string) (datum, error) {
		if !ok {
			return null, runtimeError("%s", what)
		}
		return u.datum(), nil
	}
	const overflow = "Decimal expression overflowed"
	switch {
	case from.isInteger():
		return func(d datum) (datum, error) {
			u, ok := decimalFrom(big.NewInt(d.i), 0, to)
			return result(u, ok, overflow)
		}, true
	case from.isFloat():
		return func(d datum) (datum, error) {
			u, ok := decimalFromDouble(d.double(), to)
			return result(u, ok, overflow)
		}, true
	case from.Kind == Decimal:
		return func(d datum) (datum, error) {
			u, ok := decimalFrom(d.unscaled().big(), from.Scale, to)
			return result(u, ok, overflow)
		}, true
	case from.isText():
		return func(d datum) (datum, error) {
			x, scale, ok := parseDecimal(string(d.b))
			if !ok {
				return result(unscaled{}, false, "String to Decimal parse failed")
			}
			u, ok := decimalFrom(x, scale, to)
			return result(u, ok, "String to Decimal cast overflowed")
		}, true
	}
	return nil, false
}

// toText casts to STRING, then pads or cuts for CHAR and VARCHAR.
func toText(from, to Type) (conversion, bool) {
	plain, ok := plainText(from)
	if !ok {
		return nil, false
	}
	return func(d datum) (datum, error) {
		b := plain(d)
		switch {
		case to.Kind == String:
		case len(b) > to.Length:
			b = b[:to.Length]
		case to.Kind == Char && len(b) < to.Length:
			b = append(bytes.Clone(b), bytes.Repeat([]byte{' '}, to.Length-len(b))...)
		}
		return blob(b), nil
	}, true
}

func plainText(from Type) (func(datum) []byte, bool) {
	switch {
	case from.isText(), from.Kind == Binary:
		return func(d datum) []byte { return d.b }, true
	case from.isInteger(), from.Kind == Boolean:
		return func(d datum) []byte { return strconv.AppendInt(nil, d.i, 10) }, true
	case from.Kind == Float:
		return func(d datum) []byte { return doubleText(float64(float32(d.double())), 32) }, true
	case from.Kind == Double:
		return func(d datum) []byte { return doubleText(d.double(), 64) }, true
	case from.Kind == Decimal:
		return func(d datum) []byte { return []byte(decimalText(d.unscaled(), from.Scale)) }, true
	case from.Kind == Timestamp:
		return func(d datum) []byte { return timestampText(d.b) }, true
	case from.Kind == Date:
		return func(d datum) []byte { return []byte(dateText(d.i)) }, true
	}
	return nil, false
}

func doubleText(f float64, bits int) []byte {
	switch {
	case math.IsNaN(f):
		return []byte("nan")
	case math.IsInf(f, 1):
		return []byte("inf")
	case math.IsInf(f, -1):
		return []byte("-inf")
	case bits == 32:
		// Impala widens a FLOAT before it prints.
		return strconv.AppendFloat(nil, f, 'g', 17, 64)
	}
	return strconv.AppendFloat(nil, f, 'g', -1, 64)
}

func toTimestamp(from Type) (conversion, bool) {
	switch {
	case from.isText():
		return func(d datum) (datum, error) {
			t, ok := parseTimestamp(string(d.b))
			if !ok {
				return null, nil
			}
			return timestamp(t), nil
		}, true
	case from.Kind == Date:
		return func(d datum) (datum, error) { return timestamp(time.Unix(d.i*86400, 0)), nil }, true
	case from.isInteger():
		return func(d datum) (datum, error) {
			if d.i < firstTimestamp.Unix() || d.i >= afterTimestamp.Unix() {
				return null, nil
			}
			return timestamp(time.Unix(d.i, 0)), nil
		}, true
	case from.isFloat():
		return func(d datum) (datum, error) {
			f := d.double()
			if !(f >= float64(firstTimestamp.Unix()) && f < float64(afterTimestamp.Unix())) {
				return null, nil
			}
			whole := math.Floor(f)
			return timestamp(time.Unix(int64(whole), int64(math.Round((f-whole)*1e9)))), nil
		}, true
	}
	return nil, false
}

func toDate(from Type) (conversion, bool) {
	switch {
	case from.isText():
		return func(d datum) (datum, error) {
			days, ok := parseDate(string(d.b))
			if !ok {
				return null, runtimeError("String to Date parse failed. Invalid string val: %q", d.b)
			}
			return integer(days), nil
		}, true
	case from.Kind == Timestamp:
		return func(d datum) (datum, error) { return integer(daysOf(d.time())), nil }, true
	}
	return nil, false
}

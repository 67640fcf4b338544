package table

import (
	"encoding/base64"
	"fmt"
	"math"
	"strconv"
	"strings"
)

// Value of one column. Which field counts depends on the column's type; the others are zero.
type Value struct {
	Null    bool
	Int     int64   // BOOLEAN (0, 1), integers, DATE (days since 1970-01-01, proleptic Gregorian)
	Float   float64 // FLOAT (exactly a float32), DOUBLE
	Decimal Int128  // DECIMAL, unscaled
	Bytes   []byte  // STRING, VARCHAR, CHAR (trailing spaces cut), BINARY; TIMESTAMP as yyyy-MM-dd HH:mm:ss.SSSSSSSSS
}

// ParseError is a text that is no value of its type.
type ParseError struct {
	Type Type
	Text string
}

// Error shows the text, cut where it is long.
func (e *ParseError) Error() string { return fmt.Sprintf("%.80q is no %s", e.Text, e.Type) }

// ExitCode is that of wrong usage: such texts come from a command line.
func (e *ParseError) ExitCode() int { return 2 }

// Parse reads a value's canonical text, the engine's: true/false or 1/0, decimal digits, nan/inf/-inf, yyyy-mm-dd, yyyy-MM-dd
// HH:mm:ss with up to nine digits behind the second; BINARY as base64encode prints it; text as it is. NULL has no text.
func (t Type) Parse(text string) (Value, error) {
	v, ok := t.parse(text)
	if !ok {
		return Value{}, &ParseError{t, text}
	}
	return v, nil
}

func (t Type) parse(text string) (v Value, ok bool) {
	switch t.Kind {
	case Boolean:
		v.Int, ok = parseBoolean(text)
	case TinyInt, SmallInt, Int, BigInt:
		n, err := strconv.ParseInt(text, 10, t.intBits())
		v.Int, ok = n, err == nil
	case Float:
		n, err := strconv.ParseFloat(text, 32)
		v.Float, ok = n, err == nil
	case Double:
		n, err := strconv.ParseFloat(text, 64)
		v.Float, ok = n, err == nil
	case Decimal:
		v.Decimal, ok = parseDecimal(text, t.Scale)
		ok = ok && v.Decimal.within(pow10(t.Precision))
	case Date:
		y, m, d, valid := parseDate(text)
		v.Int, ok = dayOf(y, m, d), valid && len(text) == dateLen
	case Timestamp:
		v.Bytes, ok = parseTimestamp(text)
	case Char:
		v.Bytes, ok = []byte(strings.TrimRight(text, " ")), true
	case Binary:
		b, err := base64.StdEncoding.DecodeString(text)
		v.Bytes, ok = b, err == nil
	case String, VarChar:
		v.Bytes, ok = []byte(text), true
	}
	return v, ok
}

func parseBoolean(text string) (int64, bool) {
	switch strings.ToLower(text) {
	case "true", "1":
		return 1, true
	case "false", "0":
		return 0, true
	}
	return 0, false
}

// intBits is the width of an integer type.
func (t Type) intBits() int { return 8 << (t.Kind - TinyInt) }

// Format writes a value for people, in the form that Parse reads; a NULL is NULL.
func (t Type) Format(v Value) string { return string(t.AppendText(nil, v)) }

// AppendText appends what Format writes.
func (t Type) AppendText(dst []byte, v Value) []byte {
	if v.Null {
		return append(dst, "NULL"...)
	}
	switch t.Kind {
	case Boolean:
		return strconv.AppendBool(dst, v.Int != 0)
	case TinyInt, SmallInt, Int, BigInt:
		return strconv.AppendInt(dst, v.Int, 10)
	case Float:
		return appendFloat(dst, v.Float, 32)
	case Double:
		return appendFloat(dst, v.Float, 64)
	case Decimal:
		return v.Decimal.appendDecimal(dst, t.Scale)
	case Date:
		return appendDate(dst, v.Int)
	case Binary:
		return base64.StdEncoding.AppendEncode(dst, v.Bytes)
	default:
		return append(dst, v.Bytes...)
	}
}

// appendFloat writes the shortest text that reads back the same, in the engine's words for what is no number.
func appendFloat(dst []byte, f float64, width int) []byte {
	switch {
	case math.IsNaN(f):
		return append(dst, "nan"...)
	case math.IsInf(f, 1):
		return append(dst, "inf"...)
	case math.IsInf(f, -1):
		return append(dst, "-inf"...)
	}
	return strconv.AppendFloat(dst, f, 'g', -1, width)
}

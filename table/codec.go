package table

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math"
	"unicode/utf8"
)

// Row is one row of a table: its order-preserving key and its image, one Avro datum.
type Row struct{ Key, Image []byte }

// op is what the codec does with a column: one switch instead of a tree of types.
type op uint8

const (
	opBoolean op = iota + 1
	opInteger
	opDate
	opFloat
	opDouble
	opDecimal
	opText
	opChar
	opTimestamp
	opBytes
)

// field is a column as the codec sees it.
type field struct {
	op       op
	position int    // in Schema.Columns
	low      int64  // opInteger, opDate: the type's range
	high     int64  //
	limit    Int128 // opDecimal: 10^precision
	column   Column
}

// Codec encodes and decodes rows of one schema. An image is the row record's Avro datum: a branch of the union [null, T] and the
// value for every column in id order. There is exactly one image for a row: varints and decimals of the shortest form, one NaN,
// CHAR without trailing spaces, so equal rows are equal bytes. Not for concurrent use.
type Codec struct {
	schema  *Schema
	fields  []field // in id order
	steps   []step  // of the fields
	key     []field // in key order
	row     []Value // scratch: a decoded image
	scratch []byte  // scratch: a fingerprint's text
}

// NewCodec makes a codec for a valid schema, which must not be altered from then on.
func NewCodec(s *Schema) (*Codec, error) {
	if err := s.Validate(); err != nil {
		return nil, err
	}
	position := make(map[int]int, len(s.Columns))
	for i, c := range s.Columns {
		position[c.ID] = i
	}
	c := &Codec{schema: s, row: make([]Value, len(s.Columns))}
	for _, column := range s.IDOrder() {
		f := newField(column, position[column.ID])
		c.fields, c.steps = append(c.fields, f), append(c.steps, stepOf(f.op))
	}
	for _, column := range s.KeyColumns() {
		c.key = append(c.key, newField(column, position[column.ID]))
	}
	return c, nil
}

func newField(c Column, position int) field {
	f := field{position: position, column: c}
	switch c.Type.Kind {
	case Boolean:
		f.op = opBoolean
	case TinyInt, SmallInt, Int, BigInt:
		f.op = opInteger
		f.high = 1<<(c.Type.intBits()-1) - 1
		f.low = -f.high - 1
	case Date:
		f.op, f.low, f.high = opDate, minDay, maxDay
	case Float:
		f.op = opFloat
	case Double:
		f.op = opDouble
	case Decimal:
		f.op, f.limit = opDecimal, pow10(c.Type.Precision)
	case Timestamp:
		f.op = opTimestamp
	case Char:
		f.op = opChar
	case String, VarChar:
		f.op = opText
	default:
		f.op = opBytes
	}
	if f.op == opText && c.AsBytes {
		f.op = opBytes
	}
	return f
}

// Schema is the codec's schema.
func (c *Codec) Schema() *Schema { return c.schema }

// TextError is a text column that holds bytes which are not UTF-8.
type TextError struct {
	Column string
	Value  []byte
}

// Error shows the beginning of the bytes.
func (e *TextError) Error() string {
	return fmt.Sprintf("column %q holds text that is not UTF-8: %.60q", e.Column, e.Value)
}

// Hint names the way out; the bytes are never altered.
func (e *TextError) Hint() string {
	return fmt.Sprintf("carry the column as bytes: name %q under bytes in the table's configuration", e.Column)
}

// ValueError is a value that its column's type cannot hold.
type ValueError struct {
	Column string
	Type   Type
	Reason string
}

// Error says why.
func (e *ValueError) Error() string {
	return fmt.Sprintf("column %q: no value of %s: %s", e.Column, e.Type, e.Reason)
}

func (f *field) valueError(format string, a ...any) error {
	return &ValueError{f.column.Name, f.column.Type, fmt.Sprintf(format, a...)}
}

// branchNull and branchValue are the union branches' indexes 0 and 1 as zig-zag varints.
const (
	branchNull  = 0
	branchValue = 2
)

// canonicalNaN32 and canonicalNaN64 stand for every NaN: the engine cannot tell them apart.
const (
	canonicalNaN32 = 0x7FC00000
	canonicalNaN64 = 0x7FF8000000000000
)

// AppendImage encodes a row whose values stand in Schema.Columns order. Text that is not UTF-8 in a text column gives *TextError, a
// value out of its type's range *ValueError.
func (c *Codec) AppendImage(dst []byte, row []Value) ([]byte, error) {
	if err := c.checkLength(row); err != nil {
		return dst, err
	}
	for i := range c.fields {
		f := &c.fields[i]
		v := &row[f.position]
		if v.Null {
			dst = append(dst, branchNull)
			continue
		}
		var err error
		if dst, err = f.appendValue(append(dst, branchValue), v); err != nil {
			return dst, err
		}
	}
	return dst, nil
}

// checkLength refuses a row of another number of columns, which is a mistake of the caller's.
func (c *Codec) checkLength(row []Value) error {
	if len(row) != len(c.fields) {
		return fmt.Errorf("row of %d values for %d columns", len(row), len(c.fields))
	}
	return nil
}

// appendValue appends a value that is not NULL, as Avro. What falls out of the switch is refused, if by anything, by check.
func (f *field) appendValue(dst []byte, v *Value) ([]byte, error) {
	switch f.op {
	case opBoolean:
		if uint64(v.Int) <= 1 {
			return append(dst, byte(v.Int)), nil
		}
	case opInteger, opDate:
		if v.Int >= f.low && v.Int <= f.high {
			return AppendLong(dst, v.Int), nil
		}
	case opDouble:
		return binary.LittleEndian.AppendUint64(dst, float64Bits(v.Float)), nil
	case opDecimal:
		if v.Decimal.within(f.limit) {
			n := v.Decimal.byteLen()
			return v.Decimal.appendBytes(append(dst, byte(2*n)), n), nil
		}
	case opTimestamp:
		if isTimestamp(v.Bytes) {
			return append(AppendLong(dst, int64(timestampLen)), v.Bytes...), nil
		}
	}
	if err := f.check(v); err != nil {
		return dst, err
	}
	if f.op == opFloat {
		return binary.LittleEndian.AppendUint32(dst, float32Bits(v.Float)), nil
	}
	b := f.carried(v.Bytes)
	return append(AppendLong(dst, int64(len(b))), b...), nil
}

// check refuses a value that the column's type cannot hold.
func (f *field) check(v *Value) error {
	switch f.op {
	case opBoolean:
		if uint64(v.Int) > 1 {
			return f.valueError("%d", v.Int)
		}
	case opInteger, opDate:
		if v.Int < f.low || v.Int > f.high {
			return f.valueError("%d is out of its range", v.Int)
		}
	case opFloat:
		if float64(float32(v.Float)) != v.Float && v.Float == v.Float {
			return f.valueError("%g is no 32-bit number", v.Float)
		}
	case opDecimal:
		if !v.Decimal.within(f.limit) {
			return f.valueError("unscaled %s has too many digits", v.Decimal)
		}
	case opTimestamp:
		if !isTimestamp(v.Bytes) {
			return f.valueError("%.60q is not of the form yyyy-MM-dd HH:mm:ss.SSSSSSSSS within 1400 to 9999", v.Bytes)
		}
	case opText, opChar:
		if !f.column.AsBytes && !utf8.Valid(v.Bytes) {
			return &TextError{f.column.Name, bytes.Clone(v.Bytes)}
		}
	}
	return nil
}

// carried is what of a value's bytes is encoded: CHAR comes padded and is kept without its padding.
func (f *field) carried(b []byte) []byte {
	if f.op == opChar {
		return bytes.TrimRight(b, " ")
	}
	return b
}

func float32Bits(f float64) uint32 {
	if f != f {
		return canonicalNaN32
	}
	return math.Float32bits(float32(f))
}

func float64Bits(f float64) uint64 {
	if f != f {
		return canonicalNaN64
	}
	return math.Float64bits(f)
}

package table

import (
	"encoding/binary"
	"fmt"
	"math"
	"unicode/utf8"
)

// ImageError is an image that is not one of its schema: damaged, or encoded by something else.
type ImageError struct {
	Column string // where reading stopped; empty behind the last column
	Reason string
}

// Error names the column.
func (e *ImageError) Error() string {
	if e.Column == "" {
		return "row image: " + e.Reason
	}
	return fmt.Sprintf("row image: column %q: %s", e.Column, e.Reason)
}

// ExitCode is that of corruption.
func (e *ImageError) ExitCode() int { return 5 }

const (
	cutShort = "it ends too early"
	noBranch = "a union has no such branch"
)

// Decode fills row (len(Schema.Columns), in that order); values alias the image. It must use exactly the image's bytes, and the
// image must be the one that AppendImage gives for the row.
func (c *Codec) Decode(image []byte, row []Value) error {
	if err := c.checkLength(row); err != nil {
		return err
	}
	rest := image
	for i := range c.fields {
		f := &c.fields[i]
		var reason string
		if rest, reason = f.decode(rest, &row[f.position]); reason != "" {
			return &ImageError{f.column.Name, reason}
		}
	}
	if len(rest) > 0 {
		return &ImageError{Reason: fmt.Sprintf("%d bytes behind the last column", len(rest))}
	}
	return nil
}

// decode reads one column's union from the start of b; reason is empty where it succeeds.
func (f *field) decode(b []byte, v *Value) (rest []byte, reason string) {
	if len(b) == 0 {
		return b, cutShort
	}
	switch b[0] {
	case branchNull:
		*v = Value{Null: true}
		return b[1:], ""
	case branchValue:
		return f.decodeValue(b[1:], v)
	}
	return b, noBranch
}

func (f *field) decodeValue(b []byte, v *Value) (rest []byte, reason string) {
	switch f.op {
	case opBoolean:
		if len(b) < 1 || b[0] > 1 {
			return b, "no boolean"
		}
		*v = Value{Int: int64(b[0])}
		return b[1:], ""
	case opInteger, opDate:
		n, size := ReadLong(b)
		if size <= 0 || n < f.low || n > f.high {
			return b, "no number of its range in its shortest form"
		}
		*v = Value{Int: n}
		return b[size:], ""
	case opFloat:
		if len(b) < 4 {
			return b, cutShort
		}
		bits := binary.LittleEndian.Uint32(b)
		*v = Value{Float: float64(math.Float32frombits(bits))}
		if float32Bits(v.Float) != bits {
			return b, "an unusual NaN"
		}
		return b[4:], ""
	case opDouble:
		if len(b) < 8 {
			return b, cutShort
		}
		bits := binary.LittleEndian.Uint64(b)
		*v = Value{Float: math.Float64frombits(bits)}
		if float64Bits(v.Float) != bits {
			return b, "an unusual NaN"
		}
		return b[8:], ""
	default:
		return f.decodeBytes(b, v)
	}
}

// decodeBytes reads what stands behind a length.
func (f *field) decodeBytes(b []byte, v *Value) (rest []byte, reason string) {
	n, size := ReadLong(b)
	if size <= 0 || n < 0 || n > int64(len(b)-size) {
		return b, "a length is beyond the image's end"
	}
	end := size + int(n)
	value, rest := b[size:end:end], b[end:]
	switch f.op {
	case opDecimal:
		if len(value) < 1 || len(value) > 16 {
			return b, "no decimal"
		}
		*v = Value{Decimal: int128FromBytes(value)}
		if v.Decimal.byteLen() != len(value) || !v.Decimal.within(f.limit) {
			return b, "no decimal of its precision in its shortest form"
		}
		return rest, ""
	case opTimestamp:
		if !isTimestamp(value) {
			return b, "no timestamp"
		}
	case opText, opChar:
		if reason := f.textFault(value); reason != "" {
			return b, reason
		}
	}
	*v = Value{Bytes: value}
	return rest, ""
}

// isASCII says whether short text is ASCII, as most is.
func isASCII(b []byte) bool {
	var all uint64
	for len(b) > 8 {
		all |= binary.LittleEndian.Uint64(b)
		b = b[8:]
	}
	if len(b) == 8 {
		return (all|binary.LittleEndian.Uint64(b))&highBits == 0
	}
	for _, c := range b {
		all |= uint64(c)
	}
	return all&highBits == 0
}

// textFault says why text, from an image or a key, is not as it is carried.
func (f *field) textFault(value []byte) string {
	if !f.column.AsBytes && !isASCII(value) && !utf8.Valid(value) {
		return "text that is not UTF-8"
	}
	if f.op == opChar && len(value) > 0 && value[len(value)-1] == ' ' {
		return "CHAR with trailing spaces"
	}
	return ""
}

// skip is the length of the column's union at the start of b, or -1.
func (f *field) skip(b []byte) int {
	if len(b) == 0 || b[0] > branchValue || b[0]&1 != 0 {
		return -1
	}
	if b[0] == branchNull {
		return 1
	}
	n := 1
	switch f.op {
	case opBoolean:
		n++
	case opFloat:
		n += 4
	case opDouble:
		n += 8
	case opInteger, opDate:
		_, size := ReadLong(b[1:])
		if size <= 0 {
			return -1
		}
		n += size
	default:
		length, size := ReadLong(b[1:])
		if size <= 0 || length < 0 || length > int64(len(b)) {
			return -1
		}
		n += size + int(length)
	}
	if n > len(b) {
		return -1
	}
	return n
}

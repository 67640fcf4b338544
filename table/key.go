package table

import (
	"bytes"
	"encoding/binary"
)

// Keys are order-preserving: bytes.Compare is the table's order, which is what Impala gives for ORDER BY … ASC NULLS FIRST. Each
// part is keyNull, or keyValue followed by the value:
//
//	BOOLEAN            one byte
//	integers, DATE     8 bytes big-endian, the sign bit flipped: widening an integer moves no key
//	DECIMAL            16 bytes big-endian of the unscaled value, likewise
//	TIMESTAMP          its 29 characters
//	text, BINARY       its bytes, 00 written as 00 FF, then 00 01: a shorter text comes first and no text reaches into the next part
const (
	keyNull  = 0x00
	keyValue = 0x01

	escape     = 0x00
	escapedNUL = 0xFF
	terminator = 0x01

	signBit = 1 << 63
)

// AppendKey encodes the key of a row whose values stand in Schema.Columns order; values are checked as AppendImage checks them. Of a
// whole row it is the key of the first of the rows that equal it: see SetOrdinal.
func (c *Codec) AppendKey(dst []byte, row []Value) ([]byte, error) {
	if err := c.checkLength(row); err != nil {
		return dst, err
	}
	if c.schema.WholeRow {
		return c.appendRowKey(dst, row)
	}
	for i := range c.key {
		f := &c.key[i]
		v := &row[f.position]
		if v.Null {
			dst = append(dst, keyNull)
			continue
		}
		if err := f.check(v); err != nil {
			return dst, err
		}
		dst = f.appendKeyValue(append(dst, keyValue), v)
	}
	return dst, nil
}

// AppendKeyOf encodes the key of an image, which it checks as Decode does.
func (c *Codec) AppendKeyOf(dst, image []byte) ([]byte, error) {
	if err := c.Decode(image, c.row); err != nil {
		return dst, err
	}
	return c.AppendKey(dst, c.row)
}

// appendKeyValue appends one part's value, which is in its type's range and not NULL.
func (f *field) appendKeyValue(dst []byte, v *Value) []byte {
	switch f.op {
	case opBoolean:
		return append(dst, byte(v.Int))
	case opInteger, opDate:
		return binary.BigEndian.AppendUint64(dst, uint64(v.Int)^signBit)
	case opDecimal:
		dst = binary.BigEndian.AppendUint64(dst, uint64(v.Decimal.Hi)^signBit)
		return binary.BigEndian.AppendUint64(dst, v.Decimal.Lo)
	case opTimestamp:
		return append(dst, v.Bytes...)
	default:
		return appendEscaped(dst, f.carried(v.Bytes))
	}
}

func appendEscaped(dst, b []byte) []byte {
	for {
		i := bytes.IndexByte(b, escape)
		if i < 0 {
			break
		}
		dst = append(append(dst, b[:i]...), escape, escapedNUL)
		b = b[i+1:]
	}
	return append(append(dst, b...), escape, terminator)
}

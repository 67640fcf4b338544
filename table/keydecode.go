package table

import (
	"bytes"
	"encoding/binary"
	"fmt"
)

// KeyError is bytes that are no key of their schema.
type KeyError struct {
	Column string // where reading stopped; empty behind the last part
	Reason string
}

// Error names the key column.
func (e *KeyError) Error() string {
	if e.Column == "" {
		return "key: " + e.Reason
	}
	return fmt.Sprintf("key: column %q: %s", e.Column, e.Reason)
}

// ExitCode is that of corruption.
func (e *KeyError) ExitCode() int { return 5 }

// DecodeKey is AppendKey's inverse: the values in Schema.Key order. It refuses what AppendKey never writes, and the key of a whole
// row, which holds no values.
func (c *Codec) DecodeKey(key []byte) ([]Value, error) {
	if c.schema.WholeRow {
		return nil, &KeyError{Reason: "of a whole row it holds a hash, not the values"}
	}
	values := make([]Value, len(c.key))
	rest := key
	for i := range c.key {
		f := &c.key[i]
		var reason string
		if rest, reason = f.decodeKey(rest, &values[i]); reason != "" {
			return nil, &KeyError{f.column.Name, reason}
		}
	}
	if len(rest) > 0 {
		return nil, &KeyError{Reason: fmt.Sprintf("%d bytes behind the last column", len(rest))}
	}
	return values, nil
}

// decodeKey reads one part from the start of b; reason is empty where it succeeds.
func (f *field) decodeKey(b []byte, v *Value) (rest []byte, reason string) {
	if len(b) == 0 || b[0] > keyValue {
		return b, "neither NULL nor a value"
	}
	if b[0] == keyNull {
		*v = Value{Null: true}
		return b[1:], ""
	}
	b = b[1:]
	width := f.keyWidth()
	if width == 0 {
		return f.decodeEscaped(b, v)
	}
	if len(b) < width {
		return b, cutShort
	}
	part := b[:width]
	switch f.op {
	case opBoolean:
		*v = Value{Int: int64(part[0])}
	case opDecimal:
		*v = Value{Decimal: Int128{int64(binary.BigEndian.Uint64(part) ^ signBit), binary.BigEndian.Uint64(part[8:])}}
	case opTimestamp:
		*v = Value{Bytes: bytes.Clone(part)}
	default:
		*v = Value{Int: int64(binary.BigEndian.Uint64(part) ^ signBit)}
	}
	if err := f.check(v); err != nil {
		return b, "no " + f.column.Type.String()
	}
	return b[width:], ""
}

// keyWidth is the length of a part's value, 0 where it varies.
func (f *field) keyWidth() int {
	switch f.op {
	case opBoolean:
		return 1
	case opInteger, opDate:
		return 8
	case opDecimal:
		return 16
	case opTimestamp:
		return timestampLen
	default:
		return 0
	}
}

func (f *field) decodeEscaped(b []byte, v *Value) (rest []byte, reason string) {
	value := []byte{}
	for {
		i := bytes.IndexByte(b, escape)
		if i < 0 || i+1 >= len(b) {
			return b, cutShort
		}
		value = append(value, b[:i]...)
		mark := b[i+1]
		b = b[i+2:]
		switch mark {
		case escapedNUL:
			value = append(value, 0)
		case terminator:
			*v = Value{Bytes: value}
			if f.op == opText || f.op == opChar {
				reason = f.textFault(value)
			}
			return b, reason
		default:
			return b, "an unknown escape"
		}
	}
}

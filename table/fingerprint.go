package table

import (
	"encoding/binary"
	"strconv"
)

// Fingerprint of a row: Impala's murmur_hash(t) and murmur_hash(fnv_hash(t)) of the row's text t, which FingerprintText writes. Go
// computes it from the image and Impala from the columns, so a table of any size is proved where it is.
type Fingerprint struct{ M, F uint64 }

// Fingerprint computes the fingerprint of an image, which it checks as Decode does.
func (c *Codec) Fingerprint(image []byte) (Fingerprint, error) {
	text, err := c.FingerprintText(c.scratch[:0], image)
	c.scratch = text
	if err != nil {
		return Fingerprint{}, err
	}
	var fnv [8]byte
	binary.LittleEndian.PutUint64(fnv[:], uint64(FNVHash(text)))
	return Fingerprint{uint64(MurmurHash(text)), uint64(MurmurHash(fnv[:]))}, nil
}

// FingerprintText appends the text that Impala's SQL concat builds of a row: every column in id order, each followed by a comma. It
// decodes in one way only: text carries its length, every other value is free of commas and never empty, NULL is the empty field.
func (c *Codec) FingerprintText(dst, image []byte) ([]byte, error) {
	if err := c.Decode(image, c.row); err != nil {
		return dst, err
	}
	for i := range c.fields {
		f := &c.fields[i]
		if v := &c.row[f.position]; !v.Null {
			dst = f.appendFingerprintText(dst, v)
		}
		dst = append(dst, ',')
	}
	return dst, nil
}

func (f *field) appendFingerprintText(dst []byte, v *Value) []byte {
	switch f.op {
	case opBoolean, opInteger:
		return strconv.AppendInt(dst, v.Int, 10)
	case opDate:
		return appendDate(dst, v.Int)
	case opDecimal:
		return v.Decimal.appendDecimal(dst, f.column.Type.Scale)
	case opFloat, opDouble:
		return f.appendFloatHash(dst, v.Float)
	case opTimestamp:
		return append(dst, v.Bytes...)
	default:
		dst = strconv.AppendInt(dst, int64(len(v.Bytes)), 10)
		return append(append(dst, ':'), v.Bytes...)
	}
}

// appendFloatHash appends a float by its bits: its text differs between the engine's versions.
func (f *field) appendFloatHash(dst []byte, x float64) []byte {
	if x != x {
		return append(dst, "nan"...)
	}
	var b [8]byte
	bits := b[:8]
	if f.op == opFloat {
		bits = b[:4]
		binary.LittleEndian.PutUint32(bits, float32Bits(x))
	} else {
		binary.LittleEndian.PutUint64(bits, float64Bits(x))
	}
	return strconv.AppendInt(dst, MurmurHash(bits), 10)
}

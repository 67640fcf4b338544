package table

import (
	"encoding/binary"
	"fmt"
)

// Fingerprint of a row: Impala's murmur_hash(t) and murmur_hash(fnv_hash(t)) of the row's text t, which FingerprintText writes. Go
// computes it from the image and Impala from the columns, so a table of any size is proved where it is.
type Fingerprint struct{ M, F uint64 }

// Fingerprint computes the fingerprint of an image, which it checks as Decode does. Of many rows a Digester takes half the time.
func (c *Codec) Fingerprint(image []byte) (Fingerprint, error) {
	text, err := c.FingerprintText(c.scratch[:0], image)
	c.scratch = text
	if err != nil {
		return Fingerprint{}, err
	}
	return fingerprintOf(text, uint64(FNVHash(text))), nil
}

// fingerprintOf puts a text's fingerprint together out of its two hashes.
func fingerprintOf(text []byte, fnv uint64) Fingerprint {
	return Fingerprint{uint64(MurmurHash(text)), murmurOfLong(fnv)}
}

// FingerprintText appends the text that Impala's SQL concat builds of a row: every column in id order, each followed by a comma. It
// decodes in one way only: text carries its length, every other value is free of commas and never empty, NULL is the empty field.
func (c *Codec) FingerprintText(dst, image []byte) ([]byte, error) {
	rest := image
	for i := range c.fields {
		f := &c.fields[i]
		reason := cutShort
		switch {
		case len(rest) == 0:
		case rest[0] == branchNull:
			rest, reason = rest[1:], ""
		case rest[0] == branchValue:
			dst, rest, reason = f.appendFingerprintText(dst, rest[1:])
		default:
			reason = noBranch
		}
		if reason != "" {
			return dst, &ImageError{f.column.Name, reason}
		}
		dst = append(dst, ',')
	}
	if len(rest) > 0 {
		return dst, &ImageError{Reason: fmt.Sprintf("%d bytes behind the last column", len(rest))}
	}
	return dst, nil
}

// appendFingerprintText appends the text of the value at the start of b, which it checks as decodeValue does: reason is empty where it is one.
func (f *field) appendFingerprintText(dst, b []byte) (_, rest []byte, reason string) {
	var v Value
	switch f.op {
	case opBoolean, opInteger:
		if rest, reason = f.decodeValue(b, &v); reason == "" {
			dst = appendLongText(dst, v.Int)
		}
	case opDate:
		if rest, reason = f.decodeValue(b, &v); reason == "" {
			dst = appendDate(dst, v.Int)
		}
	case opFloat, opDouble:
		if rest, reason = f.decodeValue(b, &v); reason == "" {
			dst = f.appendFloatHash(dst, v.Float)
		}
	case opDecimal:
		if rest, reason = f.decodeBytes(b, &v); reason == "" {
			dst = v.Decimal.appendDecimal(dst, f.column.Type.Scale)
		}
	case opTimestamp:
		if rest, reason = f.decodeBytes(b, &v); reason == "" {
			dst = append(dst, v.Bytes...)
		}
	default:
		if rest, reason = f.decodeBytes(b, &v); reason == "" {
			dst = appendLongText(dst, int64(len(v.Bytes)))
			dst = append(append(dst, ':'), v.Bytes...)
		}
	}
	return dst, rest, reason
}

// appendFloatHash appends a float by its bits: its text differs between the engine's versions.
func (f *field) appendFloatHash(dst []byte, x float64) []byte {
	if x != x {
		return append(dst, "nan"...)
	}
	if f.op == opDouble {
		return appendLongText(dst, int64(murmurOfLong(float64Bits(x))))
	}
	var b [4]byte
	binary.LittleEndian.PutUint32(b[:], float32Bits(x))
	return appendLongText(dst, MurmurHash(b[:]))
}

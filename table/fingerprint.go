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
	switch f.op {
	case opText, opBytes, opChar:
		if n := lengthOf(b); n >= 0 {
			if f.op != opBytes {
				reason = f.textFault(b[1 : 1+n])
			}
			dst = append(appendLongText(dst, int64(n)), ':')
			return append(dst, b[1:1+n]...), b[1+n:], reason
		}
	case opInteger:
		if n, size := ReadLong(b); size > 0 && n >= f.low && n <= f.high {
			return appendLongText(dst, n), b[size:], ""
		}
	case opTimestamp:
		if lengthOf(b) == timestampLen && isTimestamp(b[1:1+timestampLen]) {
			return append(dst, b[1:1+timestampLen]...), b[1+timestampLen:], ""
		}
	case opDecimal:
		if n := lengthOf(b); n > 0 && n <= 8 && f.limit.Hi == 0 {
			if v, ok := shortDecimal(b[1:1+n], f.limit.Lo); ok {
				return appendShortDecimal(dst, magnitude(v), v < 0, f.column.Type.Scale), b[1+n:], ""
			}
		}
	}
	return f.appendDecodedText(dst, b)
}

// lengthOf is a length of one byte of which so many follow; -1 where there is none.
func lengthOf(b []byte) int {
	if len(b) > 0 && b[0]&0x81 == 0 && int(b[0]>>1) < len(b) {
		return int(b[0] >> 1)
	}
	return -1
}

// shortDecimal reads an unscaled value of up to eight bytes, in the shortest form and below its limit.
func shortDecimal(b []byte, limit uint64) (v int64, ok bool) {
	v = int64(int8(b[0]))
	for _, c := range b[1:] {
		v = v<<8 | int64(c)
	}
	return v, magnitude(v) < limit && Int128From(v).byteLen() == len(b)
}

func magnitude(n int64) uint64 {
	if n < 0 {
		return -uint64(n)
	}
	return uint64(n)
}

// appendDecodedText is appendFingerprintText for all values, by decoding them.
func (f *field) appendDecodedText(dst, b []byte) (_, rest []byte, reason string) {
	var v Value
	if rest, reason = f.decodeValue(b, &v); reason != "" {
		return dst, rest, reason
	}
	switch f.op {
	case opBoolean, opInteger:
		dst = appendLongText(dst, v.Int)
	case opDate:
		dst = appendDate(dst, v.Int)
	case opFloat, opDouble:
		dst = f.appendFloatHash(dst, v.Float)
	case opDecimal:
		dst = v.Decimal.appendDecimal(dst, f.column.Type.Scale)
	case opTimestamp:
		dst = append(dst, v.Bytes...)
	default:
		dst = append(append(appendLongText(dst, int64(len(v.Bytes))), ':'), v.Bytes...)
	}
	return dst, rest, ""
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

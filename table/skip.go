package table

import (
	"encoding/binary"
	"math/bits"
)

// step is what it takes to pass over a column's value: so many bytes, or what the value itself says.
type step uint8

const (
	stepLong  step = 0xff // a long
	stepBytes step = 0xfe // bytes behind their length
)

// stepOf is a column's.
func stepOf(o op) step {
	switch o {
	case opBoolean:
		return 1
	case opFloat:
		return 4
	case opDouble:
		return 8
	case opInteger, opDate:
		return stepLong
	}
	return stepBytes
}

// ImageLen is the length of the image at the start of b. It looks at lengths only: what Decode would refuse may pass.
func (c *Codec) ImageLen(b []byte) (int, error) {
	if end := c.ImageEnd(b, 0); end >= 0 {
		return end, nil
	}
	_, column := c.imageEnd(b, 0, 0)
	return 0, &ImageError{c.fields[column].column.Name, "it is cut short or damaged"}
}

// ImageEnd is where the image ends that begins at a byte of b, as ImageLen finds it, or -1. It reads eight bytes at once: a column's branch
// and most numbers and lengths.
func (c *Codec) ImageEnd(b []byte, at int) int {
	for i, s := range c.steps {
		if at > len(b)-8 {
			at, _ = c.imageEnd(b, at, i)
			return at
		}
		word := binary.LittleEndian.Uint64(b[at : at+8])
		if byte(word) != branchValue {
			if byte(word) != branchNull {
				return -1
			}
			at++
			continue
		}
		word >>= 8
		switch {
		case s < stepBytes:
			at += 1 + int(s)
		case s == stepBytes && word&0x81 == 0: // up to 63 bytes: most are
			at += 2 + int(word&0xFF)>>1
		default:
			ends := ^word & (highBits >> 8)
			size := bits.TrailingZeros64(ends) / 8 // of the number but for its last byte
			if ends == 0 || s == stepBytes || size > 0 && byte(word>>(8*size)) == 0 {
				at, _ = c.imageEnd(b, at, i)
				return at
			}
			at += 2 + size
		}
	}
	if at > len(b) {
		return -1
	}
	return at
}

// imageEnd is ImageEnd from a column on, column by column. Behind -1 it gives the column that it is about.
func (c *Codec) imageEnd(b []byte, at, column int) (end, fault int) {
	for i := column; i < len(c.fields); i++ {
		if at > len(b) {
			return -1, max(i-1, 0)
		}
		n := c.fields[i].skip(b[at:])
		if n < 0 {
			return -1, i
		}
		at += n
	}
	return at, 0
}

package table

import (
	"encoding/binary"
	"math/bits"
	"slices"
)

const (
	tenTo8    = 100_000_000
	tenTo16   = tenTo8 * tenTo8
	zeros     = 0x3030303030303030 // eight times the digit 0
	roomALong = 24                 // three times eight digits, as they are written
)

// eightDigits are the decimal digits of n < 10^8, the highest in the lowest byte: all are computed at once.
func eightDigits(n uint64) uint64 {
	v := n/10_000 | n%10_000<<32               // two of four digits
	t := v * 10486 >> 20 & 0x0000007F_0000007F // each by 100
	v = t | (v-100*t)<<16                      // four of two digits
	t = v * 103 >> 10 & 0x000F000F_000F000F    // each by 10
	return t | (v-10*t)<<8
}

// appendLongText appends n in decimal, as strconv.AppendInt does.
func appendLongText(dst []byte, n int64) []byte {
	u := uint64(n)
	if u < 10 {
		return append(dst, byte('0'+u))
	}
	if u < 100 {
		return append(dst, byte('0'+u/10), byte('0'+u%10))
	}
	if n < 0 {
		dst, u = append(dst, '-'), -u
	}
	return appendDigits(dst, u)
}

// appendDigits appends n in decimal.
func appendDigits(dst []byte, n uint64) []byte {
	dst = slices.Grow(dst, roomALong)
	at := len(dst)
	out := dst[at : at+roomALong]
	if n < tenTo8 {
		return dst[:at+leadingDigits(out, n)]
	}
	high, low := n/tenTo8, n%tenTo8
	var written int
	if high < tenTo8 {
		written = leadingDigits(out, high)
	} else {
		written = leadingDigits(out, high/tenTo8)
		binary.LittleEndian.PutUint64(out[written:], eightDigits(high%tenTo8)+zeros)
		written += 8
	}
	binary.LittleEndian.PutUint64(out[written:], eightDigits(low)+zeros)
	return dst[:at+written+8]
}

// leadingDigits writes n < 10^8 without leading zeros, and says how many digits it has.
func leadingDigits(out []byte, n uint64) int {
	digits := eightDigits(n)
	skip := min(bits.TrailingZeros64(digits)/8, 7)
	binary.LittleEndian.PutUint64(out, (digits+zeros)>>(8*skip))
	return 8 - skip
}

package table

import "math/bits"

// Int128 is a signed 128-bit integer in two's complement: DECIMAL's unscaled value.
type Int128 struct {
	Hi int64
	Lo uint64
}

// tenTo19 is the largest power of ten that a uint64 holds.
const (
	tenTo19       = 10_000_000_000_000_000_000
	digitsOfTen19 = 19
	maxDigits128  = 39 // of 2^127
)

// Int128From widens an int64.
func Int128From(n int64) Int128 { return Int128{n >> 63, uint64(n)} }

// Sign is -1, 0 or 1.
func (a Int128) Sign() int {
	switch {
	case a.Hi < 0:
		return -1
	case a == Int128{}:
		return 0
	default:
		return 1
	}
}

// Compare is -1, 0 or 1.
func (a Int128) Compare(b Int128) int {
	switch {
	case a == b:
		return 0
	case a.Hi < b.Hi || a.Hi == b.Hi && a.Lo < b.Lo:
		return -1
	default:
		return 1
	}
}

// Neg is -a, modulo 2^128.
func (a Int128) Neg() Int128 {
	lo, borrow := bits.Sub64(0, a.Lo, 0)
	hi, _ := bits.Sub64(0, uint64(a.Hi), borrow)
	return Int128{int64(hi), lo}
}

// magnitude is |a|, unsigned: right for the lowest value too.
func (a Int128) magnitude() (hi, lo uint64) {
	if a.Hi < 0 {
		a = a.Neg()
	}
	return uint64(a.Hi), a.Lo
}

// mulAdd is a·m + add for a ≥ 0; false where that needs more than 127 bits.
func (a Int128) mulAdd(m, add uint64) (Int128, bool) {
	carry, lo := bits.Mul64(a.Lo, m)
	over, hi := bits.Mul64(uint64(a.Hi), m)
	lo, c := bits.Add64(lo, add, 0)
	hi, c2 := bits.Add64(hi, carry, c)
	return Int128{int64(hi), lo}, over == 0 && c2 == 0 && hi>>63 == 0
}

// rescale is a·10^digits; false where that needs more than 127 bits.
func (a Int128) rescale(digits int) (Int128, bool) {
	negative := a.Hi < 0
	if negative {
		a = a.Neg()
	}
	ok := a.Hi >= 0
	for ; digits > 0 && ok; digits-- {
		a, ok = a.mulAdd(10, 0)
	}
	if negative {
		a = a.Neg()
	}
	return a, ok
}

// pow10 is 10^n for 0 ≤ n ≤ 38.
func pow10(n int) Int128 {
	if n < len(powersOfTen) {
		return Int128{Lo: powersOfTen[n]}
	}
	p, _ := Int128{Lo: 1}.rescale(n)
	return p
}

// powersOfTen are those that a uint64 holds.
var powersOfTen = [...]uint64{ //nolint:gochecknoglobals // constants
	1, 10, 100, 1000, 10_000, 100_000, 1_000_000, 10_000_000, 100_000_000, 1_000_000_000, 10_000_000_000, 100_000_000_000, 1_000_000_000_000,
	10_000_000_000_000, 100_000_000_000_000, 1_000_000_000_000_000, 10_000_000_000_000_000, 100_000_000_000_000_000,
	1_000_000_000_000_000_000, tenTo19,
}

// within says whether |a| < limit, which is positive.
func (a Int128) within(limit Int128) bool {
	hi, lo := a.magnitude()
	return hi < uint64(limit.Hi) || hi == uint64(limit.Hi) && lo < limit.Lo
}

// byteLen is the length of the shortest two's complement form: 1 to 16.
func (a Int128) byteLen() int {
	sign := uint64(a.Hi >> 63)
	if high := uint64(a.Hi) ^ sign; high != 0 {
		return 8 + bits.Len64(high)/8 + 1
	}
	return bits.Len64(a.Lo^sign)/8 + 1
}

// appendBytes appends the n lowest bytes of a, big-endian.
func (a Int128) appendBytes(dst []byte, n int) []byte {
	for i := n - 1; i >= 8; i-- {
		dst = append(dst, byte(a.Hi>>(8*(i-8))))
	}
	for i := min(n, 8) - 1; i >= 0; i-- {
		dst = append(dst, byte(a.Lo>>(8*i)))
	}
	return dst
}

// int128FromBytes reads 1 to 16 bytes of big-endian two's complement.
func int128FromBytes(b []byte) Int128 {
	a := Int128From(int64(int8(b[0])))
	for _, c := range b[1:] {
		a.Hi = a.Hi<<8 | int64(a.Lo>>56)
		a.Lo = a.Lo<<8 | uint64(c)
	}
	return a
}

// appendDecimal appends a·10^-scale with all its scale digits: -0.50.
func (a Int128) appendDecimal(dst []byte, scale int) []byte {
	hi, lo := a.magnitude()
	if hi == 0 {
		return appendShortDecimal(dst, lo, a.Hi < 0, scale)
	}
	var buffer [maxDigits128 + 1]byte
	upper, lower := bits.Div64(hi, lo, tenTo19) // hi ≤ 2^63 < 10^19
	i := len(buffer)
	for n := 0; n < digitsOfTen19 && (lower > 0 || upper > 0); n++ {
		i--
		buffer[i] = byte('0' + lower%10)
		lower /= 10
	}
	for ; upper > 0; upper /= 10 {
		i--
		buffer[i] = byte('0' + upper%10)
	}
	for i < len(buffer)-scale-1 && buffer[i] == '0' {
		i++
	}
	for i > len(buffer)-scale-1 {
		i--
		buffer[i] = '0'
	}
	if a.Hi < 0 {
		dst = append(dst, '-')
	}
	point := len(buffer) - scale
	dst = append(dst, buffer[i:point]...)
	if scale > 0 {
		dst = append(dst, '.')
		dst = append(dst, buffer[point:]...)
	}
	return dst
}

// appendShortDecimal is appendDecimal where 64 bits hold the unscaled value.
func appendShortDecimal(dst []byte, n uint64, negative bool, scale int) []byte {
	if negative {
		dst = append(dst, '-')
	}
	begin := len(dst)
	if dst = appendDigits(dst, n); scale == 0 {
		return dst
	}
	for short := scale + 1 - (len(dst) - begin); short > 0; short-- {
		dst = append(dst, 0)
		copy(dst[begin+1:], dst[begin:])
		dst[begin] = '0'
	}
	point := len(dst) - scale
	dst = append(dst, 0)
	copy(dst[point+1:], dst[point:])
	dst[point] = '.'
	return dst
}

// String is a in decimal.
func (a Int128) String() string { return string(a.appendDecimal(nil, 0)) }

// smallDigits is how many digits a 64-bit number holds, whatever they are.
const smallDigits = 18

// parseDecimal reads -12.3 as an unscaled value of this scale: missing scale digits are zeros, surplus ones must be. No exponents.
func parseDecimal(text string, scale int) (Int128, bool) {
	negative := false
	if text != "" && (text[0] == '-' || text[0] == '+') {
		negative, text = text[0] == '-', text[1:]
	}
	a, digits, fraction, ok := Int128{}, 0, -1, true
	small, taken := uint64(0), 0 // the first digits, of which 18 fit
	for i := 0; i < len(text) && ok; i++ {
		c := text[i]
		if c == '.' && fraction < 0 {
			fraction = 0
			continue
		}
		if c < '0' || c > '9' {
			return Int128{}, false
		}
		digits++
		if fraction >= 0 {
			fraction++
		}
		if fraction > scale {
			ok = c == '0'
			continue
		}
		if taken++; taken <= smallDigits {
			small = small*10 + uint64(c-'0')
			continue
		}
		if taken == smallDigits+1 {
			a = Int128{Lo: small}
		}
		a, ok = a.mulAdd(10, uint64(c-'0'))
	}
	if taken <= smallDigits {
		a = Int128{Lo: small}
	}
	if ok {
		a, ok = a.rescale(scale - min(max(fraction, 0), scale))
	}
	if negative {
		a = a.Neg()
	}
	return a, ok && digits > 0
}

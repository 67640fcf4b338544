package engine

import (
	"encoding/binary"
	"math"
	"math/big"
)

// datum is one value in the form in which SQLite holds it: an integer for
// BOOLEAN, the integers and DATE (days since 1970-01-01); bytes for all else,
// in an order-preserving form where the type has an order. SQLite changes no
// bytes, whereas it would turn NaN into NULL, −0 into 0 and decimals into doubles.
type datum struct {
	null bool
	i    int64
	b    []byte
}

var null = datum{null: true}

func integer(i int64) datum { return datum{i: i} }
func blob(b []byte) datum   { return datum{b: b} }
func text(s string) datum   { return datum{b: []byte(s)} }
func boolean(b bool) datum {
	if b {
		return datum{i: 1}
	}
	return datum{}
}

// double holds a FLOAT (widened) or DOUBLE: the bits, with the sign turned so
// that bytes compare as numbers, and of all NaNs one, so that it equals itself.
func double(f float64) datum { return datum{b: appendDouble(make([]byte, 0, 8), f)} }

func appendDouble(dst []byte, f float64) []byte {
	bits := math.Float64bits(f)
	if math.IsNaN(f) {
		bits = oneNaN
	}
	if bits>>63 == 1 {
		bits = ^bits
	} else {
		bits |= 1 << 63
	}
	return binary.BigEndian.AppendUint64(dst, bits)
}

const oneNaN = 0x7ff8 << 48

func (d datum) double() float64 {
	bits := binary.BigEndian.Uint64(d.b)
	if bits>>63 == 1 {
		bits &^= 1 << 63
	} else {
		bits = ^bits
	}
	return math.Float64frombits(bits)
}

// unscaled is a DECIMAL's value: 128 bits, two's complement with the sign bit
// turned, big-endian.
type unscaled struct {
	hi int64
	lo uint64
}

func (u unscaled) datum() datum {
	b := binary.BigEndian.AppendUint64(make([]byte, 0, 16), uint64(u.hi)^1<<63)
	return datum{b: binary.BigEndian.AppendUint64(b, u.lo)}
}

func (d datum) unscaled() unscaled {
	return unscaled{int64(binary.BigEndian.Uint64(d.b) ^ 1<<63), binary.BigEndian.Uint64(d.b[8:])}
}

// int64 is the value if it fits.
func (u unscaled) int64() (int64, bool) {
	return int64(u.lo), u.hi == int64(u.lo)>>63
}

func (u unscaled) big() *big.Int {
	if i, ok := u.int64(); ok {
		return big.NewInt(i)
	}
	x := new(big.Int).Lsh(big.NewInt(u.hi), 64)
	return x.Add(x, new(big.Int).SetUint64(u.lo))
}

// unscaledOf gives x if it has at most precision digits.
func unscaledOf(x *big.Int, precision int) (unscaled, bool) {
	if x.CmpAbs(powers[precision]) >= 0 {
		return unscaled{}, false
	}
	lo := new(big.Int).And(x, mask64)
	return unscaled{new(big.Int).Rsh(x, 64).Int64(), lo.Uint64()}, true
}

var mask64 = new(big.Int).SetUint64(math.MaxUint64)

// powers of ten, far enough for a product of two decimals.
var powers = func() (p [2*maxPrecision + 2]*big.Int) {
	p[0] = big.NewInt(1)
	for i := 1; i < len(p); i++ {
		p[i] = new(big.Int).Mul(p[i-1], big.NewInt(10))
	}
	return p
}()

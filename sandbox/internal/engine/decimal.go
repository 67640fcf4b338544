package engine

import (
	"math"
	"math/big"
	"strconv"
	"strings"
)

// decimalText writes all digits of the scale: 1.50, -0.05.
func decimalText(u unscaled, scale int) string {
	var digits string
	if i, ok := u.int64(); ok {
		digits = strconv.FormatInt(i, 10)
	} else {
		digits = u.big().String()
	}
	if scale == 0 {
		return digits
	}
	sign := ""
	if digits[0] == '-' {
		sign, digits = "-", digits[1:]
	}
	if len(digits) <= scale {
		digits = strings.Repeat("0", scale-len(digits)+1) + digits
	}
	return sign + digits[:len(digits)-scale] + "." + digits[len(digits)-scale:]
}

// rescale moves x from one scale to another, rounding half away from zero.
func rescale(x *big.Int, from, to int) *big.Int {
	if to >= from {
		return new(big.Int).Mul(x, powers[to-from])
	}
	return roundedQuotient(x, powers[from-to])
}

func roundedQuotient(x, by *big.Int) *big.Int {
	q, r := new(big.Int).QuoRem(x, by, new(big.Int))
	if r.Lsh(r, 1).CmpAbs(by) >= 0 {
		q.Add(q, big.NewInt(int64(x.Sign()*by.Sign())))
	}
	return q
}

// parseDecimal reads 12, -1.5, .5, 1e3 as digits × 10^-scale.
func parseDecimal(s string) (x *big.Int, scale int, ok bool) {
	s = strings.TrimSpace(s)
	mantissa, exponent := s, 0
	if i := strings.IndexAny(s, "eE"); i >= 0 {
		e, err := strconv.Atoi(s[i+1:])
		if err != nil || e < -maxPrecision*2 || e > maxPrecision*2 {
			return nil, 0, false
		}
		mantissa, exponent = s[:i], e
	}
	digits := mantissa
	if i := strings.IndexByte(mantissa, '.'); i >= 0 {
		digits = mantissa[:i] + mantissa[i+1:]
		scale = len(mantissa) - i - 1
	}
	if !isDigits(strings.TrimLeft(digits[:min(1, len(digits))], "+-")+digits[min(1, len(digits)):]) || strings.Trim(digits, "+-") == "" {
		return nil, 0, false
	}
	x, ok = new(big.Int).SetString(digits, 10)
	if !ok {
		return nil, 0, false
	}
	if scale -= exponent; scale < 0 {
		if scale < -2*maxPrecision {
			return nil, 0, false
		}
		x.Mul(x, powers[-scale])
		scale = 0
	}
	return x, scale, true
}

func isDigits(s string) bool {
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return true
}

// decimalFrom brings x of a scale into a decimal type.
func decimalFrom(x *big.Int, scale int, t Type) (unscaled, bool) {
	if scale > t.Scale && scale-t.Scale >= len(powers) {
		return unscaled{}, true // far below the last place
	}
	if t.Scale-scale >= len(powers) {
		return unscaled{}, false
	}
	return unscaledOf(rescale(x, scale, t.Scale), t.Precision)
}

func decimalFromDouble(f float64, t Type) (unscaled, bool) {
	if math.IsNaN(f) || math.IsInf(f, 0) {
		return unscaled{}, false
	}
	r, _ := new(big.Float).SetFloat64(f).Rat(nil)
	num := new(big.Int).Mul(r.Num(), powers[t.Scale])
	return unscaledOf(roundedQuotient(num, r.Denom()), t.Precision)
}

func doubleFromDecimal(u unscaled, scale int) float64 {
	f, _ := strconv.ParseFloat(decimalText(u, scale), 64)
	return f
}

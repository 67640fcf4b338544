package table

import (
	"bytes"
	"math/big"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func toBig(a Int128) *big.Int {
	n := new(big.Int).Lsh(big.NewInt(a.Hi), 64)
	return n.Add(n, new(big.Int).SetUint64(a.Lo))
}

func genInt128() *rapid.Generator[Int128] {
	return rapid.Custom(func(t *rapid.T) Int128 {
		a := Int128{rapid.Int64().Draw(t, "hi"), rapid.Uint64().Draw(t, "lo")}
		if rapid.Bool().Draw(t, "short") {
			a = Int128From(a.Hi)
		}
		return a
	})
}

// bigBytes is the shortest two's complement of n, by arithmetic.
func bigBytes(n *big.Int) []byte {
	for size := 1; ; size++ {
		bound := new(big.Int).Lsh(big.NewInt(1), uint(8*size-1))
		if n.Cmp(bound) < 0 && n.Cmp(new(big.Int).Neg(bound)) >= 0 {
			m := new(big.Int).Set(n)
			if m.Sign() < 0 {
				m.Add(m, new(big.Int).Lsh(bound, 1))
			}
			return m.FillBytes(make([]byte, size))
		}
	}
}

func TestInt128AgainstBig(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b := genInt128().Draw(t, "a"), genInt128().Draw(t, "b")
		x, y := toBig(a), toBig(b)
		if a.String() != x.String() {
			t.Fatalf("String = %s, want %s", a, x)
		}
		if a.Compare(b) != x.Cmp(y) || a.Sign() != x.Sign() {
			t.Fatalf("Compare = %d, Sign = %d; want %d, %d", a.Compare(b), a.Sign(), x.Cmp(y), x.Sign())
		}
		want := bigBytes(x)
		got := a.appendBytes(nil, a.byteLen())
		if !bytes.Equal(got, want) || int128FromBytes(want) != a {
			t.Fatalf("bytes %x, want %x", got, want)
		}
		if n := new(big.Int).Neg(x); n.BitLen() < 128 && toBig(a.Neg()).Cmp(n) != 0 {
			t.Fatalf("Neg = %s, want %s", a.Neg(), n)
		}
		digits := rapid.IntRange(0, 40).Draw(t, "digits")
		scaled := new(big.Int).Mul(x, new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(digits)), nil))
		if got, ok := a.rescale(digits); ok && toBig(got).Cmp(scaled) != 0 || ok != (scaled.BitLen() < 128) {
			t.Fatalf("rescale by %d = %s, %t; want %s", digits, got, ok, scaled)
		}
		precision := rapid.IntRange(1, 38).Draw(t, "precision")
		limit := new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(precision)), nil)
		if got, want := a.within(pow10(precision)), new(big.Int).Abs(x).Cmp(limit) < 0; got != want {
			t.Fatalf("within 10^%d = %t", precision, got)
		}
	})
}

func TestDecimalText(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		typ := Type{Kind: Decimal, Precision: rapid.IntRange(1, 38).Draw(t, "precision")}
		typ.Scale = rapid.IntRange(0, typ.Precision).Draw(t, "scale")
		d := genDecimal(typ.Precision).Draw(t, "value")
		text := typ.Format(Value{Decimal: d})
		want := new(big.Rat).SetFrac(toBig(d), toBig(pow10(typ.Scale))).FloatString(typ.Scale)
		if text != want {
			t.Fatalf("Format = %s, want %s", text, want)
		}
		if back, err := typ.Parse(text); err != nil || back.Decimal != d {
			t.Fatalf("Parse(%s) = %s, %v", text, back.Decimal, err)
		}
	})
	for _, test := range []struct{ sql, text, want string }{
		{"DECIMAL(5,2)", "1", "1.00"},
		{"DECIMAL(5,2)", "+1.5", "1.50"},
		{"DECIMAL(5,2)", "1.5000", "1.50"},
		{"DECIMAL(5,2)", ".5", "0.50"},
		{"DECIMAL(5,2)", "-.5", "-0.50"},
		{"DECIMAL(5,2)", "5.", "5.00"},
		{"DECIMAL(5,2)", "-0", "0.00"},
		{"DECIMAL(5,2)", "0000000000000000000000000000000000000000000001", "1.00"},
		{"DECIMAL(5,2)", "1000", ""},
		{"DECIMAL(5,2)", "1.555", ""},
		{"DECIMAL(5,2)", "", ""},
		{"DECIMAL(5,2)", "-", ""},
		{"DECIMAL(5,2)", ".", ""},
		{"DECIMAL(5,2)", "1.5.0", ""},
		{"DECIMAL(5,2)", "1e2", ""},
		{"DECIMAL(5,2)", " 1", ""},
		{"DECIMAL(5,2)", "--1", ""},
		{"DECIMAL(38,0)", strings.Repeat("9", 38), strings.Repeat("9", 38)},
		{"DECIMAL(38,38)", "-0." + strings.Repeat("9", 38), "-0." + strings.Repeat("9", 38)},
		{"DECIMAL(38,0)", strings.Repeat("9", 39), ""},
		{"DECIMAL(38,0)", strings.Repeat("9", 400), ""},
	} {
		typ, err := ParseType(test.sql)
		if err != nil {
			t.Fatal(err)
		}
		v, err := typ.Parse(test.text)
		if got := typ.Format(v); (err == nil) != (test.want != "") || err == nil && got != test.want {
			t.Errorf("%s %q = %s, %v; want %s", test.sql, test.text, got, err, test.want)
		}
	}
}

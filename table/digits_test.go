package table

import (
	"math"
	"math/big"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// TestDigitsAreTheLibrarys compares with strconv at and around every power of ten and of two, and at random.
func TestDigitsAreTheLibrarys(t *testing.T) {
	check := func(n int64) {
		if got, want := string(appendLongText([]byte("x"), n)), "x"+strconv.FormatInt(n, 10); got != want {
			t.Fatalf("%s, want %s", got, want)
		}
		if got, want := string(appendDigits(nil, uint64(n))), strconv.FormatUint(uint64(n), 10); got != want {
			t.Fatalf("%s, want %s", got, want)
		}
	}
	for _, base := range []uint64{2, 10} {
		for p := uint64(1); ; p *= base {
			for d := range int64(5) {
				check(int64(p) + d - 2)
				check(-int64(p) + d - 2)
			}
			if p > math.MaxUint64/base {
				break
			}
		}
	}
	for n := range int64(20_000) {
		check(n * 50_007)
	}
	r := rand.New(rand.NewPCG(1, 2))
	for range 100_000 {
		check(int64(r.Uint64() >> r.UintN(64)))
	}
}

// TestDecimalTextIsTheLibrarys compares with math/big.
func TestDecimalTextIsTheLibrarys(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a := Int128{rapid.SampledFrom([]int64{0, -1, 1, math.MinInt64, math.MaxInt64}).Draw(t, "hi"), rapid.Uint64().Draw(t, "lo") >> rapid.IntRange(0, 63).Draw(t, "shift")}
		scale := rapid.IntRange(0, 38).Draw(t, "scale")
		n := new(big.Int).Add(new(big.Int).Lsh(big.NewInt(a.Hi), 64), new(big.Int).SetUint64(a.Lo))
		digits := new(big.Int).Abs(n).String()
		if short := scale + 1 - len(digits); short > 0 {
			digits = strings.Repeat("0", short) + digits
		}
		want := digits[:len(digits)-scale]
		if scale > 0 {
			want += "." + digits[len(digits)-scale:]
		}
		if n.Sign() < 0 {
			want = "-" + want
		}
		if got := string(a.appendDecimal(nil, scale)); got != want {
			t.Fatalf("%s, want %s", got, want)
		}
	})
}

// TestDigesterSums sums the fingerprints of any number of rows, and goes on behind a digest that was asked for.
func TestDigesterSums(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := genSchema().Draw(t, "schema")
		c, of := mustCodec(t, s), NewDigester(mustCodec(t, s))
		var want Digest
		for range rapid.IntRange(0, 11).Draw(t, "rows") {
			image := mustImage(t, c, genRow(s).Draw(t, "row"))
			f, err := c.Fingerprint(image)
			if err != nil {
				t.Fatal(err)
			}
			want.Add(f)
			if err := of.Add(image); err != nil {
				t.Fatal(err)
			}
			if err := of.Add(append(image, 0)); err == nil {
				t.Fatal("an image with a byte behind it was taken in")
			}
			if asked := rapid.Bool().Draw(t, "asked"); of.Rows() != want.Rows || asked && of.Digest() != want {
				t.Fatalf("%s after %d rows, want %s", of.Digest(), of.Rows(), want)
			}
		}
		if got := of.Digest(); got != want {
			t.Fatalf("%s, want %s", got, want)
		}
	})
}

package engine

import (
	"bytes"
	"math"
	"math/big"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// What SQLite compares as bytes must stand in the order of the values, and come back as it went.
func TestStoredFormsKeepOrderAndBits(t *testing.T) {
	t.Run("double", rapid.MakeCheck(func(r *rapid.T) {
		a := math.Float64frombits(rapid.Uint64().Draw(r, "a"))
		b := math.Float64frombits(rapid.Uint64().Draw(r, "b"))
		want := math.Float64bits(a)
		if math.IsNaN(a) {
			want = oneNaN
		}
		if math.Float64bits(double(a).double()) != want {
			r.Fatalf("%v came back as %v", a, double(a).double())
		}
		if a < b && bytes.Compare(double(a).b, double(b).b) >= 0 {
			r.Fatalf("%v is stored behind %v", a, b)
		}
	}))
	t.Run("decimal", rapid.MakeCheck(func(r *rapid.T) {
		draw := func(name string) *big.Int {
			x, _ := new(big.Int).SetString(rapid.StringMatching(`-?[0-9]{1,38}`).Draw(r, name), 10)
			return x
		}
		x, y := draw("x"), draw("y")
		u, ok := unscaledOf(x, maxPrecision)
		v, ok2 := unscaledOf(y, maxPrecision)
		if !ok || !ok2 || u.datum().unscaled().big().Cmp(x) != 0 {
			r.Fatalf("%v came back as %v", x, u.datum().unscaled().big())
		}
		if bytes.Compare(u.datum().b, v.datum().b) != x.Cmp(y) {
			r.Fatalf("%v and %v are stored out of order", x, y)
		}
		scale := rapid.IntRange(0, 38).Draw(r, "scale")
		back, s, ok := parseDecimal(decimalText(u, scale))
		if !ok || s != scale || back.Cmp(x) != 0 {
			r.Fatalf("%s is read as %v at scale %d", decimalText(u, scale), back, s)
		}
	}))
	t.Run("timestamp", rapid.MakeCheck(func(r *rapid.T) {
		draw := func(name string) time.Time {
			return time.Unix(rapid.Int64Range(firstTimestamp.Unix(), afterTimestamp.Unix()-1).Draw(r, name), rapid.Int64Range(0, 999_999_999).Draw(r, name+" nanos")).UTC()
		}
		a, b := draw("a"), draw("b")
		if !timestamp(a).time().Equal(a) || bytes.Compare(timestamp(a).b, timestamp(b).b) != a.Compare(b) {
			r.Fatalf("%v and %v", a, b)
		}
		if back, ok := parseTimestamp(string(timestampText(timestamp(a).b))); !ok || !back.Equal(a) {
			r.Fatalf("%v came back as %v", a, back)
		}
	}))
	t.Run("date", rapid.MakeCheck(func(r *rapid.T) {
		days := rapid.Int64Range(-719162, 2932896).Draw(r, "days")
		if back, ok := parseDate(dateText(days)); !ok || back != days {
			r.Fatalf("%d is %s is %d", days, dateText(days), back)
		}
	}))
}

func TestTimestampsOutOfRangeAreNull(t *testing.T) {
	for _, at := range []time.Time{firstTimestamp.Add(-1), afterTimestamp} {
		if !timestamp(at).null {
			t.Errorf("%v is a timestamp", at)
		}
	}
}

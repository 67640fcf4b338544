package table

import (
	"errors"
	"math"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func TestCalendarIsGregorian(t *testing.T) {
	for day := int64(minDay); day <= maxDay; day++ {
		y, m, d := civil(day)
		if back := dayOf(y, m, d); back != day {
			t.Fatalf("day %d is %d-%d-%d, which is day %d", day, y, m, d, back)
		}
		if day%97 == 0 || d == 29 && m == 2 {
			if want := time.Unix(day*86400, 0).UTC().Format(time.DateOnly); string(appendDate(nil, day)) != want {
				t.Fatalf("day %d is %s, want %s", day, appendDate(nil, day), want)
			}
		}
	}
	if string(appendDate(nil, minDay)) != "0001-01-01" || string(appendDate(nil, maxDay)) != "9999-12-31" {
		t.Error("the range's ends are others")
	}
}

func TestTextRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := Column{ID: 1, Name: "c", Type: genType().Draw(t, "type")}
		v := genValue(c).Filter(func(v Value) bool { return !v.Null }).Draw(t, "value")
		text := c.Type.Format(v)
		back, err := c.Type.Parse(text)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(v, back, equalValues); diff != "" {
			t.Fatalf("%s: %s", text, diff)
		}
	})
}

func TestParse(t *testing.T) {
	for _, test := range []struct {
		sql, text string
		want      Value
	}{
		{"BOOLEAN", "TRUE", Value{Int: 1}},
		{"BOOLEAN", "0", Value{}},
		{"TINYINT", "-128", Value{Int: -128}},
		{"BIGINT", "-9223372036854775808", Value{Int: math.MinInt64}},
		{"FLOAT", "1.10000002384", Value{Float: float64(float32(1.1))}},
		{"FLOAT", "NaN", Value{Float: math.NaN()}},
		{"DOUBLE", "-Infinity", Value{Float: math.Inf(-1)}},
		{"DOUBLE", "-0", Value{Float: math.Copysign(0, -1)}},
		{"DATE", "1969-12-31", Value{Int: -1}},
		{"TIMESTAMP", "2024-02-29", Value{Bytes: []byte("2024-02-29 00:00:00.000000000")}},
		{"TIMESTAMP", "2024-02-29T23:59:59.5", Value{Bytes: []byte("2024-02-29 23:59:59.500000000")}},
		{"TIMESTAMP", "1400-01-01 00:00:00", Value{Bytes: []byte("1400-01-01 00:00:00.000000000")}},
		{"CHAR(5)", "ab   ", Value{Bytes: []byte("ab")}},
		{"BINARY", "AP8=", Value{Bytes: []byte{0, 255}}},
		{"STRING", " a\x00", Value{Bytes: []byte(" a\x00")}},
	} {
		typ, err := ParseType(test.sql)
		if err != nil {
			t.Fatal(err)
		}
		got, err := typ.Parse(test.text)
		if diff := cmp.Diff(test.want, got, equalValues); diff != "" || err != nil {
			t.Errorf("%s %q: %v %s", test.sql, test.text, err, diff)
		}
	}
	for _, test := range [][2]string{
		{"BOOLEAN", "yes"}, {"TINYINT", "128"}, {"INT", "1.0"}, {"INT", ""}, {"INT", "1_000"}, {"FLOAT", "1e400"}, {"DOUBLE", "x"},
		{"DATE", "2023-02-29"}, {"DATE", "2023-2-1"}, {"DATE", "0000-01-01"}, {"DATE", "2023-01-01x"}, {"DATE", "10000-01-01"},
		{"TIMESTAMP", "1399-12-31 00:00:00"}, {"TIMESTAMP", "2023-01-01 24:00:00"}, {"TIMESTAMP", "2023-01-01 00:60:00"},
		{"TIMESTAMP", "2023-01-01 00:00"}, {"TIMESTAMP", "2023-01-01 00:00:00."}, {"TIMESTAMP", "2023-01-01 00:00:00.1234567890"},
		{"TIMESTAMP", "2023-01-01 00:00:00.12x"}, {"TIMESTAMP", "2023-01-1"}, {"TIMESTAMP", "2023"}, {"TIMESTAMP", ""}, {"BINARY", "?"},
	} {
		typ, err := ParseType(test[0])
		if err != nil {
			t.Fatal(err)
		}
		var refused *ParseError
		if v, err := typ.Parse(test[1]); !errors.As(err, &refused) {
			t.Errorf("%s %q: got %+v, %v; want *ParseError", test[0], test[1], v, err)
		}
	}
	if got := (Type{Kind: Int}).Format(Value{Null: true}); got != "NULL" {
		t.Errorf("a NULL is written %s", got)
	}
}

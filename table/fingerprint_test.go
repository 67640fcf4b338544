package table

import (
	"math"
	"strconv"
	"testing"

	"pgregory.net/rapid"
)

func TestFingerprintText(t *testing.T) {
	for _, test := range []struct{ sql, text, want string }{
		{"BOOLEAN", "true", "1,"},
		{"TINYINT", "-5", "-5,"},
		{"BIGINT", "9223372036854775807", "9223372036854775807,"},
		{"DECIMAL(9,4)", "-0.5", "-0.5000,"},
		{"DATE", "0001-01-01", "0001-01-01,"},
		{"TIMESTAMP", "2024-02-29 01:02:03.5", "2024-02-29 01:02:03.500000000,"},
		{"STRING", "", "0:,"},
		{"STRING", "é,", "3:é,,"},
		{"VARCHAR(9)", "ab", "2:ab,"},
		{"CHAR(9)", "ab  ", "2:ab,"},
		{"BINARY", "AP8=", "2:\x00\xff,"},
		{"DOUBLE", "nan", "nan,"},
		{"FLOAT", "nan", "nan,"},
		{"FLOAT", "0", strconv.FormatInt(MurmurHash(make([]byte, 4)), 10) + ","},
		{"DOUBLE", "-0", strconv.FormatInt(MurmurHash([]byte{7: 0x80}), 10) + ","},
	} {
		c := mustCodec(t, oneColumn(test.sql))
		v, err := c.schema.Columns[0].Type.Parse(test.text)
		if err != nil {
			t.Fatal(err)
		}
		got, err := c.FingerprintText(nil, mustImage(t, c, []Value{v}))
		if err != nil || string(got) != test.want {
			t.Errorf("%s %q: %q, %v; want %q", test.sql, test.text, got, err, test.want)
		}
	}
	c := mustCodec(t, &Schema{NextColumnID: 4, Columns: []Column{{3, "b", Type{Kind: String}, false}, {1, "a", Type{Kind: Int}, false}}})
	if got, err := c.FingerprintText(nil, mustImage(t, c, []Value{{Bytes: []byte("x")}, {Null: true}})); err != nil || string(got) != ",1:x," {
		t.Errorf("id order and NULL: %q, %v", got, err)
	}
}

// TestFingerprintsTellRowsApart, with -0 and 0 among them, and takes all NaN as one.
func TestFingerprintsTellRowsApart(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := genSchema().Draw(t, "schema")
		c := mustCodec(t, s)
		a, b := genRow(s).Draw(t, "a"), genRow(s).Draw(t, "b")
		if rapid.Bool().Draw(t, "same") {
			b = a
		}
		x, y := mustImage(t, c, a), mustImage(t, c, b)
		f, err := c.Fingerprint(x)
		if err != nil {
			t.Fatal(err)
		}
		g, err := c.Fingerprint(y)
		if err != nil {
			t.Fatal(err)
		}
		if (f == g) != (string(x) == string(y)) {
			t.Fatalf("%+v and %+v for\n%x\n%x", f, g, x, y)
		}
	})
	c := mustCodec(t, oneColumn("DOUBLE"))
	one, two := mustImage(t, c, []Value{{Float: math.NaN()}}), mustImage(t, c, []Value{{Float: math.Float64frombits(0xFFF0000000000001)}})
	if string(one) != string(two) {
		t.Error("two NaN have two images")
	}
}

func TestDigest(t *testing.T) {
	var all, some Digest
	a, b, c := Fingerprint{1, math.MaxUint64}, Fingerprint{math.MaxUint64, 3}, Fingerprint{5, 6}
	for _, f := range []Fingerprint{a, b, c} {
		all.Add(f)
	}
	some.Add(c)
	other := Digest{}
	other.Add(b)
	other.Add(a)
	some.Merge(other)
	if some != all {
		t.Errorf("the order counts: %s, %s", some, all)
	}
	all.Remove(b)
	all.Remove(c)
	if want := (Digest{1, 1, math.MaxUint64}); all != want || all.String() != "1:0000000000000001:ffffffffffffffff" {
		t.Errorf("%s, want %s", all, want)
	}
	if back, err := ParseDigest(all.String()); err != nil || back != all {
		t.Errorf("reads back as %s, %v", back, err)
	}
	for _, text := range []string{"", "1:2:3", "1:0000000000000001:ffffffffffffffff ", "x:0000000000000001:ffffffffffffffff"} {
		if _, err := ParseDigest(text); err == nil {
			t.Errorf("ParseDigest(%q) was accepted", text)
		}
	}
}

// TestFingerprintStays: digests stand in journals; this one is what it was and will be. The same code gives the digests that Impala's
// functions give for the two tables of a million rows in the definition of the fingerprint.
func TestFingerprintStays(t *testing.T) {
	s, row := benchTable()
	c := mustCodec(t, s)
	got, err := c.Fingerprint(mustImage(t, c, row))
	if want := (Fingerprint{15132426488181848400, 7745734997270065510}); err != nil || got != want {
		t.Errorf("%+v, %v; want %+v", got, err, want)
	}
}

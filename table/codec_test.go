package table

import (
	"bytes"
	"errors"
	"math"
	"math/big"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/linkedin/goavro/v2"
	"pgregory.net/rapid"
)

// equalValues compares as the table does: NaN equals itself, 0 and -0 differ.
var equalValues = cmp.Options{
	cmp.Comparer(func(a, b float64) bool { return float64Bits(a) == float64Bits(b) }),
	cmpopts.EquateEmpty(),
}

func mustCodec(t interface{ Fatal(...any) }, s *Schema) *Codec {
	c, err := NewCodec(s)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func mustImage(t interface{ Fatal(...any) }, c *Codec, row []Value) []byte {
	image, err := c.AppendImage(nil, row)
	if err != nil {
		t.Fatal(err)
	}
	return image
}

func TestImageRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := genSchema().Draw(t, "schema")
		c, row := mustCodec(t, s), genRow(s).Draw(t, "row")
		image := mustImage(t, c, row)
		got := make([]Value, len(row))
		if err := c.Decode(image, got); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(row, got, equalValues); diff != "" {
			t.Fatal(diff)
		}
		if n, err := c.ImageLen(append(image, "more"...)); n != len(image) || err != nil {
			t.Fatalf("ImageLen = %d, %v; want %d", n, err, len(image))
		}
		for n := range image {
			if err := c.Decode(image[:n], got); err == nil {
				t.Fatalf("an image cut at %d of %d bytes was accepted", n, len(image))
			}
		}
		if err := c.Decode(append(image, 0), got); err == nil {
			t.Fatal("a trailing byte was accepted")
		}
	})
}

// goavroValue is a value as goavro wants it.
func goavroValue(c Column, v Value) any {
	if v.Null {
		return nil
	}
	if c.AsBytes {
		return goavro.Union("bytes", v.Bytes)
	}
	switch c.Type.Kind {
	case Boolean:
		return goavro.Union("boolean", v.Int == 1)
	case TinyInt, SmallInt, Int:
		return goavro.Union("int", v.Int)
	case BigInt:
		return goavro.Union("long", v.Int)
	case Float:
		return goavro.Union("float", math.Float32frombits(float32Bits(v.Float)))
	case Double:
		return goavro.Union("double", math.Float64frombits(float64Bits(v.Float)))
	case Decimal:
		n, _ := new(big.Int).SetString(v.Decimal.String(), 10)
		return goavro.Union("bytes.decimal", new(big.Rat).SetFrac(n, new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(c.Type.Scale)), nil)))
	case Date:
		return goavro.Union("int.date", time.Unix(v.Int*86400, 0).UTC())
	case Binary:
		return goavro.Union("bytes", v.Bytes)
	default:
		return goavro.Union("string", string(v.Bytes))
	}
}

// TestImagesAreGoavros holds the opcode loop against a library that reads the same schema.
func TestImagesAreGoavros(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := genSchema().Draw(t, "schema")
		c, row := mustCodec(t, s), genRow(s).Draw(t, "row")
		oracle, err := goavro.NewCodecWithOptions(s.AvroSchema(), &goavro.CodecOption{EnableDecimalBinarySpecCompliantEncoding: true})
		if err != nil {
			t.Fatal(err)
		}
		native := map[string]any{}
		for i, column := range s.Columns {
			native[FieldName(column.Name)] = goavroValue(column, row[i])
		}
		want, err := oracle.BinaryFromNative(nil, native)
		if err != nil {
			t.Fatal(err)
		}
		if got := mustImage(t, c, row); !bytes.Equal(got, want) {
			t.Fatalf("got  %x\nwant %x", got, want)
		}
	})
}

func TestEncodingRefuses(t *testing.T) {
	for _, test := range []struct {
		sql   string
		value Value
	}{
		{"BOOLEAN", Value{Int: 2}},
		{"BOOLEAN", Value{Int: -1}},
		{"TINYINT", Value{Int: 128}},
		{"SMALLINT", Value{Int: -32769}},
		{"INT", Value{Int: math.MaxInt32 + 1}},
		{"FLOAT", Value{Float: 1.1}},
		{"DECIMAL(3,1)", Value{Decimal: Int128From(1000)}},
		{"DECIMAL(38,0)", Value{Decimal: pow10(38)}},
		{"DATE", Value{Int: maxDay + 1}},
		{"TIMESTAMP", Value{Bytes: []byte("2020-02-30 00:00:00.000000000")}},
		{"TIMESTAMP", Value{Bytes: []byte("1399-12-31 00:00:00.000000000")}},
		{"TIMESTAMP", Value{}},
	} {
		c, err := NewCodec(oneColumn(test.sql))
		if err != nil {
			t.Fatal(err)
		}
		var refused *ValueError
		if _, err := c.AppendImage(nil, []Value{test.value}); !errors.As(err, &refused) || refused.Column != "c" {
			t.Errorf("%s: %+v: got %v, want *ValueError", test.sql, test.value, err)
		}
	}
	c := mustCodec(t, oneColumn("STRING"))
	var text *TextError
	if _, err := c.AppendImage(nil, []Value{{Bytes: []byte("a\xff")}}); !errors.As(err, &text) || string(text.Value) != "a\xff" {
		t.Errorf("got %v, want *TextError", err)
	}
}

func oneColumn(sql string) *Schema {
	typ, err := ParseType(sql)
	if err != nil {
		panic(err)
	}
	return &Schema{Columns: []Column{{1, "c", typ, false}}, NextColumnID: 2}
}

// TestDecodingRefuses: what stands in an image and is no row's, each with a single column.
func TestDecodingRefuses(t *testing.T) {
	for _, test := range []struct{ name, sql, image string }{
		{"a branch that is not there", "INT", "\x04\x00"},
		{"a negative branch", "INT", "\x01\x00"},
		{"a varint not of the shortest form", "INT", "\x02\x80\x00"},
		{"a varint without end", "BIGINT", "\x02\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"},
		{"out of range", "TINYINT", "\x02\x80\x02"},
		{"a boolean of 2", "BOOLEAN", "\x02\x02"},
		{"an unusual NaN", "FLOAT", "\x02\x01\x00\xc0\x7f"},
		{"a negative length", "STRING", "\x02\x01"},
		{"a length beyond the end", "STRING", "\x02\xfe\xff\xff\xff\x0fab"},
		{"the largest length", "BINARY", "\x02\xfe\xff\xff\xff\xff\xff\xff\xff\xff\x01ab"},
		{"not UTF-8", "STRING", "\x02\x02\xff"},
		{"trailing spaces", "CHAR(3)", "\x02\x04a "},
		{"an empty decimal", "DECIMAL(3,0)", "\x02\x00"},
		{"a long decimal", "DECIMAL(3,0)", "\x02\x04\x00\x01"},
		{"too many digits", "DECIMAL(2,0)", "\x02\x02\x64"},
		{"17 bytes of decimal", "DECIMAL(38,0)", "\x02\x22\x01234567890123456"},
		{"no timestamp", "TIMESTAMP", "\x02\x022"},
	} {
		c := mustCodec(t, oneColumn(test.sql))
		var damaged *ImageError
		if err := c.Decode([]byte(test.image), make([]Value, 1)); !errors.As(err, &damaged) {
			t.Errorf("%s: got %v, want *ImageError", test.name, err)
		}
	}
}

func TestHotPathDoesNotAllocate(t *testing.T) {
	s := everyType()
	c := mustCodec(t, s)
	row := make([]Value, len(s.Columns))
	for i, column := range s.Columns {
		row[i] = genValue(column).Filter(func(v Value) bool { return !v.Null }).Example(i)
	}
	image := mustImage(t, c, row)
	buffer := make([]byte, 0, 1<<16)
	got := make([]Value, len(row))
	if _, err := c.Fingerprint(image); err != nil {
		t.Fatal(err)
	}
	for name, step := range map[string]func() error{
		"AppendImage": func() error { _, err := c.AppendImage(buffer, row); return err },
		"AppendKey":   func() error { _, err := c.AppendKey(buffer, row); return err },
		"AppendKeyOf": func() error { _, err := c.AppendKeyOf(buffer, image); return err },
		"Decode":      func() error { return c.Decode(image, got) },
		"ImageLen":    func() error { _, err := c.ImageLen(image); return err },
		"Fingerprint": func() error { _, err := c.Fingerprint(image); return err },
	} {
		if n := testing.AllocsPerRun(100, func() {
			if err := step(); err != nil {
				t.Fatal(err)
			}
		}); n != 0 {
			t.Errorf("%s allocates %g times", name, n)
		}
	}
}

// TestCharPaddingIsCut: engines pad CHAR, or do not; it is one row either way.
func TestCharPaddingIsCut(t *testing.T) {
	c := mustCodec(t, keyedBy("CHAR(6)"))
	for _, text := range []string{"a b", "a b ", "a b   "} {
		row := []Value{{Bytes: []byte(text)}}
		if got := string(mustImage(t, c, row)); got != "\x02\x06a b" {
			t.Errorf("image of %q: %q", text, got)
		}
		if got := string(mustKey(t, c, row)); got != "\x01a b\x00\x01" {
			t.Errorf("key of %q: %q", text, got)
		}
	}
}

func TestRowsOfAnotherLength(t *testing.T) {
	c := mustCodec(t, keyedBy("INT", "INT"))
	for _, n := range []int{0, 1, 3} {
		row := make([]Value, n)
		if _, err := c.AppendImage(nil, row); err == nil {
			t.Errorf("%d values were encoded", n)
		}
		if _, err := c.AppendKey(nil, row); err == nil {
			t.Errorf("%d values gave a key", n)
		}
		if err := c.Decode([]byte{0, 0}, row); err == nil {
			t.Errorf("%d values were decoded", n)
		}
	}
}

// TestImageLenIsTheSumOfItsColumns holds the compiled way of passing over an image against the plain one, for images that are damaged
// at one byte or cut.
func TestImageLenIsTheSumOfItsColumns(t *testing.T) {
	s, row := benchTable()
	c := mustCodec(t, s)
	image, err := c.AppendImage(nil, row)
	if err != nil {
		t.Fatal(err)
	}
	plain := func(b []byte) int {
		at := 0
		for i := range c.fields {
			n := c.fields[i].skip(b[at:])
			if n < 0 {
				return -1
			}
			at += n
		}
		return at
	}
	tried := 0
	hold := func(b []byte) {
		tried++
		n, err := c.ImageLen(b)
		if want := plain(b); (err != nil) != (want < 0) || err == nil && n != want {
			t.Fatalf("% x: %d, %v, want %d", b, n, err, want)
		}
	}
	for end := range len(image) + 1 {
		hold(image[:end])
	}
	for at := range image {
		for v := range 256 {
			b := append(bytes.Clone(image), 0x80, 0x01, 0xff, 0, 0)
			b[at] = byte(v)
			hold(b)
			hold(b[:len(image)])
		}
	}
	t.Logf("counted: %d images", tried)
}

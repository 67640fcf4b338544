package table

import (
	"bytes"
	"testing"
)

// fuzzSchema has every type; its key is every column that can be in one.
func fuzzSchema() *Schema {
	s := everyType()
	s.Key = nil
	for _, c := range s.Columns {
		if c.Type.Kind != Float && c.Type.Kind != Double {
			s.Key = append(s.Key, c.ID)
		}
	}
	return s
}

// fuzzRow is a row without NULL, a seed for the targets.
func fuzzRow(s *Schema, seed int) []Value {
	row := make([]Value, len(s.Columns))
	for i, c := range s.Columns {
		row[i] = genValue(c).Filter(func(v Value) bool { return !v.Null }).Example(seed + i)
	}
	return row
}

// FuzzDecode: what is accepted is the one image of its row, and measures as long as it is.
func FuzzDecode(f *testing.F) {
	c := mustCodec(f, fuzzSchema())
	for seed := range 5 {
		f.Add(mustImage(f, c, fuzzRow(c.schema, seed)))
	}
	f.Add(make([]byte, len(c.fields)))
	f.Add([]byte("\x02\xfe\xff\xff\xff\xff\xff\xff\xff\xff\x01"))
	row := make([]Value, len(c.fields))
	f.Fuzz(func(t *testing.T, image []byte) {
		n, lengthErr := c.ImageLen(image)
		if lengthErr == nil && (n < len(c.fields) || n > len(image)) {
			t.Fatalf("ImageLen = %d of %d bytes", n, len(image))
		}
		if err := c.Decode(image, row); err != nil {
			return
		}
		if lengthErr != nil || n != len(image) {
			t.Fatalf("ImageLen = %d, %v; Decode took %d bytes", n, lengthErr, len(image))
		}
		if again := mustImage(t, c, row); !bytes.Equal(again, image) {
			t.Fatalf("two images of one row:\n%x\n%x", image, again)
		}
		key := mustKey(t, c, row)
		if _, err := c.DecodeKey(key); err != nil {
			t.Fatal(err)
		}
	})
}

// FuzzDecodeKey: what is accepted is the one key of its values.
func FuzzDecodeKey(f *testing.F) {
	c := mustCodec(f, fuzzSchema())
	for seed := range 5 {
		f.Add(mustKey(f, c, fuzzRow(c.schema, seed)))
	}
	f.Add(make([]byte, len(c.key)))
	f.Fuzz(func(t *testing.T, key []byte) {
		text := c.FormatKey(key)
		values, err := c.DecodeKey(key)
		if err != nil {
			return
		}
		row := make([]Value, len(c.fields))
		for i, field := range c.key {
			row[field.position] = values[i]
		}
		if again := mustKey(t, c, row); !bytes.Equal(again, key) {
			t.Fatalf("two keys of one row:\n%x\n%x", key, again)
		}
		if parsed, err := c.ParseKey(text); err != nil || !bytes.Equal(parsed, key) {
			t.Fatalf("%s reads back as %x, %v; want %x", text, parsed, err, key)
		}
	})
}

// FuzzKeyOrder: two texts, numbers and decimals compare as their keys do, whatever follows them.
func FuzzKeyOrder(f *testing.F) {
	f.Add([]byte("a"), []byte("a\x00"), int64(1), int64(-1), uint64(0), uint64(1))
	f.Add([]byte("a\x00b"), []byte("a\x00"), int64(0), int64(0), uint64(5), uint64(5))
	f.Add([]byte("\xff"), []byte(""), int64(-1), int64(1), uint64(1<<63), uint64(0))
	s := keyedBy("BINARY", "BIGINT", "DECIMAL(38,3)", "BINARY")
	c := mustCodec(f, s)
	f.Fuzz(func(t *testing.T, a, b []byte, m, n int64, x, y uint64) {
		limit := pow10(37).Hi
		one := []Value{{Bytes: a}, {Int: m}, {Decimal: Int128{m % limit, x}}, {Bytes: b}}
		two := []Value{{Bytes: b}, {Int: n}, {Decimal: Int128{n % limit, y}}, {Bytes: a}}
		if got, want := bytes.Compare(mustKey(t, c, one), mustKey(t, c, two)), compareRows(s, one, two); got != want {
			t.Fatalf("keys compare as %d, rows as %d", got, want)
		}
	})
}

// FuzzParseAvroSchema: what is accepted comes back the same.
func FuzzParseAvroSchema(f *testing.F) {
	f.Add(everyType().AvroSchema())
	f.Add(whole(everyType()).AvroSchema())
	f.Add(keyedBy("INT").AvroSchema())
	f.Add(`{"type":"record","rewind.order":[1],"fields":[{"rewind.id":1}]}`)
	f.Fuzz(func(t *testing.T, text string) {
		s, err := ParseAvroSchema(text)
		if err != nil {
			return
		}
		again, err := ParseAvroSchema(s.AvroSchema())
		if err != nil || again.Identity() != s.Identity() {
			t.Fatalf("%s\ncomes back as\n%+v, %v", text, again, err)
		}
	})
}

// FuzzParse: a text that a type accepts is a value that it can encode, and its form reads back the same.
func FuzzParse(f *testing.F) {
	types := make([]Type, 0, 16)
	for _, c := range everyType().Columns {
		types = append(types, c.Type)
	}
	for i, text := range []string{"true", "-128", "32767", "1", "-9", "nan", "-inf", "-0.5", "é", "x", "ab ", "2024-02-29 01:02:03.5", "2024-02-29", "AP8=", "0.1234", ""} {
		f.Add(uint8(i), text)
	}
	f.Fuzz(func(t *testing.T, which uint8, text string) {
		typ := types[int(which)%len(types)]
		v, err := typ.Parse(text)
		if err != nil {
			return
		}
		c := mustCodec(t, &Schema{Columns: []Column{{1, "c", typ, typ.isText()}}, NextColumnID: 2})
		image := mustImage(t, c, []Value{v})
		again, err := typ.Parse(typ.Format(v))
		if err != nil {
			t.Fatal(err)
		}
		if back := mustImage(t, c, []Value{again}); !bytes.Equal(back, image) {
			t.Fatalf("%s %q is written %s, which is another value", typ, text, typ.Format(v))
		}
	})
}

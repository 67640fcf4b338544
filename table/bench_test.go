package table

import (
	"testing"

	"github.com/linkedin/goavro/v2"
)

// benchTable is the workload's table: 8 columns, about 100 bytes a row.
func benchTable() (*Schema, []Value) {
	s := &Schema{Table: Name{"bench", "t"}, Key: []int{1}, NextColumnID: 9}
	var row []Value
	for i, c := range [][3]string{
		{"id", "BIGINT", "1999999"}, {"name", "STRING", "jasper-0123456789ab"}, {"note", "STRING", "0123456789abcdef01234567"}, {"qty", "INT", "-31415"},
		{"price", "DOUBLE", "2718.281828"}, {"amount", "DECIMAL(18,2)", "-7654321.09"}, {"ts", "TIMESTAMP", "2024-02-29 12:34:56.789012"}, {"active", "BOOLEAN", "true"},
	} {
		typ, err := ParseType(c[1])
		if err != nil {
			panic(err)
		}
		v, err := typ.Parse(c[2])
		if err != nil {
			panic(err)
		}
		s.Columns, row = append(s.Columns, Column{i + 1, c[0], typ, false}), append(row, v)
	}
	return s, row
}

func BenchmarkRow(b *testing.B) {
	s, row := benchTable()
	c := mustCodec(b, s)
	image := mustImage(b, c, row)
	key := mustKey(b, c, row)
	buffer, out := make([]byte, 0, 1024), make([]Value, len(row))
	wider, _ := benchTable()
	wider.Columns[3].Type.Kind, wider.NextColumnID = BigInt, 10
	wider.Columns = append(wider.Columns, Column{9, "new", Type{Kind: String}, false})
	digester := NewDigester(mustCodec(b, s))
	p, err := NewProjection(s, wider)
	if err != nil {
		b.Fatal(err)
	}
	for _, step := range []struct {
		name string
		run  func() error
	}{
		{"encode", func() error { _, err := c.AppendImage(buffer, row); return err }},
		{"decode", func() error { return c.Decode(image, out) }},
		{"length", func() error { _, err := c.ImageLen(image); return err }},
		{"key", func() error { _, err := c.AppendKey(buffer, row); return err }},
		{"key of image", func() error { _, err := c.AppendKeyOf(buffer, image); return err }},
		{"key decode", func() error { _, err := c.DecodeKey(key); return err }},
		{"fingerprint", func() error { _, err := c.Fingerprint(image); return err }},
		{"digest", func() error { return digester.Add(image) }},
		{"project", func() error { _, err := p.AppendImage(buffer, image); return err }},
	} {
		b.Run(step.name, func(b *testing.B) {
			b.ReportAllocs()
			b.SetBytes(int64(len(image)))
			for b.Loop() {
				if err := step.run(); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkGoavroRow is what a library takes for the same row.
func BenchmarkGoavroRow(b *testing.B) {
	s, row := benchTable()
	codec, err := goavro.NewCodecWithOptions(s.AvroSchema(), &goavro.CodecOption{EnableDecimalBinarySpecCompliantEncoding: true})
	if err != nil {
		b.Fatal(err)
	}
	native := map[string]any{}
	for i, c := range s.Columns {
		native[FieldName(c.Name)] = goavroValue(c, row[i])
	}
	image, err := codec.BinaryFromNative(nil, native)
	if err != nil {
		b.Fatal(err)
	}
	buffer := make([]byte, 0, 1024)
	b.Run("encode", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := codec.BinaryFromNative(buffer, native); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("decode", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, _, err := codec.NativeFromBinary(image); err != nil {
				b.Fatal(err)
			}
		}
	})
}

// BenchmarkParse is what reading text costs where the driver hands texts over.
func BenchmarkParse(b *testing.B) {
	for _, test := range [][2]string{{"DECIMAL(18,2)", "-7654321.09"}, {"TIMESTAMP", "2024-02-29 12:34:56.789012"}, {"DATE", "2024-02-29"}} {
		typ, err := ParseType(test[0])
		if err != nil {
			b.Fatal(err)
		}
		b.Run(test[0], func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := typ.Parse(test[1]); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

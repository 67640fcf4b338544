package change

import (
	"testing"

	"github.com/linkedin/goavro/v2"
)

// event is an update with both images, as the wire mostly carries.
func event(t testing.TB) *Change {
	return &Change{stamp(), 1_700_000_000_000_000, 123456, Update, []byte("\x01\x80\x00\x00\x00\x00\x00\x00\x2a\x01\x80\x00\x00\x00\x00\x00\x00\x01"),
		image(t, 42, 1, "a note of usual length, as tables have them, and a little more"),
		image(t, 42, 1, "a note of usual length, as tables have them, and a little less")}
}

func TestHotPathDoesNotAllocate(t *testing.T) {
	e, err := NewEncoder(orders())
	if err != nil {
		t.Fatal(err)
	}
	entries, err := NewEntryDecoder(EntrySchema(orders()))
	if err != nil {
		t.Fatal(err)
	}
	d, m := learned(t), event(t)
	msg := e.AppendChange(nil, m)
	record, err := AppendEntry(nil, 77, msg)
	if err != nil {
		t.Fatal(err)
	}
	buffer := make([]byte, 0, 1024)
	scan := &Scan{}
	for name, step := range map[string]func() error{
		"AppendChange": func() error { e.AppendChange(buffer, m); return nil },
		"Decode":       func() error { _, err := d.Decode(msg); return err },
		"AppendEntry":  func() error { _, err := AppendEntry(buffer, 77, msg); return err },
		"entry Decode": func() error { _, _, err := entries.Decode(record); return err },
		"RecordLen":    func() error { _, err := entries.RecordLen(record); return err },
		"Scan":         func() error { return entries.Scan(1, record, scan) },
		"Partition":    func() error { Partition(m.Key, 7); return nil },
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

func BenchmarkChange(b *testing.B) {
	e, err := NewEncoder(orders())
	if err != nil {
		b.Fatal(err)
	}
	entries, err := NewEntryDecoder(EntrySchema(orders()))
	if err != nil {
		b.Fatal(err)
	}
	d, m := learned(b), event(b)
	msg := e.AppendChange(nil, m)
	record, err := AppendEntry(nil, 77, msg)
	if err != nil {
		b.Fatal(err)
	}
	buffer, scan := make([]byte, 0, 1024), &Scan{}
	for _, step := range []struct {
		name string
		run  func() error
	}{
		{"encode", func() error { e.AppendChange(buffer, m); return nil }},
		{"decode", func() error { _, err := d.Decode(msg); return err }},
		{"entry encode", func() error { _, err := AppendEntry(buffer, 77, msg); return err }},
		{"entry decode", func() error { _, _, err := entries.Decode(record); return err }},
		{"record length", func() error { _, err := entries.RecordLen(record); return err }},
		{"scan", func() error { return entries.Scan(1, record, scan) }},
	} {
		b.Run(step.name, func(b *testing.B) {
			b.ReportAllocs()
			b.SetBytes(int64(len(msg)))
			for b.Loop() {
				if err := step.run(); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkGoavroChange is what a library takes for the same event.
func BenchmarkGoavroChange(b *testing.B) {
	codec, err := goavro.NewCodecWithOptions(Schema(orders()), &goavro.CodecOption{EnableDecimalBinarySpecCompliantEncoding: true})
	if err != nil {
		b.Fatal(err)
	}
	e, err := NewEncoder(orders())
	if err != nil {
		b.Fatal(err)
	}
	datum := e.AppendChange(nil, event(b))[headerLength:]
	native, _, err := codec.NativeFromBinary(datum)
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
			if _, _, err := codec.NativeFromBinary(datum); err != nil {
				b.Fatal(err)
			}
		}
	})
}

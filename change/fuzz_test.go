package change

import (
	"bytes"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// encodeAgain is a message's bytes from what was decoded.
func encodeAgain(t *testing.T, d *Decoder, m Message) []byte {
	t.Helper()
	if m.Change == nil {
		return appendMessage(t, m)
	}
	e, err := NewEncoder(d.row.codec.Schema())
	if err != nil {
		t.Fatal(err)
	}
	return e.AppendChange(nil, m.Change)
}

// FuzzDecoder: what is accepted is the one encoding of what it says, and makes a record of which the same holds. Only the row schema
// in a Begin may be written in other ways: it is JSON.
func FuzzDecoder(f *testing.F) {
	_, encoded := sample(f)
	for _, msg := range encoded {
		f.Add(msg)
	}
	entries, err := NewEntryDecoder(EntrySchema(orders()))
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, msg []byte) {
		d := learned(t)
		m, err := d.Decode(msg)
		if err != nil {
			return
		}
		again := encodeAgain(t, d, m)
		if m.Begin != nil {
			if back, err := d.Decode(again); err != nil || cmp.Diff(m, back) != "" {
				t.Fatalf("comes back otherwise: %v %s", err, cmp.Diff(m, back))
			}
		} else if !bytes.Equal(again, msg) {
			t.Fatalf("two encodings of one %s:\n%x\n%x", m.Kind(), msg, again)
		}
		record, err := AppendEntry(nil, 77, msg)
		if err != nil {
			t.Fatal(err)
		}
		if n, err := entries.RecordLen(append(record, 1, 2, 3)); err != nil || n != len(record) {
			t.Fatalf("RecordLen of %s = %d, %v; want %d", m.Kind(), n, err, len(record))
		}
		if _, back, err := entries.Decode(record); err != nil || back.Kind() != m.Kind() {
			t.Fatalf("%s as a record is %s, %v", m.Kind(), back.Kind(), err)
		}
	})
}

// FuzzEntryDecoder: what is accepted measures as long as it is.
func FuzzEntryDecoder(f *testing.F) {
	_, encoded := sample(f)
	for i, msg := range encoded {
		record, err := AppendEntry(nil, int64(i), msg)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(record)
	}
	d, err := NewEntryDecoder(EntrySchema(orders()))
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, record []byte) {
		n, lengthErr := d.RecordLen(record)
		if lengthErr == nil && (n < 2 || n > len(record)) {
			t.Fatalf("RecordLen = %d of %d bytes", n, len(record))
		}
		offset, m, err := d.Decode(record)
		if err != nil {
			return
		}
		if offset < 0 || lengthErr != nil || n != len(record) {
			t.Fatalf("%s at %d: RecordLen = %d, %v; Decode took %d bytes", m.Kind(), offset, n, lengthErr, len(record))
		}
	})
}

// FuzzCanonicalForm: a canonical form is its own.
func FuzzCanonicalForm(f *testing.F) {
	f.Add(EntrySchema(orders()))
	f.Add(`{"type":"fixed","name":"a.b","size":"007"}`)
	f.Add(`[{"type":"map","values":{"type":"array","items":"x.y"}},"null"]`)
	f.Fuzz(func(t *testing.T, schema string) {
		form, err := CanonicalForm(schema)
		if err != nil {
			return
		}
		if again, err := CanonicalForm(form); err != nil || again != form {
			t.Fatalf("%s becomes %s, %v", form, again, err)
		}
	})
}

// FuzzNewEntryDecoder: a segment's schema comes from a file; whatever it is, it is refused or understood.
func FuzzNewEntryDecoder(f *testing.F) {
	f.Add(EntrySchema(orders()))
	f.Add(EntrySchema(nil))
	f.Add(`{"fields":[{"name":"message","type":[0,1,2,3,{"fields":[{"name":"before","type":["null",{}]}]}]}]}`)
	f.Fuzz(func(t *testing.T, schema string) {
		d, err := NewEntryDecoder(schema)
		if err != nil {
			return
		}
		if _, err := NewEntryDecoder(EntrySchema(d.Schema())); err != nil {
			t.Fatal(err)
		}
	})
}

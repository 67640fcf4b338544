package ocf

import (
	"bytes"
	"testing"
)

// TestAheadIsABlock: a block that was packed ahead is, in the file, the block that its records are.
func TestAheadIsABlock(t *testing.T) {
	records := bytes.Repeat([]byte("a record "), 100)
	write := func(block func(*Writer) error) []byte {
		var file bytes.Buffer
		w, err := NewWriter(&file, Header{Schema: `"bytes"`})
		if err != nil {
			t.Fatal(err)
		}
		if err := w.Append([]byte("before")); err != nil {
			t.Fatal(err)
		}
		for range 2 {
			if err := block(w); err != nil {
				t.Fatal(err)
			}
		}
		return file.Bytes()
	}
	var p Ahead
	got := write(func(w *Writer) error {
		if err := p.Pack(100, records); err != nil {
			return err
		}
		return w.WriteAhead(&p)
	})
	want := write(func(w *Writer) error { return w.WriteBlock(100, records) })
	if !bytes.Equal(got, want) {
		t.Errorf("%d bytes, want %d", len(got), len(want))
	}
}

func TestAheadRefused(t *testing.T) {
	var p Ahead
	if err := p.Pack(0, nil); err == nil {
		t.Error("a block of no records is packed")
	}
	if err := p.Pack(1, make([]byte, MaxBlock+1)); err == nil {
		t.Error("too large a block is packed")
	}
	for _, codec := range []string{Null, Deflate, Snappy} {
		var file bytes.Buffer
		w, err := NewWriter(&file, Header{Schema: `"bytes"`, Codec: codec})
		if err != nil {
			t.Fatal(err)
		}
		if err := w.WriteAhead(&Ahead{}); err == nil {
			t.Errorf("%s: nothing is written as a block", codec)
		}
		if err := p.Pack(1, []byte("x")); err != nil {
			t.Fatal(err)
		}
		if err := w.WriteAhead(&p); (err != nil) != (codec != Snappy) {
			t.Errorf("%s: %v", codec, err)
		}
		if err := w.WriteAhead(&p); err == nil {
			t.Errorf("%s: a block is written twice", codec)
		}
	}
}

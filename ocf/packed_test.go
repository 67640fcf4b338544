package ocf

import (
	"bytes"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"
)

// TestWritePacked: a block that is taken over as it is packed is the same block, for any codec, between blocks that are not.
func TestWritePacked(t *testing.T) {
	for _, codec := range []string{Null, Snappy, Deflate} {
		from := writeBlocks(t, codec, "one", "twotwotwotwotwotwo")
		var to bytes.Buffer
		w, err := NewWriter(&to, Header{Schema: `"bytes"`, Codec: codec, Meta: map[string][]byte{"another": {1}}})
		if err != nil {
			t.Fatal(err)
		}
		r, err := NewReader(bytes.NewReader(from))
		if err != nil {
			t.Fatal(err)
		}
		for {
			count, _, err := r.Next()
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				t.Fatal(err)
			}
			if err := errors.Join(w.WritePacked(count, r.Packed()), w.Append([]byte("between"))); err != nil {
				t.Fatal(err)
			}
		}
		if err := errors.Join(w.Flush(), w.WritePacked(0, nil)); err == nil {
			t.Error("a block without records was written")
		}
		if got, want := blocksOf(t, to.Bytes()), []string{"one", "between", "twotwotwotwotwotwo", "between"}; !slices.Equal(got, want) || w.Size() != int64(to.Len()) {
			t.Errorf("%s: %q; size %d of %d", codec, got, w.Size(), to.Len())
		}
	}
}

func writeBlocks(t *testing.T, codec string, blocks ...string) []byte {
	t.Helper()
	var out bytes.Buffer
	w, err := NewWriter(&out, Header{Schema: `"bytes"`, Codec: codec})
	if err != nil {
		t.Fatal(err)
	}
	for _, b := range blocks {
		if err := w.WriteBlock(1, []byte(b)); err != nil {
			t.Fatal(err)
		}
	}
	return out.Bytes()
}

func blocksOf(t *testing.T, file []byte) (blocks []string) {
	t.Helper()
	r, err := NewReader(bytes.NewReader(file))
	if err != nil {
		t.Fatal(err)
	}
	for {
		_, records, err := r.Next()
		if errors.Is(err, io.EOF) {
			return blocks
		}
		if err != nil {
			t.Fatal(err)
		}
		blocks = append(blocks, string(records))
	}
}

// TestNextPacked: a block that is read packed is unpacked when it is asked for, or never, whether it fits into the reader's buffer or not;
// damage within it shows when it is unpacked, and then for good.
func TestNextPacked(t *testing.T) {
	large := strings.Repeat("a block beyond the buffer; ", 3*bufferBytes)
	for _, codec := range []string{Null, Snappy, Deflate} {
		blocks := []string{"one", large, "three", "four" + large[1:], "five"}
		file := writeBlocks(t, codec, blocks...)
		for unpacked := range 1 << len(blocks) {
			r, err := NewReader(bytes.NewReader(file))
			if err != nil {
				t.Fatal(err)
			}
			for i, want := range blocks {
				count, err := r.NextPacked()
				if err != nil || count != 1 {
					t.Fatalf("%s: block %d of %d records: %v", codec, i, count, err)
				}
				if unpacked>>i&1 == 0 {
					continue
				}
				if got, err := r.Unpack(); err != nil || string(got) != want {
					t.Fatalf("%s: block %d has %d bytes, want %d (%v)", codec, i, len(got), len(want), err)
				}
			}
			if _, err := r.NextPacked(); !errors.Is(err, io.EOF) || r.Offset() != int64(len(file)) {
				t.Errorf("%s: at byte %d of %d: %v", codec, r.Offset(), len(file), err)
			}
		}
	}
	file := writeBlocks(t, Snappy, "one", "two")
	r, err := NewReader(bytes.NewReader(file))
	if err != nil {
		t.Fatal(err)
	}
	begin := r.Offset()
	file[bytes.LastIndex(file, []byte("one"))] ^= 1
	if r, err = NewReader(bytes.NewReader(file)); err != nil {
		t.Fatal(err)
	}
	if _, err := r.NextPacked(); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		var damage *DamageError
		if _, err := r.Unpack(); !errors.As(err, &damage) || damage.Offset != begin || r.Offset() != begin {
			t.Errorf("at byte %d, begun at %d: %v", r.Offset(), begin, err)
		}
		if _, err := r.NextPacked(); !errors.As(err, &damage) {
			t.Errorf("behind damage: %v", err)
		}
	}
}

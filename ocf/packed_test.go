package ocf

import (
	"bytes"
	"errors"
	"io"
	"slices"
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

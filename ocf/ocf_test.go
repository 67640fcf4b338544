package ocf

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const testSchema = `{"type":"record","name":"r","fields":[{"name":"n","type":"long"},{"name":"s","type":"string"}]}`

// countingWriter notes the length of every Write.
type countingWriter struct {
	bytes.Buffer
	writes []int
}

func (w *countingWriter) Write(p []byte) (int, error) {
	w.writes = append(w.writes, len(p))
	return w.Buffer.Write(p)
}

func readAll(t *testing.T, file []byte) (h Header, blocks [][]byte, counts []int) {
	t.Helper()
	r, err := NewReader(bytes.NewReader(file))
	if err != nil {
		t.Fatal(err)
	}
	for {
		n, records, err := r.Next()
		if errors.Is(err, io.EOF) {
			if r.Offset() != int64(len(file)) {
				t.Fatalf("ended at %d of %d", r.Offset(), len(file))
			}
			return r.Header(), blocks, counts
		}
		if err != nil {
			t.Fatal(err)
		}
		blocks, counts = append(blocks, bytes.Clone(records)), append(counts, n)
	}
}

func TestWriteAndRead(t *testing.T) {
	for _, codec := range []string{"", Null, Snappy, Deflate} {
		t.Run("codec="+codec, func(t *testing.T) {
			var file countingWriter
			w, err := NewWriter(&file, Header{Schema: testSchema, Codec: codec, Meta: map[string][]byte{"b": {0, 255}, "a": nil}})
			if err != nil {
				t.Fatal(err)
			}
			want := [][]byte{[]byte("one"), bytes.Repeat([]byte("large "), 1<<20), bytes.Repeat([]byte{7}, 100), nil}
			for i, b := range want {
				if err := w.WriteBlock(i+1, b); err != nil {
					t.Fatal(err)
				}
			}
			if len(file.writes) != 1+len(want) {
				t.Errorf("%d writes for a header and %d blocks", len(file.writes), len(want))
			}
			if w.Size() != int64(file.Len()) {
				t.Errorf("Size is %d, written are %d", w.Size(), file.Len())
			}
			h, got, counts := readAll(t, file.Bytes())
			for i, b := range want {
				if !bytes.Equal(got[i], b) || counts[i] != i+1 {
					t.Errorf("block %d differs", i)
				}
			}
			if d := cmp.Diff(w.Header().Meta["b"], h.Meta["b"]); d != "" || len(h.Meta) != 2 || !h.Derived || h.Sync != w.Header().Sync {
				t.Errorf("header %+v %s", h, d)
			}
		})
	}
}

func TestContinueWriter(t *testing.T) {
	var file bytes.Buffer
	w, _ := NewWriter(&file, Header{Schema: testSchema})
	if err := w.WriteBlock(1, []byte("one")); err != nil {
		t.Fatal(err)
	}
	h, _, _ := readAll(t, file.Bytes())
	w, err := ContinueWriter(&file, h)
	if err != nil {
		t.Fatal(err)
	}
	if err := w.WriteBlock(1, []byte("two")); err != nil {
		t.Fatal(err)
	}
	_, blocks, _ := readAll(t, file.Bytes())
	if string(bytes.Join(blocks, []byte(" "))) != "one two" {
		t.Errorf("blocks %q", blocks)
	}
}

func TestAppendMakesBlocks(t *testing.T) {
	var file countingWriter
	w, _ := NewWriter(&file, Header{Schema: testSchema})
	var want bytes.Buffer
	for i := range 10_000 {
		record := fmt.Appendf(nil, "record %d;", i)
		want.Write(record)
		if err := w.Append(record); err != nil {
			t.Fatal(err)
		}
	}
	large := bytes.Repeat([]byte("x"), 3*blockBytes)
	want.Write(large)
	if err := w.Append(large); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(w.Flush(), w.Flush()); err != nil {
		t.Fatal(err)
	}
	_, blocks, counts := readAll(t, file.Bytes())
	if !bytes.Equal(bytes.Join(blocks, nil), want.Bytes()) {
		t.Error("records differ")
	}
	total := 0
	for i, b := range blocks {
		total += counts[i]
		if len(b) > blockBytes && counts[i] > 1 {
			t.Errorf("block %d holds %d bytes", i, len(b))
		}
	}
	if total != 10_001 || len(blocks) < 3 {
		t.Errorf("%d records in %d blocks", total, len(blocks))
	}
}

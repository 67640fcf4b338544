package ocf

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"testing"

	"github.com/linkedin/goavro/v2"
	"pgregory.net/rapid"
)

// record is one of testSchema's, as goavro encodes it.
func record(t testing.TB, codec *goavro.Codec, n int64, s string) []byte {
	t.Helper()
	b, err := codec.BinaryFromNative(nil, map[string]any{"n": n, "s": s})
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func avroCodec(t testing.TB) *goavro.Codec {
	t.Helper()
	c, err := goavro.NewCodec(testSchema)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// TestGoavroReadsOurs: another implementation reads what we write.
func TestGoavroReadsOurs(t *testing.T) {
	avro := avroCodec(t)
	for _, codec := range []string{Null, Snappy, Deflate} {
		var file bytes.Buffer
		w, err := NewWriter(&file, Header{Schema: testSchema, Codec: codec, Meta: map[string][]byte{"mine": []byte("yes")}})
		if err != nil {
			t.Fatal(err)
		}
		for i := range 5000 {
			if err := w.Append(record(t, avro, int64(i), fmt.Sprint("value ", i))); err != nil {
				t.Fatal(err)
			}
		}
		if err := w.Flush(); err != nil {
			t.Fatal(err)
		}
		in, err := goavro.NewOCFReader(&file)
		if err != nil {
			t.Fatal(err)
		}
		if string(in.MetaData()["mine"]) != "yes" {
			t.Error("metadata is missing")
		}
		n := int64(0)
		for ; in.Scan(); n++ {
			datum, err := in.Read()
			if err != nil {
				t.Fatal(err)
			}
			if m := datum.(map[string]any); m["n"] != n || m["s"] != fmt.Sprint("value ", n) {
				t.Fatalf("%s: record %d is %v", codec, n, m)
			}
		}
		if in.Err() != nil || n != 5000 {
			t.Errorf("%s: %d records, %v", codec, n, in.Err())
		}
	}
}

// TestOursReadsGoavro: we read what another implementation writes, and go on with it.
func TestOursReadsGoavro(t *testing.T) {
	avro := avroCodec(t)
	for _, codec := range []string{Null, Snappy, Deflate} {
		var file bytes.Buffer
		out, err := goavro.NewOCFWriter(goavro.OCFConfig{W: &file, Schema: testSchema, CompressionName: codec})
		if err != nil {
			t.Fatal(err)
		}
		var want []byte
		for block := range 3 {
			var data []any
			for i := range 100 {
				data = append(data, map[string]any{"n": int64(i), "s": fmt.Sprint(block)})
				want = append(want, record(t, avro, int64(i), fmt.Sprint(block))...)
			}
			if err := out.Append(data); err != nil {
				t.Fatal(err)
			}
		}
		h, blocks, counts := readAll(t, file.Bytes())
		if h.Derived || h.Codec != codec || len(blocks) != 3 || counts[0] != 100 || !bytes.Equal(bytes.Join(blocks, nil), want) {
			t.Errorf("%s: %d blocks, header %+v", codec, len(blocks), h)
		}
		w, err := ContinueWriter(&file, h)
		if err != nil {
			t.Fatal(err)
		}
		if err := w.WriteBlock(1, record(t, avro, 7, "ours")); err != nil {
			t.Fatal(err)
		}
		if n := countGoavro(t, &file); n != 301 {
			t.Errorf("%s: goavro reads %d records", codec, n)
		}
	}
}

func countGoavro(t *testing.T, file io.Reader) (n int) {
	t.Helper()
	in, err := goavro.NewOCFReader(file)
	if err != nil {
		t.Fatal(err)
	}
	for ; in.Scan(); n++ {
		if _, err := in.Read(); err != nil {
			t.Fatal(err)
		}
	}
	if in.Err() != nil {
		t.Fatal(in.Err())
	}
	return n
}

// TestRoundTrip: any header and any blocks come back, and Recover finds nothing to cut.
func TestRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		h := Header{
			Schema: testSchema,
			Codec:  rapid.SampledFrom([]string{Null, Snappy, Deflate}).Draw(t, "codec"),
			Meta:   rapid.MapOf(rapid.StringMatching(`[a-z][a-z.]{0,10}é?`).Filter(func(k string) bool { return len(k) < 5 || k[:5] != avroPrefix }), rapid.SliceOf(rapid.Byte())).Draw(t, "meta"),
		}
		blocks := rapid.SliceOf(rapid.SliceOf(rapid.Byte())).Draw(t, "blocks")
		var file bytes.Buffer
		w, err := NewWriter(&file, h)
		if err != nil {
			t.Fatal(err)
		}
		for i, b := range blocks {
			if err := w.WriteBlock(i+1, b); err != nil {
				t.Fatal(err)
			}
		}
		got, err := readBlocks(file.Bytes())
		if err != nil || len(got) != len(blocks) {
			t.Fatalf("%d blocks of %d: %v", len(got), len(blocks), err)
		}
		for i, b := range blocks {
			if got[i] != (block{i + 1, string(b)}) {
				t.Fatalf("block %d differs", i)
			}
		}
		back, end, torn, err := Recover(bytes.NewReader(file.Bytes()), int64(file.Len()))
		if err != nil || torn || end != int64(file.Len()) || back.Sync != w.Header().Sync || len(back.Meta) != len(h.Meta) {
			t.Fatalf("recovered %d of %d, torn %v, %v", end, file.Len(), torn, err)
		}
	})
}

// failingWriter takes only so many bytes.
type failingWriter struct{ room int }

var errNoRoom = errors.New("no room")

func (w *failingWriter) Write(p []byte) (int, error) {
	if len(p) > w.room {
		n := w.room
		w.room = 0
		return n, errNoRoom
	}
	w.room -= len(p)
	return len(p), nil
}

// TestWriteFails: after a Write that failed nothing more is written, since half a block may be in the file.
func TestWriteFails(t *testing.T) {
	out := &failingWriter{room: 10_000}
	w, err := NewWriter(out, Header{Schema: testSchema, Codec: Null})
	if err != nil {
		t.Fatal(err)
	}
	if err := w.WriteBlock(1, make([]byte, 20_000)); !errors.Is(err, errNoRoom) {
		t.Errorf("%v", err)
	}
	out.room = 1 << 20
	if err := errors.Join(w.WriteBlock(1, []byte("x")), w.Append([]byte("x")), w.Flush()); !errors.Is(err, errNoRoom) || out.room != 1<<20 {
		t.Errorf("after a failure: %v", err)
	}
	if w.Size() != 10_000 {
		t.Errorf("Size %d", w.Size())
	}
}

func TestRefused(t *testing.T) {
	var file bytes.Buffer
	for name, h := range map[string]Header{
		"schema":       {Schema: "{"},
		"codec":        {Schema: "{}", Codec: "zstandard"},
		"reserved key": {Schema: "{}", Meta: map[string][]byte{"avro.codec": nil}},
		"marker key":   {Schema: "{}", Meta: map[string][]byte{markerKey: nil}},
		"empty key":    {Schema: "{}", Meta: map[string][]byte{"": nil}},
		"large":        {Schema: "{}", Meta: map[string][]byte{"k": make([]byte, MaxHeader)}},
	} {
		if _, err := NewWriter(&file, h); err == nil || file.Len() > 0 {
			t.Errorf("%s: %v, %d bytes written", name, err, file.Len())
		}
	}
	w, err := NewWriter(io.Discard, Header{Schema: "{}"})
	if err != nil {
		t.Fatal(err)
	}
	if w.WriteBlock(0, nil) == nil || w.WriteBlock(1, make([]byte, MaxBlock+1)) == nil || w.Append(make([]byte, MaxBlock+1)) == nil {
		t.Error("a block beyond the limits was written")
	}
	if _, err := ContinueWriter(io.Discard, Header{Schema: "{}", Codec: Null}); err == nil {
		t.Error("went on without a sync marker")
	}
}

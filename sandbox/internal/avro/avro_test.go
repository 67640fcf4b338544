package avro

import (
	"bytes"
	"errors"
	"io"
	"testing"

	"github.com/linkedin/goavro/v2"
)

func container(t testing.TB, codec string) []byte {
	t.Helper()
	var buf bytes.Buffer
	w, err := goavro.NewOCFWriter(goavro.OCFConfig{W: &buf, CompressionName: codec, Schema: `{"type":"record","name":"r","fields":[
		{"name":"A","type":["null","long"]},{"name":"s","type":["string","null"]},{"name":"b","type":"boolean"},{"name":"f","type":"float"},{"name":"d","type":"double"}]}`})
	if err != nil {
		t.Fatal(err)
	}
	for i := range 3 {
		row := map[string]any{"A": goavro.Union("long", i), "s": goavro.Union("string", "x"), "b": true, "f": float32(1.5), "d": 2.5}
		if i == 1 {
			row["A"], row["s"] = nil, nil
		}
		if err := w.Append([]any{row}); err != nil {
			t.Fatal(err)
		}
	}
	return buf.Bytes()
}

func TestReader(t *testing.T) {
	for _, codec := range []string{"null", "snappy", "deflate"} {
		r, err := NewReader(bytes.NewReader(container(t, codec)))
		if err != nil {
			t.Fatal(err)
		}
		if r.Fields[0].Name != "a" || r.Fields[4].Kind != Double {
			t.Errorf("%+v", r.Fields)
		}
		v := make([]Value, len(r.Fields))
		for i := range 3 {
			if err := r.Next(v); err != nil {
				t.Fatal(codec, err)
			}
			if v[0].Null != (i == 1) || v[1].Null != (i == 1) || v[0].Int != int64(i)*int64(1-i%2) || v[2].Int != 1 || v[3].Float != 1.5 || v[4].Float != 2.5 {
				t.Errorf("%s row %d: %+v", codec, i, v)
			}
		}
		if err := r.Next(v); !errors.Is(err, io.EOF) {
			t.Errorf("after the last row: %v", err)
		}
	}
}

// Whatever is cut off or changed, the reader ends with an error and not otherwise.
func TestDamage(t *testing.T) {
	whole := container(t, "snappy")
	rows := func(b []byte) (n int, err error) {
		r, err := NewReader(bytes.NewReader(b))
		if err != nil {
			return 0, err
		}
		v := make([]Value, len(r.Fields))
		for ; ; n++ {
			if err := r.Next(v); err != nil {
				return n, err
			}
		}
	}
	for i := range whole {
		if n, err := rows(whole[:i]); n == 3 || err == nil {
			t.Fatalf("%d of %d bytes gave %d rows", i, len(whole), n)
		}
	}
}

func FuzzReader(f *testing.F) {
	for _, codec := range []string{"null", "snappy", "deflate"} {
		f.Add(container(f, codec))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		r, err := NewReader(bytes.NewReader(b))
		if err != nil {
			return
		}
		v := make([]Value, len(r.Fields))
		for range 10_000 {
			if r.Next(v) != nil {
				return
			}
		}
	})
}

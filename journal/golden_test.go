package journal

import (
	"encoding/hex"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/linkedin/goavro/v2"
)

var update = flag.Bool("update", false, "write what the golden journals read as")

// goldenStream is the stream of the golden journals.
const goldenStream = "0123456789abcdef0123456789abcdef"

// TestGoldenJournals reads journals that earlier versions wrote out of real messages: testdata/v1 and so on. They stand for the
// journals that users have, so they are never written again; a new version's is added, as a copy of one that it wrote. goavro
// splits and decodes the entries, so the test knows nothing of what is in them.
func TestGoldenJournals(t *testing.T) {
	folders, err := filepath.Glob("testdata/v[0-9]")
	if err != nil || len(folders) == 0 {
		t.Fatal(folders, err)
	}
	for _, dir := range folders {
		t.Run(dir, func(t *testing.T) {
			r, err := OpenReader(dir, goldenOptions(t, controlSchemaOf(t, dir)))
			if err != nil {
				t.Fatal(err)
			}
			got := goldenText(t, r)
			if err := r.VerifyChain(); err != nil {
				t.Error(err)
			}
			if *update {
				if err := os.WriteFile(dir+".golden", []byte(got), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(dir + ".golden")
			if err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(string(want), got); d != "" {
				t.Error(d)
			}
			if n := countWithGoavro(t, dir); n != strings.Count(got, "\noffset ") {
				t.Errorf("goavro's own reader finds %d entries", n)
			}
			goOn(t, dir)
		})
	}
}

// goOn opens a copy for appending, and appends.
func goOn(t *testing.T, dir string) {
	t.Helper()
	schema := controlSchemaOf(t, dir)
	folder := t.TempDir()
	if err := os.CopyFS(folder, os.DirFS(dir)); err != nil {
		t.Fatal(err)
	}
	j := mustOpen(t, folder, goldenOptions(t, schema))
	last, ok := j.Last()
	if !ok || j.NextOffset() != last.Offset+1 || len(j.Recovered()) != 0 {
		t.Fatalf("last %d, next %d, recovered %v", last.Offset, j.NextOffset(), j.Recovered())
	}
	var first Entry // an Open, which fits every segment; its offset 0 is one byte
	for e, err := range j.Reader().Entries(0) {
		if err != nil {
			t.Fatal(err)
		}
		first = Entry{Offset: last.Offset + 1, Record: append(entryOf(last.Offset+1, nil, "").Record[:1], e.Record[1:]...)}
		break
	}
	mustAppend(t, j, []Entry{first})
	if err := j.Reader().VerifyChain(); err != nil {
		t.Error(err)
	}
	got, err := collect(j.Reader(), last.Offset)
	if err != nil || len(got) != 2 {
		t.Errorf("%d entries, %v", len(got), err)
	}
	mustClose(t, j)
}

// controlSchemaOf is the schema of the first segment, which holds control entries only.
func controlSchemaOf(t *testing.T, dir string) string {
	t.Helper()
	o := goldenOptions(t, "")
	if err := o.applyDefaults(); err != nil {
		t.Fatal(err)
	}
	return (&Reader{dir: dir, options: o}).Segments()[0].Schema
}

func goldenOptions(t *testing.T, schema string) Options {
	t.Helper()
	return Options{Stream: goldenStream, Schema: schema, Splitter: func(schema string) (func([]byte) (int, error), error) {
		codec, err := goavro.NewCodec(schema)
		if err != nil {
			return nil, err
		}
		return func(block []byte) (int, error) {
			_, rest, err := codec.NativeFromBinary(block)
			return len(block) - len(rest), err
		}, nil
	}}
}

// goldenText writes down the segments and the entries of a journal.
func goldenText(t *testing.T, r *Reader) string {
	t.Helper()
	var out strings.Builder
	for _, s := range r.Segments() {
		fmt.Fprintf(&out, "segment %s: base %d, %d bytes, sealed %v, stream %s, partition %d, after %d, previous %s, %v\n", filepath.Base(s.Path),
			s.BaseOffset, s.Bytes, s.Sealed, s.Stream, s.Partition, s.After, hex.EncodeToString(s.Previous[:]), s.Err)
	}
	codecs := map[string]*goavro.Codec{}
	for e, err := range r.Entries(0) {
		if err != nil {
			t.Fatal(err)
		}
		codec := codecs[e.Schema]
		if codec == nil {
			if codec, err = goavro.NewCodec(e.Schema); err != nil {
				t.Fatal(err)
			}
			codecs[e.Schema] = codec
		}
		datum, rest, err := codec.NativeFromBinary(e.Record)
		if err != nil || len(rest) > 0 || datum.(map[string]any)["offset"] != e.Offset {
			t.Fatalf("offset %d: %d bytes left, %v", e.Offset, len(rest), err)
		}
		fmt.Fprintf(&out, "offset %d %v\n", e.Offset, datum.(map[string]any)["message"])
	}
	return out.String()
}

// countWithGoavro counts the entries as any Avro tool would.
func countWithGoavro(t *testing.T, dir string) (n int) {
	t.Helper()
	names, err := filepath.Glob(dir + "/*.avro")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		f, err := os.Open(name)
		if err != nil {
			t.Fatal(err)
		}
		in, err := goavro.NewOCFReader(f)
		if err != nil {
			t.Fatal(err)
		}
		for ; in.Scan(); n++ {
			if _, err := in.Read(); err != nil {
				t.Fatal(err)
			}
		}
		if err := errors.Join(in.Err(), f.Close()); err != nil {
			t.Fatal(err)
		}
	}
	return n
}

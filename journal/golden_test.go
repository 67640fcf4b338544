package journal_test

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

	"rewind/change"
	"rewind/disk"
	"rewind/journal"
	"rewind/table"
)

var update = flag.Bool("update", false, "write testdata that is missing, and what the golden journal reads as")

// The golden journal is written once: it stands for the journals that users have, and every later version must read it.
const (
	goldenFolder = "testdata/v1"
	goldenText   = "testdata/v1.golden"
	goldenStream = "0123456789abcdef0123456789abcdef"
)

// TestGoldenJournal reads a journal of real messages that an earlier version wrote.
func TestGoldenJournal(t *testing.T) {
	if _, err := os.Stat(goldenFolder); errors.Is(err, os.ErrNotExist) && *update {
		writeGolden(t)
	}
	r, err := journal.OpenReader(goldenFolder, goldenOptions(0))
	if err != nil {
		t.Fatal(err)
	}
	var got strings.Builder
	for _, s := range r.Segments() {
		fmt.Fprintf(&got, "segment %s: base %d, %d bytes, sealed %v, stream %s, partition %d, after %d, previous %s, %v\n", filepath.Base(s.Path),
			s.BaseOffset, s.Bytes, s.Sealed, s.Stream, s.Partition, s.After, hex.EncodeToString(s.Previous[:4]), s.Err)
	}
	decoders := map[string]*change.EntryDecoder{}
	for e, err := range r.Entries(0) {
		if err != nil {
			t.Fatal(err)
		}
		d := decoders[e.Schema]
		if d == nil {
			if d, err = change.NewEntryDecoder(e.Schema); err != nil {
				t.Fatal(err)
			}
			decoders[e.Schema] = d
		}
		describe(t, &got, d, e)
	}
	if err := r.VerifyChain(); err != nil {
		t.Error(err)
	}
	if *update {
		if err := os.WriteFile(goldenText, []byte(got.String()), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(goldenText)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(string(want), got.String()); d != "" {
		t.Error(d)
	}
}

// TestGoldenJournalInGoavro: the segments are Avro files for any Avro tool.
func TestGoldenJournalInGoavro(t *testing.T) {
	want, err := os.ReadFile(goldenText)
	if err != nil {
		t.Fatal(err)
	}
	names, err := filepath.Glob(goldenFolder + "/*.avro")
	if err != nil || len(names) != 3 {
		t.Fatal(names, err)
	}
	offsets := 0
	for _, name := range names {
		f, err := os.Open(name)
		if err != nil {
			t.Fatal(err)
		}
		in, err := goavro.NewOCFReader(f)
		if err != nil {
			t.Fatal(err)
		}
		for in.Scan() {
			datum, err := in.Read()
			if err != nil {
				t.Fatal(err)
			}
			offset := datum.(map[string]any)["offset"]
			if !strings.Contains(string(want), fmt.Sprintf("\n%d ", offset)) {
				t.Errorf("%s: offset %d is not in the golden text", name, offset)
			}
			offsets++
		}
		if err := errors.Join(in.Err(), f.Close()); err != nil {
			t.Fatal(err)
		}
	}
	if entries := strings.Count(string(want), "\n") - len(names); offsets != entries {
		t.Errorf("goavro reads %d of %d entries", offsets, entries)
	}
}

// TestGoldenJournalGoesOn: a copy of it is opened and appended to.
func TestGoldenJournalGoesOn(t *testing.T) {
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS(goldenFolder)); err != nil {
		t.Fatal(err)
	}
	j, err := journal.Open(dir, goldenOptions(0))
	if err != nil {
		t.Fatal(err)
	}
	last, ok := j.Last()
	if !ok || j.NextOffset() != last.Offset+1 || len(j.Recovered()) != 0 {
		t.Fatalf("last %d, next %d, recovered %v", last.Offset, j.NextOffset(), j.Recovered())
	}
	var b batch
	b.next = last.Offset + 1
	b.gap(t, change.Gap{Reason: "the golden journal ends here", NextOffset: 100, At: 1})
	if err := errors.Join(j.Append(b.entries), j.Reader().VerifyChain(), j.Close()); err != nil {
		t.Error(err)
	}
}

func goldenOptions(segmentBytes int64) journal.Options {
	return journal.Options{
		FS: disk.OS, SegmentBytes: segmentBytes, Stream: goldenStream, Partition: 0, Schema: change.EntrySchema(nil),
		Splitter: func(schema string) (func([]byte) (int, error), error) {
			d, err := change.NewEntryDecoder(schema)
			if err != nil {
				return nil, err
			}
			return d.RecordLen, nil
		},
	}
}

// describe writes an entry as a line.
func describe(t *testing.T, out *strings.Builder, d *change.EntryDecoder, e journal.Entry) {
	t.Helper()
	offset, m, err := d.Decode(e.Record)
	if err != nil || offset != e.Offset {
		t.Fatalf("offset %d: %d, %v", e.Offset, offset, err)
	}
	fmt.Fprintf(out, "%d %s ", offset, m.Kind())
	switch {
	case m.Open != nil:
		fmt.Fprintf(out, "%+v\n", *m.Open)
	case m.Begin != nil:
		b := *m.Begin
		schema := b.Schema
		b.Schema = nil
		fmt.Fprintf(out, "%+v %+v\n", b, *schema)
	case m.Change != nil:
		codec, err := table.NewCodec(d.Schema())
		if err != nil {
			t.Fatal(err)
		}
		c := m.Change
		fmt.Fprintf(out, "%v snapshot %d seq %d %s: %s → %s\n", c.Op, c.Snapshot, c.Seq, codec.FormatKey(c.Key), rowText(t, codec, c.Before), rowText(t, codec, c.After))
	case m.Commit != nil:
		fmt.Fprintf(out, "%+v\n", *m.Commit)
	case m.Gap != nil:
		fmt.Fprintf(out, "%+v\n", *m.Gap)
	}
}

func rowText(t *testing.T, codec *table.Codec, image []byte) string {
	t.Helper()
	if image == nil {
		return "none"
	}
	columns := codec.Schema().Columns
	values := make([]table.Value, len(columns))
	if err := codec.Decode(image, values); err != nil {
		t.Fatal(err)
	}
	var cells []string
	for i, c := range columns {
		cell := "NULL"
		if !values[i].Null {
			cell = fmt.Sprintf("%q", c.Type.Format(values[i]))
		}
		cells = append(cells, c.Name+"="+cell)
	}
	return strings.Join(cells, " ")
}

// batch gathers entries as a consumer does.
type batch struct {
	entries []journal.Entry
	next    int64
}

func (b *batch) add(t *testing.T, schema string, message []byte, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	record, err := change.AppendEntry(nil, b.next, message)
	if err != nil {
		t.Fatal(err)
	}
	b.entries = append(b.entries, journal.Entry{Offset: b.next, Record: record, Schema: schema})
	b.next++
}

func (b *batch) gap(t *testing.T, m change.Gap) {
	t.Helper()
	message, err := change.AppendGap(nil, &m)
	b.add(t, "", message, err)
}

// goldenTable is a table with a column of every type; later has one column more.
func goldenTable(later bool) *table.Schema {
	s := &table.Schema{Table: table.Name{Database: "shop", Table: "orders"}, Key: []int{1, 2}}
	types := []string{"BIGINT", "INT", "BOOLEAN", "TINYINT", "SMALLINT", "FLOAT", "DOUBLE", "DECIMAL(38,10)", "STRING", "VARCHAR(20)", "CHAR(5)", "TIMESTAMP", "DATE", "BINARY"}
	if later {
		types = append(types, "STRING")
	}
	for i, sql := range types {
		typ, err := table.ParseType(sql)
		if err != nil {
			panic(err)
		}
		s.Columns = append(s.Columns, table.Column{ID: i + 1, Name: fmt.Sprintf("c%d_%s", i+1, strings.ToLower(strings.FieldsFunc(sql, func(r rune) bool { return r == '(' })[0])), Type: typ})
	}
	s.NextColumnID = len(types) + 1
	return s
}

// image encodes a row given as texts; "NULL" is NULL.
func image(t *testing.T, codec *table.Codec, cells ...string) (row table.Row) {
	t.Helper()
	values := make([]table.Value, len(cells))
	var err error
	for i, cell := range cells {
		if values[i].Null = cell == "NULL"; values[i].Null {
			continue
		}
		if values[i], err = codec.Schema().Columns[i].Type.Parse(cell); err != nil {
			t.Fatal(err)
		}
	}
	if row.Image, err = codec.AppendImage(nil, values); err != nil {
		t.Fatal(err)
	}
	if row.Key, err = codec.AppendKey(nil, values); err != nil {
		t.Fatal(err)
	}
	return row
}

package journal

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"testing"

	"rewind/disk"
)

// The tests' record: the offset and a byte string, as Avro encodes them.
const (
	controlSchema = `{"type":"record","name":"entry","fields":[{"name":"offset","type":"long"},{"name":"value","type":"bytes"}]}`
	testStream    = "0123456789abcdef0123456789abcdef"
)

// rowSchema is a further schema of the same record.
func rowSchema(n int) string {
	return fmt.Sprintf(`{"type":"record","name":"entry","fields":[{"name":"offset","type":"long"},{"name":"value","type":"bytes","doc":"%d"}]}`, n)
}

func testOptions(fsys disk.FS) Options {
	return Options{FS: fsys, Stream: testStream, Partition: 3, Schema: controlSchema, Splitter: testSplitter}
}

func testSplitter(string) (func([]byte) (int, error), error) {
	return func(block []byte) (int, error) {
		_, n := binary.Varint(block)
		if n <= 0 {
			return 0, errors.New("no offset")
		}
		length, m := binary.Varint(block[n:])
		if m <= 0 || length < 0 || length > int64(len(block)-n-m) {
			return 0, errors.New("no value")
		}
		return n + m + int(length), nil
	}, nil
}

// testEntry makes an entry whose value follows from its offset.
func testEntry(offset int64, schema string) Entry {
	return entryOf(offset, fmt.Appendf(nil, "the value at offset %d", offset), schema)
}

func entryOf(offset int64, value []byte, schema string) Entry {
	record := binary.AppendVarint(nil, offset)
	record = binary.AppendVarint(record, int64(len(value)))
	return Entry{Offset: offset, Record: append(record, value...), Schema: schema}
}

// batchOf makes entries from..to-1 that fit every segment.
func batchOf(from, to int64) []Entry {
	var batch []Entry
	for o := from; o < to; o++ {
		batch = append(batch, testEntry(o, ""))
	}
	return batch
}

func mustOpen(t *testing.T, dir string, o Options) *Journal {
	t.Helper()
	j, err := Open(dir, o)
	if err != nil {
		t.Fatal(err)
	}
	return j
}

func mustAppend(t *testing.T, j *Journal, batches ...[]Entry) {
	t.Helper()
	for _, b := range batches {
		if err := j.Append(b); err != nil {
			t.Fatal(err)
		}
	}
}

func mustClose(t *testing.T, j *Journal) {
	t.Helper()
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
}

// collect reads a journal up to its end or an error. The entries' records are copies.
func collect(r *Reader, from int64) (entries []Entry, err error) {
	for e, err := range r.Entries(from) {
		if err != nil {
			return entries, err
		}
		e.Record = bytes.Clone(e.Record)
		entries = append(entries, e)
	}
	return entries, nil
}

// sameEntries compares what was read with what was written; a schema only where the writer asked for one.
func sameEntries(got, want []Entry) error {
	for i := range min(len(got), len(want)) {
		g, w := got[i], want[i]
		if g.Offset != w.Offset || !bytes.Equal(g.Record, w.Record) || w.Schema != "" && g.Schema != w.Schema {
			return fmt.Errorf("entry %d is %d %q, not %d %q", i, g.Offset, g.Record, w.Offset, w.Record)
		}
	}
	if len(got) != len(want) {
		return fmt.Errorf("%d entries, not %d", len(got), len(want))
	}
	return nil
}

func TestAppendAndRead(t *testing.T) {
	for name, fsys := range map[string]disk.FS{"os": disk.OS, "memory": disk.NewMemory()} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir() + "/a/b"
			j := mustOpen(t, dir, testOptions(fsys))
			if _, ok := j.Last(); ok || j.NextOffset() != 0 {
				t.Errorf("an empty journal has last %v, next %d", ok, j.NextOffset())
			}
			mustAppend(t, j, batchOf(5, 8), nil, batchOf(10, 11))
			mustClose(t, j)

			j = mustOpen(t, dir, testOptions(fsys))
			if last, ok := j.Last(); !ok || last.Offset != 10 || j.NextOffset() != 11 || !bytes.Equal(last.Record, testEntry(10, "").Record) {
				t.Errorf("last %d %q, next %d", last.Offset, last.Record, j.NextOffset())
			}
			mustAppend(t, j, batchOf(11, 20))
			got, err := collect(j.Reader(), 0)
			if err != nil {
				t.Fatal(err)
			}
			want := append(append(batchOf(5, 8), batchOf(10, 11)...), batchOf(11, 20)...)
			if err := sameEntries(got, want); err != nil {
				t.Error(err)
			}
			got, err = collect(j.Reader(), 9)
			if err := errors.Join(err, sameEntries(got, want[3:])); err != nil {
				t.Error(err)
			}
			mustClose(t, j)
		})
	}
}

func TestRollBySizeAndSchema(t *testing.T) {
	o := testOptions(disk.NewMemory())
	o.SegmentBytes = 1
	j := mustOpen(t, "j", o)
	one, two := rowSchema(1), rowSchema(2)
	batches := [][]Entry{
		{testEntry(0, ""), testEntry(1, one), testEntry(2, one), testEntry(3, ""), testEntry(4, two)}, // segments 0 (one), 4 (two)
		{testEntry(5, "")},                     // 5, by size, of the control schema
		{testEntry(9, one), testEntry(11, "")}, // 9
	}
	mustAppend(t, j, batches...)
	want := []struct {
		base   int64
		schema string
	}{{0, one}, {4, two}, {5, controlSchema}, {9, one}}
	infos := j.Reader().Segments()
	if len(infos) != len(want) {
		t.Fatalf("%d segments", len(infos))
	}
	for i, w := range want {
		g := infos[i]
		if g.BaseOffset != w.base || g.Schema != w.schema || g.Sealed != (i < 3) || g.Stream != testStream || g.Partition != 3 || g.Err != nil {
			t.Errorf("segment %d is %+v", i, g)
		}
	}
	if err := j.Reader().VerifyChain(); err != nil {
		t.Error(err)
	}
	for from := range int64(13) {
		var rest []Entry
		for _, b := range batches {
			for _, e := range b {
				if e.Offset >= from {
					rest = append(rest, e)
				}
			}
		}
		got, err := collect(j.Reader(), from)
		if err := errors.Join(err, sameEntries(got, rest)); err != nil {
			t.Errorf("from %d: %v", from, err)
		}
	}
	mustClose(t, j)
}

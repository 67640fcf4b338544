package index

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"rewind/change"
	"rewind/disk"
	"rewind/journal"
	"rewind/table"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var update = flag.Bool("update", false, "write the golden index")

const stream = "0123456789abcdef0123456789abcdef"

func splitter(schema string) (func([]byte) (int, error), error) {
	d, err := change.NewEntryDecoder(schema)
	if err != nil {
		return nil, err
	}
	return d.RecordLen, nil
}

func readerOf(t testing.TB, fs disk.FS, dir string) *journal.Reader {
	t.Helper()
	r, err := journal.OpenReader(dir, journal.Options{FS: fs, Splitter: splitter})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func keyOf(n int) []byte { return fmt.Appendf(nil, "key %d", n) }

// written is a journal of one segment of changes between two of control messages, on a memory file system, a block an entry or so.
func written(t testing.TB, changes, perBlock int) (*disk.Memory, *journal.Reader, []Segment) {
	t.Helper()
	return writtenAt(t, changes, perBlock, 4, 5)
}

// writtenAt is that with the times of its Gap, at the end of the segment before the last, and of the Open of the last one.
func writtenAt(t testing.TB, changes, perBlock int, gapAt, openAt int64) (*disk.Memory, *journal.Reader, []Segment) {
	t.Helper()
	s := &table.Schema{Table: table.Name{Database: "shop", Table: "orders"}, Key: []int{1}, NextColumnID: 2,
		Columns: []table.Column{{ID: 1, Name: "id", Type: table.Type{Kind: table.String}}}}
	codec, err := table.NewCodec(s)
	if err != nil {
		t.Fatal(err)
	}
	encoder, err := change.NewEncoder(s)
	if err != nil {
		t.Fatal(err)
	}
	fs := disk.NewMemory()
	j, err := journal.Open("/j", journal.Options{FS: fs, Stream: stream, Schema: change.EntrySchema(nil), Splitter: splitter})
	if err != nil {
		t.Fatal(err)
	}
	defer j.Close() //nolint:errcheck // everything is appended by then
	by := change.Stamp{Epoch: 3, Writer: [16]byte{1, 2}}
	offset := int64(0)
	var entries []journal.Entry
	put := func(schema string, message []byte, err error) {
		t.Helper()
		var record []byte
		if err == nil {
			record, err = change.AppendEntry(nil, offset, message)
		}
		if err != nil {
			t.Fatal(err)
		}
		entries = append(entries, journal.Entry{Offset: offset, Record: record, Schema: schema})
		offset += 2
		if len(entries) >= perBlock {
			if err := j.Append(entries); err != nil {
				t.Fatal(err)
			}
			entries = nil
		}
	}
	rows := change.EntrySchema(s)
	open, err := change.AppendOpen(nil, &change.Open{Stamp: by, Stream: stream, Table: "shop.orders", At: 5})
	put("", open, err)
	for snapshot := range int64(2) {
		begin, err := change.AppendBegin(nil, &change.Begin{Stamp: by, Stream: stream, Snapshot: 10 + snapshot, Previous: 10 * snapshot, Schema: s, DDL: "CREATE TABLE x",
			Engine: "test", Partitions: 1, Partitioner: change.PartitionerXXH3, Options: map[string]string{"A": "b"}})
		put(rows, begin, err)
		share := change.Counts{Creates: int64(changes)}
		for i := range changes {
			values := []table.Value{{Bytes: keyOf(i)}}
			key, err := codec.AppendKey(nil, values)
			if err != nil {
				t.Fatal(err)
			}
			image, err := codec.AppendImage(nil, values)
			put(rows, encoder.AppendChange(nil, &change.Change{Stamp: by, Snapshot: 10 + snapshot, Seq: int64(i) + 1, Op: change.Create, Key: key, After: image}), err)
		}
		commit, err := change.AppendCommit(nil, &change.Commit{Stamp: by, Snapshot: 10 + snapshot, ReadBegan: 1, ReadEnded: 2, Counts: share, Share: share,
			Seq: int64(changes) + 1, Digest: table.Digest{Rows: 7, M: 1 << 63, F: 9}})
		put(rows, commit, err)
	}
	gap, err := change.AppendGap(nil, &change.Gap{Stamp: by, Reason: "why", NextOffset: offset + 9, At: gapAt, Cause: change.CauseRemoved})
	put(rows, gap, err)
	if len(entries) > 0 {
		if err := j.Append(entries); err != nil {
			t.Fatal(err)
		}
		entries = nil
	}
	s2 := *s
	s2.Columns = append(slices.Clone(s.Columns), table.Column{ID: 2, Name: "n", Type: table.Type{Kind: table.Int}})
	s2.NextColumnID = 3
	open, err = change.AppendOpen(nil, &change.Open{Stamp: by, Stream: stream, Table: "shop.orders", At: openAt})
	put(change.EntrySchema(&s2), open, err)
	if len(entries) > 0 {
		if err := j.Append(entries); err != nil {
			t.Fatal(err)
		}
	}
	r := readerOf(t, fs, "/j")
	segments := Segments(r.Segments())
	return fs, r, segments
}

// TestItemsAreTheEntries: what the index says of a segment, unfolded, are its entries.
func TestItemsAreTheEntries(t *testing.T) {
	for _, perBlock := range []int{1, 3, 1000} {
		fs, r, segments := written(t, 40, perBlock)
		s := segments[len(segments)-2]
		x, err := Options{FS: fs, From: 1}.Update(context.Background(), r, s)
		if err != nil || !x.Whole() {
			t.Fatal(x, err)
		}
		checkItems(t, r, s, x)
		again, err := Options{FS: fs, From: 1}.Open(r, s)
		if err != nil {
			t.Fatal(err)
		}
		checkItems(t, r, s, again)
		if err := again.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

func checkItems(t *testing.T, r *journal.Reader, s Segment, x *Index) {
	t.Helper()
	items, err := x.Items()
	if err != nil {
		t.Fatal(err)
	}
	decoder, err := change.NewEntryDecoder(s.Schema)
	if err != nil {
		t.Fatal(err)
	}
	var size, changes int64
	controls, found := 0, 0
	for _, i := range items {
		if i.Changes == 0 {
			controls++
		}
		changes += i.Changes
		size += i.Size
	}
	at := 0
	for block, err := range r.Blocks(s.SegmentInfo, journal.Place{}) {
		if err != nil {
			t.Fatal(err)
		}
		for e := range block.Entries() {
			_, m, err := decoder.Decode(e.Record)
			if err != nil {
				t.Fatal(err)
			}
			size -= int64(len(e.Record))
			for items[at].Last < e.Offset {
				at++
			}
			i := items[at]
			if m.Change == nil {
				if found++; !reflect.DeepEqual(i.Message, m) || i.First != e.Offset {
					t.Fatalf("offset %d: %+v, want %+v", e.Offset, i.Message, m)
				}
				continue
			}
			changes--
			c := i.Message.Change
			if c == nil || c.Stamp != m.Change.Stamp || c.Snapshot != m.Change.Snapshot || i.First > e.Offset || m.Change.Seq < c.Seq || m.Change.Seq >= c.Seq+i.Changes {
				t.Fatalf("offset %d: %+v in %+v", e.Offset, m.Change, i)
			}
		}
	}
	if size != 0 || changes != 0 || found != controls {
		t.Errorf("%d bytes, %d changes and %d of %d control messages are left", size, changes, controls-found, controls)
	}
}

// TestFindsEveryKey: the stretches that are found hold the key, and few others do.
func TestFindsEveryKey(t *testing.T) {
	const keys = 3000
	fs, r, segments := written(t, keys, 10)
	s := segments[len(segments)-2]
	x, err := Options{FS: fs, From: 1}.Update(context.Background(), r, s)
	if err != nil {
		t.Fatal(err)
	}
	decoder, err := change.NewEntryDecoder(s.Schema)
	if err != nil {
		t.Fatal(err)
	}
	codec, err := table.NewCodec(decoder.Schema())
	if err != nil {
		t.Fatal(err)
	}
	for i := range keys {
		key, err := codec.AppendKey(nil, []table.Value{{Bytes: keyOf(i)}})
		if err != nil {
			t.Fatal(err)
		}
		found, ok, err := x.Find(Print(decoder.Schema(), key))
		if err != nil || !ok || i%100 == 0 && !holds(t, r, s, found, decoder, key) || len(found) == 0 {
			t.Fatalf("key %d: %v, %t, %v", i, found, ok, err)
		}
	}
	wrong := 0
	for i := range keys {
		if found, _, err := x.Find(Print(decoder.Schema(), fmt.Appendf(nil, "no key %d", i))); err != nil || len(found) > 0 {
			wrong++
		}
	}
	if wrong > 3 {
		t.Errorf("%d of %d keys that are not there were found", wrong, keys)
	}
}

// holds says whether the key's two changes are in the stretches.
func holds(t *testing.T, r *journal.Reader, s Segment, stretches []Stretch, decoder *change.EntryDecoder, key []byte) bool {
	t.Helper()
	n := 0
	for _, stretch := range stretches {
		for block, err := range r.Blocks(s.SegmentInfo, stretch.From) {
			if err != nil {
				t.Fatal(err)
			}
			for e := range block.Entries() {
				if _, m, err := decoder.Decode(e.Record); err == nil && m.Change != nil && bytes.Equal(m.Change.Key, key) {
					n++
				}
			}
			if block.End >= stretch.End {
				break
			}
		}
	}
	return n == 2
}

// TestGoesOn: an index of a segment's beginning, gone on with at every block, becomes the one that is made at once.
func TestGoesOn(t *testing.T) {
	fs, r, segments := written(t, 30, 2)
	s := segments[len(segments)-2]
	whole, err := build(context.Background(), r, s, nil)
	if err != nil {
		t.Fatal(err)
	}
	b, err := newBuilder(s, nil)
	if err != nil {
		t.Fatal(err)
	}
	cases := 0
	for block, err := range r.Blocks(s.SegmentInfo, journal.Place{}) {
		if err == nil {
			err = b.block(block)
		}
		if err != nil {
			t.Fatal(err)
		}
		content, err := b.file()
		if err != nil {
			t.Fatal(err)
		}
		if err := disk.WriteFile(fs, s.path(false), content, fileMode); err != nil {
			t.Fatal(err)
		}
		x, err := Options{FS: fs, From: 1}.Open(r, s)
		if err != nil {
			t.Fatal(err)
		}
		again, err := build(context.Background(), r, s, x)
		if err != nil || !bytes.Equal(again, whole) {
			t.Fatalf("gone on from byte %d: %d bytes, %d at once (%v)", block.End, len(again), len(whole), err)
		}
		if b, err = newBuilder(s, x); err != nil {
			t.Fatal(err)
		}
		if err := x.Close(); err != nil {
			t.Fatal(err)
		}
		cases++
	}
	t.Logf("counted: %d beginnings of a segment gone on from", cases)
}

// TestGolden: the index of a golden segment is the golden one, and the golden one is read. It may be deleted, unlike a segment; a later
// version gets another magic and leaves this one to be made again.
func TestGolden(t *testing.T) {
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS("../journal/testdata/v2")); err != nil {
		t.Fatal(err)
	}
	r := readerOf(t, disk.OS, dir)
	segments := Segments(r.Segments())
	for _, s := range segments {
		if !s.Whole {
			continue
		}
		x, err := Options{FS: disk.OS, From: 1}.Update(context.Background(), r, s)
		if err != nil {
			t.Fatal(err)
		}
		checkItems(t, r, s, x)
		golden := filepath.Join("testdata", "v1-"+filepath.Base(s.path(false)))
		got, err := os.ReadFile(s.path(false))
		if err == nil && *update {
			err = os.WriteFile(golden, got, fileMode)
		}
		if err != nil {
			t.Fatal(err)
		}
		want, err := os.ReadFile(golden)
		if err != nil || !bytes.Equal(got, want) {
			t.Errorf("%s is another: %v", golden, err)
		}
	}
	if len(segments) < 3 {
		t.Error(len(segments))
	}
}

// TestNotWritable: where no index can be written none is made, and nothing is read for it.
func TestNotWritable(t *testing.T) {
	fs, r, segments := written(t, 5, 10)
	fs.FailAt(3) // both looks for one succeed
	x, err := Options{FS: fs, From: 1}.Update(context.Background(), r, segments[0])
	if x != nil || !errors.Is(err, disk.ErrInjected) {
		t.Errorf("%v, %v", x, err)
	}
}

func TestIsName(t *testing.T) {
	for name, want := range map[string]bool{
		"00000000000000000000.index": true, "00000000000000000000.index.age": true, "00000000000000000000.index.tmp": true,
		"00000000000000000000.index.age.tmp": true, "00000000000000000000.avro": false, "00000000000000000000.avro.age": false, "lock": false,
	} {
		if IsName(name) != want {
			t.Errorf("%s: %t", name, !want)
		}
	}
	if s := (Segment{}); !strings.HasSuffix(s.path(true), "00000000000000000000.index.age") {
		t.Error(s.path(true))
	}
}

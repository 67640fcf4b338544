package producer

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"rewind/change"
	"rewind/disk"
	"rewind/table"
)

// fileOf is the snapshot file that a capture writes of a heap's rows: sorted by an engine, or here.
func fileOf(t *rapid.T, s *table.Schema, rows []table.Row, here bool, memory int) []byte {
	fs := disk.NewMemory()
	if err := disk.MakeDirs(fs, "/data/t", 0o700); err != nil {
		t.Fatal(err)
	}
	p := New(&heap{all: rows}, nil, Options{FS: fs, MemoryBytes: memory})
	header := &fileHeader{Version: fileVersion, Snapshot: 1, Partitions: 1, Partitioner: change.PartitionerXXH3, Stream: "s", Offsets: []int64{0}, Schema: s.AvroSchema(), HashKey: make([]byte, hashKeyBytes)}
	c := &capture{producer: p, session: &session{dir: "/data/t"}, schema: s, header: header, logger: newDiscard(), options: TableOptions{SortHere: here}}
	codec, err := table.NewCodec(s)
	if err != nil {
		t.Fatal(err)
	}
	w, err := c.folder().create(pendingName, header)
	if err != nil {
		t.Fatal(err)
	}
	if err := c.copyRows(context.Background(), &merge{codec: codec, out: w}); err != nil {
		t.Fatal(err)
	}
	if _, err := w.finish(2); err != nil {
		t.Fatal(err)
	}
	f, err := fs.OpenFile("/data/t/"+pendingName, os.O_RDONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close() //nolint:errcheck // only read
	b, err := io.ReadAll(f)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// TestWhoeverSorts: the snapshot file is the same, byte for byte, whether the engine ordered the rows or this machine did, in memory or
// on the disk, and in whatever order they came.
func TestWhoeverSorts(t *testing.T) {
	s := &table.Schema{Table: orders, Key: []int{2, 1}, NextColumnID: 4, Columns: []table.Column{
		{ID: 1, Name: "n", Type: table.Type{Kind: table.BigInt}}, {ID: 2, Name: "s", Type: table.Type{Kind: table.String}}, {ID: 3, Name: "d", Type: table.Type{Kind: table.Double}},
	}}
	codec, err := table.NewCodec(s)
	if err != nil {
		t.Fatal(err)
	}
	cases := 0
	rapid.Check(t, func(t *rapid.T) {
		cases++
		var rows []table.Row
		for i := range rapid.IntRange(0, 300).Draw(t, "rows") {
			values := []table.Value{{Int: int64(i)}, {Bytes: rapid.SliceOfN(rapid.SampledFrom([]byte{0, 1, 'a', 'b'}), 0, 12).Draw(t, "s")}, {Float: float64(i)}}
			values[1].Null = i%7 == 3
			row := table.Row{}
			if row.Image, err = codec.AppendImage(nil, values); err == nil {
				row.Key, err = codec.AppendKey(nil, values)
			}
			if err != nil {
				t.Fatal(err)
			}
			rows = append(rows, row)
		}
		ordered := slices.SortedFunc(slices.Values(rows), func(a, b table.Row) int { return bytes.Compare(a.Key, b.Key) })
		want := fileOf(t, s, ordered, false, 0)
		shuffled := rows
		if len(rows) > 1 {
			shuffled = rapid.Permutation(rows).Draw(t, "as they came")
		}
		for _, memory := range []int{1, 1 << 20} {
			if !bytes.Equal(want, fileOf(t, s, shuffled, true, memory)) {
				t.Fatalf("%d rows, %d bytes of memory: another file", len(rows), memory)
			}
		}
	})
	t.Logf("counted: %d snapshot files equal whoever sorted their rows", cases)
}

// TestLocalOrder: a table with a key is captured out of any order; who sorts may change from one capture to the next.
func TestLocalOrder(t *testing.T) {
	w := newWorld(t, 2, "Alice", "Bob", "Carol", "Dan")
	w.memory = 1
	p, here := w.start(), TableOptions{SortHere: true}
	if r := w.capture(p, here); r.Rows != 4 || r.Counts.Reads != 4 || r.Digest != w.digest() {
		t.Errorf("%+v, the engine's digest is %v", r, w.digest())
	}
	for i, o := range []TableOptions{{}, here, {}} {
		if r := w.capture(p, o); r.Counts.Total() != 0 || r.Baseline || r.Digest != w.digest() {
			t.Errorf("capture %d, nothing changed: %+v", i, r)
		}
	}
	w.engine.set(2, "Bert")
	if r := w.capture(p, here); r.Counts != (change.Counts{Updates: 1}) || r.Digest != w.digest() {
		t.Errorf("a row was updated: %+v", r)
	}
}

// TestLocalOrderFindsDuplicates: two rows of one key are refused whoever sorts, also where they came far from each other.
func TestLocalOrderFindsDuplicates(t *testing.T) {
	w := newWorld(t, 1, "Alice", "Bob", "Carol")
	w.memory = 1
	w.engine.order = []int64{1, 2, 3, 1}
	var twice *DuplicateKeyError
	if _, err := w.start().Capture(context.Background(), orders, TableOptions{SortHere: true}); !errors.As(err, &twice) || !strings.Contains(twice.Key, "id=") {
		t.Errorf("got %v", err)
	}
}

// BenchmarkSortHere is what the sort costs beside rows that come ordered: the ratio counts. The engine's own sort is not in it; see
// BenchmarkOrder of impala.
func BenchmarkSortHere(b *testing.B) {
	const rows = 200_000
	e := newEngine()
	for i := range int64(rows) {
		e.set(i*7919%rows, fmt.Sprint("a row of some length, number ", i))
	}
	for _, o := range []TableOptions{{}, {SortHere: true}} {
		for _, memory := range []int{0, 4 << 20} {
			if !o.SortHere && memory > 0 {
				continue
			}
			b.Run(fmt.Sprintf("here=%t/memory=%d", o.SortHere, memory), func(b *testing.B) {
				benchmarkScan(b, e, o, memory, rows)
			})
		}
	}
}

func benchmarkScan(b *testing.B, e *engine, o TableOptions, memory, rows int) {
	p := New(e, nil, Options{FS: disk.OS, MemoryBytes: memory})
	definition, err := e.Describe(context.Background(), orders)
	if err != nil {
		b.Fatal(err)
	}
	c := &capture{producer: p, session: &session{dir: b.TempDir()}, schema: definition.Schema, options: o, logger: newDiscard(), header: &fileHeader{}}
	b.ReportAllocs()
	for b.Loop() {
		n := 0
		for _, err := range c.orderedRows(context.Background()) {
			if err != nil {
				b.Fatal(err)
			}
			n++
		}
		if n != rows {
			b.Fatal(n)
		}
	}
	b.ReportMetric(float64(rows)*float64(b.N)/b.Elapsed().Seconds(), "rows/s")
}

package replay

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"rewind/change"
	"rewind/disk"
	"rewind/index"
	"rewind/journal"
	"rewind/table"
)

// largeJournal writes a journal of an 8-column table: one tenth of the events is its baseline, the rest updates, in so many snapshots.
// REWIND_BENCH_EVENTS says how many events (10000000 takes minutes), REWIND_BENCH_DIR where it is kept and found again.
func largeJournal(b *testing.B, snapshots int) (root string, events int) {
	b.Helper()
	events = 400_000
	if n, err := strconv.Atoi(os.Getenv("REWIND_BENCH_EVENTS")); err == nil {
		events = n
	}
	dir := os.Getenv("REWIND_BENCH_DIR")
	if dir == "" {
		dir = b.TempDir()
	}
	root = filepath.Join(dir, "journal")
	if _, err := os.Stat(root); err == nil {
		return root, events
	}
	l := newLarge(b, root)
	l.put(0, l.message(change.AppendOpen(nil, &change.Open{Stamp: l.stamp, Stream: l.stream, Table: orders.String(), At: 1})), "")
	for p := 1; p < len(l.journals); p++ {
		l.put(p, l.message(change.AppendOpen(nil, &change.Open{Stamp: l.stamp, Stream: l.stream, Table: orders.String(), At: 1})), "")
	}
	keys := events / 10
	each := (events - keys) / (snapshots - 1)
	for s := range snapshots {
		n, step := each, keys/each
		if s == 0 {
			n, step = keys, 1
		}
		l.snapshot(s, n, max(step, 1), keys)
	}
	l.flush()
	for _, j := range l.journals {
		l.must(j.Close())
	}
	return root, events
}

// large writes journals in batches.
type large struct {
	b        *testing.B
	stream   string
	stamp    change.Stamp
	schema   *table.Schema
	codec    *table.Codec
	encoder  *change.Encoder
	journals []*journal.Journal
	batches  [][]journal.Entry
	next     []int64
	clock    int64
}

const largePartitions = 4

func newLarge(b *testing.B, root string) *large {
	l := &large{b: b, stream: fmt.Sprintf("%032x", 10), stamp: change.Stamp{Epoch: 1, Writer: [16]byte{7}}, clock: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC).UnixMicro()}
	var columns []table.Column
	for i, kind := range []table.Kind{table.String, table.BigInt, table.Double, table.Timestamp, table.Date, table.Boolean} {
		columns = append(columns, table.Column{ID: 3 + i, Name: fmt.Sprintf("c%d", i), Type: table.Type{Kind: kind}})
	}
	l.schema = ordersSchema(columns...)
	var err error
	l.codec, err = table.NewCodec(l.schema)
	l.must(err)
	l.encoder, err = change.NewEncoder(l.schema)
	l.must(err)
	l.batches, l.next = make([][]journal.Entry, largePartitions), make([]int64, largePartitions)
	for p := range largePartitions {
		j, err := journal.Open(filepath.Join(root, orders.FileName(), l.stream, fmt.Sprintf("%05d", p)), journal.Options{
			Stream: l.stream, Partition: p, Schema: change.EntrySchema(nil), Splitter: decoders{}.split,
		})
		l.must(err)
		l.journals = append(l.journals, j)
	}
	return l
}

func (l *large) must(err error) {
	if err != nil {
		l.b.Helper()
		l.b.Fatal(err)
	}
}

func (l *large) message(m []byte, err error) []byte { l.must(err); return m }

func (l *large) put(p int, message []byte, schema string) {
	record, err := change.AppendEntry(nil, l.next[p], message)
	l.must(err)
	l.batches[p] = append(l.batches[p], journal.Entry{Offset: l.next[p], Record: record, Schema: schema})
	if l.next[p]++; len(l.batches[p]) == 5000 {
		l.must(l.journals[p].Append(l.batches[p]))
		l.batches[p] = l.batches[p][:0]
	}
}

func (l *large) flush() {
	for p, j := range l.journals {
		l.must(j.Append(l.batches[p]))
		l.batches[p] = l.batches[p][:0]
	}
}

func (l *large) row(i, version int) (key, image []byte) {
	x := uint64(i)*0x9E3779B97F4A7C15 + uint64(version)*0xBF58476D1CE4E5B9
	x ^= x >> 31
	v := []table.Value{
		{Int: int64(i)}, {Bytes: []byte("line")}, {Bytes: fmt.Appendf(nil, "item %d of %x", i, x)}, {Int: int64(x >> 20)},
		{Float: float64(x) / 7}, {Bytes: fmt.Appendf(nil, "2026-11-23 09:00:%02d.%09d", x%60, x%1_000_000_000)}, {Int: int64(20_000 + x%365)}, {Int: int64(x & 1)},
	}
	key, err := l.codec.AppendKey(nil, v)
	l.must(err)
	image, err = l.codec.AppendImage(nil, v)
	l.must(err)
	return key, image
}

// snapshot publishes n changes of keys that lie step apart.
func (l *large) snapshot(number, n, step, keys int) {
	previous := l.clock
	if number == 0 {
		previous = 0
	}
	l.clock += 60_000_000
	for p := range largePartitions {
		l.put(p, l.message(change.AppendBegin(nil, &change.Begin{
			Stamp: l.stamp, Stream: l.stream, Snapshot: l.clock, Previous: previous, Schema: l.schema, DDL: "CREATE TABLE shop.orders (order_id BIGINT, line STRING)",
			Engine: "test", Partitions: largePartitions, Partitioner: change.PartitionerXXH3,
		})), "")
	}
	schema := change.EntrySchema(l.schema)
	shares, total := make([]change.Counts, largePartitions), change.Counts{}
	for i := range n {
		id := (i*step + number) % keys
		m := &change.Change{Stamp: l.stamp, Snapshot: l.clock, Op: change.Read}
		m.Key, m.After = l.row(id, number)
		if number > 0 {
			m.Op = change.Update
			_, m.Before = l.row(id, number-1)
		}
		p := change.Partition(m.Key, largePartitions)
		shares[p].Add(m.Op)
		total.Add(m.Op)
		m.Seq = shares[p].Total()
		l.put(p, l.encoder.AppendChange(nil, m), schema)
	}
	for p := largePartitions - 1; p >= 0; p-- {
		l.put(p, l.message(change.AppendCommit(nil, &change.Commit{Stamp: l.stamp, Snapshot: l.clock, ReadBegan: l.clock, ReadEnded: l.clock + 1,
			Counts: total, Share: shares[p], Seq: shares[p].Total() + 1, Digest: table.Digest{Rows: int64(keys)}})), "")
	}
}

// counting counts the bytes that are read.
type counting struct {
	disk.FS
	read *atomic.Int64
}

type countedFile struct {
	disk.File
	read *atomic.Int64
}

func (c counting) OpenFile(name string, flag int, perm fs.FileMode) (disk.File, error) {
	f, err := c.FS.OpenFile(name, flag, perm)
	if err != nil {
		return nil, err
	}
	return countedFile{f, c.read}, nil
}

func (f countedFile) Read(p []byte) (int, error) {
	n, err := f.File.Read(p)
	f.read.Add(int64(n))
	return n, err
}

func (f countedFile) ReadAt(p []byte, off int64) (int, error) {
	n, err := f.File.ReadAt(p, off)
	f.read.Add(int64(n))
	return n, err
}

// BenchmarkLargeJournal measures, on a journal of 1,000 restore points, the cold start of who asks for them and the history of one key: with
// indexes and without, with the bytes that were read as a share of the segments'.
func BenchmarkLargeJournal(b *testing.B) {
	root, events := largeJournal(b, 1000)
	began := time.Now()
	j, err := Open(root, orders, Options{}) // makes the indexes that are not there
	if err != nil || len(j.Points()) != 1000 || j.Damage() != nil {
		b.Fatal(err, j.Damage())
	}
	first := time.Since(began)
	segments, indexes := sizes(b, root)
	b.Logf("%d events, %d bytes of segments, %d of indexes (%.1f %%), first reading %v", events, segments, indexes, 100*float64(indexes)/float64(segments), first)
	for _, indexed := range []bool{true, false} {
		var read atomic.Int64
		var fsys disk.FS = counting{disk.OS, &read}
		if !indexed {
			fsys = unindexed{fsys}
		}
		run := func(name string, do func(b *testing.B)) {
			b.Run(fmt.Sprintf("%s/indexed=%t", name, indexed), func(b *testing.B) {
				read.Store(0)
				for b.Loop() {
					do(b)
				}
				b.ReportMetric(100*float64(read.Load())/float64(b.N)/float64(segments), "%read")
				b.ReportMetric(float64(events)*float64(b.N)/b.Elapsed().Seconds(), "events/s")
			})
		}
		run("points", func(b *testing.B) {
			if j, err = Open(root, orders, Options{FS: fsys}); err != nil || len(j.Points()) != 1000 {
				b.Fatal(err)
			}
		})
		run("history", func(b *testing.B) {
			if h, err := j.RowHistory(context.Background(), fmt.Sprintf("order_id=%d,line=line", events/20)); err != nil || len(h.Versions) == 0 {
				b.Fatal(h, err)
			}
		})
		run("missing key", func(b *testing.B) {
			if h, err := j.RowHistory(context.Background(), "order_id=-1,line=line"); err != nil || len(h.Versions) > 0 {
				b.Fatal(h, err)
			}
		})
	}
}

func sizes(b *testing.B, root string) (segments, indexes int64) {
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		info, err := d.Info()
		if err == nil && index.IsName(d.Name()) {
			indexes += info.Size()
		} else if err == nil && filepath.Ext(path) == ".avro" {
			segments += info.Size()
		}
		return err
	})
	if err != nil {
		b.Fatal(err)
	}
	return segments, indexes
}

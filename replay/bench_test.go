package replay

import (
	"cmp"
	"context"
	"fmt"
	"testing"

	"rewind/change"
	"rewind/disk"
	"rewind/journal"
	"rewind/sorting"
	"rewind/table"
)

const (
	benchRows      = 100_000
	benchSnapshots = 4 // behind the baseline, each updating a tenth of the rows
)

// benchJournal writes a journal of an 8-column table in one partition, in one segment.
func benchJournal(b *testing.B) *Journal {
	b.Helper()
	return benchJournalIn(b, 256<<20)
}

// benchJournalIn writes it in segments of so many bytes.
func benchJournalIn(b *testing.B, segment int64) *Journal {
	b.Helper()
	tp := newTape(b, disk.NewMemory(), 1)
	tp.segment = segment
	tp.close()
	tp.openJournals()
	var columns []table.Column
	for i, kind := range []table.Kind{table.String, table.BigInt, table.Double, table.Timestamp, table.Date, table.Boolean} {
		columns = append(columns, table.Column{ID: 3 + i, Name: fmt.Sprintf("c%d", i), Type: table.Type{Kind: kind}})
	}
	tp.open(1)
	tp.use(ordersSchema(columns...))
	codec, err := table.NewCodec(tp.schema)
	tp.must(err)
	image := func(i, version int) (key string, image []byte) {
		v := []table.Value{
			{Int: int64(i)}, {Bytes: []byte("line")}, {Bytes: fmt.Appendf(nil, "item %d of %d", i, version)}, {Int: int64(i) * 31},
			{Float: float64(i) / 7}, {Bytes: []byte("2026-11-23 09:00:00.000000000")}, {Int: 20_000}, {Null: true},
		}
		k, err := codec.AppendKey(nil, v)
		tp.must(err)
		image, err = codec.AppendImage(nil, v)
		tp.must(err)
		return string(k), image
	}
	batch := &batch{tp: tp, schema: change.EntrySchema(tp.schema)}
	next := rows{}
	for i := range benchRows {
		k, im := image(i, 0)
		next[k] = im
	}
	tp.batch = batch
	tp.snapshot(next, published{})
	for s := range benchSnapshots {
		for i := s; i < benchRows; i += 10 {
			k, im := image(i, s+1)
			next[k] = im
		}
		before := rows{}
		for i := s; i < benchRows; i += 10 {
			k, im := image(i, 0)
			before[k] = im
		}
		for k, im := range next {
			if _, changed := before[k]; !changed {
				before[k] = im
			}
		}
		tp.current = before
		tp.snapshot(next, published{})
	}
	batch.flush()
	tp.close()
	j := openReplay(b, tp.fs)
	if j.Damage() != nil {
		b.Fatal(j.Damage())
	}
	return j
}

// batch gathers entries, for an append of each alone would take the benchmark's time.
type batch struct {
	tp      *tape
	schema  string
	size    int // of a batch; 0: 5000
	entries []journal.Entry
}

func (a *batch) add(e journal.Entry) {
	e.Schema = a.schema
	if a.entries = append(a.entries, e); len(a.entries) == cmp.Or(a.size, 5000) {
		a.flush()
	}
}

func (a *batch) flush() {
	a.tp.must(a.tp.journals[0].Append(a.entries))
	a.entries = a.entries[:0]
}

func BenchmarkFold(b *testing.B) {
	j := benchJournal(b)
	points := j.Points()
	p := points[len(points)-1]
	for name, memory := range map[string]int{"memory": 0, "spilled": 4 << 20} {
		b.Run(name, func(b *testing.B) {
			j.o.MemoryBytes = memory
			if memory == 0 {
				j.o.MemoryBytes = sorting.DefaultMemoryBytes
			}
			b.ReportAllocs()
			events := 0
			for b.Loop() {
				for _, err := range j.Fold(context.Background(), p) {
					if err != nil {
						b.Fatal(err)
					}
				}
				events += benchRows + benchSnapshots*benchRows/10
			}
			b.ReportMetric(float64(events)/b.Elapsed().Seconds(), "events/s")
		})
	}
}

func BenchmarkVerify(b *testing.B) {
	j := benchJournal(b)
	for b.Loop() {
		if _, err := j.Verify(context.Background(), VerifyOptions{}); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkOpen(b *testing.B) {
	j := benchJournal(b)
	for b.Loop() {
		if _, err := Open(testRoot, orders, j.o); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkRowHistory(b *testing.B) {
	j := benchJournal(b)
	for b.Loop() {
		if h, err := j.RowHistory(context.Background(), "order_id=11,line=line"); err != nil || len(h.Versions) != 2 {
			b.Fatal(h, err)
		}
	}
}

func BenchmarkParseSpec(b *testing.B) {
	for b.Loop() {
		if _, err := ParseSpec("2026-11-22T09:00:05.123Z", testNow, testNow.Location()); err != nil {
			b.Fatal(err)
		}
	}
}

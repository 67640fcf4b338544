package replay

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"

	"rewind/change"
	"rewind/disk"
	"rewind/table"
)

// longRow is one whose image hardly shrinks.
func longRow(t fataler, s *table.Schema, id, version int) (key string, image []byte) {
	var text strings.Builder
	for x := uint64(id)<<8 | uint64(version); text.Len() < 8<<10; x++ {
		text.WriteString(strconv.FormatUint(x*0x9E3779B97F4A7C15, 36))
	}
	return row(t, s, strconv.Itoa(id), "a", fmt.Sprint("item ", version, " ", text.String()))
}

// TestHistoryReadsLittleOfABase: behind a cut, what a key's row was is found in the base without reading it all.
func TestHistoryReadsLittleOfABase(t *testing.T) {
	const n = 5_000
	tp := unopenedTape(t, disk.NewMemory(), 1)
	tp.segment = 256 << 10
	tp.openJournals()
	tp.open(1)
	tp.use(ordersSchema(itemColumn))
	now := rows{}
	for id := range n {
		key, image := longRow(t, tp.schema, 2*id, 0)
		now[key] = image
	}
	tp.batch = &batch{tp: tp, schema: change.EntrySchema(tp.schema), size: 50}
	for version := 1; version < 4; version++ {
		for id := 0; id < n; id += n / 10 {
			key, image := longRow(t, tp.schema, 2*id, version)
			now[key] = image
		}
		tp.snapshot(now, published{})
		tp.batch.flush()
	}
	tp.close()
	j := openReplay(t, tp.fs)
	if r, err := retainSince(j, j.Points()[1].ReadEnded); err != nil || !r.Applied {
		t.Fatal(r, err)
	}
	var read atomic.Int64
	j = holdOpen(t, counting{tp.fs, &read}, Options{})
	base := j.streams[0].cut.Base.Bytes
	most := int64(0)
	for id, want := range map[int]int{0: 2, 1: 0, -1: 0, 2*n + 1: 0, 2: 1, 2*n - 2: 1, n: 2, n + 1: 0, n + 2: 1} {
		read.Store(0)
		h, err := j.RowHistory(context.Background(), fmt.Sprintf("order_id=%d,line=a", id))
		if err != nil || len(h.Versions) != want {
			t.Fatalf("key %d: %d versions, want %d: %v", id, len(h.Versions), want, err)
		}
		most = max(most, read.Load())
	}
	if most > base/20 {
		t.Errorf("%d bytes were read for one key, of a base of %d", most, base)
	}
	t.Logf("counted: %d bytes of a base of %d, the most that were read for the history of a key", most, base)
}

// BenchmarkRowHistoryOfABase looks for a key in a journal that begins with the rows of a restore point.
func BenchmarkRowHistoryOfABase(b *testing.B) {
	j := benchJournalIn(b, 1<<20)
	if r, err := retainSince(j, j.Points()[benchSnapshots-1].ReadEnded); err != nil || !r.Applied {
		b.Fatal(r, err)
	}
	var read atomic.Int64
	fsys := counting{j.o.FS, &read}
	j = holdOpen(b, fsys, Options{})
	base := j.streams[0].cut.Base.Bytes
	for name, id := range map[string]int{"there": benchRows/2 + 1, "missing": -1} {
		b.Run(name, func(b *testing.B) {
			read.Store(0)
			b.ReportAllocs()
			for b.Loop() {
				if h, err := j.RowHistory(context.Background(), fmt.Sprintf("order_id=%d,line=line", id)); err != nil || id > 0 && len(h.Versions) == 0 {
					b.Fatal(h, err)
				}
			}
			b.ReportMetric(100*float64(read.Load())/float64(b.N)/float64(base), "%read")
		})
	}
}

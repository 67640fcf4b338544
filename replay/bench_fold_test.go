package replay

import (
	"context"
	"encoding/binary"
	"iter"
	"testing"

	"rewind/table"
)

// nowhere is a target that takes rows, believes what they say and keeps nothing.
type nowhere struct{}

func (nowhere) Load(_ context.Context, l table.Load, rows iter.Seq2[table.Row, error]) (table.Loaded, error) {
	for _, err := range rows {
		if err != nil {
			return table.Loaded{}, err
		}
	}
	return table.Loaded{Digest: l.Digest}, nil
}

// BenchmarkRestore folds and proves a journal's newest point for an engine that costs nothing.
func BenchmarkRestore(b *testing.B) {
	j := benchJournal(b)
	points := j.Points()
	p := points[len(points)-1]
	b.ReportAllocs()
	for b.Loop() {
		if _, err := j.Restore(context.Background(), nowhere{}, RestoreOptions{At: Spec{Snapshot: p.ID}, Into: then}); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(p.Rows)*float64(b.N)/b.Elapsed().Seconds(), "rows/s")
}

// BenchmarkSeen looks for a million keys, all of which are known but for the first time, in a set that is larger than the caches near the
// processor.
func BenchmarkSeen(b *testing.B) {
	const keys = 1 << 20
	s := newSeen(keys, 12<<20)
	defer s.free()
	var looks [lookAhead]look
	var key [9]byte
	b.ReportAllocs()
	at := uint64(0)
	for b.Loop() {
		for i := range looks {
			binary.BigEndian.PutUint64(key[1:], at*7919%keys)
			s.look(&looks[i], key[:])
			at++
		}
		for i := range looks {
			s.before(&looks[i])
		}
	}
	b.ReportMetric(lookAhead*float64(b.N)/b.Elapsed().Seconds()/1e6, "Mkeys/s")
}

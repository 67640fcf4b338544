package consumer

import (
	"context"
	"fmt"
	"testing"

	"rewind/disk"
	"rewind/topic"
)

// BenchmarkConsume journals 50,000 changes out of an in-process Kafka onto the disk.
func BenchmarkConsume(b *testing.B) {
	const rows = 50_000
	w := newWorld(b)
	w.write(w.open(stamp(1, 'a')))
	w.write(w.snapshotOf(stamp(1, 'a'), 100, 0, rows)...)
	b.ReportAllocs()
	for n := 0; b.Loop(); n++ {
		b.StopTimer() // a group of its own: the offset of another's tells that a journal was lost
		kafka, err := topic.NewClient(topic.Options{Brokers: w.cluster.ListenAddrs(), Partitions: 1, Group: fmt.Sprint("bench", n)})
		if err != nil {
			b.Fatal(err)
		}
		o := w.options()
		o.Dir, o.FS, o.SegmentBytes = b.TempDir(), disk.OS, 0
		b.StartTimer()
		r, err := Run(context.Background(), kafka, o)
		if err != nil || r.Entries() != rows+3 {
			b.Fatal(r, err)
		}
		b.SetBytes(r.Partitions[0].Bytes)
		kafka.Close()
	}
	b.ReportMetric(rows*float64(b.N)/b.Elapsed().Seconds(), "entries/s")
}

package producer

import (
	"context"
	"fmt"
	"testing"

	"rewind/disk"
	"rewind/sandbox/kafkatest"
	"rewind/topic"
)

// BenchmarkCapture captures a table of 100,000 rows into an in-process Kafka: as a baseline, and again with 1 % updated.
func BenchmarkCapture(b *testing.B) {
	const rows = 100_000
	e := newEngine()
	for i := range int64(rows) {
		e.set(i, fmt.Sprint("a row of some length, number ", i))
	}
	for _, percent := range []int64{100, 1} {
		b.Run(fmt.Sprint(percent, " percent"), func(b *testing.B) {
			cluster := kafkatest.New(b)
			kafka, err := topic.NewClient(topic.Options{Brokers: cluster.ListenAddrs()})
			if err != nil {
				b.Fatal(err)
			}
			defer kafka.Close()
			p := New(e, kafka, Options{Dir: b.TempDir(), FS: disk.OS})
			defer func() { _ = p.Close() }()
			if _, err := p.Capture(context.Background(), orders, TableOptions{}); err != nil {
				b.Fatal(err)
			}
			b.ReportAllocs()
			for n := 0; b.Loop(); n++ {
				for i := int64(0); i < rows; i += 100 / percent {
					e.set(i, fmt.Sprint("a row of some length, number ", i, " changed ", n))
				}
				if _, err := p.Capture(context.Background(), orders, TableOptions{}); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(rows*float64(b.N)/b.Elapsed().Seconds(), "rows/s")
		})
	}
}

package topic

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"testing"

	"github.com/segmentio/kafka-go"

	"rewind/sandbox/kafkatest"
	"rewind/table"
)

// benchMessages are of a usual size.
func benchMessages(n int) (values [][]byte, bytes int64) {
	for i := range n {
		v := fmt.Appendf(nil, "%08d|customer-%06d|1 Long Street, Springfield|2026-11-23 09:00:00.000000|%10d|open|%d", i, i*7919%1_000_000, i*104729, i)
		values, bytes = append(values, v), bytes+int64(len(v))
	}
	return values, bytes
}

// BenchmarkBatch opens a batch and takes its messages out.
func BenchmarkBatch(b *testing.B) {
	const n = 5000
	values, size := benchMessages(n)
	var records []byte
	for i, v := range values {
		r := binary.AppendVarint([]byte{0}, 0)
		r = binary.AppendVarint(r, int64(i))
		r = binary.AppendVarint(r, -1)
		r = append(binary.AppendVarint(r, int64(len(v))), v...)
		r = binary.AppendVarint(r, 0)
		records = append(binary.AppendVarint(records, int64(len(r))), r...)
	}
	var packed bytes.Buffer
	w := kafka.Lz4.Codec().NewWriter(&packed)
	if _, err := w.Write(records); err != nil {
		b.Fatal(err)
	}
	if err := w.Close(); err != nil {
		b.Fatal(err)
	}
	for name, batch := range map[string][]byte{"none": makeBatch(0, codecNone, n-1, n, records), "lz4": makeBatch(0, codecLZ4, n-1, n, packed.Bytes())} {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(size)
			b.ReportAllocs()
			var memory []byte
			for b.Loop() {
				opened, err := openBatch(batch, memory)
				memory = opened.memory
				for err == nil && opened.left > 0 {
					_, err = opened.take()
				}
				if err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(n*float64(b.N)/b.Elapsed().Seconds(), "messages/s")
		})
	}
}

// BenchmarkTopic appends to a topic of an in-process Kafka, and reads what was appended.
func BenchmarkTopic(b *testing.B) {
	const n = 20_000
	values, size := benchMessages(n)
	c, err := NewClient(Options{Brokers: kafkatest.New(b).ListenAddrs()})
	if err != nil {
		b.Fatal(err)
	}
	defer c.Close()
	ctx := context.Background()
	t, err := c.Create(ctx, table.Name{Database: "bench", Table: "t"}, 1)
	if err != nil {
		b.Fatal(err)
	}
	first, next, err := t.Append(ctx, 0, values)
	if err != nil {
		b.Fatal(err)
	}
	b.Run("read", func(b *testing.B) {
		b.SetBytes(size)
		b.ReportAllocs()
		for b.Loop() {
			got := 0
			for _, err := range t.Read(ctx, 0, first, next) {
				if err != nil {
					b.Fatal(err)
				}
				got++
			}
			if got != n {
				b.Fatal(got, "messages")
			}
		}
		b.ReportMetric(n*float64(b.N)/b.Elapsed().Seconds(), "messages/s")
	})
	b.Run("append", func(b *testing.B) {
		b.SetBytes(size)
		b.ReportAllocs()
		for b.Loop() {
			if _, _, err := t.Append(ctx, 0, values); err != nil {
				b.Fatal(err)
			}
		}
		b.ReportMetric(n*float64(b.N)/b.Elapsed().Seconds(), "messages/s")
	})
}

package ocf

import (
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"testing"
)

// rows are 111-byte records that compress as rows do.
func rows(n int) (records [][]byte, size int64) {
	for i := range n {
		r := fmt.Appendf(nil, "%08d|customer-%06d|%s|2026-11-23 09:%02d:%02d.000000|%10d|open      ", i, i*7919%1_000_000, "1 Long Street, Springfield", i/60%60, i%60, i*104729)
		r = append(r, "................................................................................................"...)[:111]
		records, size = append(records, r), size+int64(len(r))
	}
	return records, size
}

func BenchmarkWrite(b *testing.B) {
	records, size := rows(100_000)
	for _, codec := range []string{Null, Snappy, Deflate} {
		b.Run(codec, func(b *testing.B) {
			b.SetBytes(size)
			b.ReportAllocs()
			for b.Loop() {
				w, err := NewWriter(io.Discard, Header{Schema: testSchema, Codec: codec})
				if err != nil {
					b.Fatal(err)
				}
				for _, r := range records {
					if err := w.Append(r); err != nil {
						b.Fatal(err)
					}
				}
				if err := w.Flush(); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(len(records))*float64(b.N)/b.Elapsed().Seconds()/1000, "krows/s")
		})
	}
}

func BenchmarkRead(b *testing.B) {
	records, size := rows(100_000)
	for _, codec := range []string{Null, Snappy, Deflate} {
		var file bytes.Buffer
		w, err := NewWriter(&file, Header{Schema: testSchema, Codec: codec})
		for _, r := range records {
			if err == nil {
				err = w.Append(r)
			}
		}
		if err == nil {
			err = w.Flush()
		}
		if err != nil {
			b.Fatal(err)
		}
		b.Run(codec, func(b *testing.B) {
			b.SetBytes(size)
			b.ReportAllocs()
			for b.Loop() {
				if _, err := readCount(file.Bytes()); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(len(records))*float64(b.N)/b.Elapsed().Seconds()/1000, "krows/s")
		})
	}
}

func readCount(file []byte) (n int, err error) {
	r, err := NewReader(bytes.NewReader(file))
	if err != nil {
		return 0, err
	}
	for {
		count, _, err := r.Next()
		if err == io.EOF { //nolint:errorlint // a clean end is bare
			return n, nil
		}
		if err != nil {
			return n, err
		}
		n += count
	}
}

// BenchmarkBlocks reads a file from its last block to its first, and BenchmarkSpare writes rows that hardly become smaller.
func BenchmarkBlocks(b *testing.B) {
	records, size := rows(100_000)
	var file bytes.Buffer
	w, err := NewWriter(&file, Header{Schema: testSchema})
	for _, r := range records {
		if err == nil {
			err = w.Append(r)
		}
	}
	if err == nil {
		err = w.Flush()
	}
	if err != nil {
		b.Fatal(err)
	}
	b.SetBytes(size)
	b.ReportAllocs()
	for b.Loop() {
		all, err := NewBlocks(bytes.NewReader(file.Bytes()), int64(file.Len()))
		if err != nil {
			b.Fatal(err)
		}
		for i := all.Len() - 1; i >= 0; i-- {
			if _, _, err := all.Read(i); err != nil {
				b.Fatal(err)
			}
		}
	}
}

func BenchmarkSpare(b *testing.B) {
	noise := make([]byte, 64<<10)
	_, _ = rand.NewChaCha8([32]byte{1}).Read(noise)
	w, err := NewWriter(io.Discard, Header{Schema: testSchema})
	if err != nil {
		b.Fatal(err)
	}
	w.Spare()
	b.SetBytes(int64(len(noise)))
	b.ReportAllocs()
	for b.Loop() {
		if err := w.WriteBlock(1, noise); err != nil {
			b.Fatal(err)
		}
	}
}

package sorting

import (
	"encoding/binary"
	"testing"

	"rewind/disk"
)

// BenchmarkSorter sorts 100,000 rows of 100 bytes, each of two versions: in memory, and in runs on the disk.
func BenchmarkSorter(b *testing.B) {
	const rows = 100_000
	image := make([]byte, 100)
	for name, memory := range map[string]int{"memory": 0, "runs": 4 << 20} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			var key [8]byte
			for b.Loop() {
				s := New(Options{FS: disk.OS, Dir: b.TempDir(), MemoryBytes: memory})
				for i := range uint64(2 * rows) {
					binary.BigEndian.PutUint64(key[:], i*7919%rows)
					if err := s.Add(key[:], i, 0, image); err != nil {
						b.Fatal(err)
					}
				}
				if got := count(b, s); got != rows {
					b.Fatal(got, "rows")
				}
			}
			b.ReportMetric(2*rows*float64(b.N)/b.Elapsed().Seconds(), "rows/s")
		})
	}
}

func count(b *testing.B, s *Sorter) (rows int) {
	b.Helper()
	m, err := s.Merge()
	if err != nil {
		b.Fatal(err)
	}
	for {
		r, err := m.Next()
		if err != nil {
			b.Fatal(err)
		}
		if r == nil {
			break
		}
		rows++
	}
	if err := s.Close(); err != nil {
		b.Fatal(err)
	}
	return rows
}

package journal

import (
	"fmt"
	"testing"
)

// eventBatch is n records of about 236 bytes, a usual change event's size.
func eventBatch(from int64, n int) (batch []Entry, size int64) {
	for i := range n {
		value := fmt.Appendf(nil, "%08d|customer-%06d|1 Long Street, Springfield|2026-11-23 09:%02d:%02d.000000|%10d|open|", i, i*7919%1_000_000, i/60%60, i%60, i*104729)
		value = append(value, value...)
		e := entryOf(from+int64(i), append(value, make([]byte, 40)...), "")
		batch, size = append(batch, e), size+int64(len(e.Record))
	}
	return batch, size
}

func BenchmarkAppend(b *testing.B) {
	for _, n := range []int{1, 100, 5000} {
		b.Run(fmt.Sprint(n, "-a-batch"), func(b *testing.B) {
			j, err := Open(b.TempDir(), testOptions(nil))
			if err != nil {
				b.Fatal(err)
			}
			_, size := eventBatch(0, n)
			b.SetBytes(size)
			b.ReportAllocs()
			for b.Loop() {
				b.StopTimer()
				batch, _ := eventBatch(j.NextOffset(), n)
				b.StartTimer()
				if err := j.Append(batch); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(n)*float64(b.N)/b.Elapsed().Seconds()/1000, "kentries/s")
			if err := j.Close(); err != nil {
				b.Fatal(err)
			}
		})
	}
}

// BenchmarkEntries reads a segment, and BenchmarkOpen opens a journal with an active segment, of 250,000 entries.
func BenchmarkEntries(b *testing.B) {
	j, total, size := benchJournal(b)
	r := j.Reader()
	b.SetBytes(size)
	b.ReportAllocs()
	for b.Loop() {
		n := 0
		for _, err := range r.Entries(0) {
			if err != nil {
				b.Fatal(err)
			}
			n++
		}
		if n != total {
			b.Fatal(n, "entries")
		}
	}
	b.ReportMetric(float64(total)*float64(b.N)/b.Elapsed().Seconds()/1000, "kentries/s")
	if err := j.Close(); err != nil {
		b.Fatal(err)
	}
}

func BenchmarkOpen(b *testing.B) {
	j, _, size := benchJournal(b)
	if err := j.Close(); err != nil {
		b.Fatal(err)
	}
	b.SetBytes(size)
	for b.Loop() {
		again, err := Open(j.dir, testOptions(nil))
		if err != nil {
			b.Fatal(err)
		}
		if err := again.Close(); err != nil {
			b.Fatal(err)
		}
	}
}

func benchJournal(b *testing.B) (j *Journal, total int, size int64) {
	b.Helper()
	j, err := Open(b.TempDir(), testOptions(nil))
	if err != nil {
		b.Fatal(err)
	}
	for range 50 {
		batch, bytes := eventBatch(j.NextOffset(), 5000)
		if err := j.Append(batch); err != nil {
			b.Fatal(err)
		}
		total, size = total+len(batch), size+bytes
	}
	return j, total, size
}

// BenchmarkOutline reads that segment from its end to its beginning.
func BenchmarkOutline(b *testing.B) {
	j, total, size := benchJournal(b)
	r := j.Reader()
	length, err := testOptions(nil).Splitter("{}")
	if err != nil {
		b.Fatal(err)
	}
	cut := func(string) (Cutter, error) { return cutter(length), nil }
	b.SetBytes(size)
	b.ReportAllocs()
	for b.Loop() {
		n := 0
		for _, info := range r.Segments() {
			o, err := r.Outline(info, cut)
			if err != nil {
				b.Fatal(err)
			}
			for i := o.Len() - 1; i >= 0; i-- {
				block, err := o.Block(i)
				if err != nil {
					b.Fatal(err)
				}
				n += len(block.cuts)
			}
			if err := o.Close(); err != nil {
				b.Fatal(err)
			}
		}
		if n != total {
			b.Fatal(n, "entries")
		}
	}
	if err := j.Close(); err != nil {
		b.Fatal(err)
	}
}

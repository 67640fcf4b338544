package index

import (
	"bytes"
	"context"
	"testing"

	"rewind/change"
)

// FuzzParse: no bytes make a reader fail otherwise than by saying what they are, or take more memory than they have.
func FuzzParse(f *testing.F) {
	_, r, segments := written(f, 5, 10)
	good, err := build(context.Background(), r, segments[len(segments)-2], nil)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(good[prefixBytes:], true)
	f.Add(good, false)
	f.Fuzz(func(t *testing.T, b []byte, sealed bool) {
		if sealed { // past the checksum
			x := &Index{file: bytes.NewReader(b)}
			size, err := x.parse(b, 0)
			if err == nil && size == int64(len(b)) {
				_ = everything(x)
			}
			items := &itemReader{cursor: cursor{rest: b}, decoder: change.NewDecoder()}
			for len(items.rest) > 0 {
				if _, err := items.read(); err != nil {
					break
				}
			}
			return
		}
		if x, err := parse("x", bytes.NewReader(b), int64(len(b))); err == nil {
			_ = everything(x)
		}
	})
}

// BenchmarkBuild indexes a segment.
func BenchmarkBuild(b *testing.B) {
	_, r, segments := written(b, 100_000, 5000)
	s := segments[len(segments)-2]
	b.SetBytes(s.Bytes)
	for b.Loop() {
		if _, err := build(context.Background(), r, s, nil); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(200_000*float64(b.N)/b.Elapsed().Seconds(), "events/s")
}

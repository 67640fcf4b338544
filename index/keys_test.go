package index

import (
	"bytes"
	"math/rand/v2"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// TestPages: what was put into pages is found there, whatever their number.
func TestPages(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		random := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 1))
		stretches := rapid.IntRange(1, 300).Draw(t, "stretches")
		p, want := &pairs{}, map[uint32][]int{}
		spread := rapid.SampledFrom([]uint32{1, 1000, 1<<32 - 1}).Draw(t, "spread")
		for range rapid.IntRange(0, 5000).Draw(t, "pairs") {
			print, n := random.Uint32N(spread), random.IntN(stretches)
			if spread > 1000 && random.IntN(10) == 0 {
				print = 1<<32 - 1
			}
			p.add(print, n)
			want[print] = append(want[print], n)
		}
		content, pages := p.appendPages(nil, 0)
		x := &Index{file: bytes.NewReader(content)}
		x.keyed, x.pages, x.stretches = true, pages, make([]stretch, stretches)
		for i := range x.stretches {
			x.stretches[i].at = int64(i)
		}
		for print, numbers := range want {
			found, ok, err := x.Find(print)
			slices.Sort(numbers)
			numbers = slices.Compact(numbers)
			if err != nil || !ok || len(found) != len(numbers) {
				t.Fatalf("%x: %v, want %v (%v)", print, found, numbers, err)
			}
			for i, s := range found {
				if s.From.Byte != int64(numbers[i]) {
					t.Fatalf("%x: %v, want %v", print, found, numbers)
				}
			}
		}
		back, err := x.pairs()
		if err != nil || !slices.Equal(back.all, p.all) {
			t.Fatalf("%d pairs came back of %d (%v)", len(back.all), len(p.all), err)
		}
	})
}

// TestTooManyPairs: a segment of more keys than fit into memory is indexed without them.
func TestTooManyPairs(t *testing.T) {
	p := &pairs{}
	for i := range maxPairs + 1 {
		p.add(uint32(i), 0)
	}
	if !p.gaveUp || p.all != nil {
		t.Errorf("%d pairs", len(p.all))
	}
}

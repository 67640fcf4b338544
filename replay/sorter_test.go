package replay

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"rewind/disk"
)

// TestSorterIsAMap holds the sorter against a map, whatever fits into memory.
func TestSorterIsAMap(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		fs := disk.NewMemory()
		s := newSorter(fs, "/tmp", rapid.SampledFrom([]int{1, 64 << 10, 1 << 20}).Draw(t, "budget"))
		random := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 1))
		want := map[string]string{}
		var order uint64
		for range rapid.IntRange(0, 4000).Draw(t, "changes") {
			order++
			key := fmt.Sprintf("%0*d", random.IntN(12), random.IntN(900))
			image := bytes.Repeat([]byte{byte(order)}, random.IntN(40))
			source := uint32(order % 3)
			want[key] = fmt.Sprintf("%d %x", source, image)
			if random.IntN(5) == 0 {
				source, image = source|deletedBit, nil
				want[key] = "deleted"
			}
			if err := s.add([]byte(key), order, source, image); err != nil {
				t.Fatal(err)
			}
		}
		for range 2 {
			checkMerge(t, s, want)
		}
		if err := s.close(); err != nil {
			t.Fatal(err)
		}
		if left, err := fs.ReadDir("/tmp"); err == nil && len(left) > 0 {
			t.Fatalf("%d files are left behind", len(left))
		}
	})
}

func checkMerge(t *rapid.T, s *sorter, want map[string]string) {
	m, err := s.merge()
	if err != nil {
		t.Fatal(err)
	}
	var keys []string
	for {
		r, err := m.step()
		if err != nil {
			t.Fatal(err)
		}
		if r == nil {
			break
		}
		key, got := string(r.key()), "deleted"
		if r.source()&deletedBit == 0 {
			got = fmt.Sprintf("%d %x", r.source(), r.image())
		}
		if got != want[key] {
			t.Fatalf("key %q is %s, want %s", key, got, want[key])
		}
		keys = append(keys, key)
	}
	if len(keys) != len(want) || !slices.IsSorted(keys) {
		t.Fatalf("%d keys of %d, sorted %t", len(keys), len(want), slices.IsSorted(keys))
	}
}

// TestSorterMergesRuns: many runs become one before there are too many, and the memory stays within its budget.
func TestSorterMergesRuns(t *testing.T) {
	s := newSorter(disk.NewMemory(), "/tmp", 1)
	image := make([]byte, 500)
	for i := range 4 * maxRuns * 2 * minChunk / 500 {
		if err := s.add(fmt.Appendf(nil, "%08d", i*7919%100_000), uint64(i), 0, image); err != nil {
			t.Fatal(err)
		}
		if len(s.runs) >= maxRuns || s.used > 2*minChunk+len(image)+recordHeader+8 {
			t.Fatalf("%d runs, %d bytes in memory", len(s.runs), s.used)
		}
	}
	if err := s.close(); err != nil {
		t.Fatal(err)
	}
}

// TestSorterFailsCleanly lets every operation of the disk fail: an error comes out, and no file stays.
func TestSorterFailsCleanly(t *testing.T) {
	for k := int64(1); ; k++ {
		fs := disk.NewMemory()
		fs.FailAt(k)
		s := newSorter(fs, "/tmp", 1)
		var failed error
		for i := 0; i < 600 && failed == nil; i++ {
			failed = s.add(fmt.Appendf(nil, "%08d", i*7919%1000), uint64(i), 0, make([]byte, 100))
		}
		for m, err := s.merge(); failed == nil; {
			if failed = err; err != nil {
				break
			}
			var r record
			if r, err = m.step(); r == nil && err == nil {
				break
			}
		}
		s.close()
		if !fs.Tripped() {
			break
		}
		if failed == nil {
			t.Fatalf("operation %d failed, and nobody said so", k)
		}
	}
}

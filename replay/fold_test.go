package replay

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"

	"rewind/change"
	"rewind/disk"
	"rewind/table"
)

// foldedAs compares the folds of all points with what they were, in whatever order, each key once.
func foldedAs(t *testing.T, j *Journal, want []rows) (late int) {
	t.Helper()
	points := j.Points()
	if len(points) != len(want) || j.Damage() != nil {
		t.Fatalf("%d points, want %d: %v", len(points), len(want), j.Damage())
	}
	for i, p := range points {
		got := rows{}
		var last []byte
		for r, err := range j.Fold(context.Background(), p) {
			if err != nil {
				t.Fatalf("point %d: %v", i, err)
			}
			if _, twice := got[string(r.Key)]; twice {
				t.Fatalf("point %d: key %x comes twice", i, r.Key)
			}
			if bytes.Compare(r.Key, last) < 0 {
				late++
			}
			last = append(last[:0], r.Key...)
			got[string(r.Key)] = bytes.Clone(r.Image)
		}
		if !sameRows(got, want[i]) {
			t.Fatalf("point %d: %d rows, want %d", i, len(got), len(want[i]))
		}
	}
	return late
}

// randomRows alters some rows.
func randomRows(t *testing.T, r *rand.Rand, s *table.Schema, from rows, n int) rows {
	next := maps.Clone(from)
	for range n {
		k, image := row(t, s, fmt.Sprint(r.IntN(3*n)), string(rune('a'+r.IntN(2))), fmt.Sprint("item ", r.Uint32()))
		if next[k] = image; r.IntN(4) == 0 {
			delete(next, k)
		}
	}
	return next
}

// TestFoldWithoutKeyOrder folds journals whose changes lie in any order: of a baseline what comes late comes back too, and nothing twice. Of more
// partitions than are read side by side the baseline is sorted.
func TestFoldWithoutKeyOrder(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 0))
	cases, late := 0, 0
	for _, partitions := range []int{1, 2, mostFoundations, mostFoundations + 1} {
		for _, shuffled := range []bool{false, true} {
			for range 2 {
				fsys := disk.NewMemory()
				tp := newTape(t, fsys, partitions)
				if shuffled {
					tp.shuffle = func(keys []string) { r.Shuffle(len(keys), func(a, b int) { keys[a], keys[b] = keys[b], keys[a] }) }
				}
				tp.open(1)
				tp.use(ordersSchema(itemColumn))
				var want []rows
				for i := range 5 {
					next := randomRows(t, r, tp.schema, tp.current, 40)
					tp.snapshot(next, published{baseline: i == 3})
					want = append(want, next)
				}
				tp.close()
				n := foldedAs(t, openReplay(t, fsys), want)
				if !shuffled && n > 0 || shuffled && partitions > mostFoundations && n > 0 {
					t.Fatalf("%d partitions: %d rows come late", partitions, n)
				}
				late += n
				cases++
			}
		}
	}
	if late == 0 {
		t.Error("no row came late")
	}
	t.Logf("counted: %d journals", cases)
}

// TestFoldOfBlocks folds the points of journals whose blocks hold several entries, in memory that holds hardly any.
func TestFoldOfBlocks(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	for _, size := range []int{1, 2, 3, 7, 50, 1000} {
		fsys := disk.NewMemory()
		tp := newTape(t, fsys, 1)
		tp.use(ordersSchema(itemColumn))
		b := &batch{tp: tp, schema: change.EntrySchema(tp.schema), size: size}
		tp.batch = b
		tp.open(1)
		var want []rows
		for i := range 12 {
			next := randomRows(t, r, tp.schema, tp.current, 10)
			how := published{baseline: i == 7}
			if i == 4 { // a producer dies, and another one begins anew
				tp.snapshot(next, published{half: true})
				tp.open(2)
			}
			tp.snapshot(next, how)
			want = append(want, next)
		}
		if len(b.entries) > 0 {
			b.flush()
		}
		tp.close()
		for _, memory := range []int{1, 0} {
			j, err := Open(testRoot, orders, Options{FS: fsys, MemoryBytes: memory})
			if err != nil {
				t.Fatal(err)
			}
			if late := foldedAs(t, j, want); late > 0 {
				t.Fatalf("%d rows come late", late)
			}
		}
	}
}

// TestSeen knows every key that it took in, and no other, until it is full; then it only says what it knows.
func TestSeen(t *testing.T) {
	before := func(s *seen, i uint64) bool {
		var l look
		s.look(&l, binary.BigEndian.AppendUint64(nil, i))
		return s.before(&l)
	}
	for _, keys := range []int64{1, 10, 5000} {
		s := newSeen(keys, 1<<20)
		for round := range 2 {
			for i := range uint64(keys) {
				if before(s, i*7919) != (round == 1) {
					t.Fatalf("key %d of %d, round %d", i, keys, round)
				}
			}
		}
	}
	s := newSeen(1_000_000, 4<<10)
	if s.bytes() > 4<<10 {
		t.Fatalf("%d bytes", s.bytes())
	}
	taken := s.room
	for i := range uint64(1000) {
		if before(s, i) {
			t.Fatalf("key %d was not there", i)
		}
	}
	for i := range uint64(1000) {
		if before(s, i) != (i < uint64(taken)) {
			t.Fatalf("key %d of %d that were taken in", i, taken)
		}
	}
}

// TestForgottenLink: a restore point of which a snapshot between its links is left out is not folded, whichever it is.
func TestForgottenLink(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 8))
	fsys := disk.NewMemory()
	tp := newTape(t, fsys, 2)
	tp.open(1)
	tp.use(ordersSchema(itemColumn))
	for range 5 {
		tp.snapshot(randomRows(t, r, tp.schema, tp.current, 5), published{})
	}
	tp.close()
	j := openReplay(t, fsys)
	whole := j.Points()[4]
	for i := range whole.links {
		p := whole
		p.links = slices.Delete(slices.Clone(p.links), i, i+1)
		if i == len(whole.links)-1 {
			continue // then it is the point before, with another's digest
		}
		if _, err := collect(t, j, p); err == nil {
			t.Errorf("folded without link %d", i)
		}
	}
}

// TestCompareKeys is bytes.Compare, whatever the keys.
func TestCompareKeys(t *testing.T) {
	r := rand.New(rand.NewPCG(9, 10))
	for range 100_000 {
		a := make([]byte, r.IntN(20))
		for i := range a {
			a[i] = byte(r.IntN(3) * 127)
		}
		b := bytes.Clone(a)
		if r.IntN(3) == 0 {
			b = b[:r.IntN(len(b)+1)]
		}
		if len(b) > 0 && r.IntN(4) > 0 {
			b[r.IntN(len(b))] = byte(r.IntN(256))
		}
		if got, want := compareKeys(a, b), bytes.Compare(a, b); got != want {
			t.Fatalf("%x and %x: %d, want %d", a, b, got, want)
		}
	}
}

func TestAliceAndBob(t *testing.T) {
	fs := disk.NewMemory()
	tp := newTape(t, fs, 3)
	tp.open(1)
	tp.use(ordersSchema(itemColumn))
	alice := rowsOf(t, tp.schema, []string{"1", "a", "Alice"}, []string{"2", "b", "Carol"})
	bob := rowsOf(t, tp.schema, []string{"1", "a", "Bob"}, []string{"3", "c", "Dave"})
	first := tp.snapshot(alice, published{})
	second := tp.snapshot(bob, published{})
	tp.close()

	j := openReplay(t, fs)
	if j.Damage() != nil {
		t.Fatal(j.Damage())
	}
	points := j.Points()
	if len(points) != 2 || points[0].ID != first || points[1].ID != second || points[1].Previous != first {
		t.Fatalf("points %+v", points)
	}
	for i, want := range []rows{alice, bob} {
		got, err := collect(t, j, points[i])
		if err != nil || !sameRows(got, want) {
			t.Fatalf("point %d: %v, %v", i, got, err)
		}
	}
	if c := points[1].Counts; c != (Counts{Creates: 1, Updates: 1, Deletes: 1}) {
		t.Errorf("counts %+v", c)
	}
}

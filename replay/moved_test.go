package replay

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"rewind/change"
	"rewind/disk"
	"rewind/table"
)

// decimalKey is a schema whose key is one DECIMAL.
func decimalKey(precision, scale int) *table.Schema {
	return &table.Schema{Table: orders, Key: []int{1}, NextColumnID: 3, Columns: []table.Column{
		{ID: 1, Name: "d", Type: table.Type{Kind: table.Decimal, Precision: precision, Scale: scale}},
		{ID: 2, Name: "n", Type: table.Type{Kind: table.String}},
	}}
}

// TestMovedBaseline: a row of a baseline that lies alone in its partition is left, however many rows of other partitions were changed there since.
func TestMovedBaseline(t *testing.T) {
	const partitions = 2
	one, two := decimalKey(5, 1), decimalKey(7, 2)
	in := func(s *table.Schema, text string) int {
		key, _ := row(t, s, text, "x")
		return change.Partition([]byte(key), partitions)
	}
	journals := 0
	for a := range 20 {
		for b := range 20 {
			came, stays := fmt.Sprint(a), fmt.Sprint(b)
			if in(one, came) == in(two, came) || in(one, stays) != in(two, came) {
				continue
			}
			fsys := disk.NewMemory()
			tp := newTape(t, fsys, partitions)
			tp.open(1)
			tp.use(one)
			tp.snapshot(rowsOf(t, one, []string{came, "x"}, []string{stays, "x"}), published{})
			tp.use(two)
			now := rowsOf(t, two, []string{came, "y"}, []string{stays, "x"})
			tp.snapshot(now, published{})
			tp.snapshot(now, published{})
			tp.close()
			j := openReplay(t, fsys)
			if got, err := collect(t, j, j.Points()[2]); err != nil || !sameRows(got, now) {
				t.Fatalf("%s is changed in partition %d, where %s lies: %d rows, %v", came, in(two, came), stays, len(got), err)
			}
			journals++
		}
	}
	if journals == 0 {
		t.Error("no key moves to where another one lies")
	}
	t.Logf("counted: %d journals", journals)
}

// TestKeysThatMove: rows whose keys' bytes are others since their DECIMAL's scale grew, so that their newer changes lie in other partitions, come
// back as they were: all of them at once or some, under every way to fold.
func TestKeysThatMove(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	r, points := rand.New(rand.NewPCG(seed, 0)), 0
	for _, partitions := range []int{1, 2, mostFoundations + 1} {
		for _, most := range []int{3, 20} { // of few rows, all may have been changed
			fsys := disk.NewMemory()
			tp := unopenedTape(t, fsys, partitions)
			tp.segment = 1 << 10
			tp.openJournals()
			tp.open(1)
			var want []rows
			for _, s := range []*table.Schema{decimalKey(5, 1), decimalKey(5, 1), decimalKey(7, 2), decimalKey(7, 2), decimalKey(9, 3), decimalKey(9, 3)} {
				tp.use(s)
				next := rows{}
				for k := range most {
					if r.IntN(5) > 0 {
						key, image := row(t, s, fmt.Sprintf("%d.5", k), fmt.Sprint(r.IntN(3)))
						next[key] = image
					}
				}
				tp.snapshot(next, published{})
				want = append(want, next)
			}
			tp.close()
			foldedAs(t, openReplay(t, fsys), want)
			for _, at := range []int{1, 2, 5} { // and on what a checkpoint holds under other keys
				j := openReplay(t, fsys)
				mustCheckpoint(t, j, j.Points()[at])
				foldedAs(t, openReplay(t, fsys), want)
			}
			if v, err := verifyWith(t, fsys, VerifyOptions{Fold: true}); err != nil || v.Not > 0 {
				t.Errorf("verify: %d are not proved, %v", v.Not, err)
			}
			if kept, err := retainSince(openReplay(t, fsys), openReplay(t, fsys).Points()[1].ReadEnded); err != nil || !kept.Applied {
				t.Errorf("retain: %+v, %v", kept, err)
			}
			foldedAs(t, openReplay(t, fsys), want[1:])
			points += 5*len(want) - 1
		}
	}
	t.Logf("counted: %d folds of points whose keys moved", points)
}

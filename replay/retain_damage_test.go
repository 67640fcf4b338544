package replay

import (
	"errors"
	"maps"
	"path/filepath"
	"slices"
	"testing"
	"time"
)

// TestDamageThatNobodyReadDropsNothing: a byte of every segment, and of the base, that listing the restore points does not come by, with a
// checkpoint of a later point beside it.
func TestDamageThatNobodyReadDropsNothing(t *testing.T) {
	tp, m, _ := retainable(t, nil, 1)
	o := Options{indexFrom: 1}
	j := holdOpen(t, m, o)
	if _, err := retainSince(j, j.Points()[1].ReadEnded); err != nil {
		t.Fatal(err)
	}
	tp.openJournals()
	now := maps.Clone(tp.current)
	tp.snapshot(now, published{baseline: true})
	tp.close()
	j = holdOpen(t, m, o)
	points := j.Points()
	mustCheckpoint(t, j, points[len(points)-2])
	mustCheckpoint(t, j, points[len(points)-1])
	dir := j.streamDir(j.streams[0].id)
	paths := []string{filepath.Join(dir, j.streams[0].cut.Base.Name)}
	for _, s := range segmentsOf(t, m) {
		if s.Sealed {
			paths = append(paths, s.Path)
		}
	}
	record := bytesOf(t, m, filepath.Join(dir, "cut.json"))
	for _, path := range paths {
		whole := bytesOf(t, m, path)
		spoiled := slices.Clone(whole)
		spoiled[len(spoiled)-22] ^= 1
		putFile(t, m, path, spoiled)
		before := len(segmentsOf(t, m))
		var refused *RetainError
		r, err := retainSince(holdOpen(t, m, o), time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC))
		if !errors.As(err, &refused) || refused.ExitCode() != exitCorrupt || len(segmentsOf(t, m)) != before || string(bytesOf(t, m, filepath.Join(dir, "cut.json"))) != string(record) {
			t.Errorf("%s: %+v, %v", path, r.Applied, err)
		}
		putFile(t, m, path, whole)
	}
	if r, err := retainSince(holdOpen(t, m, o), time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC)); err != nil || !r.Applied {
		t.Errorf("%+v, %v", r, err)
	}
	t.Logf("counted: %d damaged files", len(paths))
}

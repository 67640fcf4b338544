package replay

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"rewind/journal"
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

// TestDamagedCut damages what the journal begins with: each byte of the record, of the base, and each of them missing; and segments behind it.
func TestDamagedCut(t *testing.T) {
	_, m, eras := retainable(t, nil, 1)
	j := openReplay(t, m)
	if _, err := retainSince(j, j.Points()[2].ReadEnded); err != nil {
		t.Fatal(err)
	}
	dir := j.streamDir(j.streams[0].id)
	record, base := filepath.Join(dir, "cut.json"), filepath.Join(dir, j.streams[0].cut.Base.Name)
	count := 0
	hold := func(what string, same bool) {
		t.Helper()
		count++
		j := openReplay(t, m)
		_, err := Verify(context.Background(), testRoot, orders, Options{FS: m}, VerifyOptions{})
		if same && err == nil && j.Damage() == nil {
			holdEras(t, j, eras[2:])
			return
		}
		if !isDamage(err) {
			t.Fatalf("%s: verify says %v", what, err)
		}
		for i, p := range j.Points() {
			if got, err := collect(t, j, p); err == nil && !sameRows(got, eras[i+2]) {
				t.Fatalf("%s: point %d has other rows", what, i)
			}
		}
	}
	for path, step := range map[string]int{record: 1, base: 5} {
		whole := bytesOf(t, m, path)
		for i := 0; i < len(whole); i += step {
			b := slices.Clone(whole)
			b[i] ^= 1 << (i % 7)
			putFile(t, m, path, b)
			hold(fmt.Sprintf("byte %d of %s", i, path), path == record) // a space may become another
		}
		if err := m.Remove(path); err != nil {
			t.Fatal(err)
		}
		hold(path+" missing", false)
		putFile(t, m, path, whole)
	}
	for _, s := range []journal.SegmentInfo{segmentsOf(t, m)[0], segmentsOf(t, m)[1]} {
		whole := bytesOf(t, m, s.Path)
		if err := m.Remove(s.Path); err != nil {
			t.Fatal(err)
		}
		hold(s.Path+" missing", false)
		putFile(t, m, s.Path, whole)
	}
	hold("nothing", true)
	t.Logf("counted: %d damages of a cut", count)
}

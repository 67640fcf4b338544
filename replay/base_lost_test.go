package replay

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"rewind/disk"
)

// TestLostBase: the base is missing, or its header or its rows are damaged. What builds on it comes back from a checkpoint alone, and all from
// the next baseline on; that the base is lost stays damage, and is over once it is back.
func TestLostBase(t *testing.T) {
	count := 0
	for _, checkpointed := range []bool{false, true} {
		tp, m, eras := retainable(t, nil, 1)
		if _, err := retainSince(openReplay(t, m), openReplay(t, m).Points()[2].ReadEnded); err != nil {
			t.Fatal(err)
		}
		if checkpointed {
			j := openReplay(t, m)
			mustCheckpoint(t, j, j.Points()[1])
		}
		tp.openJournals()
		for n, how := range []published{{baseline: true}, {}} {
			now := maps.Clone(tp.current)
			k, image := row(t, tp.schema, fmt.Sprint(90+n), "a", "behind")
			now[k] = image
			tp.snapshot(now, how)
			eras = append(eras, now)
		}
		tp.close()
		eras = eras[2:]
		whole := openReplay(t, m)
		holdEras(t, whole, eras)
		points := whole.Points()
		base := filepath.Join(whole.streamDir(whole.streams[0].id), whole.streams[0].cut.Base.Name)
		text := bytesOf(t, m, base)
		for what, at := range map[string]int{"missing": -1, "header": 100, "rows": len(text) - 80} {
			count++
			spoil(t, m, base, at)
			holdLost(t, m, points, eras, checkpointed, what)
			if what != "rows" {
				if err := whole.Refresh(context.Background()); err != nil {
					t.Fatal(err)
				}
			}
			putFile(t, m, base, text)
			holdEras(t, openReplay(t, m), eras)
			mustVerify(t, m, VerifyOptions{Full: true, Fold: true})
		}
	}
	t.Logf("counted: %d lost bases", count)
}

// spoil changes a byte of a file, or removes it.
func spoil(t *testing.T, m *disk.Memory, path string, at int) {
	t.Helper()
	b := slices.Clone(bytesOf(t, m, path))
	if at < 0 {
		if err := m.Remove(path); err != nil {
			t.Fatal(err)
		}
		return
	}
	b[at] ^= 1
	putFile(t, m, path, b)
}

// holdLost holds what can be had of points whose first is the base, the third a baseline.
func holdLost(t *testing.T, m *disk.Memory, points []Point, eras []rows, checkpointed bool, what string) {
	t.Helper()
	j := openReplay(t, m)
	var lost *BaseError
	if what != "rows" && (!errors.As(j.Damage(), &lost) || !strings.Contains(lost.Hint(), "--rebaseline")) {
		t.Errorf("%s: damage %v", what, j.Damage())
	}
	for i, p := range points {
		found, err := j.Point(p.ID)
		var got rows
		if err == nil {
			got, err = collect(t, j, found)
		}
		wanted := i >= 2 || i == 1 && checkpointed
		if wanted && (err != nil || !sameRows(got, eras[i])) {
			t.Errorf("%s, checkpoint %t: point %d: %d rows, %v", what, checkpointed, i, len(got), err)
		}
		if !wanted && err == nil {
			t.Errorf("%s, checkpoint %t: point %d came back", what, checkpointed, i)
		}
	}
	if a, err := j.At(Spec{Time: testNow}); err != nil || a.Point.ID != points[3].ID {
		t.Errorf("%s: as of now: %v", what, err)
	}
	v, err := Verify(context.Background(), testRoot, orders, Options{FS: m}, VerifyOptions{})
	if !errors.As(err, &lost) || v.Now+v.Earlier != 2 {
		t.Errorf("%s: %d points proved, %v", what, v.Now+v.Earlier, err)
	}
	if h, err := j.RowHistory(context.Background(), "order_id=90,line=a"); err == nil && len(h.Versions) == 0 {
		t.Errorf("%s: no history", what)
	}
}

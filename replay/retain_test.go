package replay

import (
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"rewind/checkpoint"
	"rewind/disk"
	"rewind/journal"
)

func retainSince(j *Journal, since time.Time) (Retention, error) {
	return j.Retain(context.Background(), RetainOptions{AcceptClock: true, Since: since, Kept: "a test", Now: func() time.Time { return since.Add(time.Hour) }})
}

// holdLife holds what is left of a life against what it was.
func holdLife(t *rapid.T, fs disk.FS, l *life, o Options) *Journal {
	t.Helper()
	o.FS = fs
	j, err := Open(testRoot, orders, o)
	if err != nil {
		t.Fatal(err)
	}
	points := j.Points()
	if j.Damage() != nil || len(points) == 0 {
		t.Fatalf("%d points, damage %v", len(points), j.Damage())
	}
	left := l.eras[len(l.eras)-len(points):]
	for i, e := range left {
		if points[i].ID != e.id {
			t.Fatalf("point %d is %d, want %d", i, points[i].ID, e.id)
		}
		got, err := collect(t, j, points[i])
		if err != nil || !sameRows(got, e.rows) {
			t.Fatalf("point %d (%d): %d rows, want %d: %v", i, e.id, len(got), len(e.rows), err)
		}
	}
	checkVerified(t, j, len(left))
	model := *l
	model.eras = left
	for _, key := range []string{"order_id=1,line=a", "order_id=-3,line=aa"} {
		checkHistory(t, j, &model, key)
	}
	return j
}

// TestRetainedPointsStay holds the law through retention: whatever is dropped, at whatever moment of whatever life, each restore point that is
// left comes back as it was, is proved by verify, and the life goes on behind the cut.
func TestRetainedPointsStay(t *testing.T) {
	t.Parallel()
	cuts := 0
	rapid.Check(t, func(t *rapid.T) {
		fs := disk.NewMemory()
		l := live(t, fs, 5)
		o := Options{indexFrom: rapid.SampledFrom([]int64{1, 0}).Draw(t, "indexed")}
		next := l.schema().NextColumnID
		for round := range rapid.IntRange(1, 2).Draw(t, "rounds") {
			if rapid.Bool().Draw(t, "verified before") {
				holdLife(t, fs, l, o)
			}
			j := holdOpen(t, fs, o)
			since := rapid.SampledFrom(j.Points()).Draw(t, "since").ReadEnded
			if rapid.Bool().Draw(t, "checkpoint") {
				mustCheckpoint(t, j, rapid.SampledFrom(j.Points()).Draw(t, "checkpointed"))
			}
			r, err := retainSince(j, since)
			if err != nil {
				t.Fatal(err)
			}
			if r.Applied {
				cuts++
				if p := j.Points()[0]; !p.Base || !p.ReadEnded.Equal(since) && (r.Waits == 0 || p.ReadEnded.After(since)) || len(j.Points()) != r.Left {
					t.Fatalf("the oldest is %+v, wanted that of %s", p, since)
				}
				if again, err := retainSince(j, since); err != nil || again.Nothing == "" {
					t.Fatalf("again: %+v, %v", again, err)
				}
			}
			if r.Applied {
				holdLife(t, fs, l, o)
			}
			l.tape.openJournals()
			l.epoch++
			l.tape.open(l.epoch)
			for range rapid.IntRange(0, 2).Draw(t, "more") {
				l.commit(round == 1 && len(l.eras)%2 == 0)
			}
			l.tape.close()
			if got := holdLife(t, fs, l, o).NextColumnID(); got < next {
				t.Fatalf("next column id %d, was %d", got, next)
			}
		}
	})
	if cuts == 0 {
		t.Error("nothing was ever dropped")
	}
	t.Logf("counted: %d cuts of random lives", cuts)
}

func holdOpen(t fataler, fs disk.FS, o Options) *Journal {
	t.Helper()
	o.FS = fs
	j, err := Open(testRoot, orders, o)
	if err != nil {
		t.Fatalf("%v", err)
	}
	return j
}

// retainable is a journal of some points in several segments.
func retainable(t *testing.T, sign ed25519.PrivateKey, segment int64) (*tape, *disk.Memory, []rows) {
	t.Helper()
	return retainableBy(t, func(tp *tape) { tp.segment, tp.sign = segment, sign })
}

// retainableBy is retainable by a writer that is set up so.
func retainableBy(t *testing.T, set func(*tape)) (*tape, *disk.Memory, []rows) {
	t.Helper()
	tp, m, eras := growing(t, 4, 3, set)
	tp.follow()
	tp.close()
	return tp, m, eras
}

// TestCrashOfARetain stops the machine at, and fails, each operation of dropping: all that is left by then, and by what a second try leaves, is
// a journal of which every point from the cut on comes back, and all points where there is no cut; consumers and readers open it.
func TestCrashOfARetain(t *testing.T) {
	count, seen := 0, map[string]bool{}
	tp, clean, eras := retainable(t, nil, 8<<10)
	for _, crash := range []bool{true, false} {
		for k := int64(1); ; k++ {
			m := clean.Restart(disk.LoseNone())
			j := openReplay(t, m)
			since := j.Points()[2].ReadEnded
			if crash {
				m.CrashAt(k)
			} else {
				m.FailAt(k)
			}
			_, err := retainSince(j, since)
			if !m.Tripped() {
				if err != nil {
					t.Fatal(err)
				}
				break
			}
			losses := []disk.Loss{disk.LoseAll(), disk.LoseNames(2), disk.LoseNames(4), disk.LoseNames(6), disk.LoseNames(12), []disk.Loss{disk.LoseNone(), disk.LoseSome(uint64(k))}[k%2]}
			if begun, err := checkpoint.List(m.Restart(disk.LoseNone()), j.streamDir(j.streams[0].id)); err != nil || len(begun) == 0 {
				losses = losses[:1] // it was reading still
			}
			for _, loss := range losses {
				count++
				after := m.Restart(loss)
				if state := contentsOf(t, after); !seen[state] {
					seen[state] = true
					holdCut(t, tp, after, eras, since)
				}
			}
		}
	}
	t.Logf("counted: %d crash points of a retain", count)
}

// contentsOf tells what is on a disk from everything else that may be: what was held once need not be held again.
func contentsOf(t *testing.T, fs disk.FS) string {
	t.Helper()
	h := sha256.New()
	var walk func(dir string)
	walk = func(dir string) {
		names, err := fs.ReadDir(dir)
		if err != nil {
			t.Fatal(err)
		}
		for _, n := range names {
			path := filepath.Join(dir, n.Name())
			fmt.Fprintln(h, path)
			if n.IsDir() {
				walk(path)
				continue
			}
			h.Write(bytesOf(t, fs, path))
		}
	}
	walk(testRoot)
	return string(h.Sum(nil))
}

// holdCut holds what a crash of a retain left.
func holdCut(t *testing.T, tp *tape, after *disk.Memory, eras []rows, since time.Time) {
	t.Helper()
	j := openReplay(t, after)
	points := j.Points()
	if j.Damage() != nil || len(points) != 4 && len(points) != 2 || points[0].Base != (len(points) == 2) {
		t.Fatalf("%d points, damage %v", len(points), j.Damage())
	}
	if got, err := collect(t, j, points[0]); err != nil || !sameRows(got, eras[4-len(points)]) {
		t.Fatalf("the oldest point: %d rows, %v", len(got), err)
	}
	writer := *tp // a consumer comes first in every other case
	writer.fs, writer.journals = after, nil
	if len(points) == 2 {
		writer.openJournals()
		writer.close()
	}
	if r, err := retainSince(j, since); err != nil || r.Applied != (len(points) == 4) {
		t.Fatalf("tried again: %+v, %v", r, err)
	}
	j = openReplay(t, after)
	holdEras(t, j, eras[2:])
	for _, s := range segmentsOf(t, after) {
		if s.BaseOffset < j.streams[0].cut.Partitions[s.Partition].First {
			t.Fatalf("%s is still there", s.Path)
		}
	}
}

// TestPlanTouchesNothing: without being told to, nothing is dropped, and what is said is what is dropped then.
func TestPlanTouchesNothing(t *testing.T) {
	_, m, eras := retainable(t, nil, 1)
	j := openReplay(t, m)
	o := RetainOptions{Since: j.Points()[3].ReadEnded.Add(-time.Microsecond)}
	plan, err := j.PlanRetention(context.Background(), o)
	if err != nil || plan.Points != 2 || plan.Left != 2 || plan.Segments == 0 || plan.Bytes == 0 || plan.Oldest.ID != j.Points()[2].ID || plan.Applied {
		t.Fatalf("%+v, %v", plan, err)
	}
	holdEras(t, openReplay(t, m), eras)
	before := len(segmentsOf(t, m))
	done, err := j.Retain(context.Background(), o)
	if err != nil || !done.Applied || done.Segments != plan.Segments || done.Bytes != plan.Bytes || before-len(segmentsOf(t, m)) != plan.Segments {
		t.Fatalf("%+v, %v", done, err)
	}
	d := j.Dropped()
	if d.Points != 2 || d.Segments != int64(plan.Segments) || d.Bytes != plan.Bytes || d.Oldest != j.Points()[0].ID {
		t.Errorf("dropped %+v", d)
	}
	for _, since := range []time.Time{{}, j.Points()[0].ReadEnded} {
		if r, err := j.PlanRetention(context.Background(), RetainOptions{Since: since}); err != nil || r.Nothing == "" || r.Points != 0 {
			t.Errorf("since %s: %+v, %v", since, r, err)
		}
	}
}

// TestBeforeTheCut asks for what was dropped.
func TestBeforeTheCut(t *testing.T) {
	_, m, _ := retainable(t, nil, 1)
	j := openReplay(t, m)
	points := j.Points()
	stale := openReplay(t, m)
	if _, err := retainSince(j, points[2].ReadEnded); err != nil {
		t.Fatal(err)
	}
	const said = "dropped by retention on 2026-"
	_, err := j.At(Spec{Time: points[1].ReadEnded})
	if first := (*BeforeFirstError)(nil); !errors.As(err, &first) || first.ExitCode() != exitNothing || !strings.Contains(err.Error(), said) || first.First.ID != points[2].ID {
		t.Errorf("a time: %v", err)
	}
	_, err = j.At(Spec{Snapshot: points[1].ID})
	if none := (*NoSuchPointError)(nil); !errors.As(err, &none) || none.ExitCode() != exitNothing || !strings.Contains(err.Error(), said) || none.After.ID != points[2].ID {
		t.Errorf("an id: %v", err)
	}
	for _, p := range points[:2] { // who had opened the journal before
		_, err := collect(t, stale, p)
		if dropped := (*journal.DroppedError)(nil); !errors.As(err, &dropped) || dropped.ExitCode() != exitNothing {
			t.Errorf("a fold of %d: %v", p.ID, err)
		}
	}
	if h, err := j.RowHistory(context.Background(), "order_id=0,line=a"); err != nil || len(h.Versions) != 1 || h.Versions[0].Snapshot != points[2].ID || h.Searched != 2 || h.Versions[0].Op != "r" {
		t.Errorf("history %+v, %v", h, err)
	}
}

// TestDoubtDropsNothing: damage, rows that do not add up.
func TestDoubtDropsNothing(t *testing.T) {
	for name, c := range map[string]struct {
		spoil func(t *testing.T, tp *tape, m *disk.Memory)
		code  int
	}{
		"damage": {func(t *testing.T, _ *tape, m *disk.Memory) {
			s := segmentsOf(t, m)[3]
			b := bytesOf(t, m, s.Path)
			b[len(b)-20] ^= 1
			putFile(t, m, s.Path, b)
		}, exitCorrupt},
		"wrong rows": {func(_ *testing.T, tp *tape, _ *disk.Memory) {
			tp.openJournals()
			tp.snapshot(maps.Clone(tp.current), published{wrong: true})
			tp.follow()
			tp.close()
		}, exitCorrupt},
	} {
		tp, m, _ := retainable(t, nil, 1)
		c.spoil(t, tp, m)
		j := openReplay(t, m)
		before := len(segmentsOf(t, m))
		_, err := retainSince(j, time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC))
		var refused *RetainError
		if !errors.As(err, &refused) || refused.ExitCode() != c.code || refused.Hint() == "" {
			t.Errorf("%s: %v", name, err)
		}
		if after := len(segmentsOf(t, m)); after != before || j.Dropped() != nil {
			t.Errorf("%s: %d segments of %d are left", name, after, before)
		}
	}
}

// TestVerifyGoesOnBehindACut: what was proved before a cut, and is left, needs no reading.
func TestVerifyGoesOnBehindACut(t *testing.T) {
	tp, m, _ := retainable(t, nil, 1)
	mustVerify(t, m, VerifyOptions{})
	j := openReplay(t, m)
	if _, err := retainSince(j, j.Points()[1].ReadEnded); err != nil {
		t.Fatal(err)
	}
	v := mustVerify(t, m, VerifyOptions{Sample: -1})
	if v.SegmentsEarlier == 0 || v.SegmentsRead >= v.Segments/2 || len(v.Warnings) > 0 || len(v.Points) != 3 || v.Not != 0 {
		t.Errorf("%d segments, %d earlier, %d read, %d points, warnings %q", v.Segments, v.SegmentsEarlier, v.SegmentsRead, len(v.Points), v.Warnings)
	}
	tp.openJournals()
	tp.snapshot(maps.Clone(tp.current), published{})
	tp.close()
	v = mustVerify(t, m, VerifyOptions{Sample: -1})
	if v.SegmentsEarlier == 0 || len(v.Points) != 4 || v.Not != 0 || len(v.Warnings) > 0 {
		t.Errorf("%d segments, %d earlier, %d points, warnings %q", v.Segments, v.SegmentsEarlier, len(v.Points), v.Warnings)
	}
	if full := mustVerify(t, m, VerifyOptions{Full: true, Fold: true}); full.Not != 0 || full.Now != 4 {
		t.Errorf("%+v", full)
	}
}

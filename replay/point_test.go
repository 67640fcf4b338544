package replay

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"rewind/change"
	"rewind/disk"
	"rewind/table"
)

// shop is a tape with two rows in view, to be told what happens.
func shop(t *testing.T, partitions int) (*tape, rows, rows) {
	t.Helper()
	tp := newTape(t, disk.NewMemory(), partitions)
	tp.open(1)
	tp.use(ordersSchema(itemColumn))
	one := rowsOf(t, tp.schema, []string{"1", "a", "Alice"}, []string{"2", "b", "Carol"})
	two := rowsOf(t, tp.schema, []string{"1", "a", "Bob"}, []string{"3", "c", "Dave"})
	return tp, one, two
}

func ids(points []Point) (all []int64) {
	for _, p := range points {
		all = append(all, p.ID)
	}
	return all
}

func TestAPointNeedsEveryPartitionsCommit(t *testing.T) {
	for missing := range 3 {
		tp, one, two := shop(t, 3)
		tp.snapshot(one, published{})
		before, previous := tp.current, tp.committed
		tp.snapshot(two, published{uncommit: []int{missing}})
		if missing != 0 {
			tp.current, tp.committed = before, previous
		}
		tp.close()
		if got := openReplay(t, tp.fs).Points(); len(got) != 1 {
			t.Errorf("partition %d has no commit: points %v", missing, ids(got))
		}
	}
}

func TestFewerPartitionsThanBeginSays(t *testing.T) {
	tp, one, _ := shop(t, 3)
	tp.snapshot(one, published{})
	tp.close()
	fs := tp.fs.(*disk.Memory)
	dir := testRoot + "/" + orders.FileName() + "/" + tp.stream
	if err := fs.Rename(dir+"/00002", dir+"/elsewhere"); err != nil {
		t.Fatal(err)
	}
	j := openReplay(t, fs)
	if len(j.Points()) != 0 || j.Damage() != nil {
		t.Fatalf("points %v, damage %v", ids(j.Points()), j.Damage())
	}
	if err := fs.Rename(dir+"/elsewhere", dir+"/00002"); err != nil {
		t.Fatal(err)
	}
	if err := j.Refresh(context.Background()); err != nil || len(j.Points()) != 1 {
		t.Fatalf("after the refresh %v, %v", ids(j.Points()), err)
	}
}

func TestStaleMessagesAreNotSeen(t *testing.T) {
	tp, one, two := shop(t, 2)
	tp.snapshot(one, published{})
	dead := tp.stamp
	tp.open(2)
	living := tp.stamp
	tp.stamp = dead // a delayed request of the dead producer: a whole snapshot of it
	before, committed := tp.current, tp.committed
	stale := tp.snapshot(two, published{})
	tp.stamp, tp.current, tp.committed = living, before, committed
	third := tp.snapshot(two, published{})
	tp.close()
	j := openReplay(t, tp.fs)
	if got := ids(j.Points()); len(got) != 2 || got[1] != third || j.Damage() != nil {
		t.Fatalf("points %v (the stale one is %d), damage %v", got, stale, j.Damage())
	}
	if got, err := collect(t, j, j.Points()[1]); err != nil || !sameRows(got, two) {
		t.Fatalf("%v", err)
	}
	if _, err := j.Verify(context.Background(), VerifyOptions{Fold: true}); err != nil {
		t.Fatal(err)
	}
}

// TestStaleChangesInTheMiddle: a dead producer's changes arrive between those of the living one, of its snapshot and of others.
func TestStaleChangesInTheMiddle(t *testing.T) {
	tp, one, two := shop(t, 1)
	tp.snapshot(one, published{})
	dead := tp.stamp
	tp.open(2)
	tp.spoil = func(tp *tape, m *change.Change) {
		for _, snapshot := range []int64{m.Snapshot - 1, m.Snapshot, m.Snapshot + 60_000_000} {
			late := *m
			late.Stamp, late.Snapshot, late.Op, late.After = dead, snapshot, change.Delete, nil
			tp.put(0, tp.encoder.AppendChange(nil, &late), change.EntrySchema(tp.schema))
		}
	}
	tp.snapshot(two, published{})
	tp.snapshot(one, published{})
	tp.close()
	j := openReplay(t, tp.fs)
	if len(j.Points()) != 3 || j.Damage() != nil {
		t.Fatalf("points %v, damage %v", ids(j.Points()), j.Damage())
	}
	for i, want := range []rows{one, two, one} {
		if got, err := collect(t, j, j.Points()[i]); err != nil || !sameRows(got, want) {
			t.Fatalf("point %d: %v", i, err)
		}
	}
	if _, err := j.Verify(context.Background(), VerifyOptions{Fold: true}); err != nil {
		t.Fatal(err)
	}
	if h, err := j.RowHistory(context.Background(), "order_id=1,line=a"); err != nil || len(h.Versions) != 3 {
		t.Fatalf("%+v, %v", h, err)
	}
}

func TestAtOfNothing(t *testing.T) {
	j, err := Open(testRoot, orders, Options{FS: disk.NewMemory()})
	if err != nil {
		t.Fatal(err)
	}
	_, err = j.At(Spec{Time: testNow})
	var none *NoPointsError
	if !errors.As(err, &none) || none.ExitCode() != 4 {
		t.Fatalf("%v", err)
	}
}

func TestAtNamesTheNeighbours(t *testing.T) {
	tp, one, two := shop(t, 1)
	a, b, c := tp.snapshot(one, published{}), tp.snapshot(two, published{}), tp.snapshot(two, published{})
	tp.close()
	j := openReplay(t, tp.fs)
	answer, err := j.At(Spec{Asked: "then", Zone: "UTC", Time: time.UnixMicro(c)})
	if err != nil || answer.Point.ID != b || answer.Before.ID != a || answer.After.ID != c || answer.Asked != "then" || answer.Zone != "UTC" {
		t.Errorf("%+v, %v", answer, err)
	}
	_, err = j.At(Spec{Time: time.UnixMicro(a)})
	var first *BeforeFirstError
	if !errors.As(err, &first) || first.First.ID != a || first.ExitCode() != 4 || !strings.Contains(err.Error(), "2026-11-23T09:01:05.000000Z") {
		t.Errorf("before the first: %v", err)
	}
	_, err = j.At(Spec{Snapshot: b + 1})
	var missing *NoSuchPointError
	if !errors.As(err, &missing) || missing.Before.ID != b || missing.After.ID != c || missing.ExitCode() != 4 {
		t.Errorf("an id between: %v", err)
	}
	text, err := json.Marshal(answer)
	if err != nil || !strings.Contains(string(text), `"digest":"2:`) || strings.Contains(string(text), "links") {
		t.Errorf("%s, %v", text, err)
	}
}

// gap puts a Gap entry into a partition, and leaves out what is published meanwhile.
func (tp *tape) gap(partition int, reason string, publish func()) {
	tp.t.Helper()
	kept := tp.journals[partition]
	lost := newTape(tp.t, disk.NewMemory(), len(tp.next))
	tp.journals[partition] = lost.journals[partition]
	publish()
	tp.journals[partition] = kept
	b, err := change.AppendGap(nil, &change.Gap{Reason: reason, NextOffset: tp.next[partition] + 1, At: tp.clock})
	tp.must(err)
	lost.close()
	tp.put(partition, b, "")
}

func TestAGapLosesWhatBuildsOnIt(t *testing.T) {
	for partition := range 2 {
		tp, one, two := shop(t, 2)
		a := tp.snapshot(one, published{})
		var b int64
		tp.gap(partition, "retention", func() { b = tp.snapshot(two, published{}) })
		c := tp.snapshot(one, published{})
		d := tp.snapshot(two, published{baseline: true})
		tp.close()
		j := openReplay(t, tp.fs)
		if got := ids(j.Points()); len(got) != 2 || got[0] != a || got[1] != d || j.Damage() != nil {
			t.Fatalf("partition %d: points %v of %d %d %d %d, damage %v", partition, got, a, b, c, d, j.Damage())
		}
		gaps := j.Gaps()
		if len(gaps) != 1 || gaps[0].Reason != "retention" || len(gaps[0].Lost) != 2 || gaps[0].Lost[0].ID != b || gaps[0].Lost[1].ID != c {
			t.Fatalf("gaps %+v", gaps)
		}
		_, err := j.At(Spec{Time: time.UnixMicro(c + 6_000_000)})
		var gap *GapError
		if !errors.As(err, &gap) || gap.ExitCode() != 4 || gap.Before.ID != a || gap.After.ID != d || gap.Lost.ID != c {
			t.Fatalf("as of a lost snapshot: %v", err)
		}
		if answer, err := j.At(Spec{Time: time.UnixMicro(d + 6_000_000)}); err != nil || answer.Point.ID != d {
			t.Fatalf("behind the gap: %v", err)
		}
		if _, err := j.Point(b); !errors.As(err, &gap) {
			t.Fatalf("a lost id: %v", err)
		}
		if got, err := collect(t, j, j.Points()[1]); err != nil || !sameRows(got, two) {
			t.Fatalf("%v", err)
		}
		h, err := j.RowHistory(context.Background(), "order_id=1,line=a")
		if err != nil || len(h.Versions) != 2 || len(h.Unread) != 3-partition { // of what partition 0 lost nobody knows whether it is all
			t.Fatalf("%+v, %v", h, err)
		}
	}
}

// TestAGapOverABegin: the gap ends in the middle of a snapshot, of which nothing but the rest is there.
func TestAGapOverABegin(t *testing.T) {
	tp, one, two := shop(t, 2)
	a := tp.snapshot(one, published{})
	var b int64
	tp.gap(1, "retention", func() { b = tp.snapshot(two, published{uncommit: []int{0, 1}}) })
	digest := digestOf(t, tp.schema, two)
	for p := range 2 {
		m := &change.Commit{Stamp: tp.stamp, Snapshot: b, ReadBegan: b, ReadEnded: b + 5_000_000, Seq: 9, Digest: digest}
		if p == 0 {
			m.Share, m.Seq = tp.share, tp.share.Total()+1
		}
		m.Counts = tp.total
		tp.commit(p, m)
	}
	tp.close()
	j := openReplay(t, tp.fs)
	if got := ids(j.Points()); len(got) != 1 || got[0] != a || j.Damage() != nil {
		t.Fatalf("points %v, damage %v", got, j.Damage())
	}
	_, err := j.At(Spec{Time: testNow})
	var gap *GapError
	if !errors.As(err, &gap) || gap.Lost.ID != b {
		t.Fatalf("as of a time behind the gap: %v", err)
	}
}

func TestASkippedForeignMessageLosesNothing(t *testing.T) {
	tp, one, two := shop(t, 2)
	tp.snapshot(one, published{})
	tp.gap(1, "not a message of rewind", func() {})
	tp.snapshot(two, published{})
	tp.close()
	j := openReplay(t, tp.fs)
	if len(j.Points()) != 2 || len(j.Gaps()) != 1 || len(j.Gaps()[0].Lost) != 0 || j.Damage() != nil {
		t.Fatalf("points %v, gaps %+v, damage %v", ids(j.Points()), j.Gaps(), j.Damage())
	}
}

func TestATornChainIsDamage(t *testing.T) {
	tp, one, two := shop(t, 2)
	a := tp.snapshot(one, published{})
	tp.committed++ // the next one builds on a snapshot that nobody has
	tp.snapshot(two, published{})
	tp.close()
	j := openReplay(t, tp.fs)
	var sequence *SequenceError
	if got := ids(j.Points()); len(got) != 1 || !errors.As(j.Damage(), &sequence) || sequence.ExitCode() != 5 {
		t.Fatalf("points %v, damage %v", got, j.Damage())
	}
	_, err := j.At(Spec{Time: testNow})
	var hidden *HiddenError
	if !errors.As(err, &hidden) || hidden.ExitCode() != 5 || !errors.As(err, &sequence) {
		t.Fatalf("as of a time behind the damage: %v", err)
	}
	if p, err := j.Point(a); err != nil || p.ID != a {
		t.Fatalf("what stands before it: %v", err)
	}
}

func TestWaitForPoint(t *testing.T) {
	tp, one, two := shop(t, 2)
	tp.snapshot(one, published{})
	j := openReplay(t, tp.fs)
	synctest.Test(t, func(t *testing.T) {
		id := tp.clock + 60_000_000
		go func() {
			time.Sleep(3 * time.Second) // of the bubble's clock
			tp.snapshot(two, published{})
		}()
		p, err := j.WaitForPoint(t.Context(), id, time.Minute, time.Second)
		if err != nil || p.ID != id {
			t.Fatalf("%+v, %v", p, err)
		}
		_, err = j.WaitForPoint(t.Context(), id+1, time.Minute, 0)
		var wait *WaitError
		if !errors.As(err, &wait) || wait.ExitCode() != 4 || wait.Waited < time.Minute {
			t.Fatalf("%v", err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		if _, err = j.WaitForPoint(ctx, id+1, 0, 0); !errors.Is(err, context.DeadlineExceeded) {
			t.Fatalf("%v", err)
		}
	})
	tp.close()
}

func TestLastState(t *testing.T) {
	tp, one, two := shop(t, 2)
	tp.snapshot(one, published{})
	last := tp.snapshot(two, published{})
	next := tp.schema
	wider := ordersSchema(itemColumn, table.Column{ID: 9, Name: "late", Type: table.Type{Kind: table.Int}})
	before := tp.current
	tp.use(wider)
	aborted := tp.snapshot(rows{}, published{uncommit: []int{0}})
	tp.current = before
	tp.close()
	j := openReplay(t, tp.fs)
	s, err := j.LastState(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	if s.Point.ID != last || s.LastSnapshot != aborted || s.NextColumnID != 10 || s.Definition.Schema.Identity() != next.Identity() || s.Definition.DDL == "" {
		t.Errorf("%+v", s)
	}
	got := rows{}
	for r, err := range s.Rows {
		if err != nil {
			t.Fatal(err)
		}
		got[string(r.Key)] = append([]byte(nil), r.Image...)
	}
	if !sameRows(got, two) || s.Digest != digestOf(t, next, two) {
		t.Errorf("rows %v", got)
	}
	for p, offset := range s.Offsets {
		if offset <= 0 || offset > tp.next[p] {
			t.Errorf("the commit of partition %d at %d", p, offset)
		}
	}
}

func TestTables(t *testing.T) {
	tp, _, _ := shop(t, 1)
	tp.close()
	fs := tp.fs.(*disk.Memory)
	for _, d := range []string{"not a table", "%2e%2e.x", "a.b.c", "Shop.Orders"} {
		if err := fs.MkdirAll(testRoot+"/"+d, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	names, err := Tables(testRoot, Options{FS: fs})
	if err != nil || len(names) != 1 || names[0] != orders {
		t.Fatalf("%v, %v", names, err)
	}
}

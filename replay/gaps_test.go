package replay

import (
	"errors"
	"testing"
	"time"

	"rewind/change"
)

// refuse puts a producer's Gap into partition 0.
func (tp *tape) refuse(reason string) {
	tp.t.Helper()
	tp.clock += 6_000_000 // behind the end of the last read
	b, err := change.AppendGap(nil, &change.Gap{Stamp: tp.stamp, Reason: reason, Cause: change.CauseGuard, At: tp.clock})
	tp.must(err)
	tp.put(0, b, "")
}

// TestRefusedCaptures lie between the restore points: a time within gives the one before, and says so.
func TestRefusedCaptures(t *testing.T) {
	tp, one, two := shop(t, 2)
	a := tp.snapshot(one, published{})
	tp.refuse("90 of 100 rows are gone")
	dead := tp.stamp
	tp.open(2)
	living := tp.stamp
	tp.stamp = dead
	tp.refuse("of a producer that was fenced off")
	tp.stamp = living
	refused := tp.clock
	j := openReplay(t, tp.fs)
	gaps := j.Gaps()
	if len(gaps) != 1 || !gaps[0].Refused || !gaps[0].Open || gaps[0].Before != a || gaps[0].ClosedBy != 0 || gaps[0].Cause != change.CauseGuard || j.OpenLoss() != nil {
		t.Fatalf("%+v", gaps)
	}
	answer, err := j.At(Spec{Time: time.UnixMicro(refused + 60_000_000)})
	if err != nil || answer.Point.ID != a || answer.Gap == nil || answer.Gap.Reason != gaps[0].Reason {
		t.Fatalf("%+v, %v", answer, err)
	}
	if answer, err := j.At(Spec{Snapshot: a}); err != nil || answer.Gap != nil {
		t.Errorf("by id: %+v, %v", answer.Gap, err)
	}
	b := tp.snapshot(two, published{})
	tp.close()
	if err := j.Refresh(t.Context()); err != nil {
		t.Fatal(err)
	}
	gaps = j.Gaps()
	if len(gaps) != 1 || gaps[0].Open || gaps[0].Before != a || gaps[0].ClosedBy != b || len(gaps[0].Lost) != 0 || j.Damage() != nil {
		t.Fatalf("closed: %+v, %v", gaps, j.Damage())
	}
	for at, want := range map[int64]bool{gaps[0].At.UnixMicro() - 1: false, gaps[0].At.UnixMicro(): true, refused: true, gaps[0].Until.UnixMicro(): false} {
		answer, err := j.At(Spec{Time: time.UnixMicro(at)})
		if err != nil || (answer.Gap != nil) != want {
			t.Errorf("as of %d: %+v, %v", at, answer.Gap, err)
		}
	}
	if got, err := collect(t, j, j.Points()[1]); err != nil || !sameRows(got, two) {
		t.Fatalf("%v", err)
	}
	if v, err := j.Verify(t.Context(), VerifyOptions{}); err != nil || len(v.Gaps) != 1 || len(v.Points) != 2 {
		t.Errorf("%+v, %v", v, err)
	}
}

// loss puts a consumer's Gap into a partition, and what is published meanwhile is not in it.
func (tp *tape) loss(partition int, publish func()) {
	tp.t.Helper()
	tp.gap(partition, "removed from Kafka before it was journaled", publish)
}

// TestAnOpenLossHidesWhatIsBehindIt: as long as the consumer takes up nothing behind a gap, nobody knows what was committed: a time
// behind the last restore point is refused, in whichever partition the gap is.
func TestAnOpenLossHidesWhatIsBehindIt(t *testing.T) {
	for partition := range 2 {
		tp, one, two := shop(t, 2)
		a := tp.snapshot(one, published{})
		b := int64(0)
		tp.loss(partition, func() { b = tp.snapshot(two, published{}) })
		j := openReplay(t, tp.fs)
		var gap *GapError
		_, err := j.At(Spec{Time: testNow})
		if !errors.As(err, &gap) || gap.ExitCode() != 4 || gap.Before.ID != a || !gap.Gap.Open {
			t.Fatalf("partition %d: %v", partition, err)
		}
		if partition != 0 && gap.Lost.ID != b { // partition 0 knows what was committed
			t.Errorf("lost is %+v, not %d", gap.Lost, b)
		}
		if answer, err := j.At(Spec{Time: time.UnixMicro(a + 5_000_000)}); err != nil || answer.Point.ID != a {
			t.Errorf("at the end of the last read: %v", err)
		}
		if _, err := j.Point(a); err != nil {
			t.Errorf("by its id: %v", err)
		}
		if loss := j.OpenLoss(); loss == nil || loss.Partition != partition || loss.Before != a {
			t.Errorf("%+v", loss)
		}
		tp.open(2)
		d := tp.snapshot(one, published{baseline: true})
		tp.close()
		if err := j.Refresh(t.Context()); err != nil {
			t.Fatal(err)
		}
		gaps := j.Gaps()
		if len(gaps) != 1 || gaps[0].Open || gaps[0].ClosedBy != d || j.OpenLoss() != nil {
			t.Errorf("closed by the baseline: %+v", gaps)
		}
		if answer, err := j.At(Spec{Time: testNow}); err != nil || answer.Point.ID != d {
			t.Errorf("behind it: %v", err)
		}
		// Closed or not, what was committed in it is as unknown as before; but partition 0 tells when the lost one was read.
		const refused = 0
		behindA := int64(refused)
		if partition != 0 {
			behindA = a
		}
		for at, want := range map[int64]int64{
			a + 5_000_000: a, a + 5_000_001: behindA, b + 4_999_999: behindA, b + 5_000_000: refused, d + 4_999_999: refused, d + 5_000_000: d,
		} {
			answer, err := j.At(Spec{Time: time.UnixMicro(at)})
			if want == refused && (!errors.As(err, &gap) || gap.Gap.Open || gap.After.ID != d) || want != refused && (err != nil || answer.Point.ID != want) {
				t.Errorf("partition %d, as of %d: %d, %v", partition, at, answer.Point.ID, err)
			}
		}
		if h, err := j.RowHistory(t.Context(), "order_id=1,line=a"); err != nil || len(h.Unread) != 1 {
			t.Errorf("partition %d: what history says of it: %v, %q", partition, err, h.Unread)
		}
	}
}

// TestASnapshotOfALaterTermIsNotLost: the partition with the gap lags behind the others. What a term has committed that is not taken
// up there yet may still come; what an earlier one has cannot.
func TestASnapshotOfALaterTermIsNotLost(t *testing.T) {
	gap := &change.Gap{Cause: change.CauseRemoved}
	first, second, third := change.Stamp{Epoch: 1, Writer: [16]byte{1}}, change.Stamp{Epoch: 2, Writer: [16]byte{2}}, change.Stamp{Epoch: 3, Writer: [16]byte{3}}
	for name, c := range map[string]struct {
		behind []change.Stamp // Opens behind the gap
		by     change.Stamp   // of the snapshot
		lost   bool
	}{
		"of the term before the gap":                        {nil, first, true},
		"of a term that is not taken up yet":                {nil, second, false},
		"of the term that was taken up":                     {[]change.Stamp{second}, second, false},
		"of the term before that":                           {[]change.Stamp{second}, first, true},
		"of a later one":                                    {[]change.Stamp{second}, third, false},
		"of one that came and went while nothing was taken": {[]change.Stamp{third}, second, true},
	} {
		p := &partition{table: orders}
		messages := []change.Message{{Open: &change.Open{Stamp: first}}, {Gap: gap}}
		for _, s := range c.behind {
			messages = append(messages, change.Message{Open: &change.Open{Stamp: s}})
		}
		for i, m := range messages {
			if err := p.take(entry{offset: int64(i), Message: m}); err != nil {
				t.Fatal(err)
			}
		}
		if got := p.lostBehind(&span{begin: &change.Begin{Stamp: c.by, Snapshot: 5}}) != nil; got != c.lost {
			t.Errorf("%s: lost is %t", name, got)
		}
	}
}

// TestAForeignMessageIsNoGapInTime: nothing is missing, so that nothing is open.
func TestAForeignMessageIsNoGapInTime(t *testing.T) {
	tp, one, _ := shop(t, 1)
	a := tp.snapshot(one, published{})
	b, err := change.AppendGap(nil, &change.Gap{Reason: "hello", Cause: change.CauseForeign, NextOffset: tp.next[0] + 2, At: tp.clock})
	tp.must(err)
	tp.put(0, b, "")
	tp.close()
	j := openReplay(t, tp.fs)
	if answer, err := j.At(Spec{Time: testNow}); err != nil || answer.Point.ID != a || answer.Gap != nil {
		t.Errorf("%+v, %v", answer, err)
	}
	if gaps := j.Gaps(); len(gaps) != 1 || gaps[0].Open {
		t.Errorf("%+v", gaps)
	}
}

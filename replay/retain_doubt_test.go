package replay

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"rewind/change"
	"rewind/disk"
	"rewind/journal"
)

// refusedWith holds that nothing is dropped, and why.
func refusedWith(t *testing.T, fs disk.FS, err error, code int, said string) {
	t.Helper()
	var refused *RetainError
	if !errors.As(err, &refused) || refused.ExitCode() != code || refused.Hint() == "" || !strings.Contains(err.Error(), said) {
		t.Fatalf("%v, wanted %d: %s", err, code, said)
	}
	if j := openReplay(t, fs); j.Dropped() != nil {
		t.Fatalf("dropped %+v", j.Dropped())
	}
}

// streamOf begins a stream of the table, of some points, at a time after nine o'clock.
func streamOf(t *testing.T, m *disk.Memory, stream string, at time.Duration) (*tape, []rows) {
	t.Helper()
	tp := unopenedTape(t, m, 2)
	tp.stream, tp.segment = strings.Repeat(stream, 16), 1
	tp.clock += at.Microseconds()
	tp.openJournals()
	tp.open(1)
	tp.use(ordersSchema(itemColumn))
	var eras []rows
	for i := range 3 {
		now := maps.Clone(tp.current)
		k, image := row(t, tp.schema, fmt.Sprint(i), stream, "x")
		now[k] = image
		tp.snapshot(now, published{})
		eras = append(eras, now)
	}
	tp.follow()
	return tp, eras
}

// TestTheLiveStreamStays: the clock was two hours ahead, was set right, and the topic was made anew. By the times of the restore points the new
// stream is the older one. It is not dropped, whether its consumer runs or not; what it acknowledges is there.
func TestTheLiveStreamStays(t *testing.T) {
	for _, runs := range []bool{true, false} {
		m := disk.NewMemory()
		ahead, _ := streamOf(t, m, "0a", 2*time.Hour)
		ahead.close()
		live, eras := streamOf(t, m, "0b", 0)
		if !runs {
			live.close()
		}
		j := openReplay(t, m)
		_, err := retainSince(j, time.Date(2026, 11, 24, 9, 0, 0, 0, time.UTC))
		refusedWith(t, m, err, exitRefused, "its files were written last")
		if !runs {
			live.openJournals()
		}
		live.snapshot(eras[0], published{})
		live.close()
		live.openJournals()
		live.close()
		if j := openReplay(t, m); j.Damage() != nil || len(j.Points()) != 7 {
			t.Errorf("%d points, %v", len(j.Points()), j.Damage())
		}
	}
	m := disk.NewMemory() // an older one was touched last: that of the highest id stays all the same
	old, _ := streamOf(t, m, "0a", 0)
	high, _ := streamOf(t, m, "0b", time.Hour)
	old.follow()
	for _, tp := range []*tape{old, high} {
		tp.close()
	}
	j := openReplay(t, m)
	if err := j.spare(j.streams[1], j.points[0]); err == nil || !strings.Contains(err.Error(), "highest snapshot id") {
		t.Errorf("%v", err)
	}
}

// TestAStreamThatIsWrittenToStays: as long as somebody holds a partition of an earlier stream open, that is not dropped; once it is dropped, nobody
// opens it.
func TestAStreamThatIsWrittenToStays(t *testing.T) {
	for partition := range 2 {
		m := disk.NewMemory()
		early, _ := streamOf(t, m, "0a", 0)
		late, eras := streamOf(t, m, "0b", time.Hour)
		for p := range early.journals {
			if p != partition {
				early.must(early.journals[p].Close())
			}
		}
		since := openReplay(t, m).Points()[4].ReadEnded
		_, err := retainSince(openReplay(t, m), since)
		refusedWith(t, m, err, 8, "a consumer writes to it")
		early.must(early.journals[partition].Close())
		early.journals = nil
		if r, err := retainSince(openReplay(t, m), since); err != nil || !r.Applied || r.Points != 4 || r.Left != 2 {
			t.Fatalf("%+v, %v", r, err)
		}
		j := openReplay(t, m)
		holdEras(t, j, eras[1:])
		dir := j.streams[0].partitions[partition].dir
		_, err = journal.Open(dir, journal.Options{FS: m, Stream: early.stream, Partition: partition, Schema: change.EntrySchema(nil), Splitter: decoders{}.split})
		if wrong := (*journal.CutError)(nil); !errors.As(err, &wrong) {
			t.Errorf("the stream that was dropped is opened: %v", err)
		}
		late.snapshot(eras[0], published{}) // the other one goes on
		late.close()
	}
}

// TestRetainTrustsNoCommitThatMayBeLost: an append of the newest point's Commit fails at each of its operations; the consumer is gone, and what it wrote
// can be read. Whatever retention does then, with and without later points, the power fails, and all that it left is there.
func TestRetainTrustsNoCommitThatMayBeLost(t *testing.T) {
	count, read := 0, 0
	for _, segment := range []int64{1, 4 << 10, 1 << 20} {
		for k := int64(1); ; k++ {
			m := disk.NewMemory()
			tp := unopenedTape(t, m, 2)
			tp.segment = segment
			tp.openJournals()
			tp.open(1)
			tp.use(ordersSchema(itemColumn))
			var eras []rows
			for i := range 6 {
				now := maps.Clone(tp.current)
				key, image := row(t, tp.schema, fmt.Sprint(i), "a", strings.Repeat("x", 900))
				now[key] = image
				tp.snapshot(now, published{})
				eras = append(eras, now)
			}
			id := tp.snapshot(eras[5], published{uncommit: []int{0}})
			commit, err := change.AppendCommit(nil, &change.Commit{Stamp: tp.stamp, Snapshot: id, ReadBegan: id, ReadEnded: id + 5_000_000, Seq: 1,
				Digest: digestOf(t, tp.schema, eras[5])})
			tp.must(err)
			record, err := change.AppendEntry(nil, tp.next[0]+1, commit)
			tp.must(err)
			m.FailAt(k)
			err = tp.journals[0].Append([]journal.Entry{{Offset: tp.next[0] + 1, Record: record}})
			if !m.Tripped() {
				tp.must(err)
				break
			}
			m.FailAt(0)
			for _, j := range tp.journals {
				_ = j.Close()
			}
			tp.journals = nil
			count++
			before := openReplay(t, m)
			points := before.Points()
			shows := len(points) == 7
			if shows {
				read++
			}
			r, err := retainSince(before, points[len(points)-1].ReadEnded)
			if err != nil {
				t.Fatalf("segments of %d, operation %d: %v", segment, k, err)
			}
			m = m.Restart(disk.LoseAll())
			j := openReplay(t, m)
			if shows != (r.Waits == id) {
				t.Errorf("segments of %d, operation %d: of %d points it waits for %d", segment, k, len(points), r.Waits)
			}
			n := len(j.Points())
			if lost := shows && j.Points()[n-1].ID != id; j.Damage() != nil || lost != (n < r.Left) {
				t.Fatalf("segments of %d, operation %d: %d points of %d, %v", segment, k, n, r.Left, j.Damage())
			}
			left := eras
			if j.Points()[n-1].ID == id {
				left = append(slices.Clone(eras), eras[5])
			}
			holdEras(t, j, left[len(left)-n:])
			tp.fs = m
			tp.openJournals()
			if next := tp.journals[0].NextOffset(); next <= tp.next[0] {
				t.Fatalf("segments of %d, operation %d: the consumer goes on at %d of %d", segment, k, next, tp.next[0])
			}
			tp.close()
			if _, err := Verify(context.Background(), testRoot, orders, Options{FS: m, Data: "/other"}, VerifyOptions{}); err != nil {
				t.Fatalf("segments of %d, operation %d: %v", segment, k, err)
			}
		}
	}
	if read == 0 {
		t.Error("the Commit that was lost was never there to be read")
	}
	t.Logf("counted: %d failed appends before a retain, %d of which left a Commit to read", count, read)
}

// TestOrderOfTheCut: the cut takes effect in the order of the log, and was chosen by time. Where the two disagree nothing is dropped.
func TestOrderOfTheCut(t *testing.T) {
	for n := range 4 {
		m := disk.NewMemory()
		tp := unopenedTape(t, m, 1)
		tp.segment = 1
		tp.openJournals()
		tp.open(1)
		tp.use(ordersSchema(itemColumn))
		var ended []time.Time
		for i := range 4 {
			tp.late = 0
			if i == 1 {
				tp.late = 80_000_000 // behind the end of the next one
			}
			id := tp.snapshot(rowsOf(t, tp.schema, []string{fmt.Sprint(i), "a", "x"}), published{})
			ended = append(ended, time.UnixMicro(id+5_000_000+tp.late).UTC())
		}
		tp.follow()
		tp.close()
		j := openReplay(t, m)
		r, err := j.PlanRetention(t.Context(), RetainOptions{Since: ended[n], AcceptClock: true})
		if n == 1 || n == 2 {
			refusedWith(t, m, err, exitRefused, "follow each other by their ids otherwise than by the times")
			continue
		}
		if err != nil || r.Nothing != "" || r.Left != map[int]int{0: 4, 3: 1}[n] {
			t.Errorf("at point %d: %+v, %v", n, r, err)
		}
	}
}

// TestClockOfARetain: where the newest restore point alone would be left, because the clock is ahead or nothing was captured for so long, that must
// be accepted.
func TestClockOfARetain(t *testing.T) {
	_, m, eras := retainable(t, nil, 1)
	j := openReplay(t, m)
	o := RetainOptions{Since: j.Points()[3].ReadEnded}
	_, err := j.PlanRetention(t.Context(), o)
	refusedWith(t, m, err, exitRefused, "no other would be kept")
	_, err = j.Retain(t.Context(), o)
	refusedWith(t, m, err, exitRefused, "no other would be kept")
	o.AcceptClock = true
	if r, err := j.Retain(t.Context(), o); err != nil || !r.Applied || r.Left != 1 {
		t.Fatalf("%+v, %v", r, err)
	}
	holdEras(t, openReplay(t, m), eras[3:])
	o.AcceptClock = false
	o.Since = o.Since.AddDate(1, 0, 0)
	if r, err := j.Retain(t.Context(), o); err != nil || r.Nothing == "" { // nothing is left to be dropped
		t.Errorf("%+v, %v", r, err)
	}
}

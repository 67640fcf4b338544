package producer

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"rewind/change"
	"rewind/disk"
	"rewind/table"
	"rewind/topic"
)

func TestCaptureAliceAndBob(t *testing.T) {
	w := newWorld(t, 3, "Alice", "Carol", "Dave")
	p := w.start()
	first := w.capture(p, TableOptions{})
	if !first.Baseline || first.Previous != 0 || first.Counts != (change.Counts{Reads: 3}) || first.Rows != 3 {
		t.Errorf("first capture: %+v", first)
	}
	w.engine.set(1, "Bob")
	delete(w.engine.rows, 2)
	w.engine.set(9, "Eve")
	second := w.capture(p, TableOptions{})
	if second.Baseline || second.Previous != first.Snapshot || second.Counts != (change.Counts{Creates: 1, Updates: 1, Deletes: 1}) {
		t.Errorf("second capture: %+v", second)
	}
	third := w.capture(p, TableOptions{})
	if third.Counts != (change.Counts{}) || third.Digest != second.Digest || third.Previous != second.Snapshot {
		t.Errorf("a capture that found nothing: %+v", third)
	}
	all := w.committed()
	if len(all) != 3 {
		t.Fatalf("%d restore points, want 3", len(all))
	}
	for i, want := range []string{"1=Alice 2=Carol 3=Dave ", "1=Bob 3=Dave 9=Eve ", "1=Bob 3=Dave 9=Eve "} {
		if got := text(all[i].rows); got != want {
			t.Errorf("restore point %d: %s, want %s", i, got, want)
		}
	}
}

func TestCaptureGoesOnInAnotherProcess(t *testing.T) {
	w := newWorld(t, 2, "Alice")
	for i := range 4 {
		p := w.startOn(w.fs)
		w.engine.set(int64(i+2), fmt.Sprint("row ", i))
		r := w.capture(p, TableOptions{})
		if r.Baseline != (i == 0) {
			t.Errorf("capture %d: baseline %v", i, r.Baseline)
		}
		if err := p.Close(); err != nil {
			t.Fatal(err)
		}
	}
	all := w.committed()
	if len(all) != 4 || len(all[3].rows) != 5 {
		t.Errorf("%d restore points, the last with %d rows", len(all), len(all[3].rows))
	}
}

func TestCaptureOfAnEmptyTable(t *testing.T) {
	w := newWorld(t, 2)
	p := w.start()
	r := w.capture(p, TableOptions{})
	if r.Rows != 0 || !r.Baseline || r.Digest != (table.Digest{}) {
		t.Errorf("%+v", r)
	}
	if all := w.committed(); len(all) != 1 || len(all[0].rows) != 0 {
		t.Errorf("%+v", all)
	}
}

func TestOneLockATable(t *testing.T) {
	w := newWorld(t, 1, "Alice")
	w.capture(w.start(), TableOptions{})
	_, err := w.start().Capture(context.Background(), orders, TableOptions{})
	var locked *disk.LockedError
	if !errors.As(err, &locked) || locked.ExitCode() != 8 {
		t.Fatalf("got %v", err)
	}
}

func TestTwoProducersFenceEachOther(t *testing.T) {
	w := newWorld(t, 2, "Alice")
	first := w.start()
	w.capture(first, TableOptions{})
	// A copy of the folder on another machine: the lock does not help there.
	memory := w.fs.(*disk.Memory).Restart(disk.LoseNone())
	w.fs = memory
	second := w.start()
	w.engine.set(2, "Bob")
	w.capture(second, TableOptions{})
	_, err := first.Capture(context.Background(), orders, TableOptions{})
	var fenced *FencedError
	if !errors.As(err, &fenced) || fenced.ExitCode() != 8 || fenced.Seen <= fenced.Epoch {
		t.Fatalf("got %v", err)
	}
	w.engine.set(3, "Carol")
	if r := w.capture(second, TableOptions{}); r.Counts.Creates != 1 {
		t.Errorf("the second goes on: %+v", r)
	}
	if all := w.committed(); len(all) != 3 {
		t.Errorf("%d restore points, want 3", len(all))
	}
}

// TestFencedDuringThePublication lets another producer take over at every request that the first one sends: what the first
// says of its snapshot must be what readers see.
func TestFencedDuringThePublication(t *testing.T) {
	for request := 1; ; request++ {
		w := newWorld(t, 2, "Alice", "Bob", "Carol")
		first := w.start()
		w.capture(first, TableOptions{})
		w.engine.set(1, "Alice 2")
		w.engine.set(2, "Bob 2")
		w.engine.set(3, "Carol 2")
		elsewhere := w.fs.(*disk.Memory).Restart(disk.LoseNone())
		w.fs = w.fs.(*disk.Memory).Restart(disk.LoseNone())
		_ = first.Close()
		first = w.start()
		second := New(newEngine("Alice", "Bob 3"), w.kafka, Options{Dir: "/data/snapshots", FS: elsewhere, Now: w.clock.Now})
		done := make(chan error, 1)
		reached := w.atProduce(request, func() {
			_, err := second.Capture(context.Background(), orders, TableOptions{})
			done <- err
		})
		r, err := first.Capture(context.Background(), orders, TableOptions{})
		if !*reached {
			t.Logf("counted: %d requests of a capture", request-1)
			_ = second.Close()
			return
		}
		otherErr := <-done
		checkFencing(t, w, r, err, otherErr)
		_ = second.Close()
	}
}

// checkFencing: who was told that his snapshot is committed was told the truth, and who was told otherwise too.
func checkFencing(t *testing.T, w *world, r Report, err, otherErr error) {
	t.Helper()
	var fenced *FencedError
	var state *StateError
	if err != nil && !errors.As(err, &fenced) && !errors.As(err, &state) {
		t.Errorf("the first: %v", err)
	}
	if otherErr != nil && !errors.As(otherErr, &state) && !errors.As(otherErr, &fenced) {
		t.Errorf("the second: %v", otherErr)
	}
	all := w.committed()
	want := 1
	if err == nil {
		want++
	}
	if otherErr == nil {
		want++
	}
	if len(all) != want {
		t.Errorf("%d restore points, want %d (first: %v, second: %v)", len(all), want, err, otherErr)
	}
	if found := slices.ContainsFunc(all, func(s snapshot) bool { return s.id == r.Snapshot }); r.Snapshot != 0 && found != (err == nil) {
		t.Errorf("the first's snapshot is committed: %v, it was told %v", found, err)
	}
}

func TestLostAnswersAreNoLoss(t *testing.T) {
	w := newWorld(t, 2, "Alice", "Bob", "Carol")
	p := w.start()
	w.capture(p, TableOptions{})
	for lost := 1; lost <= 6; lost++ {
		w.engine.set(int64(lost+3), "row")
		w.engine.set(1, fmt.Sprint("Alice ", lost))
		w.cluster.LoseProduceAnswers(lost)
		w.capture(p, TableOptions{})
		w.cluster.LoseProduceAnswers(0)
	}
	all := w.committed()
	if len(all) != 7 || len(all[6].rows) != 9 || all[6].rows[1] != "Alice 6" {
		t.Fatalf("%d restore points; last %s", len(all), text(all[len(all)-1].rows))
	}
}

func TestLostStateNamesTheWaysOut(t *testing.T) {
	w := newWorld(t, 2, "Alice")
	p := w.start()
	r := w.capture(p, TableOptions{})
	w.fs = disk.NewMemory()
	lost := w.start()
	_, err := lost.Capture(context.Background(), orders, TableOptions{})
	var state *StateError
	if !errors.As(err, &state) || state.ExitCode() != 6 || state.Committed != r.Snapshot || state.Snapshot != 0 {
		t.Fatalf("got %v", err)
	}
	if hint := state.Hint(); !strings.Contains(hint, "--rebuild") || !strings.Contains(hint, "--rebaseline") {
		t.Error(hint)
	}
	w.engine.set(2, "Bob")
	// The refused capture must not have fenced the one that runs.
	if r := w.capture(p, TableOptions{}); r.Baseline {
		t.Errorf("%+v", r)
	}
	if r := w.capture(lost, TableOptions{Rebaseline: true}); !r.Baseline || r.Counts.Reads != 2 || r.Stream != state0(w).stream {
		t.Errorf("rebaseline: %+v", r)
	}
	w.engine.set(3, "Carol")
	if r := w.capture(lost, TableOptions{}); r.Baseline || r.Counts.Creates != 1 {
		t.Errorf("behind the new baseline: %+v", r)
	}
}

// state0 reads partition 0 as a producer does.
func state0(w *world) *logState {
	opened, err := w.kafka.Open(context.Background(), orders, false)
	if err != nil {
		w.t.Fatal(err)
	}
	_, next, err := opened.Bounds(context.Background(), 0)
	if err != nil {
		w.t.Fatal(err)
	}
	s := &logState{}
	if err := s.read(context.Background(), opened, 0, next, nil, newDiscard()); err != nil {
		w.t.Fatal(err)
	}
	return s
}

func TestDeletedTopicIsNoticed(t *testing.T) {
	w := newWorld(t, 2, "Alice")
	p := w.start()
	r := w.capture(p, TableOptions{})
	if err := p.Close(); err != nil {
		t.Fatal(err)
	}
	w.cluster.DeleteTopic(t, "rewind.shop.orders")
	again := w.start()
	_, err := again.Capture(context.Background(), orders, TableOptions{})
	var state *StateError
	if !errors.As(err, &state) || state.Snapshot != r.Snapshot || state.Committed != 0 {
		t.Fatalf("got %v", err)
	}
	fresh := w.capture(again, TableOptions{Rebaseline: true})
	if fresh.Stream == r.Stream || !fresh.Baseline {
		t.Errorf("%+v", fresh)
	}
}

func TestForeignTopicIsRefused(t *testing.T) {
	w := newWorld(t, 1, "Alice")
	opened, err := w.kafka.Create(context.Background(), orders, 1)
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := opened.Append(context.Background(), 0, [][]byte{[]byte("hello")}); err != nil {
		t.Fatal(err)
	}
	_, err = w.start().Capture(context.Background(), orders, TableOptions{})
	var foreign *ForeignTopicError
	if !errors.As(err, &foreign) || foreign.ExitCode() != 6 {
		t.Fatalf("got %v", err)
	}
}

func TestKeyOrderIsChecked(t *testing.T) {
	w := newWorld(t, 1, "Alice", "Bob", "Carol")
	p := w.start()
	w.capture(p, TableOptions{})
	w.engine.order = []int64{1, 2, 2, 3}
	_, err := p.Capture(context.Background(), orders, TableOptions{})
	var duplicate *DuplicateKeyError
	if !errors.As(err, &duplicate) || duplicate.Key != "id=2" || duplicate.Row != 3 || duplicate.ExitCode() != 6 {
		t.Fatalf("got %v", err)
	}
	w.engine.order = []int64{1, 3, 2}
	_, err = p.Capture(context.Background(), orders, TableOptions{})
	var order *OrderError
	if !errors.As(err, &order) || order.Previous != "id=3" || order.Key != "id=2" || order.ExitCode() != 6 {
		t.Fatalf("got %v", err)
	}
	w.engine.order = nil
	w.capture(p, TableOptions{})
	if all := w.committed(); len(all) != 2 {
		t.Errorf("%d restore points, want 2", len(all))
	}
}

func TestScanErrorPublishesNothing(t *testing.T) {
	w := newWorld(t, 1, "Alice", "Bob")
	p := w.start()
	boom := errors.New("boom")
	w.engine.scanned = func(row int) error {
		if row == 1 {
			return boom
		}
		return nil
	}
	if _, err := p.Capture(context.Background(), orders, TableOptions{}); !errors.Is(err, boom) {
		t.Fatalf("got %v", err)
	}
	if _, err := w.fs.Stat("/data/snapshots/" + orders.FileName() + "/" + pendingName); err == nil {
		t.Error("the pending file was left")
	}
	if s := state0(w); s.begin != nil {
		t.Error("a Begin was published")
	}
}

func TestChangedOptionsAreRefused(t *testing.T) {
	w := newWorld(t, 1, "Alice")
	p := w.start()
	w.capture(p, TableOptions{})
	w.engine.options["TIMEZONE"] = "Europe/Vienna"
	_, err := p.Capture(context.Background(), orders, TableOptions{})
	var options *OptionsError
	if !errors.As(err, &options) || options.ExitCode() != 6 ||
		!strings.Contains(err.Error(), `TIMEZONE was "UTC" and is "Europe/Vienna"`) {
		t.Fatalf("got %v", err)
	}
	if r := w.capture(p, TableOptions{Rebaseline: true}); !r.Baseline {
		t.Errorf("%+v", r)
	}
	w.capture(p, TableOptions{})
}

func TestClockBehindIsRefused(t *testing.T) {
	w := newWorld(t, 1, "Alice")
	p := w.start()
	first := w.capture(p, TableOptions{})
	w.clock.move(-3 * time.Second)
	second := w.capture(p, TableOptions{})
	if want := first.ReadEnded.UnixMicro() + 1; second.Snapshot != want {
		t.Errorf("a little behind: %d, want %d", second.Snapshot, want)
	}
	w.clock.move(-time.Hour)
	_, err := p.Capture(context.Background(), orders, TableOptions{})
	var behind *ClockError
	if !errors.As(err, &behind) || behind.ExitCode() != 6 {
		t.Fatalf("got %v", err)
	}
	if r := w.capture(p, TableOptions{AcceptClock: true}); r.Snapshot != second.ReadEnded.UnixMicro()+1 {
		t.Errorf("accepted: %d, want %d", r.Snapshot, second.ReadEnded.UnixMicro()+1)
	}
}

// TestReadEndsRise: the clock is set back to a time within the last read. The next snapshot must not end before it, or the
// restore points would be found in the wrong order; neither in the same process nor in another.
func TestReadEndsRise(t *testing.T) {
	for _, restart := range []bool{false, true} {
		w := newWorld(t, 2, "Alice")
		p := w.startOn(w.fs)
		w.engine.scanned = func(int) error { w.clock.move(10 * time.Minute); return nil }
		first := w.capture(p, TableOptions{})
		w.engine.scanned = nil
		w.clock.move(-5 * time.Minute)
		if restart {
			_ = p.Close()
			p = w.startOn(w.fs)
		}
		_, err := p.Capture(context.Background(), orders, TableOptions{})
		var behind *ClockError
		if !errors.As(err, &behind) || behind.Last != first.ReadEnded.UnixMicro() {
			t.Errorf("restart %v: got %v", restart, err)
		}
		if r := w.capture(p, TableOptions{AcceptClock: true}); !r.ReadBegan.After(first.ReadEnded) || r.ReadEnded.Before(r.ReadBegan) {
			t.Errorf("restart %v: read from %v to %v, the one before until %v", restart, r.ReadBegan, r.ReadEnded, first.ReadEnded)
		}
		_ = p.Close()
	}
}

// TestShorterTopicIsNoticed: an acknowledged message below those that were acknowledged before shows that they are gone.
func TestShorterTopicIsNoticed(t *testing.T) {
	w := newWorld(t, 1, "Alice")
	p := w.start()
	w.capture(p, TableOptions{})
	term := p.tables[orders].term
	term.states[0].next += 10
	c := &capture{producer: p, session: p.tables[orders], name: orders, logger: newDiscard()}
	_, err := c.append(context.Background(), term, 0, [][]byte{[]byte("x")})
	if !errors.Is(err, topic.ErrOffsetLost) {
		t.Errorf("got %v", err)
	}
}

func TestFullDiskIsRefused(t *testing.T) {
	w := newWorld(t, 1, "Alice")
	w.fs.(*disk.Memory).SetFree(1 << 20)
	_, err := w.start().Capture(context.Background(), orders, TableOptions{})
	var space *SpaceError
	if !errors.As(err, &space) || space.ExitCode() != 6 || space.Free > 1<<20 {
		t.Fatalf("got %v", err)
	}
}

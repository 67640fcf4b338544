package producer

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"rewind/change"
	"rewind/disk"
	"rewind/sandbox/racing"
	"rewind/table"
)

// gaps are the Gaps of partition 0 that count, and how many messages it has.
func (w *world) gaps() (found []change.Gap, messages int64) {
	w.t.Helper()
	opened, err := w.kafka.Open(context.Background(), orders, false)
	if err != nil {
		w.t.Fatal(err)
	}
	_, next, err := opened.Bounds(context.Background(), 0)
	if err != nil {
		w.t.Fatal(err)
	}
	decoder := change.NewDecoder()
	var owner change.Stamp
	for m, err := range opened.Read(context.Background(), 0, 0, next) {
		if err != nil {
			w.t.Fatal(err)
		}
		d, err := decoder.Decode(m.Value)
		if err != nil {
			w.t.Fatal(err)
		}
		if stamp, ok := d.Stamp(); ok && owner.Admit(stamp) && d.Gap != nil {
			found = append(found, *d.Gap)
		}
	}
	return found, next
}

// TestRefusedCapturesLeaveOneGapEach: the journal is to know why there is no restore point, once a cause until a capture succeeds,
// whatever process tries it.
func TestRefusedCapturesLeaveOneGapEach(t *testing.T) {
	refused := errors.New("not what it was")
	for cause, form := range map[string]struct {
		spoil, mend func(w *world)
	}{
		change.CauseGuard:        {func(w *world) { w.engine.hide() }, func(w *world) { w.engine.show() }},
		change.CauseDuplicateKey: {func(w *world) { w.engine.order = []int64{1, 2, 2, 3} }, func(w *world) { w.engine.order = nil }},
		change.CauseOrder:        {func(w *world) { w.engine.order = []int64{1, 3, 2} }, func(w *world) { w.engine.order = nil }},
		change.CauseOptions:      {func(w *world) { w.engine.options["TIMEZONE"] = "Europe/Vienna" }, func(w *world) { w.engine.options["TIMEZONE"] = "UTC" }},
		change.CauseClock:        {func(w *world) { w.clock.move(-time.Hour) }, func(w *world) { w.clock.move(time.Hour) }},
		change.CauseSchema: {func(w *world) { w.engine.columns[0].Type = table.Type{Kind: table.Double} },
			func(w *world) { w.engine.columns[0].Type = table.Type{Kind: table.BigInt} }},
		"schema, from the engine": {func(w *world) { w.engine.refusal = &cannotCarry{refused} }, func(w *world) { w.engine.refusal = nil }},
	} {
		t.Run(cause, func(t *testing.T) {
			w := newWorld(t, 2, "Alice", "Bob", "Carol")
			p := w.startOn(w.fs)
			form.spoil(w)
			if _, err := p.Capture(context.Background(), orders, TableOptions{}); err != nil && cause != change.CauseGuard {
				if topic, _ := w.kafka.Open(context.Background(), orders, false); topic != nil {
					if found, _ := w.gaps(); len(found) > 0 {
						t.Errorf("a gap before the first restore point: %+v", found)
					}
				}
			}
			form.mend(w)
			last := w.capture(p, TableOptions{Rebaseline: true, AllowMassDelete: true})
			form.spoil(w)
			var size int64
			for try := range 4 {
				if try == 2 { // another process goes on refusing
					_ = p.Close()
					p = w.startOn(w.fs)
				}
				_, err := p.Capture(context.Background(), orders, TableOptions{})
				if err == nil {
					t.Fatalf("try %d: it was not refused", try)
				}
				found, messages := w.gaps()
				if len(found) != 1 || !strings.HasPrefix(cause, found[0].Cause) || found[0].Reason != err.Error() && cause != change.CauseClock {
					t.Fatalf("try %d: %+v, %v", try, found, err)
				}
				if found[0].At < last.ReadEnded.UnixMicro() {
					t.Errorf("it lies before the last restore point: %+v", found[0])
				}
				if try == 1 && messages != size {
					t.Errorf("the second refusal wrote %d messages", messages-size)
				}
				size = messages
			}
			form.mend(w)
			w.capture(p, TableOptions{})
			form.spoil(w)
			if _, err := p.Capture(context.Background(), orders, TableOptions{}); err == nil {
				t.Fatal("it was not refused")
			}
			if found, _ := w.gaps(); len(found) != 2 || found[1].At <= found[0].At {
				t.Errorf("behind a restore point: %+v", found)
			}
			form.mend(w)
			w.capture(p, TableOptions{})
			if all := w.committed(); len(all) < 3 || text(all[len(all)-1].rows) != "1=Alice 2=Bob 3=Carol " {
				t.Errorf("%d restore points", len(all))
			}
			_ = p.Close()
		})
	}
}

type cannotCarry struct{ error }

func (*cannotCarry) CannotCarry() {}

// TestAnotherCauseIsAnotherGap: what is refused for one reason and then for another says both.
func TestAnotherCauseIsAnotherGap(t *testing.T) {
	w := newWorld(t, 2, "Alice", "Bob")
	p := w.start()
	w.capture(p, TableOptions{})
	w.engine.hide()
	_, _ = p.Capture(context.Background(), orders, TableOptions{})
	w.engine.show()
	w.engine.order = []int64{1, 1}
	_, _ = p.Capture(context.Background(), orders, TableOptions{})
	found, _ := w.gaps()
	if len(found) != 2 || found[0].Cause != change.CauseGuard || found[1].Cause != change.CauseDuplicateKey {
		t.Errorf("%+v", found)
	}
}

// TestTheRefusalIsHeard: that its Gap cannot be sent hides it from nobody, and the next capture begins a new term.
func TestTheRefusalIsHeard(t *testing.T) {
	w := newWorld(t, 2, "Alice", "Bob")
	p := w.start()
	w.capture(p, TableOptions{})
	w.engine.order = []int64{2, 1}
	const denied = 29 // TOPIC_AUTHORIZATION_FAILED
	w.engine.scanned = func(int) error { w.cluster.AnswerProduce(denied); return nil }
	_, err := p.Capture(context.Background(), orders, TableOptions{})
	var order *OrderError
	if !errors.As(err, &order) {
		t.Fatalf("%v", err)
	}
	if p.tables[orders].term != nil {
		t.Error("the term goes on")
	}
	if found, _ := w.gaps(); len(found) != 0 {
		t.Errorf("%+v", found)
	}
	if _, err := p.Capture(context.Background(), orders, TableOptions{}); !errors.As(err, &order) && err == nil {
		t.Errorf("%v", err)
	}
}

// TestFencedWhileRefusing lets another producer take over at every request of a refused capture: a Gap of the one that was overtaken
// counts nowhere, and no restore point is harmed.
func TestFencedWhileRefusing(t *testing.T) {
	for request := 1; ; request++ {
		w := newWorld(t, 2, "Alice", "Bob", "Carol")
		first := w.startOn(w.fs)
		w.capture(first, TableOptions{})
		elsewhere := w.fs.(*disk.Memory).Restart(disk.LoseNone())
		w.fs = w.fs.(*disk.Memory).Restart(disk.LoseNone())
		_ = first.Close()
		first = w.startOn(w.fs)
		w.engine.order = []int64{1, 2, 2}
		second := New(newEngine("Alice", "Bob 3"), w.kafka, Options{Dir: "/data/snapshots", FS: elsewhere, Now: w.clock.Now})
		done := make(chan error, 1)
		reached := w.atProduce(request, func() {
			_, err := second.Capture(context.Background(), orders, TableOptions{})
			done <- err
		})
		_, err := first.Capture(context.Background(), orders, TableOptions{})
		if err == nil {
			t.Fatal("it was not refused")
		}
		if !*reached {
			t.Logf("counted: %d requests of a refused capture at which another producer took over", request-1)
			_ = first.Close()
			_ = second.Close()
			return
		}
		points, otherErr := 2, <-done
		if otherErr != nil {
			points = 1
		}
		if all := w.committed(); len(all) != points {
			t.Errorf("request %d: %d restore points, the second said %v", request, len(all), otherErr)
		}
		if found, _ := w.gaps(); len(found) > 1 {
			t.Errorf("request %d: %+v", request, found)
		}
		_ = first.Close()
		_ = second.Close()
		w.close()
	}
}

// TestCrashWhileRefusing crashes the machine at every operation of a refused capture: the next one is refused for the same, and one
// that is not has what the last one had.
func TestCrashWhileRefusing(t *testing.T) {
	count := 0
	for k := int64(1); ; k += racing.Step {
		w := newWorld(t, 2, "Alice", "Bob", "Carol")
		p := w.startOn(w.fs)
		w.capture(p, TableOptions{})
		_ = p.Close()
		w.engine.hide()
		memory := w.fs.(*disk.Memory)
		memory.CrashAt(k)
		p = w.startOn(memory)
		_, _ = p.Capture(context.Background(), orders, TableOptions{})
		_ = p.Close()
		if !memory.Tripped() {
			t.Logf("counted: %d crash points of a refused capture", count)
			w.close()
			return
		}
		count++
		w.fs = memory.Restart(disk.LoseSome(uint64(k)))
		p = w.startOn(w.fs)
		var guard *GuardError
		if _, err := p.Capture(context.Background(), orders, TableOptions{}); !errors.As(err, &guard) || guard.Before != 3 {
			t.Fatalf("crash at %d: %v", k, err)
		}
		w.engine.show()
		if r := w.capture(p, TableOptions{}); r.Counts.Total() != 0 || r.Baseline {
			t.Errorf("crash at %d: %+v", k, r)
		}
		if found, _ := w.gaps(); len(found) != 1 {
			t.Errorf("crash at %d: %s", k, fmt.Sprint(found))
		}
		_ = p.Close()
		w.close()
	}
}

// TestIDsGoOnFromTheJournal: of a topic that was made again nobody knows the old one's ids but the journal.
func TestIDsGoOnFromTheJournal(t *testing.T) {
	w := newWorld(t, 1, "Alice")
	p := w.startOn(w.fs)
	last := w.capture(p, TableOptions{})
	_ = p.Close()
	w.cluster.DeleteTopic(t, "rewind.shop.orders")
	w.clock.move(-2 * time.Second)
	w.fs = disk.NewMemory()
	p = w.start()
	o := TableOptions{LastSnapshot: last.Snapshot + 10, LastPoint: LastPoint{last.Snapshot, last.ReadEnded.UnixMicro(), 1}}
	if r := w.capture(p, o); r.Snapshot <= last.Snapshot+10 || !r.ReadBegan.After(last.ReadEnded) {
		t.Errorf("%d behind %d", r.Snapshot, last.Snapshot)
	}
	_ = p.Close()
	w.cluster.DeleteTopic(t, "rewind.shop.orders")
	w.clock.move(-time.Hour)
	w.fs = disk.NewMemory()
	_, err := w.start().Capture(context.Background(), orders, o)
	var behind *ClockError
	if !errors.As(err, &behind) {
		t.Errorf("%v", err)
	}
}

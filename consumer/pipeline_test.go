package consumer

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync/atomic"
	"testing"

	"rewind/disk"
	"rewind/journal"
	"rewind/sandbox/racing"
)

// units is a topic whose every request becomes a unit of its own, so that all stages have work at the same time.
func units(t *testing.T, n int64) *world {
	t.Helper()
	w := newWorld(t)
	w.unitBytes, w.segment = 1, 600
	a := stamp(1, 'a')
	w.write(w.open(a))
	for i := range n {
		w.write(w.snapshotOf(a, 100*(i+1), 100*i, 2)...)
	}
	return w
}

// isPrefix says whether the journal holds the first messages of the topic and nothing else.
func (w *world) isPrefix(next int64) bool {
	return slices.Equal(w.offsets(streamA), slices.Collect(func(yield func(int64) bool) {
		for o := range next {
			if !yield(o) {
				return
			}
		}
	}))
}

// committed is the offset that the group stands at.
func (w *world) committed() int64 {
	w.t.Helper()
	next, _, err := w.topic.CommittedOffset(context.Background(), 0)
	if err != nil {
		w.t.Fatal(err)
	}
	return next
}

// TestFailAmongStages lets the k-th operation on the disk fail while further units are on their way, for every k: nothing behind the
// failure is acknowledged, in the report, in progress, in the group or on the disk, and the next run goes on.
func TestFailAmongStages(t *testing.T) {
	w := units(t, 5)
	_, end, err := w.topic.Bounds(context.Background(), 0)
	if err != nil {
		t.Fatal(err)
	}
	for k := int64(1); ; k += racing.Step {
		memory := disk.NewMemory()
		w.fs = memory
		w.useGroup(fmt.Sprint("fails-", k))
		memory.FailAt(k)
		told := int64(0)
		o := w.options()
		o.Progress = func(p Progress) { told = p.Next }
		log, logger := newLines()
		o.Logger = logger
		r, err := Run(context.Background(), w.kafka, o)
		if !memory.Tripped() {
			t.Logf("counted: %d disk operations that failed with units behind them", k-1)
			return
		}
		if err == nil && log.count("an index") > 0 {
			err = disk.ErrInjected // it stops nothing, but is told
		}
		if !errors.Is(err, disk.ErrInjected) && !errors.Is(err, journal.ErrFailed) {
			t.Fatalf("operation %d failed: %v", k, err)
		}
		w.fs = memory.Restart(disk.LoseAll())
		durable := int64(0)
		if _, err := w.fs.ReadDir(w.dir(streamA)); err == nil {
			durable = int64(len(w.offsets(streamA)))
		}
		var reported int64
		for _, p := range r.Partitions {
			reported = p.Next
		}
		if reported > durable || told > durable || w.committed() > durable {
			t.Fatalf("operation %d failed: %d durable, %d reported, %d told, %d in the group", k, durable, reported, told, w.committed())
		}
		if r := w.consume(); !w.isPrefix(end) || r.Partitions[0].Next != end {
			t.Fatalf("operation %d failed: then %+v", k, r)
		}
	}
}

// canceller ends a context at the n-th line of a log.
type canceller struct {
	left   atomic.Int64
	cancel context.CancelFunc
}

func (c *canceller) Write(p []byte) (int, error) {
	if c.left.Add(-1) == 0 {
		c.cancel()
	}
	return len(p), nil
}

// TestCancelAmongStages ends the consumer at the n-th thing that it says, in whichever stage, for every n: it ends without an error and
// without a stage that goes on, and what it has is the beginning of the topic.
func TestCancelAmongStages(t *testing.T) {
	w := units(t, 5)
	_, end, err := w.topic.Bounds(context.Background(), 0)
	if err != nil {
		t.Fatal(err)
	}
	for n := int64(1); ; n++ {
		memory := disk.NewMemory()
		w.fs = memory
		w.useGroup(fmt.Sprint("cancelled-", n))
		ctx, cancel := context.WithCancel(context.Background())
		c := &canceller{cancel: cancel}
		c.left.Store(n)
		o := w.options()
		o.Logger = slog.New(slog.NewTextHandler(c, &slog.HandlerOptions{Level: slog.LevelDebug}))
		r, err := Run(ctx, w.kafka, o)
		cancel()
		if err != nil {
			t.Fatalf("ended at line %d: %v", n, err)
		}
		if c.left.Load() > 0 {
			t.Logf("counted: %d moments at which a consumer is ended", n-1)
			return
		}
		var next int64
		for _, p := range r.Partitions {
			next = p.Next
		}
		if next > 0 && !w.isPrefix(next) {
			t.Fatalf("ended at line %d: %v, want up to %d", n, w.offsets(streamA), next)
		}
		w.fs = memory.Restart(disk.LoseAll())
		if w.consume(); !w.isPrefix(end) {
			t.Fatalf("ended at line %d: then %v", n, w.offsets(streamA))
		}
	}
}

// TestUnitsJoin: what is fetched at once becomes one block, whatever the requests were by which it came, up to a unit's size.
func TestUnitsJoin(t *testing.T) {
	w := units(t, 7)
	w.segment = 1 << 20
	for i, c := range []struct{ bytes, least, most int }{{0, 1, 1}, {1, 8, 8}, {1500, 2, 7}} {
		w.useGroup(fmt.Sprint("joins-", i))
		log, logger := newLines()
		w.unitBytes, w.logger, w.fs = c.bytes, logger, disk.NewMemory()
		w.consume()
		if got := log.count("journal: appended"); got < c.least || got > c.most {
			t.Errorf("units of %d bytes: %d blocks, want %d to %d", c.bytes, got, c.least, c.most)
		}
		if got := log.count("consume: fetched"); got != 8 {
			t.Errorf("%d batches fetched", got)
		}
	}
}

// TestStopAmongStages: a message that stops the consumer comes behind what was before it, and ends the stages.
func TestStopAmongStages(t *testing.T) {
	w := units(t, 3)
	_, end, err := w.topic.Bounds(context.Background(), 0)
	if err != nil {
		t.Fatal(err)
	}
	w.write([]byte("not ours"))
	w.write(w.snapshotOf(stamp(1, 'a'), 400, 300, 2)...)
	for _, size := range []int{0, 1} {
		w.useGroup(fmt.Sprint("stops-", size))
		w.unitBytes, w.fs = size, disk.NewMemory()
		if e := asError[*ForeignMessageError](t, w.consumeError()); e.Offset != end {
			t.Errorf("%+v", e)
		}
		if !w.isPrefix(end) {
			t.Errorf("%v", w.offsets(streamA))
		}
	}
	w.skip = []Skip{{Table: orders, Offset: end}}
	if r := w.consume(); r.Partitions[0].Gaps != 1 || r.Entries() != 5 {
		t.Errorf("%+v", r)
	}
}

// TestUnitOf: many partitions get smaller units, so that one of each together takes no more than 64 MiB, as long as a unit is worth a block.
func TestUnitOf(t *testing.T) {
	for _, n := range []int{0, 1, 4, 32, 33, 100, 256, 1000} {
		size := unitOf(n)
		if n <= 32 && size != unitBytes || n > 32 && n <= 256 && size*n > allUnitBytes || size < leastUnitBytes {
			t.Errorf("%d partitions: units of %d bytes", n, size)
		}
	}
}

package consumer

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"rewind/change"
	"rewind/disk"
	"rewind/table"
	"rewind/topic"
)

var others = table.Name{Database: "shop", Table: "lines"}

// beside is a second table in the same world: its Kafka, its disk.
func (w *world) beside(name table.Name) *world {
	w.t.Helper()
	o := *w
	var err error
	if o.topic, err = w.kafka.Create(context.Background(), name, 1); err != nil {
		w.t.Fatal(err)
	}
	return &o
}

// service runs the consumer of two tables until the test ends, and gives what it tells.
func (w *world) service(o Options) (told chan Trouble, stop func() (Report, error)) {
	told = make(chan Trouble, 100)
	o.UntilCaughtUp, o.Trouble = false, func(t Trouble) { told <- t }
	ctx, cancel := context.WithCancel(context.Background())
	type end struct {
		report Report
		err    error
	}
	done := make(chan end, 1)
	go func() {
		r, err := Run(ctx, w.kafka, o)
		done <- end{r, err}
	}()
	return told, func() (Report, error) {
		cancel()
		e := <-done
		return e.report, e.err
	}
}

// TestOneTablesTroubleStopsNoOther: a table that waits for a person is told of once, tried again, and taken up when it was mended.
func TestOneTablesTroubleStopsNoOther(t *testing.T) {
	w := newWorld(t)
	log, logger := newLines()
	w.logger = logger
	a := stamp(1, 'a')
	w.write(w.open(a), []byte("hello"))
	other := w.beside(others)
	other.write(other.open(a))
	o := w.options()
	o.Tables = []table.Name{orders, others}
	o.Wait = Wait{First: time.Millisecond, Standing: time.Millisecond}
	told, stop := w.service(o)
	first := <-told
	if asError[*ForeignMessageError](t, first.Err); first.Table != orders || first.Again != time.Millisecond {
		t.Errorf("%+v", first)
	}
	before := log.count("journal: appended")
	other.write(other.snapshotOf(a, 100, 0, 2)...)
	log.await("journal: appended", before+1) // the other goes on
	w.skip = []Skip{{Table: orders, Offset: 1}}
	w.write(w.snapshotOf(a, 100, 0, 2)...)
	for { // a person gives the message up, beside the service, as soon as no try of the service holds the journal
		_, err := Run(context.Background(), w.kafka, w.options())
		var locked *disk.LockedError
		if err == nil {
			break
		}
		if !errors.As(err, &locked) {
			t.Fatal(err)
		}
	}
	w.write(w.snapshotOf(a, 200, 100, 2)...)
	for over := false; !over; {
		again := <-told
		var locked *disk.LockedError
		if over = again.Err == nil; !over && !errors.As(again.Err, &locked) || again.Table != orders {
			t.Fatalf("%+v", again)
		}
	}
	if r, err := stop(); err != nil || len(r.Partitions) != 2 {
		t.Errorf("%+v, %v", r, err)
	}
}

// TestRunEndsWhenNoTableIsLeft: where a person has to do something about each of them, the process is to be seen to end.
func TestRunEndsWhenNoTableIsLeft(t *testing.T) {
	w := newWorld(t)
	w.write([]byte("hello"))
	other := w.beside(others)
	other.write([]byte("hello"))
	o := w.options()
	o.Tables = []table.Name{orders, others}
	for _, untilCaughtUp := range []bool{false, true} {
		told := 0
		o.UntilCaughtUp, o.Trouble = untilCaughtUp, func(Trouble) { told++ }
		_, err := Run(context.Background(), w.kafka, o)
		if failed := asError[*TablesError](t, err); len(failed.Errs) != 2 || failed.Of != 2 || told != 2 {
			t.Errorf("%v; %d told", err, told)
		}
	}
}

// TestCaughtUpWithTheOthers: one table's error keeps no other from being caught up with.
func TestCaughtUpWithTheOthers(t *testing.T) {
	w := newWorld(t)
	a := stamp(1, 'a')
	w.write([]byte("hello"))
	other := w.beside(others)
	other.write(slices.Concat([][]byte{other.open(a)}, other.snapshotOf(a, 100, 0, 50))...)
	o := w.options()
	o.Tables = []table.Name{orders, others}
	r, err := Run(context.Background(), w.kafka, o)
	if failed := asError[*TablesError](t, err); len(failed.Errs) != 1 {
		t.Errorf("%v", err)
	}
	if r.Entries() != 53 {
		t.Errorf("%+v", r)
	}
}

// TestAFullDiskPasses: the table is tried again until there is room.
func TestAFullDiskPasses(t *testing.T) {
	w := newWorld(t)
	log, logger := newLines()
	w.logger = logger
	a := stamp(1, 'a')
	w.write(w.open(a))
	w.fs.(*disk.Memory).SetFree(0)
	o := w.options()
	o.Wait = Wait{First: time.Millisecond, Longest: 2 * time.Millisecond}
	told, stop := w.service(o)
	if full := <-told; full.Err == nil || full.Again != time.Millisecond {
		t.Errorf("%+v", full)
	}
	w.fs.(*disk.Memory).SetFree(1 << 30)
	if over := <-told; over.Err != nil {
		t.Errorf("%+v", over)
	}
	log.await("journal: appended", 1)
	if r, err := stop(); err != nil || r.Entries() != 1 {
		t.Errorf("%+v, %v", r, err)
	}
}

// TestAddedPartitionsAreTakenUp: a baseline over partitions that were added while the table is followed.
func TestAddedPartitionsAreTakenUp(t *testing.T) {
	w := newWorld(t)
	log, logger := newLines()
	w.logger = logger
	a := stamp(1, 'a')
	w.write(w.open(a))
	told, stop := w.service(w.options())
	log.await("journal: appended", 1)
	w.cluster.AddPartitions(t, w.topic.Name(), 2)
	wide, err := w.kafka.Open(context.Background(), orders, false)
	if err != nil || wide.Partitions() != 2 {
		t.Fatal(wide, err)
	}
	b := stamp(2, 'b')
	begin := w.must(change.AppendBegin(nil, &change.Begin{
		Stamp: b, Stream: streamA, Snapshot: 100, Schema: w.schema, Partitions: 2, Partitioner: change.PartitionerXXH3,
	}))
	for p := range 2 {
		if _, _, err := wide.Append(context.Background(), p, [][]byte{w.open(b), begin}); err != nil {
			t.Fatal(err)
		}
	}
	log.await("was given partitions", 1)
	log.await("consume: resumed", 3)
	log.await("journal: appended", 3)
	r, err := stop()
	if err != nil || len(r.Partitions) != 2 || r.Entries() != 5 || len(told) != 0 {
		t.Errorf("%+v, %v", r, err)
	}
}

// TestAServerThatIsAwayIsAwayForAll: it is said once.
func TestAServerThatIsAwayIsAwayForAll(t *testing.T) {
	w := newWorld(t)
	w.cluster.SetDown(true)
	kafka, err := topic.NewClient(topic.Options{Brokers: w.cluster.ListenAddrs(), Timeout: 100 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	defer kafka.Close()
	o := w.options()
	o.Tables, o.Trouble = []table.Name{orders, others}, func(t Trouble) { panic(t.Err) }
	_, err = Run(context.Background(), kafka, o)
	asError[*topic.UnreachableError](t, err)
}

package consumer

import (
	"context"
	"slices"
	"strings"
	"testing"

	"rewind/disk"
	"rewind/topic"
)

func TestConsumeSnapshots(t *testing.T) {
	w := newWorld(t)
	a := stamp(1, 'a')
	w.write(w.open(a))
	w.write(w.snapshotOf(a, 100, 0, 5)...)
	r := w.consume()
	if r.Entries() != 8 || r.Partitions[0].Stream != streamA || r.Partitions[0].Next != 8 || r.Partitions[0].Table != orders {
		t.Errorf("%+v", r)
	}
	w.write(w.snapshotOf(a, 200, 100, 0)...)
	w.useSchema("other") // a changed schema rolls the segment
	w.write(w.snapshotOf(a, 300, 200, 2)...)
	if r := w.consume(); r.Entries() != 6 {
		t.Errorf("%+v", r)
	}
	if r := w.consume(); r.Entries() != 0 || r.Partitions[0].Next != 14 {
		t.Errorf("nothing new: %+v", r)
	}
	all := w.journal(streamA)
	var kinds []string
	for i, e := range all {
		if e.offset != int64(i) {
			t.Errorf("entry %d has offset %d", i, e.offset)
		}
		kinds = append(kinds, e.message.Kind())
	}
	want := "Open Begin Change Change Change Change Change Commit Begin Commit Begin Change Change Commit"
	if got := strings.Join(kinds, " "); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

// TestRestartAnywhere consumes after every single message in a new Run: the journal must be what one Run makes.
func TestRestartAnywhere(t *testing.T) {
	w := newWorld(t)
	a, b := stamp(1, 'a'), stamp(2, 'b')
	messages := slices.Concat([][]byte{w.open(a)}, w.snapshotOf(a, 100, 0, 3), [][]byte{w.begin(a, 200, 100), w.open(b)},
		w.snapshotOf(b, 300, 100, 2), w.snapshotOf(b, 400, 300, 0))
	for _, m := range messages {
		w.write(m)
		if r := w.consume(); r.Entries() != 1 {
			t.Fatalf("%+v", r)
		}
	}
	if got := w.offsets(streamA); len(got) != len(messages) {
		t.Errorf("offsets %v", got)
	}
}

func TestRepeatsAreDropped(t *testing.T) {
	w := newWorld(t)
	a := stamp(1, 'a')
	first := w.snapshotOf(a, 100, 0, 3)
	w.write(w.open(a), w.open(a))
	w.write(first...)             // 2..6
	w.write(first[1:4]...)        // changes again: 7..9
	w.write(first...)             // all of it again: 10..14
	w.write(w.begin(a, 200, 100)) // 15
	w.write(first[4])             // its commit, late: 16
	w.write(w.change(a, 200, 1))  // 17
	w.write(w.begin(a, 200, 100)) // 18
	w.write(w.change(a, 200, 1))  // 19
	w.write(w.commit(a, 200, 2))  // 20
	w.write(w.commit(a, 200, 2))  // 21
	w.write(w.change(a, 100, 3))  // 22
	r := w.consume()
	want := []int64{0, 2, 3, 4, 5, 6, 15, 17, 20}
	if got := w.offsets(streamA); !slices.Equal(got, want) || r.Partitions[0].Repeats != 14 {
		t.Errorf("offsets %v, want %v; %+v", got, want, r)
	}
	w.write(first[1])
	if r := w.consume(); r.Entries() != 0 || r.Partitions[0].Repeats == 0 {
		t.Errorf("a repeat at the start: %+v", r)
	}
}

func TestStaleMessagesAreDropped(t *testing.T) {
	w := newWorld(t)
	a, b, c := stamp(1, 'a'), stamp(2, 'b'), stamp(2, 'c')
	w.write(w.open(a), w.begin(a, 100, 0), w.change(a, 100, 1)) // 0..2
	w.write(w.open(b))                                          // 3
	w.write(w.change(a, 100, 2), w.commit(a, 100, 3), w.begin(a, 150, 0))
	w.write(w.open(c), w.begin(c, 160, 0), w.open(a)) // a loser of the same epoch
	w.write(w.snapshotOf(b, 200, 0, 1)...)            // 10..12
	w.write(w.commit(a, 100, 3))
	r := w.consume()
	want := []int64{0, 1, 2, 3, 10, 11, 12}
	if got := w.offsets(streamA); !slices.Equal(got, want) || r.Partitions[0].Stale != 7 {
		t.Errorf("offsets %v, want %v; %+v", got, want, r)
	}
	if r := w.consume(); r.Entries() != 0 {
		t.Errorf("again: %+v", r)
	}
}

func TestJumpsStop(t *testing.T) {
	a, b := stamp(1, 'a'), stamp(2, 'b')
	for name, test := range map[string]struct {
		behind          func(w *world) []byte
		expected, found string
	}{
		"a change is missing": {func(w *world) []byte { return w.change(a, 100, 3) }, "message 2 of snapshot 100", "message 3 of snapshot 100"},
		"commit too early":    {func(w *world) []byte { return w.commit(a, 100, 3) }, "message 2 of snapshot 100", "message 3 of snapshot 100"},
		"no begin":            {func(w *world) []byte { return w.change(a, 200, 1) }, "message 2 of snapshot 100", "message 1 of snapshot 200"},
		"no open":             {func(w *world) []byte { return w.begin(b, 200, 100) }, "an Open of epoch 2", "Begin"},
		"another stream":      {func(w *world) []byte { return w.openStream(b, streamB) }, streamA, streamB},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.write(w.open(a), w.begin(a, 100, 0), w.change(a, 100, 1))
			w.write(test.behind(w))
			err := w.consumeError()
			jump := asError[*JumpError](t, err)
			if jump.Topic != "rewind.shop.orders" || jump.Offset != 3 || jump.ExitCode() != 5 ||
				!strings.Contains(jump.Expected, test.expected) || !strings.Contains(jump.Found, test.found) {
				t.Errorf("%v", err)
			}
			if got := w.offsets(streamA); !slices.Equal(got, []int64{0, 1, 2}) {
				t.Errorf("what came before must be there: %v", got)
			}
			w.consumeError() // and it stops there again
		})
	}
}

func TestPreviousMustBeCommitted(t *testing.T) {
	w := newWorld(t)
	a := stamp(1, 'a')
	w.write(w.open(a))
	w.write(w.snapshotOf(a, 100, 0, 1)...)
	w.write(w.snapshotOf(a, 200, 100, 1)...)
	w.write(w.begin(a, 300, 100))
	if jump := asError[*JumpError](t, w.consumeError()); jump.Offset != 7 || !strings.Contains(jump.Expected, "200") {
		t.Error(jump)
	}
}

// TestPreviousIsKnownBehindAnOpen: the last segment holds an Open alone, so the one before it is asked.
func TestPreviousIsKnownBehindAnOpen(t *testing.T) {
	w := newWorld(t)
	a, b := stamp(1, 'a'), stamp(2, 'b')
	w.write(w.open(a))
	w.write(w.snapshotOf(a, 100, 0, 1)...)
	w.write(w.snapshotOf(a, 200, 100, 1)...)
	w.consume()
	w.write(w.open(b))
	w.consume()
	w.write(w.begin(b, 300, 100))
	if jump := asError[*JumpError](t, w.consumeError()); jump.Offset != 8 || !strings.Contains(jump.Expected, "200") {
		t.Error(jump)
	}
}

func TestForeignMessageStopsUntilSkipped(t *testing.T) {
	w := newWorld(t)
	a := stamp(1, 'a')
	w.write(w.open(a), w.begin(a, 100, 0), w.change(a, 100, 1), []byte("hello"), w.change(a, 100, 2), w.commit(a, 100, 3))
	err := asError[*ForeignMessageError](t, w.consumeError())
	if err.Offset != 3 || err.Partition != 0 || err.ExitCode() != 5 || !strings.Contains(err.Hint(), "--skip 3") {
		t.Errorf("%v", err)
	}
	w.skip = []Skip{{Table: orders, Partition: 0, Offset: 4}}
	if err := asError[*ForeignMessageError](t, w.consumeError()); err.Offset != 3 {
		t.Errorf("another offset was skipped: %v", err)
	}
	w.skip[0] = Skip{Table: orders, Offset: 3, Next: 7}
	if e := asError[*SkipError](t, w.consumeError()); e.ExitCode() != 2 || e.End != 6 || len(w.offsets(streamA)) != 3 {
		t.Errorf("messages to come were given up: %v", e)
	}
	w.skip[0].Next = 0
	if r := w.consume(); r.Partitions[0].Gaps != 1 {
		t.Errorf("%+v", r)
	}
	w.skip = nil
	w.consume()
	all := w.journal(streamA)
	gap := all[3].message.Gap
	if len(all) != 6 || gap == nil || gap.NextOffset != 4 || !strings.Contains(gap.Reason, "not a message of rewind") {
		t.Errorf("%d entries, gap %+v", len(all), gap)
	}
}

// TestSkippedStretchMayHideMessages: what was given up may have held an Open, so that nothing counts until the next one.
func TestSkippedStretchMayHideMessages(t *testing.T) {
	w := newWorld(t)
	a, b := stamp(1, 'a'), stamp(2, 'b')
	w.write(w.open(a), w.begin(a, 100, 0), w.change(a, 100, 1), w.change(a, 100, 3), w.change(a, 100, 4))
	w.skip = []Skip{{Table: orders, Offset: 3, Next: 5}}
	w.consume()
	w.write(w.change(a, 100, 5), w.commit(a, 100, 6)) // 5, 6
	w.skip = nil
	w.write(w.snapshotOf(a, 200, 100, 1)...) // 7..9
	if r := w.consume(); r.Partitions[0].Doubtful != 5 {
		t.Errorf("%+v", r)
	}
	w.write(w.open(b))                       // 10
	w.write(w.snapshotOf(b, 300, 200, 1)...) // 11..13
	w.write(w.commit(a, 200, 3))
	w.consume()
	want := []int64{0, 1, 2, 3, 10, 11, 12, 13}
	if got := w.offsets(streamA); !slices.Equal(got, want) {
		t.Errorf("offsets %v, want %v", got, want)
	}
}

func TestForeignTopic(t *testing.T) {
	w := newWorld(t)
	w.write([]byte("hello"), []byte("world"))
	if err := asError[*ForeignMessageError](t, w.consumeError()); err.Offset != 0 {
		t.Errorf("%v", err)
	}
}

func TestLostTailIsNoticed(t *testing.T) {
	w := newWorld(t)
	a := stamp(1, 'a')
	w.write(w.open(a))
	w.write(w.snapshotOf(a, 100, 0, 2)...)
	w.consume()
	w.fs = disk.NewMemory()
	lost := asError[*LostTailError](t, w.consumeError())
	if lost.Next != 0 || lost.Committed != 5 || lost.ExitCode() != 5 {
		t.Errorf("%+v", lost)
	}
	o := w.options()
	o.Refetch = true
	report, err := Run(t.Context(), w.kafka, o)
	if err != nil || report.Entries() != 5 {
		t.Errorf("read again: %+v, %v", report, err)
	}
	w.consume() // and it is as it was
}

func TestRecreatedTopicIsNoticed(t *testing.T) {
	w := newWorld(t)
	a := stamp(1, 'a')
	w.write(w.open(a))
	w.write(w.snapshotOf(a, 100, 0, 2)...)
	w.consume()
	recreate := func(messages ...[]byte) {
		w.cluster.DeleteTopic(t, w.topic.Name())
		w.topic = nil
		w.write(messages...)
	}
	recreate(w.open(a))
	if e := asError[*RecreatedError](t, w.consumeError()); e.ExitCode() != 5 || !strings.Contains(e.Error(), "ends at 1") {
		t.Errorf("shorter: %v", e)
	}
	recreate(slices.Concat([][]byte{w.open(a)}, w.snapshotOf(a, 101, 0, 4))...)
	if e := asError[*RecreatedError](t, w.consumeError()); e.Offset != 4 {
		t.Errorf("other messages: %v", e)
	}
	recreate(w.openStream(a, streamB))
	if r := w.consume(); r.Partitions[0].Stream != streamB || r.Entries() != 1 {
		t.Errorf("a new stream: %+v", r)
	}
	if len(w.offsets(streamA)) != 5 {
		t.Error("the old stream's journal was touched")
	}
}

func TestMissingTopic(t *testing.T) {
	w := newWorld(t)
	asError[*topic.NotFoundError](t, w.consumeError())
}

func TestWaitsForTheTopicAndFollows(t *testing.T) {
	w := newWorld(t)
	log, logger := newLines()
	w.logger = logger
	kafka, err := topic.NewClient(topic.Options{Brokers: w.cluster.ListenAddrs(), Logger: logger})
	if err != nil {
		t.Fatal(err)
	}
	defer kafka.Close()
	o := w.options()
	o.UntilCaughtUp = false
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	done := make(chan error, 1)
	go func() {
		_, err := Run(ctx, kafka, o)
		done <- err
	}()
	log.await("waiting for the topic", 1)
	a := stamp(1, 'a')
	w.write(w.open(a))
	log.await("journal: appended", 1)
	w.cluster.SetDown(true)
	log.await("kafka: away", 1)
	w.cluster.SetDown(false)
	w.write(w.snapshotOf(a, 100, 0, 2)...)
	log.await("journal: appended", 2)
	cancel()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	if n := log.count("waiting for the topic"); n != 1 {
		t.Errorf("said %d times", n)
	}
	if got := w.offsets(streamA); len(got) != 5 {
		t.Errorf("offsets %v", got)
	}
}

func TestJournalIsLocked(t *testing.T) {
	w := newWorld(t)
	w.write(w.open(stamp(1, 'a')))
	w.consume()
	lock, err := w.fs.Lock(w.dir(streamA) + "/lock")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = lock.Close() }()
	if e := asError[*disk.LockedError](t, w.consumeError()); e.ExitCode() != 8 {
		t.Errorf("%v", e)
	}
}

// useGroup makes the consumer another group.
func (w *world) useGroup(name string) {
	w.t.Helper()
	w.kafka.Close()
	kafka, err := topic.NewClient(topic.Options{Brokers: w.cluster.ListenAddrs(), Group: name})
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(kafka.Close)
	w.kafka = kafka
}

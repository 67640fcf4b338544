package consumer

import (
	"net"
	"strings"
	"testing"
	"time"

	"rewind/change"
	"rewind/topic"
)

// TestSilentBrokerIsAnError: a broker that takes connections and says nothing is unreachable, not the end of the work.
func TestSilentBrokerIsAnError(t *testing.T) {
	w := newWorld(t)
	silent, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = silent.Close() }()
	w.kafka, err = topic.NewClient(topic.Options{Brokers: []string{silent.Addr().String()}, Timeout: 100 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.kafka.Close)
	asError[*topic.UnreachableError](t, w.consumeError())
}

// TestAddedPartitionsEndTheConsumer: whoever follows a topic that grew does not see the new partitions. He must not go on as if
// nothing were missing.
func TestAddedPartitionsEndTheConsumer(t *testing.T) {
	w := newWorld(t)
	a := stamp(1, 'a')
	wide := w.must(change.AppendBegin(nil, &change.Begin{
		Stamp: a, Stream: streamA, Snapshot: 100, Schema: w.schema, Partitions: 2, Partitioner: change.PartitionerXXH3,
	}))
	w.write(w.open(a), wide)
	if wider := asError[*WiderError](t, w.consumeError()); wider.Partitions != 2 || wider.Consumed != 1 {
		t.Errorf("%+v", wider)
	}
	if got := w.offsets(streamA); len(got) != 2 {
		t.Errorf("offsets %v: what was there is kept", got)
	}
}

func TestStreamWithoutItsBeginning(t *testing.T) {
	w := newWorld(t)
	a := stamp(1, 'a')
	w.write(w.change(a, 100, 1), w.commit(a, 100, 2))
	aside := dataDir + "/" + orders.FileName() + "/" + streamA + ".damaged" // by whoever consumes it anew
	if err := w.fs.MkdirAll(aside, 0o700); err != nil {
		t.Fatal(err)
	}
	if none := asError[*NoStreamError](t, w.consumeError()); none.Journals != 0 || none.ExitCode() != 4 {
		t.Errorf("%+v", none)
	}
	w.write(w.open(a))
	w.write(w.snapshotOf(a, 200, 0, 1)...)
	if jump := asError[*ForeignMessageError](t, w.consumeError()); jump.Offset != 0 || !strings.Contains(jump.Hint(), "its Begin is missing") {
		t.Errorf("%v: %s", jump, jump.Hint())
	}
	w.skip = []Skip{{Table: orders, Offset: 0, Next: 2}}
	if r := w.consume(); r.Entries() != 5 {
		t.Errorf("%+v", r)
	}
}

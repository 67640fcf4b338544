package watch

import (
	"context"
	"errors"
	"testing"
	"time"

	"go.uber.org/goleak"

	"rewind/change"
	"rewind/sandbox"
	"rewind/table"
	"rewind/topic"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var orders = table.Name{Database: "shop", Table: "orders"}

const stream = "0123456789abcdef0123456789abcdef"

// writer appends messages to partition 0 as a producer does.
type writer struct {
	t     *testing.T
	topic *topic.Topic
}

func (w writer) append(value []byte, err error) {
	w.t.Helper()
	if err == nil {
		_, _, err = w.topic.Append(w.t.Context(), 0, [][]byte{value})
	}
	if err != nil {
		w.t.Fatal(err)
	}
}

func (w writer) open(by change.Stamp, stream string) {
	w.t.Helper()
	w.append(change.AppendOpen(nil, &change.Open{Stamp: by, Stream: stream, Table: orders.String(), At: 1}))
}

func (w writer) commit(by change.Stamp, id int64) {
	w.t.Helper()
	w.append(change.AppendCommit(nil, &change.Commit{Stamp: by, Snapshot: id, ReadBegan: id, ReadEnded: id + 1, Seq: 1, Digest: table.Digest{Rows: id}}))
}

// startTopic serves a Kafka with the table's topic.
func startTopic(t *testing.T) (*topic.Client, writer) {
	t.Helper()
	kafka, err := sandbox.StartKafka(sandbox.KafkaOptions{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = kafka.Close() })
	client, err := topic.NewClient(topic.Options{Brokers: []string{kafka.Broker()}, Timeout: 5 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	opened, err := client.Create(t.Context(), orders, 2)
	if err != nil {
		t.Fatal(err)
	}
	return client, writer{t, opened}
}

func ids(captures []Capture) (all []int64) {
	for _, c := range captures {
		all = append(all, c.Snapshot)
	}
	return all
}

func want(t *testing.T, w *Topic, snapshots ...int64) {
	t.Helper()
	news, err := w.Read(t.Context())
	got := ids(news.Captures)
	same := err == nil && len(got) == len(snapshots)
	for i := range min(len(got), len(snapshots)) {
		same = same && got[i] == snapshots[i]
	}
	if !same {
		t.Errorf("captures %v, %v, want %v", got, err, snapshots)
	}
}

// TestCapturesAreThoseThatCount has a producer that was fenced off, and whose Commit arrives late; one that commits twice, as a
// request that is sent again does; and a message that is not ours.
func TestCapturesAreThoseThatCount(t *testing.T) {
	client, w := startTopic(t)
	a, b := change.Stamp{Epoch: 1, Writer: [16]byte{'a'}}, change.Stamp{Epoch: 2, Writer: [16]byte{'b'}}
	w.open(a, stream)
	w.commit(a, 10)
	w.commit(a, 10)
	opened, err := Open(t.Context(), client, orders)
	if err != nil {
		t.Fatal(err)
	}
	if opened.Stream() != stream {
		t.Errorf("stream %q", opened.Stream())
	}
	want(t, opened, 10)
	want(t, opened)
	w.open(b, stream)
	w.commit(a, 20)
	w.append([]byte("not ours"), nil)
	w.commit(b, 30)
	want(t, opened, 30)
	bounds, err := opened.Bounds(t.Context())
	if err != nil || len(bounds) != 2 || bounds[0] != (Bounds{0, 7}) || bounds[1] != (Bounds{0, 0}) {
		t.Errorf("bounds %v, %v", bounds, err)
	}
}

// TestAPositionCountsInItsStream begins where a journal ends: with the owner that the partition had there. A position of another
// stream, or one that the topic does not have, is none.
func TestAPositionCountsInItsStream(t *testing.T) {
	client, w := startTopic(t)
	a, b := change.Stamp{Epoch: 1, Writer: [16]byte{'a'}}, change.Stamp{Epoch: 2, Writer: [16]byte{'b'}}
	w.open(a, stream)
	w.open(b, stream)
	w.commit(a, 20)
	w.commit(b, 30)
	for name, c := range map[string]struct {
		from Position
		want []int64
	}{
		"the journal's end":    {Position{stream, 2, b}, []int64{30}},
		"caught up":            {Position{stream, 4, b}, nil},
		"of another stream":    {Position{"f" + stream[1:], 4, b}, []int64{30}},
		"behind the topic":     {Position{stream, 5, b}, []int64{30}},
		"without its owner":    {Position{Stream: stream, Next: 2}, []int64{20, 30}},
		"nothing is journaled": {Position{}, []int64{30}},
	} {
		t.Run(name, func(t *testing.T) {
			opened, err := Open(t.Context(), client, orders, c.from)
			if err != nil {
				t.Fatal(err)
			}
			want(t, opened, c.want...)
		})
	}
}

func TestNoTopic(t *testing.T) {
	client, _ := startTopic(t)
	if _, err := Open(t.Context(), client, table.Name{Database: "shop", Table: "none"}); !errors.Is(err, topic.ErrNotFound) {
		t.Errorf("got %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Open(ctx, client, orders); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

// TestRefusals are those of the owner, once each, and stand until a capture is committed.
func TestRefusals(t *testing.T) {
	client, w := startTopic(t)
	a, b := change.Stamp{Epoch: 1, Writer: [16]byte{'a'}}, change.Stamp{Epoch: 2, Writer: [16]byte{'b'}}
	refuse := func(by change.Stamp, at int64) {
		w.append(change.AppendGap(nil, &change.Gap{Stamp: by, At: at, Cause: change.CauseGuard, Reason: "too many rows are gone"}))
	}
	w.open(a, stream)
	w.open(b, stream)
	refuse(a, 5) // fenced off
	opened, err := Open(t.Context(), client, orders)
	if err != nil {
		t.Fatal(err)
	}
	read := func(captures, refusals int, standing bool) {
		t.Helper()
		news, err := opened.Read(t.Context())
		if err != nil || len(news.Captures) != captures || len(news.Refusals) != refusals || (news.Standing() != nil) != standing {
			t.Errorf("%+v, %v", news, err)
		}
	}
	read(0, 0, false)
	refuse(b, 10)
	refuse(b, 10) // sent again
	read(0, 1, true)
	refuse(b, 20)
	w.commit(b, 30)
	read(1, 1, false)
	w.commit(b, 40)
	refuse(b, 50)
	read(1, 1, true)
}

package consumer

import (
	"context"
	"slices"
	"testing"

	"github.com/twmb/franz-go/pkg/kgo"
)

// foreignWriter writes into the topic in transactions: what it writes takes offsets, and so does each end of a transaction, which
// is no message.
type foreignWriter struct {
	w      *world
	client *kgo.Client
}

func (w *world) foreignWriter() *foreignWriter {
	w.t.Helper()
	client, err := kgo.NewClient(kgo.SeedBrokers(w.cluster.ListenAddrs()...), kgo.TransactionalID("foreign"), kgo.RecordPartitioner(kgo.ManualPartitioner()),
		kgo.DefaultProduceTopic(w.topic.Name()))
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(client.Close)
	return &foreignWriter{w, client}
}

// transaction writes messages and ends.
func (f *foreignWriter) transaction(end kgo.TransactionEndTry, values ...[]byte) {
	f.w.t.Helper()
	ctx := context.Background()
	if err := f.client.BeginTransaction(); err != nil {
		f.w.t.Fatal(err)
	}
	for _, v := range values {
		if err := f.client.ProduceSync(ctx, &kgo.Record{Value: v}).FirstErr(); err != nil {
			f.w.t.Fatal(err)
		}
	}
	if err := f.client.EndTransaction(ctx, end); err != nil {
		f.w.t.Fatal(err)
	}
}

// TestTransactionsOfOthers: rewind writes none and believes none: a message counts by the stream's rules whatever becomes of the
// transaction that it came in, and the end of one is passed over, also at the end of all.
func TestTransactionsOfOthers(t *testing.T) {
	w := newWorld(t)
	a := stamp(1, 'a')
	w.write(w.open(a)) // 0
	f := w.foreignWriter()
	whole := w.snapshotOf(a, 100, 0, 1)
	f.transaction(kgo.TryCommit, whole[0], whole[1])             // 1, 2; its end is 3
	w.write(whole[2])                                            // 4
	f.transaction(kgo.TryAbort, w.snapshotOf(a, 200, 100, 0)...) // 5, 6; its end is 7
	for range 2 {
		if r := w.consume(); r.Partitions[0].Next != 7 {
			t.Errorf("%+v", r)
		}
	}
	if got := w.offsets(streamA); !slices.Equal(got, []int64{0, 1, 2, 4, 5, 6}) {
		t.Errorf("offsets %v", got)
	}
	w.write(w.snapshotOf(a, 300, 200, 0)...)      // 8, 9
	f.transaction(kgo.TryCommit, []byte("hello")) // 10; its end is 11
	if err := asError[*ForeignMessageError](t, w.consumeError()); err.Offset != 10 {
		t.Error(err)
	}
	w.skip = []Skip{{Table: orders, Offset: 10}}
	w.consume()
	if got := w.offsets(streamA); !slices.Equal(got, []int64{0, 1, 2, 4, 5, 6, 8, 9, 10}) {
		t.Errorf("offsets %v", got)
	}
}

package consumer

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"rewind/change"
)

// slow makes a consumer stop where it has everything before an offset, until it may go on: what Kafka does meanwhile, it meets
// behind its back.
func slow(o *Options, next int64) (reached chan struct{}, goOn func()) {
	reached, resume := make(chan struct{}), make(chan struct{})
	met := false
	o.Progress = func(p Progress) {
		if p.Next != next || met {
			return
		}
		met = true
		close(reached)
		<-resume
	}
	return reached, func() { close(resume) }
}

// TestTopicRecreatedWhileFollowed deletes the topic under a running consumer and makes it again with another life of the same table,
// shorter than what was consumed, as long, and longer. It is told, nothing of the new life gets into the old one's journal, and the
// next try takes the new stream up from its beginning. Epochs are the same in both lives: the new one's messages look like those of
// a producer that was fenced off.
func TestTopicRecreatedWhileFollowed(t *testing.T) {
	for _, changes := range []int64{0, 2, 9} {
		t.Run(fmt.Sprint(changes, " changes"), func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			a, b := stamp(1, 'a'), stamp(1, 'b')
			w.write(slices.Concat([][]byte{w.open(a)}, w.snapshotOf(a, 100, 0, 2))...) // 0..4
			o := w.options()
			o.Wait = Wait{First: time.Millisecond, Longest: time.Millisecond, Standing: time.Millisecond}
			o.Tables = append(o.Tables, others) // so that one table's trouble does not end it
			reached, goOn := slow(&o, 5)
			told, stop := w.service(o)
			<-reached
			w.cluster.DeleteTopic(t, w.topic.Name())
			w.topic, w.stream = nil, streamB
			w.write(slices.Concat([][]byte{w.open(b)}, w.snapshotOf(b, 100, 0, changes))...)
			goOn()
			if changes == 2 {
				w.write(w.snapshotOf(b, 200, 100, 0)...) // whoever waits at the end hears of it with the next messages
			}
			if trouble := <-told; trouble.Err == nil || trouble.Table != orders {
				t.Fatalf("%+v", trouble)
			} else {
				t.Log(trouble.Err)
			}
			if over := <-told; over.Err != nil {
				t.Fatalf("%+v", over)
			}
			if _, err := stop(); err != nil {
				t.Fatal(err)
			}
			w.consume()
			if old := w.offsets(streamA); !slices.Equal(old, []int64{0, 1, 2, 3, 4}) {
				t.Errorf("the old life's journal has offsets %v", old)
			}
			_, next, err := w.topic.Bounds(context.Background(), 0)
			if got := w.offsets(streamB); err != nil || int64(len(got)) != next {
				t.Errorf("the new life's journal has offsets %v of %d, %v", got, next, err)
			}
		})
	}
}

// TestSlowConsumerLosesToRetention: messages are removed under a consumer that is slow. What it has fetched ahead is kept; the gap says
// which are lost.
func TestSlowConsumerLosesToRetention(t *testing.T) {
	w := newWorld(t)
	log, logger := newLines()
	w.logger = logger
	a, b := stamp(1, 'a'), stamp(2, 'b')
	w.write(slices.Concat([][]byte{w.open(a)}, w.snapshotOf(a, 100, 0, 2))...) // 0..4
	o := w.options()
	reached, goOn := slow(&o, 5)
	_, stop := w.service(o)
	<-reached
	next := w.snapshotOf(a, 200, 100, 6) // 5..12
	for i := range unitsAhead - 1 {      // 5..7: they are fetched ahead
		w.write(next[i])
		log.await("consume: fetched", i+2)
	}
	w.write(next[unitsAhead-1:]...)
	w.write(slices.Concat([][]byte{w.open(b)}, w.snapshotOf(b, 300, 200, 1))...) // 13..16
	w.cluster.DeleteRecords(t, w.topic.Name(), 0, 10)
	goOn()
	log.await("journal: appended", 6)
	if r, err := stop(); err != nil || r.Partitions[0].Gaps != 1 || r.Partitions[0].Next != 17 {
		t.Errorf("%+v, %v", r, err)
	}
	all := w.journal(streamA)
	if gap := all[8].message.Gap; gap == nil || all[8].offset != 8 || gap.NextOffset != 10 || gap.Cause != change.CauseRemoved {
		t.Errorf("%+v", all[8])
	}
	if got := w.offsets(streamA); !slices.Equal(got, []int64{0, 1, 2, 3, 4, 5, 6, 7, 8, 13, 14, 15, 16}) {
		t.Errorf("offsets %v", got)
	}
}

// TestForeignMemberOfTheGroup: rewind only keeps a number in its group, and is assigned nothing by it. Whoever joins that group takes
// no message away, and what he commits there is not taken for ours.
func TestForeignMemberOfTheGroup(t *testing.T) {
	w := newWorld(t)
	a := stamp(1, 'a')
	w.write(slices.Concat([][]byte{w.open(a)}, w.snapshotOf(a, 100, 0, 2))...) // 0..4
	foreigner, err := kgo.NewClient(kgo.SeedBrokers(w.cluster.ListenAddrs()...), kgo.ConsumerGroup("rewind"), kgo.ConsumeTopics(w.topic.Name()),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
	if err != nil {
		t.Fatal(err)
	}
	defer foreigner.Close()
	ctx := context.Background()
	for seen := 0; seen < 5; {
		fetched := foreigner.PollFetches(ctx)
		if err := fetched.Err(); err != nil {
			t.Fatal(err)
		}
		seen += fetched.NumRecords()
	}
	if err := foreigner.CommitUncommittedOffsets(ctx); err != nil { // beyond our journal, which has nothing yet
		t.Fatal(err)
	}
	if r := w.consume(); r.Entries() != 5 {
		t.Errorf("%+v", r)
	}
	w.write(w.snapshotOf(a, 200, 100, 2)...)
	if r := w.consume(); r.Entries() != 4 {
		t.Errorf("%+v", r)
	}
	if got := w.offsets(streamA); len(got) != 9 {
		t.Errorf("offsets %v", got)
	}
}

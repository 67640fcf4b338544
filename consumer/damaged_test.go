package consumer

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"rewind/change"
	"rewind/sandbox/kafkatest"
)

// TestDamagedBatchIsGivenUp damages each part of a batch in the middle of a topic: the consumer stops there, names the command that
// gives the batch up, and that command gives up this batch, whole, and nothing else.
func TestDamagedBatchIsGivenUp(t *testing.T) {
	places := []kafkatest.Damage{
		{At: -1, Flip: 1},
		{At: kafkatest.BatchCRC, Flip: 0x80},
		{At: kafkatest.BatchFormat, Flip: 3},
		{At: kafkatest.BatchLength, Flip: 0x80},     // less than nothing
		{At: kafkatest.BatchLength + 1, Flip: 0x10}, // a mebibyte more than there is
		{At: kafkatest.BatchLength + 3, Flip: 0x01}, // a byte more or less
		{At: kafkatest.BatchLast + 2, Flip: 0x01},   // 256 more messages, and the batch behind it is among them
		{At: kafkatest.BatchLast + 3, Flip: 0x02},   // two less
		{At: kafkatest.BatchOffset + 7, Flip: 0x08}, // 8 less: before what was asked for
		{At: kafkatest.BatchOffset + 1, Flip: 0x01}, // far behind it
		{At: kafkatest.BatchOffset + 0, Flip: 0x80}, // negative
	}
	for _, damage := range places {
		t.Run(fmt.Sprint("byte ", damage.At), func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			a, b := stamp(1, 'a'), stamp(2, 'b')
			w.write(slices.Concat([][]byte{w.open(a)}, w.snapshotOf(a, 100, 0, 6))...)                // 0..8
			w.write(w.begin(a, 200, 100), w.change(a, 200, 1), []byte("MARKER"), w.commit(a, 200, 2)) // 9..12: a batch of its own
			w.write(w.open(b))                                                                        // 13
			w.write(w.snapshotOf(b, 300, 0, 1)...)                                                    // 14..16
			damage.Marker = "MARKER"
			w.cluster.SetDamage(damage)
			err := asError[*UnreadableError](t, w.consumeError())
			want := "`rewind consume shop.orders --partition 0 --skip 9`"
			if err.ExitCode() != 5 || err.Batch.First != 9 || err.Batch.Next != 13 || !strings.Contains(err.Hint(), want) {
				t.Fatalf("%v (%s)", err, err.Hint())
			}
			w.skip = []Skip{{Table: orders, Offset: 9}}
			if r := w.consume(); r.Partitions[0].Gaps != 1 {
				t.Errorf("%+v", r)
			}
			w.skip = nil
			w.consume() // the last entry is read again, and the damage is behind it
			all := w.journal(streamA)
			gap := all[9].message.Gap
			if len(all) != 14 || gap == nil || gap.NextOffset != 13 || gap.Cause != change.CauseSkipped || gap.Reason != err.Error() {
				t.Fatalf("%d entries, gap %+v", len(all), gap)
			}
		})
	}
	t.Logf("counted: %d kinds of damage to a batch in Kafka, each given up with the command that the error names", len(places))
}

// TestDamagedBatchAtTheBeginning: the first batch of all, with the Open that names the stream; and the last one, behind which there
// is nothing.
func TestDamagedBatchAtTheBeginning(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	a, b := stamp(1, 'a'), stamp(2, 'b')
	w.write(w.open(a), []byte("MARKER"))
	w.cluster.SetDamage(kafkatest.Damage{Marker: "MARKER", At: -1, Flip: 1})
	if err := asError[*UnreadableError](t, w.consumeError()); err.Batch.First != 0 || err.Batch.Next != 2 {
		t.Fatal(err)
	}
	w.write(w.open(b))
	w.write(w.snapshotOf(b, 300, 0, 1)...) // 3..5
	w.skip = []Skip{{Table: orders, Offset: 0}}
	w.consume()
	w.skip = nil
	w.consume()
	if got := w.offsets(streamA); !slices.Equal(got, []int64{0, 2, 3, 4, 5}) {
		t.Errorf("offsets %v", got)
	}
}

// TestDamageUnderTheJournal: Kafka lost what the journal has already; what comes behind it is taken.
func TestDamageUnderTheJournal(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	a := stamp(1, 'a')
	w.write(slices.Concat([][]byte{w.open(a)}, w.snapshotOf(a, 100, 0, 1))...)
	w.consume()
	w.write(w.snapshotOf(a, 200, 100, 1)...)
	w.cluster.SetDamage(kafkatest.Damage{Marker: "row", At: -1, Flip: 1})
	if err := asError[*UnreadableError](t, w.consumeError()); err.Batch.First != 4 {
		t.Error(err)
	}
}

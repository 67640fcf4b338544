package producer

import (
	"context"
	"errors"
	"strings"
	"testing"

	"rewind/sandbox/kafkatest"
)

// TestDamagedTopic: what cannot be read behind the last Commit may be another producer's. A capture stops there; a new baseline
// passes over it, with an epoch above any that it can hide.
func TestDamagedTopic(t *testing.T) {
	w := newWorld(t, 1, "Alice", "Bob")
	p := w.start()
	w.capture(p, TableOptions{})
	if err := p.Close(); err != nil {
		t.Fatal(err)
	}
	p = w.start()
	opened, err := w.kafka.Open(context.Background(), orders, false)
	if err != nil {
		t.Fatal(err)
	}
	first, next, err := opened.Append(context.Background(), 0, [][]byte{[]byte("MARKER"), []byte("another")})
	if err != nil {
		t.Fatal(err)
	}
	w.cluster.SetDamage(kafkatest.Damage{Marker: "MARKER", At: -1, Flip: 1})
	w.engine.set(3, "Carol")
	_, err = p.Capture(context.Background(), orders, TableOptions{})
	var damaged *UnreadableError
	if !errors.As(err, &damaged) || damaged.ExitCode() != 5 || damaged.Batch.First != first || damaged.Batch.Next != next ||
		!strings.Contains(damaged.Hint(), "`rewind produce shop.orders --rebaseline`") || !strings.Contains(damaged.Hint(), "--skip 5`") {
		t.Fatalf("%v (%+v)", err, damaged)
	}
	r := w.capture(p, TableOptions{Rebaseline: true})
	if !r.Baseline || r.Digest.Rows != 3 {
		t.Errorf("%+v", r)
	}
	header, err := folder{fs: w.fs, dir: "/data/snapshots/" + orders.FileName()}.header(currentName)
	if err != nil || header.Epoch <= 1+(next-first) {
		t.Errorf("%+v, %v: it may be one of those that cannot be read", header, err)
	}
	w.capture(p, TableOptions{})
}

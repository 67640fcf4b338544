package producer

import (
	"context"
	"errors"
	"math/rand/v2"
	"strings"
	"testing"
)

// TestWideRowIsNamed: Kafka takes no message as large as a row: the error names table, key and size, and nothing is committed.
func TestWideRowIsNamed(t *testing.T) {
	w := newWorld(t, 1, "Alice")
	p := w.start()
	w.capture(p, TableOptions{})
	w.cluster.SetTopic(t, w.kafka.Name(orders), "max.message.bytes", "10000")
	random, wide := rand.New(rand.NewPCG(1, 2)), make([]byte, 40_000)
	for i := range wide {
		wide[i] = byte(' ' + random.IntN(90))
	}
	w.engine.set(7, string(wide))
	_, err := p.Capture(context.Background(), orders, TableOptions{})
	var refused *RowTooLargeError
	if !errors.As(err, &refused) || refused.Key != "id=7" || refused.Err.Bytes < len(wide) || refused.ExitCode() != 2 {
		t.Fatalf("%v", err)
	}
	if !strings.Contains(refused.Hint(), "max.message.bytes") || !strings.Contains(err.Error(), orders.String()) {
		t.Errorf("%v; %s", err, refused.Hint())
	}
	if all := w.committed(); len(all) != 1 {
		t.Errorf("%d snapshots are committed", len(all))
	}
}

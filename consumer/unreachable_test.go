package consumer

import (
	"net"
	"testing"
	"time"

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

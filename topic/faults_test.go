package topic

import (
	"bytes"
	"context"
	"errors"
	"math/rand/v2"
	"testing"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"

	"rewind/sandbox/kafkatest"
)

// TestOversizedRequestsAreHalved: a topic that takes less than rewind made it to take gets smaller requests, in order and none
// twice; a single message that is too large is named.
func TestOversizedRequestsAreHalved(t *testing.T) {
	cluster := kafkatest.New(t)
	c := newClient(t, Options{Brokers: cluster.ListenAddrs(), Partitions: 1, Compression: "none"})
	topic := openTopic(t, c)
	cluster.SetTopic(t, topic.Name(), "max.message.bytes", "10000")
	random := rand.New(rand.NewPCG(1, 2))
	want := make([][]byte, 300)
	for i := range want {
		want[i] = make([]byte, 100+random.IntN(900))
		for j := range want[i] {
			want[i][j] = byte(random.Uint32())
		}
	}
	first, next, err := topic.Append(context.Background(), 0, want)
	if err != nil || first != 0 || next != 300 {
		t.Fatalf("Append: %d, %d, %v", first, next, err)
	}
	if !equal(want, readAll(t, topic, 0, 0, 300)) {
		t.Error("not what was appended")
	}
	_, _, err = topic.Append(context.Background(), 0, [][]byte{[]byte("small"), make([]byte, 20_000), []byte("small")})
	var tooLarge *TooLargeError
	if !errors.As(err, &tooLarge) || tooLarge.Index != 1 || tooLarge.Bytes != 20_000 || tooLarge.ExitCode() != 2 {
		t.Errorf("a message of 20,000 bytes: %v", err)
	}
}

// TestEveryFaultIsWaitedOut answers each kind of request once with each error that passes: what is appended is read back in order,
// repeats aside.
func TestEveryFaultIsWaitedOut(t *testing.T) {
	all := []*kerr.Error{
		kerr.NotLeaderForPartition, kerr.LeaderNotAvailable, kerr.RequestTimedOut, kerr.KafkaStorageError,
		kerr.ReplicaNotAvailable, kerr.UnknownTopicOrPartition, kerr.NetworkException,
	}
	faults := map[kmsg.Key][]*kerr.Error{
		kmsg.Produce:     append([]*kerr.Error{kerr.NotEnoughReplicas, kerr.NotEnoughReplicasAfterAppend}, all...),
		kmsg.Fetch:       all,
		kmsg.ListOffsets: all,
	}
	injected := 0
	for key, errs := range faults {
		for _, fault := range errs {
			cluster := kafkatest.New(t)
			c := newClient(t, Options{Brokers: cluster.ListenAddrs(), Partitions: 1})
			topic := openTopic(t, c)
			h := cluster.Fault(kfake.Fault{Keys: []kmsg.Key{key}, Err: fault})
			ctx := context.Background()
			want := messages(20, 100)
			if _, _, err := topic.Append(ctx, 0, want); err != nil {
				t.Fatalf("%s: append: %v", fault.Message, err)
			}
			_, next, err := topic.Bounds(ctx, 0)
			if err != nil {
				t.Fatalf("%s: bounds: %v", fault.Message, err)
			}
			got := readAll(t, topic, 0, 0, next)
			if !equal(want, got[len(got)-len(want):]) || len(got) > len(want) && !bytes.Equal(got[0], want[0]) {
				t.Errorf("%s: %d messages, not what was appended", fault.Message, len(got))
			}
			if h.Hits() != 1 {
				t.Errorf("%s met %d requests of kind %d", fault.Message, h.Hits(), key)
			}
			injected++
		}
	}
	t.Logf("counted: %d faults of single requests, each waited out", injected)
}

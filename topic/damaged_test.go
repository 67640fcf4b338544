package topic

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"

	"rewind/sandbox/kafkatest"
)

// TestDamageInTheBrokersFile: a broker that cannot read what it stored is not away; the stretch is named up to where it can.
func TestDamageInTheBrokersFile(t *testing.T) {
	cluster := kafkatest.New(t)
	c := newClient(t, Options{Brokers: cluster.ListenAddrs(), Partitions: 1})
	topic := openTopic(t, c)
	ctx := context.Background()
	if _, _, err := topic.Append(ctx, 0, messages(20, 100)); err != nil {
		t.Fatal(err)
	}
	cluster.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Fetch}, Err: kerr.CorruptMessage, Count: -1, When: func(r kmsg.Request) bool {
		offset := r.(*kmsg.FetchRequest).Topics[0].Partitions[0].FetchOffset
		return offset >= 5 && offset < 13
	}})
	var damaged *BatchError
	for _, err := range topic.Follow(ctx, 0, 5) {
		if !errors.As(err, &damaged) || damaged.First != 5 || damaged.Next != 13 || !strings.Contains(damaged.Hint(), "delete the topic") {
			t.Errorf("%v", err)
		}
		break
	}
	for _, err := range topic.Follow(ctx, 0, 13) {
		if err != nil {
			t.Error(err)
		}
		break
	}
}

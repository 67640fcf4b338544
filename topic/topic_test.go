package topic

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/segmentio/kafka-go"
	"github.com/segmentio/kafka-go/protocol"

	"rewind/sandbox/kafkatest"
	"rewind/table"
)

func TestOpenCreatesOnceAndFindsAgain(t *testing.T) {
	log, logger := newCapture()
	c := newClient(t, Options{Brokers: kafkatest.New(t).ListenAddrs(), Partitions: 3, Logger: logger})
	ctx := context.Background()
	_, err := c.Open(ctx, orders, false)
	var missing *NotFoundError
	if !errors.As(err, &missing) || !errors.Is(err, ErrNotFound) || missing.Topic != "rewind.shop.orders" || missing.ExitCode() != 4 {
		t.Fatalf("a missing topic gives %v", err)
	}
	first := openTopic(t, c)
	if !first.Created() || first.Partitions() != 3 || first.Name() != "rewind.shop.orders" {
		t.Fatalf("created %v, partitions %d, name %s", first.Created(), first.Partitions(), first.Name())
	}
	openTopic(t, c)
	if log.count("level=INFO msg=\"topic: min.insync.replicas is 1") != 1 || log.count("level=WARN") != 0 {
		t.Error("a development broker's one replica was not said once")
	}
	second, err := c.Open(ctx, orders, false)
	if err != nil || second.Created() || second.Partitions() != 3 {
		t.Fatalf("second Open: %+v, %v", second, err)
	}
	checkConfiguration(t, c)
}

func checkConfiguration(t *testing.T, c *Client) {
	t.Helper()
	res, err := c.kafka.DescribeConfigs(context.Background(), &kafka.DescribeConfigsRequest{
		Resources: []kafka.DescribeConfigRequestResource{{ResourceType: kafka.ResourceTypeTopic, ResourceName: "rewind.shop.orders"}},
	})
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	for _, e := range res.Resources[0].ConfigEntries {
		got[e.ConfigName] = e.ConfigValue
	}
	for name, want := range map[string]string{"retention.ms": "-1", "cleanup.policy": "delete", "max.message.bytes": "41943040"} {
		if got[name] != want {
			t.Errorf("%s is %q, want %q", name, got[name], want)
		}
	}
}

func TestOpenUnreachable(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := l.Addr().String()
	_ = l.Close()
	c := newClient(t, Options{Brokers: []string{address}, Timeout: 5 * time.Second})
	_, err = c.Open(context.Background(), orders, true)
	var unreachable *UnreachableError
	if !errors.As(err, &unreachable) || unreachable.ExitCode() != 7 || !strings.Contains(err.Error(), "refused") {
		t.Fatalf("got %v", err)
	}
}

func equal(a, b [][]byte) bool { return slices.EqualFunc(a, b, bytes.Equal) }

func messages(n, size int) [][]byte {
	out := make([][]byte, n)
	for i := range out {
		out[i] = fmt.Appendf(nil, "%08d", i)
		if size > 8 {
			out[i] = append(out[i], bytes.Repeat([]byte{byte(i)}, size-8)...)
		}
	}
	return out
}

func readAll(t *testing.T, topic *Topic, partition int, from, to int64) (got [][]byte) {
	t.Helper()
	next := from
	for m, err := range topic.Read(context.Background(), partition, from, to) {
		if err != nil {
			t.Fatal(err)
		}
		if m.Offset != next {
			t.Fatalf("offset %d, want %d", m.Offset, next)
		}
		next++
		got = append(got, bytes.Clone(m.Value))
	}
	return got
}

func TestAppendAndReadBack(t *testing.T) {
	for _, compression := range []string{"lz4", "zstd", "snappy", "gzip", "none"} {
		t.Run(compression, func(t *testing.T) {
			c := newClient(t, Options{Brokers: kafkatest.New(t).ListenAddrs(), Partitions: 2, Compression: compression})
			topic := openTopic(t, c)
			ctx := context.Background()
			want := messages(5000, 700) // 3.5 MB: four requests
			first, next, err := topic.Append(ctx, 1, want)
			if err != nil || first != 0 || next != 5000 {
				t.Fatalf("Append: %d, %d, %v", first, next, err)
			}
			first, next, err = topic.Append(ctx, 1, [][]byte{[]byte("last")})
			if err != nil || first != 5000 || next != 5001 {
				t.Fatalf("Append: %d, %d, %v", first, next, err)
			}
			if low, high, err := topic.Bounds(ctx, 1); err != nil || low != 0 || high != 5001 {
				t.Fatalf("Bounds: %d, %d, %v", low, high, err)
			}
			if low, high, err := topic.Bounds(ctx, 0); err != nil || low != 0 || high != 0 {
				t.Fatalf("Bounds of the empty partition: %d, %d, %v", low, high, err)
			}
			if !equal(append(want, []byte("last")), readAll(t, topic, 1, 0, 5001)) {
				t.Error("not what was appended")
			}
			if got := readAll(t, topic, 1, 1234, 1240); !bytes.Equal(got[0], want[1234]) || len(got) != 6 {
				t.Fatalf("a part of it: %d messages", len(got))
			}
		})
	}
}

func TestLargeMessageTravelsAlone(t *testing.T) {
	cluster := kafkatest.New(t)
	c := newClient(t, Options{Brokers: cluster.ListenAddrs(), Partitions: 1, Compression: "none"})
	topic := openTopic(t, c)
	random := rand.New(rand.NewPCG(1, 2))
	large := make([]byte, 5<<20)
	for i := range large {
		large[i] = byte(random.Uint32())
	}
	want := [][]byte{[]byte("before"), large, []byte("behind")}
	if first, next, err := topic.Append(context.Background(), 0, want); err != nil || first != 0 || next != 3 {
		t.Fatalf("Append: %d, %d, %v", first, next, err)
	}
	if !equal(want, readAll(t, topic, 0, 0, 3)) {
		t.Error("not what was appended")
	}
	_, _, err := topic.Append(context.Background(), 0, [][]byte{make([]byte, maxMessageBytes+1)})
	var tooLarge *TooLargeError
	if !errors.As(err, &tooLarge) || tooLarge.Bytes != maxMessageBytes+1 {
		t.Fatalf("got %v", err)
	}
}

func TestBrokerRefusesSize(t *testing.T) {
	cluster := kafkatest.New(t)
	c := newClient(t, Options{Brokers: cluster.ListenAddrs(), Partitions: 1})
	topic := openTopic(t, c)
	cluster.AnswerProduce(10) // MESSAGE_TOO_LARGE
	_, _, err := topic.Append(context.Background(), 0, messages(1, 100))
	var tooLarge *TooLargeError
	if !errors.As(err, &tooLarge) || tooLarge.Bytes != 100 || !strings.Contains(tooLarge.Hint(), "max.message.bytes") {
		t.Fatalf("got %v", err)
	}
}

func TestAppendRetriesAndSaysSoOnce(t *testing.T) {
	log, logger := newCapture()
	cluster := kafkatest.New(t)
	c := newClient(t, Options{Brokers: cluster.ListenAddrs(), Partitions: 1, Logger: logger})
	topic := openTopic(t, c)
	for range 3 {
		cluster.AnswerProduce(19) // NOT_ENOUGH_REPLICAS
	}
	want := messages(3, 10)
	if first, next, err := topic.Append(context.Background(), 0, want); err != nil || first != 0 || next != 3 {
		t.Fatalf("Append: %d, %d, %v", first, next, err)
	}
	if log.count("kafka: away") != 1 || log.count("kafka: back") != 1 {
		t.Errorf("away said %d times, back %d times", log.count("kafka: away"), log.count("kafka: back"))
	}
	if !equal(want, readAll(t, topic, 0, 0, 3)) {
		t.Error("not what was appended")
	}
}

// TestOneFailureIsNoOutage: a connection that idled while the broker was started again breaks once.
func TestOneFailureIsNoOutage(t *testing.T) {
	log, logger := newCapture()
	cluster := kafkatest.New(t)
	c := newClient(t, Options{Brokers: cluster.ListenAddrs(), Partitions: 1, Logger: logger})
	topic := openTopic(t, c)
	cluster.AnswerProduce(19) // NOT_ENOUGH_REPLICAS
	if _, _, err := topic.Append(context.Background(), 0, messages(1, 10)); err != nil {
		t.Fatal(err)
	}
	if log.count("kafka: away") != 0 || log.count("kafka: back") != 0 || log.count("topic: sent again") != 1 {
		t.Errorf("away said %d times", log.count("kafka: away"))
	}
}

func TestAMovingLeaderIsNoOutage(t *testing.T) {
	log, logger := newCapture()
	cluster := kafkatest.New(t)
	c := newClient(t, Options{Brokers: cluster.ListenAddrs(), Partitions: 1, Logger: logger})
	topic := openTopic(t, c)
	cluster.AnswerProduce(6) // NOT_LEADER_OR_FOLLOWER
	if _, _, err := topic.Append(context.Background(), 0, messages(1, 10)); err != nil {
		t.Fatal(err)
	}
	if log.count("kafka: away") != 0 || log.count("topic: not ready yet") != 1 {
		t.Errorf("away said %d times", log.count("kafka: away"))
	}
	for _, err := range []error{protocol.ErrNoLeader, kafka.GroupLoadInProgress, kafka.GroupCoordinatorNotAvailable, kafka.NotCoordinatorForGroup} {
		if !isSettling(fmt.Errorf("wrapped: %w", err)) {
			t.Errorf("%v counts as an outage at once", err)
		}
	}
}

func TestAppendRefused(t *testing.T) {
	cluster := kafkatest.New(t)
	c := newClient(t, Options{Brokers: cluster.ListenAddrs(), Partitions: 1})
	topic := openTopic(t, c)
	cluster.AnswerProduce(29) // TOPIC_AUTHORIZATION_FAILED
	_, _, err := topic.Append(context.Background(), 0, messages(1, 10))
	var refused *RefusedError
	if !errors.As(err, &refused) || !errors.Is(err, kafka.TopicAuthorizationFailed) {
		t.Fatalf("got %v", err)
	}
}

// TestLostAnswerDuplicates shows the trap that the stream's protocol lives with, and that Append's offsets tell it.
func TestLostAnswerDuplicates(t *testing.T) {
	cluster := kafkatest.New(t)
	c := newClient(t, Options{Brokers: cluster.ListenAddrs(), Partitions: 1})
	topic := openTopic(t, c)
	cluster.LoseProduceAnswers(1)
	want := messages(3, 10)
	first, next, err := topic.Append(context.Background(), 0, want)
	if err != nil || first != 3 || next != 6 {
		t.Fatalf("Append: %d, %d, %v; want the second copy's offsets", first, next, err)
	}
	if !equal(append(want, want...), readAll(t, topic, 0, 0, 6)) {
		t.Error("not what was appended")
	}
}

func TestReadOfLostOffsets(t *testing.T) {
	cluster := kafkatest.New(t)
	c := newClient(t, Options{Brokers: cluster.ListenAddrs(), Partitions: 1})
	topic := openTopic(t, c)
	ctx := context.Background()
	if _, _, err := topic.Append(ctx, 0, messages(10, 10)); err != nil {
		t.Fatal(err)
	}
	cluster.DeleteRecords(t, topic.Name(), 0, 4)
	for _, bounds := range [][2]int64{{2, 6}, {8, 12}, {12, 13}} {
		var lost *OffsetLostError
		for _, err := range topic.Read(ctx, 0, bounds[0], bounds[1]) {
			if err != nil && (!errors.As(err, &lost) || !errors.Is(err, ErrOffsetLost)) {
				t.Fatal(err)
			}
		}
		if lost == nil || lost.First != 4 || lost.Next != 10 || lost.ExitCode() != 4 {
			t.Errorf("Read%v: %v", bounds, lost)
		}
	}
	if got := readAll(t, topic, 0, 4, 10); len(got) != 6 {
		t.Errorf("%d messages are left, want 6", len(got))
	}
	for _, err := range topic.Follow(ctx, 0, 2) {
		if !errors.Is(err, ErrOffsetLost) {
			t.Errorf("Follow: %v", err)
		}
	}
}

func TestFollowWaitsAtTheEnd(t *testing.T) {
	c := newClient(t, Options{Brokers: kafkatest.New(t).ListenAddrs(), Partitions: 1})
	topic := openTopic(t, c)
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	want := messages(2500, 900)
	failed := make(chan error, 1)
	go func() {
		for start := 0; start < len(want); start += 500 {
			if _, _, err := topic.Append(context.Background(), 0, want[start:start+500]); err != nil {
				failed <- err
				return
			}
		}
		failed <- nil
	}()
	var got [][]byte
	for batch, err := range topic.Follow(ctx, 0, 0) {
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range batch.Messages {
			got = append(got, bytes.Clone(m.Value))
		}
		if len(got) == len(want) {
			cancel()
		}
	}
	if err := <-failed; err != nil {
		t.Fatal(err)
	}
	if !equal(want, got) {
		t.Error("not what was appended")
	}
}

func TestFollowEndsWithTheContext(t *testing.T) {
	c := newClient(t, Options{Brokers: kafkatest.New(t).ListenAddrs(), Partitions: 1})
	topic := openTopic(t, c)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() {
		for _, err := range topic.Follow(ctx, 0, 0) {
			done <- err
			return
		}
		done <- nil
	}()
	cancel()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
}

func TestCommittedOffset(t *testing.T) {
	c := newClient(t, Options{Brokers: kafkatest.New(t).ListenAddrs(), Partitions: 2})
	topic := openTopic(t, c)
	ctx := context.Background()
	if next, note, err := topic.CommittedOffset(ctx, 1); err != nil || next != -1 {
		t.Fatalf("nothing was committed yet, got %d, %q, %v", next, note, err)
	}
	if err := topic.CommitOffset(ctx, 1, 42, "note"); err != nil {
		t.Fatal(err)
	}
	if next, note, err := topic.CommittedOffset(ctx, 1); err != nil || note != "note" || next != 42 {
		t.Fatalf("got %d, %q, %v", next, note, err)
	}
}

func TestNames(t *testing.T) {
	c := newClient(t, Options{Brokers: []string{"127.0.0.1:1"}})
	for _, test := range []struct {
		name table.Name
		want string
	}{
		{orders, "rewind.shop.orders"},
		{table.Name{Database: "a.b", Table: "c"}, "rewind.a-2eb.c"},
		{table.Name{Database: "a", Table: "b.c"}, "rewind.a.b-2ec"},
		{table.Name{Database: "über", Table: "t-1 $"}, "rewind.-c3-bcber.t-2d1-20-24"},
	} {
		if got := c.Name(test.name); got != test.want {
			t.Errorf("%v: %s, want %s", test.name, got, test.want)
		}
	}
	long := c.Name(table.Name{Database: strings.Repeat("d", 128), Table: strings.Repeat("t", 128)})
	other := c.Name(table.Name{Database: strings.Repeat("d", 128), Table: strings.Repeat("t", 127) + "u"})
	if len(long) != maxNameBytes || long == other {
		t.Errorf("%s, %s", long, other)
	}
}

func TestOptionsAreChecked(t *testing.T) {
	for _, o := range []Options{
		{}, {Brokers: []string{"a"}, Compression: "brotli"}, {Brokers: []string{"a"}, Partitions: -1},
		{Brokers: []string{"a"}, Prefix: "a b"}, {Brokers: []string{"a"}, Prefix: ".."}, {Brokers: []string{"a"}, Replication: 99},
	} {
		if c, err := NewClient(o); err == nil {
			c.Close()
			t.Errorf("%+v was accepted", o)
		}
	}
}

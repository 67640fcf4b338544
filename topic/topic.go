// Package topic is one table's Kafka topic: its name, its creation, ordered acknowledged appends and bounded reads,
// through kafka-go.
//
// kafka-go has no idempotent producer: a request whose answer was lost is sent again and may then stand twice in the
// partition. This package promises order (one request in flight per partition, made by the caller: Append is
// synchronous and not for concurrent use on one partition) and acknowledgement by all in-sync replicas, and leaves it to
// the stream's protocol to recognise repeats. Everything waits with exponential backoff while Kafka is away and says so
// once, not once a try.
package topic

import (
	"context"
	"fmt"
	"sync/atomic"

	"github.com/segmentio/kafka-go"
)

// Topic is one table's topic. Its methods may be used by several goroutines, Append by one a partition.
type Topic struct {
	client     *Client
	name       string
	partitions int
	created    bool
	limit      atomic.Int64 // bytes of a request of several messages
}

func newTopic(c *Client, name string, partitions int, created bool) *Topic {
	t := &Topic{client: c, name: name, partitions: partitions, created: created}
	t.limit.Store(MaxRequestBytes)
	return t
}

// Message of a topic.
type Message struct {
	Offset int64
	Value  []byte
}

// Name is the topic's name in Kafka.
func (t *Topic) Name() string { return t.name }

// Partitions is the number of partitions that the topic had when it was opened.
func (t *Topic) Partitions() int { return t.partitions }

// Created says that this Open created the topic.
func (t *Topic) Created() bool { return t.created }

// Bounds are the first offset that Kafka still has and the one that the next message gets.
func (t *Topic) Bounds(ctx context.Context, partition int) (first, next int64, err error) {
	err = t.client.retry(ctx, t.name, func(ctx context.Context) error {
		first, next, err = t.bounds(ctx, partition)
		return err
	})
	return first, next, err
}

func (t *Topic) bounds(ctx context.Context, partition int) (first, next int64, err error) {
	res, err := t.client.kafka.ListOffsets(ctx, &kafka.ListOffsetsRequest{
		Topics: map[string][]kafka.OffsetRequest{
			t.name: {kafka.FirstOffsetOf(partition), kafka.LastOffsetOf(partition)},
		},
	})
	if err != nil {
		return 0, 0, err
	}
	for _, p := range res.Topics[t.name] {
		if p.Partition != partition {
			continue
		}
		if p.Error != nil {
			return 0, 0, p.Error
		}
		if p.FirstOffset < 0 || p.LastOffset < p.FirstOffset {
			return 0, 0, fmt.Errorf("kafka gives offsets %d to %d for %s partition %d", p.FirstOffset, p.LastOffset, t.name, partition)
		}
		return p.FirstOffset, p.LastOffset, nil
	}
	return 0, 0, kafka.UnknownTopicOrPartition
}

package topic

import (
	"context"
	"errors"

	"github.com/segmentio/kafka-go"
)

// CommitOffset records, under the client's group, how far a partition was taken over: a gauge for lag monitors, and a
// witness against a journal that lost its end. The note is kept with it. No group membership stands behind it.
func (t *Topic) CommitOffset(ctx context.Context, partition int, next int64, note string) error {
	return t.client.retry(ctx, t.name, func(ctx context.Context) error {
		res, err := t.client.kafka.OffsetCommit(ctx, &kafka.OffsetCommitRequest{
			GroupID:      t.client.options.Group,
			GenerationID: -1,
			Topics:       map[string][]kafka.OffsetCommit{t.name: {{Partition: partition, Offset: next, Metadata: note}}},
		})
		if err != nil {
			return err
		}
		for _, p := range res.Topics[t.name] {
			if p.Partition == partition {
				return p.Error
			}
		}
		return kafka.UnknownTopicOrPartition
	})
}

// CommittedOffset is what CommitOffset recorded last, with its note; next is -1 where nothing is recorded.
func (t *Topic) CommittedOffset(ctx context.Context, partition int) (next int64, note string, err error) {
	next = -1
	err = t.client.retry(ctx, t.name, func(ctx context.Context) error {
		res, err := t.client.kafka.OffsetFetch(ctx, &kafka.OffsetFetchRequest{
			GroupID: t.client.options.Group,
			Topics:  map[string][]int{t.name: {partition}},
		})
		if err != nil {
			return err
		}
		if errors.Is(res.Error, kafka.GroupIdNotFound) {
			return nil // a group is made by its first commit
		}
		if res.Error != nil {
			return res.Error
		}
		for _, p := range res.Topics[t.name] {
			if p.Partition == partition && p.Error == nil {
				next, note = p.CommittedOffset, p.Metadata
				return nil
			}
			if p.Partition == partition {
				return p.Error
			}
		}
		return nil
	})
	return next, note, err
}

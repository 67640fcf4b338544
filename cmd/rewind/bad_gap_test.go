package main

import (
	"context"

	"github.com/rogpeppe/go-internal/testscript"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// topicTrim removes all but the last message of each partition of a sandbox's topic, which has four, as retention does.
func (b *badServers) topicTrim(_ *testscript.TestScript, args []string) error {
	ends, err := b.ends(args[0])
	if err != nil {
		return err
	}
	req := kmsg.NewPtrDeleteRecordsRequest()
	topic := kmsg.NewDeleteRecordsRequestTopic()
	topic.Topic = args[0]
	for n, end := range ends {
		partition := kmsg.NewDeleteRecordsRequestTopicPartition()
		partition.Partition, partition.Offset = n, end-1
		topic.Partitions = append(topic.Partitions, partition)
	}
	req.Topics = append(req.Topics, topic)
	res, err := req.RequestWith(context.Background(), b.kafka)
	if err != nil {
		return err
	}
	for _, p := range res.Topics[0].Partitions {
		if err := kerr.ErrorForCode(p.ErrorCode); err != nil {
			return err
		}
	}
	return nil
}

// ends are the offsets behind the last messages of a topic of four partitions.
func (b *badServers) ends(name string) (map[int32]int64, error) {
	req := kmsg.NewPtrListOffsetsRequest()
	topic := kmsg.NewListOffsetsRequestTopic()
	topic.Topic = name
	for n := range int32(4) {
		partition := kmsg.NewListOffsetsRequestTopicPartition()
		partition.Partition, partition.Timestamp = n, -1
		topic.Partitions = append(topic.Partitions, partition)
	}
	req.Topics = append(req.Topics, topic)
	res, err := req.RequestWith(context.Background(), b.kafka)
	if err != nil {
		return nil, err
	}
	ends := map[int32]int64{}
	for _, p := range res.Topics[0].Partitions {
		if err := kerr.ErrorForCode(p.ErrorCode); err != nil {
			return nil, err
		}
		ends[p.Partition] = p.Offset
	}
	return ends, nil
}

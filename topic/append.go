package topic

import (
	"bytes"
	"context"
	"errors"
	"time"

	"github.com/segmentio/kafka-go"
	"github.com/segmentio/kafka-go/protocol"
)

// MaxRequestBytes bounds the messages of one request: brokers refuse more than 1 MiB by default. One message may be
// larger; it then travels alone. Where a topic takes less, requests become smaller until it takes them.
const MaxRequestBytes = 900 << 10

// MessageOverhead is what a message costs in a request beyond its value, at most.
const MessageOverhead = 32

// compressFrom is the size of a request that is worth compressing: for less, a codec's buffers (lz4 takes megabytes) cost more
// than the bytes do.
const compressFrom = 2 << 10

// Append appends values in order and returns when all in-sync replicas have them, in as many requests as they need, one
// after the other. first is the offset of values[0] and next the one behind the last value. The values stand in
// [first, next) without anything between only if next-first == len(values): a request that was sent again, or another
// writer, leaves more. *TooLargeError for a message that Kafka will not take.
//
// While Kafka is away it waits, until ctx ends: then nobody knows what arrived, and what did not may still arrive.
func (t *Topic) Append(ctx context.Context, partition int, values [][]byte) (first, next int64, err error) {
	if len(values) == 0 {
		return 0, 0, errors.New("append of no messages")
	}
	for start := 0; start < len(values); {
		limit, end, bytes := int(t.limit.Load()), start+1, len(values[start])+MessageOverhead
		for end < len(values) && bytes+len(values[end])+MessageOverhead <= limit {
			bytes += len(values[end]) + MessageOverhead
			end++
		}
		base, err := t.request(ctx, partition, values[start:end])
		var tooLarge *TooLargeError
		if errors.As(err, &tooLarge) {
			if end-start > 1 { // the topic takes less than was agreed: smaller requests, from here on
				t.limit.CompareAndSwap(int64(limit), int64(bytes/2))
				t.client.options.Logger.Debug("topic: a request is too large, halved", "topic", t.name, "bytes", bytes, "messages", end-start)
				continue
			}
			tooLarge.Index = start
		}
		if err != nil {
			return 0, 0, err
		}
		if start == 0 {
			first = base
		}
		next = base + int64(end-start)
		start = end
	}
	return first, next, nil
}

// request sends values as one record batch until it is acknowledged.
func (t *Topic) request(ctx context.Context, partition int, values [][]byte) (base int64, err error) {
	if len(values) == 1 && len(values[0]) > maxMessageBytes {
		return 0, &TooLargeError{Topic: t.name, Partition: partition, Bytes: len(values[0])}
	}
	now, compression := time.Now(), t.client.compression
	if sizeOf(values) < compressFrom {
		compression = 0
	}
	err = t.client.retry(ctx, t.name, func(ctx context.Context) error {
		// One piece of memory for all of them; a new one each try, for a reader is read once.
		records, readers := make([]kafka.Record, len(values)), make([]valueReader, len(values))
		for i, v := range values {
			readers[i].Reset(v)
			records[i] = kafka.Record{Time: now, Value: &readers[i]}
		}
		res, err := t.client.kafka.Produce(ctx, &kafka.ProduceRequest{
			Topic:        t.name,
			Partition:    partition,
			RequiredAcks: kafka.RequireAll,
			Records:      kafka.NewRecordReader(records...),
			Compression:  compression,
		})
		if err == nil {
			err = res.Error
		}
		if err != nil {
			return t.tooLarge(partition, values, err)
		}
		base = res.BaseOffset
		return nil
	})
	return base, err
}

// valueReader is what kafka-go reads a message's value from.
type valueReader struct{ bytes.Reader }

// Close ends nothing.
func (*valueReader) Close() error { return nil }

var _ protocol.Bytes = (*valueReader)(nil)

// tooLarge gives a refusal for the size its type.
func (t *Topic) tooLarge(partition int, values [][]byte, err error) error {
	if !errors.Is(err, kafka.MessageSizeTooLarge) && !errors.Is(err, kafka.RecordListTooLarge) {
		return err
	}
	bytes := len(values[0])
	if len(values) > 1 {
		bytes = sizeOf(values)
	}
	return &TooLargeError{Topic: t.name, Partition: partition, Bytes: bytes}
}

func sizeOf(values [][]byte) (bytes int) {
	for _, v := range values {
		bytes += len(v) + MessageOverhead
	}
	return bytes
}

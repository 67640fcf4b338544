package topic

import (
	"bytes"
	"context"
	"errors"

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
	var r Request
	for _, v := range values {
		r.Add(v)
	}
	if err := t.Pack(&r); err != nil {
		return 0, err
	}
	return t.send(ctx, partition, &r)
}

// Pack compresses a request, as Send wants it.
func (t *Topic) Pack(r *Request) error {
	if r.count == 1 && r.largest > maxMessageBytes {
		return nil // Send refuses it
	}
	return r.pack(t.client.compression)
}

// Send appends what was packed as Append does.
func (t *Topic) Send(ctx context.Context, partition int, r *Request) (first, next int64, err error) {
	if r.count == 0 {
		return 0, 0, errors.New("append of no messages")
	}
	if r.count == 1 || r.Bytes() <= int(t.limit.Load()) {
		first, err = t.send(ctx, partition, r)
		var tooLarge *TooLargeError
		if err == nil || r.count == 1 || !errors.As(err, &tooLarge) {
			return first, first + int64(r.count), err
		}
	}
	values, err := r.Values()
	if err != nil {
		return 0, 0, err
	}
	return t.Append(ctx, partition, values)
}

// send sends a request until it is acknowledged: the same bytes each time.
func (t *Topic) send(ctx context.Context, partition int, r *Request) (base int64, err error) {
	if r.count == 1 && r.largest > maxMessageBytes {
		return 0, &TooLargeError{Topic: t.name, Partition: partition, Bytes: r.largest}
	}
	err = t.client.retry(ctx, t.name, func(ctx context.Context) error {
		abandoned := r.abandoned
		r.abandoned = true // until it is answered: kafka-go goes on with a try that nobody waits for any more
		res, err := t.client.kafka.RawProduce(ctx, &kafka.RawProduceRequest{
			Topic:        t.name,
			Partition:    partition,
			RequiredAcks: kafka.RequireAll,
			RawRecords:   protocol.RawRecordSet{Reader: bytes.NewReader(r.packed)},
		})
		if err == nil {
			err = res.Error
		}
		if err != nil {
			return t.tooLarge(partition, r, err)
		}
		base, r.abandoned = res.BaseOffset, abandoned
		return nil
	})
	return base, err
}

// tooLarge gives a refusal for the size its type.
func (t *Topic) tooLarge(partition int, r *Request, err error) error {
	if !errors.Is(err, kafka.MessageSizeTooLarge) && !errors.Is(err, kafka.RecordListTooLarge) {
		return err
	}
	bytes := r.largest
	if r.count > 1 {
		bytes = r.Bytes()
	}
	return &TooLargeError{Topic: t.name, Partition: partition, Bytes: bytes}
}

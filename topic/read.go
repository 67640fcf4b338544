package topic

import (
	"context"
	"errors"
	"io"
	"iter"
	"time"

	"github.com/segmentio/kafka-go"
)

// Limits of one fetch, of what is handed on at once, and of how long Kafka may wait for more.
const (
	fetchBytes    = 2 << 20
	batchBytes    = 2 << 20
	batchMessages = 10_000
	fetchWait     = 500 * time.Millisecond
	emptyFetches  = 20 // in a row, before the end of the partition: then something is wrong with it
)

// Read yields the messages in [from, to). *OffsetLostError when the partition does not have them (any more).
func (t *Topic) Read(ctx context.Context, partition int, from, to int64) iter.Seq2[Message, error] {
	return func(yield func(Message, error) bool) {
		if from >= to {
			return
		}
		r := &reader{topic: t, partition: partition, next: from, bounded: true}
		defer r.close()
		for r.next < to {
			batch, err := r.fetch(ctx)
			if err != nil {
				yield(Message{}, err)
				return
			}
			for _, m := range batch {
				if m.Offset >= to {
					return
				}
				if !yield(m, nil) {
					return
				}
			}
		}
	}
}

// Follow yields batches from an offset on and waits at the end, until ctx ends: then it stops without an error. It
// connects again whenever Kafka comes back. A batch is never empty; its values stay valid.
func (t *Topic) Follow(ctx context.Context, partition int, from int64) iter.Seq2[[]Message, error] {
	return func(yield func([]Message, error) bool) {
		r := &reader{topic: t, partition: partition, next: from}
		defer r.close()
		for ctx.Err() == nil {
			batch, err := r.fetch(ctx)
			if ctx.Err() != nil {
				return
			}
			if err != nil {
				yield(nil, err)
				return
			}
			if len(batch) > 0 && !yield(batch, nil) {
				return
			}
		}
	}
}

// reader reads one partition through a connection to its leader.
type reader struct {
	topic     *Topic
	partition int
	next      int64 // offset to read
	bounded   bool  // the messages are known to be there: an end is an error
	empty     int   // fetches in a row that brought nothing although there is something

	conn  *kafka.Conn
	batch *kafka.Batch // open, with more to read
	stop  func() bool  // ends the watch over ctx
}

// fetch gives the next messages, none if there are none yet. It reconnects until ctx ends.
func (r *reader) fetch(ctx context.Context) (messages []Message, err error) {
	err = r.topic.client.retry(ctx, r.topic.name, func(attempt context.Context) error {
		if err := r.connect(ctx, attempt); err != nil {
			return err
		}
		messages, err = r.read()
		if err != nil {
			r.close()
		}
		if len(messages) > 0 {
			r.empty = 0
			return nil // what broke is met again by the next call
		}
		return err
	})
	return messages, err
}

// connect dials the leader, unless connected. The connection ends with ctx, not with this attempt.
func (r *reader) connect(ctx, attempt context.Context) error {
	if r.conn != nil {
		return nil
	}
	leader, err := r.topic.client.leader(attempt, r.topic.name, r.partition)
	if err != nil {
		return err
	}
	conn, err := r.topic.client.dialer.DialPartition(attempt, "tcp", "", leader)
	if err != nil {
		return err
	}
	if _, err := conn.Seek(r.next, kafka.SeekAbsolute|kafka.SeekDontCheck); err != nil {
		_ = conn.Close()
		return err
	}
	r.conn = conn
	r.stop = context.AfterFunc(ctx, func() { _ = conn.Close() })
	return nil
}

func (r *reader) close() {
	if r.conn == nil {
		return
	}
	r.stop()
	if r.batch != nil {
		_ = r.batch.Close()
	}
	_ = r.conn.Close()
	r.conn, r.batch = nil, nil
}

// read takes messages from the open batch, or from a new one, up to the limits.
func (r *reader) read() (messages []Message, err error) {
	if r.batch == nil {
		if err := r.conn.SetReadDeadline(time.Now().Add(r.topic.client.options.Timeout + fetchWait)); err != nil {
			return nil, err
		}
		r.batch = r.conn.ReadBatchWith(kafka.ReadBatchConfig{MinBytes: 1, MaxBytes: fetchBytes, MaxWait: fetchWait})
	}
	for bytes := 0; bytes < batchBytes && len(messages) < batchMessages; {
		m, err := r.batch.ReadMessage()
		if err != nil {
			return messages, r.endBatch(err, len(messages) > 0)
		}
		messages = append(messages, Message{Offset: m.Offset, Value: m.Value})
		bytes += len(m.Value) + MessageOverhead
		r.next = m.Offset + 1
	}
	return messages, nil
}

// endBatch closes a batch that gave err: a clean end, the verdict of Kafka, or a broken connection.
func (r *reader) endBatch(err error, progress bool) error {
	batch := r.batch
	r.batch = nil
	high, position := batch.HighWaterMark(), batch.Offset()
	closed := batch.Close()
	if !errors.Is(err, io.EOF) && !errors.Is(err, kafka.RequestTimedOut) {
		if errors.Is(err, kafka.OffsetOutOfRange) {
			return r.outOfRange()
		}
		return err
	}
	if closed != nil && !errors.Is(closed, kafka.RequestTimedOut) {
		return closed
	}
	if position > r.next { // offsets without a message
		r.next = position
	}
	if progress {
		return nil
	}
	if r.next >= high {
		if r.bounded {
			return r.outOfRange()
		}
		return nil
	}
	if r.empty++; r.empty > emptyFetches {
		return &RefusedError{Topic: r.topic.name, Err: errors.New("there are messages behind an offset, but none is given")}
	}
	return nil
}

func (r *reader) outOfRange() error {
	ctx, cancel := context.WithTimeout(context.Background(), r.topic.client.options.Timeout)
	defer cancel()
	first, next, err := r.topic.bounds(ctx, r.partition)
	if err != nil {
		return err
	}
	if r.next >= first && r.next <= next && !r.bounded {
		return kafka.RequestTimedOut // it moved meanwhile: look again
	}
	return &OffsetLostError{Topic: r.topic.name, Partition: r.partition, Wanted: r.next, First: first, Next: next}
}

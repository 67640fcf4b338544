package topic

import (
	"context"
	"encoding/binary"
	"errors"
	"iter"
	"math"
	"time"

	"github.com/segmentio/kafka-go"
)

// Limits of one fetch, of what is handed on at once, and of how long Kafka may wait for more.
const (
	firstFetch    = 64 << 10 // who looks for one message needs no more
	fetchGrowth   = 8        // from fetch to fetch, up to
	fetchBytes    = 2 << 20
	batchBytes    = 2 << 20
	batchMessages = 16_000
	fetchWait     = 500 * time.Millisecond
	emptyFetches  = 20 // in a row, before the end of the partition: then something is wrong with it
)

// Read yields the messages in [from, to), each valid until the next step. *OffsetLostError when the partition does not have them (any more).
func (t *Topic) Read(ctx context.Context, partition int, from, to int64) iter.Seq2[Message, error] {
	return func(yield func(Message, error) bool) {
		if from >= to {
			return
		}
		r := &reader{topic: t, partition: partition, next: from, until: to, bounded: true, bytes: firstFetch / fetchGrowth}
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

// Fetched is what Follow gives at once: messages of one record batch. Without Messages it tells of offsets that hold none: a
// transaction's end takes one.
type Fetched struct {
	Messages []Message // they and their values are valid until the next step
	Next     int64     // offset behind them
	More     bool      // the next step does not wait: it is fetched already
	End      bool      // the partition ended here when it was fetched
}

// Follow yields what there is from an offset on and waits at the end, until ctx ends: then it stops without an error. It
// connects again whenever Kafka comes back.
func (t *Topic) Follow(ctx context.Context, partition int, from int64) iter.Seq2[Fetched, error] {
	return t.follow(ctx, partition, from, fetchBytes)
}

// Search is Follow for who stops once he has found something: it fetches little at first.
func (t *Topic) Search(ctx context.Context, partition int, from int64) iter.Seq2[Fetched, error] {
	return t.follow(ctx, partition, from, firstFetch)
}

func (t *Topic) follow(ctx context.Context, partition int, from int64, bytes int) iter.Seq2[Fetched, error] {
	return func(yield func(Fetched, error) bool) {
		r := &reader{topic: t, partition: partition, next: from, until: math.MaxInt64, bytes: bytes / fetchGrowth}
		defer r.close()
		for ctx.Err() == nil {
			before := r.next
			batch, err := r.fetch(ctx)
			if ctx.Err() != nil {
				return
			}
			if err != nil {
				yield(Fetched{}, err)
				return
			}
			if r.next > before && !yield(Fetched{batch, r.next, r.hasMore(), r.next >= r.high}, nil) {
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
	until     int64 // nothing is asked for from here on before it is wanted
	bytes     int   // of the last fetch, at most
	high      int64 // the partition's end, when it was fetched last
	bounded   bool  // the messages are known to be there: an end is an error
	empty     int   // fetches in a row that brought nothing although there is something
	damaged   int   // fetches in a row whose first batch could not be read

	conn    *fetchConn
	stop    func() bool // ends the watch over ctx
	records []byte      // batches that were fetched and not opened yet
	batch   batch       // the one whose messages are taken out

	answer   []byte    // memory of the last answer, which records alias
	unpacked []byte    // memory of the last batch
	messages []Message // memory of what was given last
}

// fetch gives the next messages, none if there are none yet. It reconnects until ctx ends.
func (r *reader) fetch(ctx context.Context) (messages []Message, err error) {
	err = r.topic.client.retry(ctx, r.topic.name, func(attempt context.Context) error {
		messages, err = r.read(ctx, attempt)
		if err != nil {
			r.close()
		}
		if len(messages) > 0 {
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
	conn, err := r.topic.client.dialLeader(attempt, leader)
	if err != nil {
		return err
	}
	r.conn = conn
	r.stop = context.AfterFunc(ctx, func() { _ = conn.Close() })
	return nil
}

// close drops the connection and what came through it.
func (r *reader) close() {
	r.records, r.batch = nil, batch{}
	if r.conn == nil {
		return
	}
	r.stop()
	_ = r.conn.Close()
	r.conn = nil
}

// read takes messages out of what was fetched, or of a new fetch, up to the limits.
func (r *reader) read(ctx, attempt context.Context) (messages []Message, err error) {
	if r.batch.left == 0 && len(r.records) == 0 {
		if err := r.connect(ctx, attempt); err != nil {
			return nil, err
		}
		if err := r.more(); err != nil {
			return nil, err
		}
	}
	messages = r.messages[:0]
	for bytes := 0; bytes < batchBytes && len(messages) < batchMessages; {
		m, ok, err := r.take()
		if !ok || err != nil {
			r.messages = messages
			return messages, r.unreadable(err)
		}
		messages = append(messages, m)
		bytes += len(m.Value) + MessageOverhead
		if r.batch.left == 0 { // the next one is unpacked over it
			break
		}
	}
	r.messages = messages
	return messages, nil
}

// hasMore says that the next messages need no fetch.
func (r *reader) hasMore() bool {
	if r.batch.left > 0 {
		return true
	}
	_, _, whole := splitBatch(r.records)
	return whole
}

// release gives back the memory of one who has nothing to read.
func (r *reader) release() { r.answer, r.unpacked, r.messages = nil, nil, nil }

// more fetches.
func (r *reader) more() error {
	a, err := r.conn.fetch(r.question(r.next), r.limit(), r.answer)
	r.answer = a.memory
	switch {
	case errors.Is(err, kafka.OffsetOutOfRange):
		return r.outOfRange()
	case isBrokersDamage(err):
		return r.unreadable(brokersError{err})
	case err != nil:
		return err
	}
	r.records, r.high = a.records, a.high
	if _, _, whole := splitBatch(a.records); whole {
		r.empty = 0
		return r.askAhead(a)
	}
	r.records = nil
	if len(a.records) > 0 {
		return r.unreadable(errCut)
	}
	r.release()
	if r.next >= a.high {
		if r.bounded {
			return r.outOfRange()
		}
		return nil
	}
	if r.empty++; r.empty > emptyFetches {
		return r.unreadable(errNothing)
	}
	return nil
}

// askAhead asks for what follows an answer, if there is something. Where the answer's batches lie about their offsets, it is asked in vain.
func (r *reader) askAhead(a answer) error {
	next := r.next
	for head, rest, whole := splitBatch(a.records); whole; head, rest, whole = splitBatch(rest) {
		next = int64(binary.BigEndian.Uint64(head)) + int64(int32(binary.BigEndian.Uint32(head[batchLastAt:]))) + 1
	}
	if next <= r.next || next >= min(a.high, r.until) {
		return nil
	}
	return r.conn.askAhead(r.question(next), r.limit())
}

// question asks for what stands at an offset; the more in one go, the more was read already.
func (r *reader) question(offset int64) question {
	r.bytes = min(r.bytes*fetchGrowth, fetchBytes)
	return question{topic: r.topic.name, partition: r.partition, offset: offset, bytes: r.bytes}
}

// limit of one fetch.
func (r *reader) limit() time.Duration { return r.topic.client.options.Timeout + fetchWait }

// take gives the next message of what was fetched; ok is false when there is none left.
func (r *reader) take() (m Message, ok bool, err error) {
	for {
		for r.batch.left > 0 {
			if m, err = r.batch.take(); err != nil {
				return m, false, err
			}
			if m.Offset >= r.next { // a batch comes whole, from its first message on
				r.next, r.damaged = m.Offset+1, 0
				return m, true, nil
			}
		}
		if r.batch.whole {
			r.next = max(r.next, r.batch.last+1) // offsets without a message
			r.batch = batch{}
		}
		head, rest, whole := splitBatch(r.records)
		if r.records = rest; !whole {
			r.records = nil
			return m, false, nil
		}
		if r.batch, err = openBatch(head, r.unpacked); err == nil {
			r.unpacked = r.batch.memory
			err = r.place(head)
		}
		if err != nil {
			r.batch = batch{}
			return m, false, err
		}
	}
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

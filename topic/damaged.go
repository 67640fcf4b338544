package topic

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"

	"github.com/segmentio/kafka-go"
)

// damagedFetches is how often a batch is fetched before it counts as unreadable: what the network damaged comes right.
const damagedFetches = 3

// unreadable makes the error of what stands at the offset to read: as it is for the first fetches, then a *BatchError.
func (r *reader) unreadable(err error) error {
	if err == nil {
		return nil
	}
	r.damaged++
	if r.damaged < damagedFetches {
		return err
	}
	return &BatchError{Topic: r.topic.name, Partition: r.partition, First: r.next, Next: r.behind(), Err: err}
}

// behind is the offset behind the batch that stands at the offset to read. The batch's own word is not taken for it: that batch ends
// where Kafka gives another one. Should Kafka fail meanwhile, the stretch is shorter than it could be, and what is left of it is met
// again.
func (r *reader) behind() int64 {
	ctx, cancel := context.WithTimeout(context.Background(), r.topic.client.options.Timeout)
	defer cancel()
	_, high, err := r.topic.bounds(ctx, r.partition)
	here, ok := r.probe(r.next)
	if err != nil || !ok {
		return r.next + 1
	}
	same := func(offset int64) bool {
		there, ok := r.probe(offset)
		return ok && bytes.Equal(here, there)
	}
	if len(here) == batchHead { // most are right about it
		first, delta := int64(binary.BigEndian.Uint64(here)), int64(binary.BigEndian.Uint32(here[batchLastAt:]))
		if end := first + delta; first <= r.next && end >= r.next && end < high && same(end) && (end+1 >= high || !same(end+1)) {
			return end + 1
		}
	}
	last, step := r.next, int64(1)
	for ; last+step < high && same(last+step); step *= 2 {
		last += step
	}
	for ; step > 0; step /= 2 {
		if last+step < high && same(last+step) {
			last += step
		}
	}
	return last + 1
}

// place holds a batch's offsets, which its checksum does not cover, against what was asked for.
func (r *reader) place(head []byte) error {
	if r.batch.last < r.next {
		return errBefore // and to ask again would give it again, for ever
	}
	if r.batch.first <= r.next {
		return nil
	}
	// Offsets without a message: then Kafka gives this batch for the last one of them, too.
	if there, ok := r.probe(r.batch.first - 1); !ok || !bytes.Equal(there, head[:min(len(head), batchHead)]) {
		return errBehind
	}
	return nil
}

// probe gives the head of the batch that Kafka gives for an offset, none where it finds that one damaged itself.
func (r *reader) probe(offset int64) (head []byte, ok bool) {
	a, err := r.conn.fetch(r.topic.name, r.partition, offset, r.topic.client.options.Timeout+fetchWait)
	switch {
	case errors.Is(err, kafka.InvalidMessage):
		return nil, true
	case err != nil || len(a.records) == 0:
		return nil, false
	}
	return a.records[:min(len(a.records), batchHead)], true
}

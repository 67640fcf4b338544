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

// brokersFetches is how often where the broker fails: it may be in trouble that passes. About a quarter of a minute.
const brokersFetches = 10

// damage is what is wrong with a batch that will be fetched again.
type damage struct{ error }

func (d damage) Unwrap() error { return d.error }

// isDamage tells it from an outage.
func isDamage(err error) bool {
	var d damage
	return errors.As(err, &d)
}

// brokersError is a broker's, about its own file.
type brokersError struct{ error }

func (e brokersError) Error() string { return "kafka cannot read it itself: " + e.error.Error() }

func (e brokersError) Unwrap() error { return e.error }

func (e brokersError) Is(target error) bool { return target == errBroker }

// unreadable makes the error of what stands at the offset to read: as it is for the first fetches, then a *BatchError.
func (r *reader) unreadable(err error) error {
	if err == nil {
		return nil
	}
	r.damaged++
	if r.damaged < damagedFetches || errors.Is(err, kafka.Unknown) && r.damaged < brokersFetches {
		return damage{err}
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
	here, what := r.probe(r.next)
	if err != nil || what == failed {
		return r.next + 1
	}
	same := func(offset int64) bool {
		there, that := r.probe(offset)
		return that == what && bytes.Equal(here, there)
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
	if there, what := r.probe(r.batch.first - 1); what != given || !bytes.Equal(there, head[:min(len(head), batchHead)]) {
		return errBehind
	}
	return nil
}

// What Kafka does when it is asked for an offset.
type probed uint8

const (
	given   probed = iota + 1 // a batch
	nothing                   // although there is something
	broken                    // it finds its own bytes damaged
	failed
)

// probe gives the head of the batch that Kafka gives for an offset.
func (r *reader) probe(offset int64) (head []byte, what probed) {
	a, err := r.conn.fetch(r.question(offset), r.limit(), nil)
	switch {
	case isBrokersDamage(err):
		return nil, broken
	case err != nil:
		return nil, failed
	case len(a.records) == 0:
		return nil, nothing
	}
	return a.records[:min(len(a.records), batchHead)], given
}

// isBrokersDamage says that the broker could not read its own file. Most of the time it does not say so: to a batch in a format that
// does not exist it answers "unknown".
func isBrokersDamage(err error) bool {
	return errors.Is(err, kafka.InvalidMessage) || errors.Is(err, kafka.Unknown)
}

package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"rewind/replay"
	"rewind/table"
	"rewind/topic"
	"rewind/watch"
)

// What Kafka answered about a table.
const (
	kafkaAsked   = "reachable"
	kafkaAway    = "unreachable"
	kafkaNoTopic = "no topic"
	kafkaUnasked = "not asked"
)

// kafkaStatus is what Kafka holds of a table beyond its journal.
type kafkaStatus struct {
	State      string          `json:"state"`
	Error      string          `json:"error,omitempty"`
	Lag        *int64          `json:"lag_messages"` // of all partitions; null where it is not known
	Partitions []partitionLag  `json:"partitions,omitempty"`
	Waiting    []watch.Capture `json:"not_journaled"`                  // captures that are committed there, and not in the journal yet; null where that is not known
	Refused    *watch.Refusal  `json:"refused,omitempty"`              // the last capture, not in the journal yet
	More       bool            `json:"not_journaled_partly,omitempty"` // the time did not suffice to find them all

	shorter string   // why the topic is not the one that was journaled; "" where it is
	unread  bool     // damage keeps the journal from being read to its end: what it has not yet cannot be told
	lost    []string // partitions whose journal ends before where it was once
}

// partitionLag is how far one partition's journal lies behind; null where it cannot be read to its end.
type partitionLag struct {
	Partition int    `json:"partition"`
	Next      *int64 `json:"journal_next_offset"`
	End       int64  `json:"kafka_end_offset"`
	Lag       *int64 `json:"lag_messages"`
}

// kafkaLook asks one Kafka about several tables. Once it did not answer it is not asked again.
type kafkaLook struct {
	client *topic.Client // nil: it is not to be asked
	err    error
	away   error
}

// statusLook is how long Kafka may take over one table, beyond the connection.
const statusLook = 10 * time.Second

func newKafkaLook(a *app, c *config, journalOnly bool) *kafkaLook {
	if journalOnly || len(c.Kafka.Brokers) == 0 {
		return &kafkaLook{}
	}
	client, err := a.openKafka(c, tableConfig{})
	return &kafkaLook{client: client, err: err}
}

func (k *kafkaLook) close() {
	if k.client != nil {
		k.client.Close()
	}
}

// look says how far the journal lies behind. That Kafka does not answer, or refuses, is an answer; the end of ctx is an error.
func (k *kafkaLook) look(ctx context.Context, name table.Name, j *replay.Journal) (kafkaStatus, error) {
	switch {
	case k.err != nil:
		return kafkaStatus{}, k.err
	case k.client == nil:
		return kafkaStatus{State: kafkaUnasked}, nil
	case k.away != nil:
		return kafkaStatus{State: kafkaAway, Error: k.away.Error()}, nil //nolint:nilerr // it is the answer
	}
	status, err := k.ask(ctx, name, j)
	switch {
	case ctx.Err() != nil:
		return kafkaStatus{}, ctx.Err()
	case errors.Is(err, topic.ErrNotFound):
		return kafkaStatus{State: kafkaNoTopic}, nil //nolint:nilerr // it is the answer
	case err != nil:
		if exitCode(ctx, err) == exitUnreachable || errors.Is(err, context.DeadlineExceeded) {
			k.away = err
		}
		return kafkaStatus{State: kafkaAway, Error: err.Error()}, nil //nolint:nilerr // it is the answer
	}
	return status, nil
}

func (k *kafkaLook) ask(ctx context.Context, name table.Name, j *replay.Journal) (kafkaStatus, error) {
	status := kafkaStatus{State: kafkaAsked}
	w, err := watch.Open(ctx, k.client, name, endsOf(j)...)
	if err != nil {
		return status, err
	}
	limited, cancel := context.WithTimeout(ctx, statusLook)
	defer cancel()
	bounds, err := w.Bounds(limited)
	if err != nil {
		return status, err
	}
	if status.measure(bounds, w.Stream(), j); status.unread {
		return status, nil
	}
	if status.lost, err = lostEnds(limited, w, status.Partitions, j); err != nil {
		return status, err
	}
	news, err := w.Read(limited)
	status.Waiting, status.Refused = append([]watch.Capture{}, news.Captures...), news.Standing()
	if errors.Is(err, context.DeadlineExceeded) && ctx.Err() == nil {
		status.More, err = true, nil
	}
	return status, err
}

// measure says how far the journal of each partition lies behind.
func (k *kafkaStatus) measure(bounds []watch.Bounds, stream string, j *replay.Journal) {
	ends := map[int]replay.End{}
	for _, e := range j.Ends() {
		if e.Stream == stream || stream == "" { // an empty topic names none
			ends[e.Partition] = e
			k.unread = k.unread || e.Unread
		}
	}
	all := int64(0)
	for p, b := range bounds {
		end, journaled := ends[p]
		if !journaled {
			end.Next = b.First
		}
		if end.Unread {
			k.Partitions = append(k.Partitions, partitionLag{Partition: p, End: b.Next})
			continue
		}
		if end.Next > b.Next {
			k.shorter = fmt.Sprintf("partition %d of the topic ends at offset %d, its journal at %d: the topic was made again, or Kafka lost messages",
				p, b.Next, end.Next)
		}
		lag := max(0, b.Next-end.Next)
		k.Partitions = append(k.Partitions, partitionLag{Partition: p, Next: &end.Next, End: b.Next, Lag: &lag})
		all += lag
	}
	if !k.unread {
		k.Lag = &all
	}
}

// lostEnds names the partitions whose journal ends before the place that its consumer has noted in Kafka. A consumer that runs beside
// may have moved that since the journal was read, so that it is read again where it seems so. Behind damage the end is not seen; a journal that is
// not here at all may be on another machine; and who may not ask for the note is told nothing.
func lostEnds(ctx context.Context, w *watch.Topic, partitions []partitionLag, j *replay.Journal) (lost []string, err error) {
	if !slices.ContainsFunc(j.Ends(), func(e replay.End) bool { return e.Stream == w.Stream() }) {
		return nil, nil
	}
	for _, p := range partitions {
		noted, stream, err := w.Journaled(ctx, p.Partition)
		if err != nil || stream == "" || stream != w.Stream() || noted <= *p.Next {
			continue
		}
		if err := j.Refresh(ctx); err != nil {
			return nil, err
		}
		if j.Damage() != nil {
			return nil, nil //nolint:nilerr // the damage is told as such
		}
		next := int64(0)
		for _, e := range j.Ends() {
			if e.Stream == stream && e.Partition == p.Partition {
				next = e.Next
			}
		}
		if noted > next {
			lost = append(lost, fmt.Sprintf("partition %d: the journal ends before offset %d, and had everything before %d: it lost its end", p.Partition, next, noted))
		}
	}
	return lost, nil
}

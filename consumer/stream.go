package consumer

import (
	"cmp"
	"context"
	"errors"
	"math"

	"rewind/change"
	"rewind/topic"
)

// streamSearch bounds how many messages are looked at for one that names the stream.
const streamSearch = 100_000

// search looks in partition 0 for the first message that names the stream: its first Open, unless retention took that.
type search struct {
	table    *tableConsumer
	decoder  *change.Decoder
	from, to int64 // offsets still to be looked at; where there are none, messages are waited for
	seen     int
	passed   error // the first message that was none of ours: partition 0 judges it, unless its journal is beyond it
}

// findStream learns the stream's id. Where no message tells it, the only journal of the table does. found is false when there is
// nothing to consume.
func (c *tableConsumer) findStream(ctx context.Context) (found bool, err error) {
	first, next, err := c.topic.Bounds(ctx, 0)
	if err != nil {
		return false, err
	}
	if first == next && c.options.UntilCaughtUp {
		return c.emptied()
	}
	if first == next {
		next = math.MaxInt64
	}
	s := &search{table: c, decoder: change.NewDecoder(), from: first, to: next}
	for done := false; !done; {
		if done, err = s.follow(ctx); err != nil {
			return false, err
		}
	}
	if c.stream != "" || ctx.Err() != nil {
		return c.stream != "", ctx.Err()
	}
	if found, err = c.onlyJournal(); err != nil {
		err = cmp.Or(s.passed, err)
	}
	return found, err
}

// follow looks on until a message names the stream, or there is none left to look at.
func (s *search) follow(ctx context.Context) (done bool, err error) {
	c := s.table
	for batch, err := range c.topic.Search(ctx, 0, s.from) {
		var damaged *topic.BatchError
		if errors.As(err, &damaged) {
			s.passed = cmp.Or[error](s.passed, &UnreadableError{Table: c.name, Batch: damaged})
			s.from = damaged.Next
			return s.from >= s.to, nil
		}
		if err != nil {
			return false, err
		}
		for _, m := range batch.Messages {
			s.seen++
			if c.stream = s.streamOf(m); c.stream != "" || s.seen == streamSearch {
				return true, nil
			}
		}
		if s.from = batch.Next; s.from >= s.to {
			return true, nil
		}
	}
	return true, nil // ctx ended
}

// streamOf is the stream that a message names, "" if it names none.
func (s *search) streamOf(m topic.Message) string {
	decoded, err := s.decoder.Decode(m.Value)
	var unknown *change.UnknownSchemaError
	switch {
	case errors.As(err, &unknown): // a change whose Begin is gone
	case err != nil:
		c := s.table
		s.passed = cmp.Or[error](s.passed, &ForeignMessageError{Table: c.name, Topic: c.topic.Name(), Partition: 0, Offset: m.Offset, Err: err})
	case decoded.Open != nil:
		return decoded.Open.Stream
	case decoded.Begin != nil:
		return decoded.Begin.Stream
	}
	return ""
}

package main

import (
	"context"
	"errors"
	"time"

	"rewind/replay"
	"rewind/table"
	"rewind/topic"
	"rewind/watch"
)

// commits is what a producer has committed in Kafka while somebody waits for it.
type commits struct {
	kafka   *topic.Client
	topic   *watch.Topic   // nil until it was looked at
	last    *watch.Capture // seen
	fresh   bool           // the last one was committed after the first look
	refusal *watch.Refusal // that stands; nil: the last capture was committed
	away    error          // why Kafka could not be looked at the last time; nil: it could
}

// commitsLook is how long one look may take: while Kafka is away, the wait and what ends it go on.
const commitsLook = 10 * time.Second

// look gives what happened since the last look. That Kafka is away is noted, not returned.
func (c *commits) look(ctx context.Context, j *replay.Journal, t table.Name) (watch.News, error) {
	limited, cancel := context.WithTimeout(ctx, commitsLook)
	defer cancel()
	c.away = nil
	if c.topic == nil {
		opened, err := watch.Open(limited, c.kafka, t, endsOf(j)...)
		if err != nil {
			return watch.News{}, c.unless(ctx, err)
		}
		c.topic = opened
	}
	news, err := c.topic.Read(limited)
	if n := len(news.Captures); n > 0 {
		c.last, c.refusal = &news.Captures[n-1], nil
	}
	if standing := news.Standing(); standing != nil {
		c.refusal = standing
	}
	return news, c.unless(ctx, err)
}

// unless notes an error that may pass, and gives any other.
func (c *commits) unless(ctx context.Context, err error) error {
	var away *topic.UnreachableError
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case errors.As(err, &away), errors.Is(err, context.DeadlineExceeded):
		c.away = err
		return nil
	}
	return err
}

// endsOf is where the journals end in partition 0: what lies behind is in Kafka alone.
func endsOf(j *replay.Journal) (ends []watch.Position) {
	for _, e := range j.Ends() {
		if e.Partition == 0 {
			ends = append(ends, watch.Position{Stream: e.Stream, Next: e.Next, Owner: e.Owner})
		}
	}
	return ends
}

package producer

import (
	"context"

	"rewind/change"
	"rewind/topic"
)

// lane carries the changes of one partition: one request is filled and one packed while the one before them is on its way.
type lane struct {
	partition int
	limit     int // bytes of a request
	request   *topic.Request
	made      int
	free      chan *topic.Request
	full      chan *topic.Request
	packed    chan *topic.Request
	message   []byte
	seq       int64
	share     change.Counts
	bytes     int64
}

// lanesBytes bounds what all lanes together collect, leastLaneBytes what a request of one may have of it.
const (
	lanesBytes     = 2 << 20
	leastLaneBytes = 64 << 10
	laneRequests   = 3
)

func newLane(partition, of int) *lane {
	limit := min(max(lanesBytes/of/laneRequests, leastLaneBytes), topic.MaxRequestBytes)
	return &lane{partition: partition, limit: limit, free: make(chan *topic.Request, laneRequests),
		full: make(chan *topic.Request, laneRequests), packed: make(chan *topic.Request, laneRequests)}
}

// add encodes a change behind the others of its request.
func (l *lane) add(ctx context.Context, encoder *change.Encoder, m *change.Change) error {
	l.seq++
	m.Seq = l.seq
	l.message = encoder.AppendChange(l.message[:0], m)
	if l.request != nil && l.request.Bytes()+len(l.message)+topic.MessageOverhead > l.limit {
		l.flush()
	}
	if err := l.begin(ctx); err != nil {
		return err
	}
	l.request.Add(l.message)
	l.share.Add(m.Op)
	l.bytes += int64(len(l.message))
	return nil
}

// begin takes a request to fill, unless there is one.
func (l *lane) begin(ctx context.Context) error {
	if l.request != nil {
		return nil
	}
	if l.made < laneRequests {
		l.made++
		l.request = topic.NewRequest(l.limit)
		return nil
	}
	select {
	case l.request = <-l.free:
		l.request.Reset()
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// flush hands the request on. There is room for all that there are.
func (l *lane) flush() {
	if l.request != nil {
		l.full <- l.request
		l.request = nil
	}
}

// run packs and sends request after request, in order, until there are no more.
func (l *lane) run(ctx context.Context, c *capture, t *term) error {
	return concurrently(ctx, 2, func(ctx context.Context, stage int) error {
		if stage == 0 {
			return l.pack(ctx, t.topic)
		}
		return l.send(ctx, c, t)
	})
}

func (l *lane) pack(ctx context.Context, to *topic.Topic) error {
	defer close(l.packed)
	for {
		r, more, err := next(ctx, l.full)
		if err != nil || !more {
			return err
		}
		if err := to.Pack(r); err != nil {
			return err
		}
		l.packed <- r
	}
}

func (l *lane) send(ctx context.Context, c *capture, t *term) error {
	for {
		r, more, err := next(ctx, l.packed)
		if err != nil || !more {
			return err
		}
		if err := c.send(ctx, t, l.partition, r); err != nil {
			return err
		}
		l.free <- r
	}
}

// next takes what comes next out of a channel; more is false at its end.
func next(ctx context.Context, from <-chan *topic.Request) (r *topic.Request, more bool, err error) {
	select {
	case r, more = <-from:
		return r, more, nil
	case <-ctx.Done():
		return nil, false, context.Cause(ctx)
	}
}

// Package watch looks at what a table's topic has committed, as anybody may who reads: it takes no lock, joins no group and
// writes nothing. It is for who waits for another process's capture, and for who asks how far a journal lies behind.
package watch

import (
	"context"
	"errors"
	"time"

	"rewind/change"
	"rewind/table"
	"rewind/topic"
)

// Capture is a snapshot that partition 0, which alone decides, has committed.
type Capture struct {
	Snapshot  int64     `json:"id"`
	ReadBegan time.Time `json:"read_began"`
	ReadEnded time.Time `json:"read_ended"`
	Rows      int64     `json:"rows"`

	By change.Stamp `json:"-"` // the producer's term
}

// Position is where a reading of partition 0 begins: who owned it there decides what counts behind it. The zero value is
// the topic's beginning.
type Position struct {
	Stream string
	Next   int64 // offset
	Owner  change.Stamp
}

// Bounds of one partition in Kafka: First up to but not including Next.
type Bounds struct{ First, Next int64 }

// Topic is a table's topic, and how far its partition 0 was read.
type Topic struct {
	topic   *topic.Topic
	decoder *change.Decoder
	stream  string
	owner   change.Stamp
	next    int64
	last    int64 // snapshot given: a Commit may be there twice
	refused int64 // time of the refusal given, likewise
}

// Open finds the table's topic and reads from the position on, if it is of the topic's stream: a journal's end is none of a
// topic that was made again since. *topic.NotFoundError and *topic.UnreachableError as topic.Open has them.
func Open(ctx context.Context, kafka *topic.Client, name table.Name, from ...Position) (*Topic, error) {
	opened, err := kafka.Open(ctx, name, false)
	if err != nil {
		return nil, err
	}
	w := &Topic{topic: opened, decoder: change.NewDecoder()}
	first, next, err := opened.Bounds(ctx, 0)
	if err != nil {
		return nil, err
	}
	w.next = first
	if err := w.findStream(ctx, first, next); err != nil {
		return nil, err
	}
	for _, p := range from {
		if p.Stream == w.stream && p.Next >= first && p.Next <= next {
			w.next, w.owner = p.Next, p.Owner
		}
	}
	return w, nil
}

// streamSearch bounds how many messages are looked at for one that names the stream.
const streamSearch = 100_000

// findStream learns the stream's id from the first message of partition 0 that tells it: its Open, unless that is gone.
func (w *Topic) findStream(ctx context.Context, first, next int64) error {
	for m, err := range w.topic.Read(ctx, 0, first, min(next, first+streamSearch)) {
		var damaged *topic.BatchError
		if errors.As(err, &damaged) { // the consumer stops at it, or has given it up
			return w.findStream(ctx, damaged.Next, next)
		}
		if err != nil {
			return err
		}
		decoded, err := w.decoder.Decode(m.Value)
		switch {
		case err != nil: // a Change whose Begin is gone, or a message that is not ours: the consumer stops at it, and says so
		case decoded.Open != nil:
			w.stream = decoded.Open.Stream
		case decoded.Begin != nil:
			w.stream = decoded.Begin.Stream
		}
		if w.stream != "" {
			return nil
		}
	}
	return nil
}

// Stream is the topic's; "" where no message tells it.
func (w *Topic) Stream() string { return w.stream }

// Name is the topic's.
func (w *Topic) Name() string { return w.topic.Name() }

// Bounds asks Kafka what each partition has now.
func (w *Topic) Bounds(ctx context.Context) ([]Bounds, error) {
	all := make([]Bounds, w.topic.Partitions())
	for p := range all {
		first, next, err := w.topic.Bounds(ctx, p)
		if err != nil {
			return nil, err
		}
		all[p] = Bounds{first, next}
	}
	return all, nil
}

// Journaled is how far a consumer has said that its journal of a partition reaches, and of which stream; -1 where none has. It says
// so behind what is durable: a journal that ends before it lost its end.
func (w *Topic) Journaled(ctx context.Context, partition int) (next int64, stream string, err error) {
	return w.topic.CommittedOffset(ctx, partition)
}

// News is what happened in partition 0.
type News struct {
	Captures []Capture // committed
	Refusals []Refusal // of captures; those behind the last Capture still stand
}

// Refusal is a capture that its producer refused: nothing of it is a restore point.
type Refusal struct {
	At     time.Time `json:"at"`
	Cause  string    `json:"cause"` // in one word
	Reason string    `json:"reason"`
	After  int64     `json:"-"` // the last snapshot that was committed before it, as far as was read
}

// Read reads partition 0 up to its end and gives what happened there since the last call, also what it read before an error.
func (w *Topic) Read(ctx context.Context) (news News, err error) {
	first, next, err := w.topic.Bounds(ctx, 0)
	if err != nil {
		return news, err
	}
	w.next = max(w.next, first) // what retention took is the consumer's to tell
	for m, err := range w.topic.Read(ctx, 0, w.next, next) {
		if err != nil {
			return news, err
		}
		w.next = m.Offset + 1
		w.take(m, &news)
	}
	w.next = max(w.next, next)
	return news, nil
}

// take adds a message's news, if it is one that counts.
func (w *Topic) take(m topic.Message, news *News) {
	decoded, err := w.decoder.Decode(m.Value)
	if err != nil {
		return // a Change whose Begin was not read, or not ours
	}
	if by, ok := decoded.Stamp(); !ok || !w.owner.Admit(by) {
		return
	}
	if g := decoded.Gap; g != nil && g.At > w.refused {
		w.refused = g.At
		news.Refusals = append(news.Refusals, Refusal{At: time.UnixMicro(g.At).UTC(), Cause: g.Cause, Reason: g.Reason, After: w.last})
	}
	if c := decoded.Commit; c != nil && c.Snapshot > w.last {
		w.last = c.Snapshot
		news.Captures = append(news.Captures, Capture{
			Snapshot: c.Snapshot, ReadBegan: time.UnixMicro(c.ReadBegan).UTC(), ReadEnded: time.UnixMicro(c.ReadEnded).UTC(),
			Rows: c.Digest.Rows, By: c.Stamp,
		})
	}
}

// Standing is the refusal that no later capture has overcome, nil where there is none.
func (n News) Standing() *Refusal {
	if len(n.Refusals) == 0 {
		return nil
	}
	last := n.Refusals[len(n.Refusals)-1]
	if k := len(n.Captures); k > 0 && n.Captures[k-1].Snapshot > last.After {
		return nil
	}
	return &last
}

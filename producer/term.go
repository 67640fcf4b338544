package producer

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"sync"

	"rewind/change"
	"rewind/crypt"
	"rewind/table"
	"rewind/topic"
)

// term is a producer's time as the only writer of a stream, and what it knows of the partitions.
type term struct {
	topic   *topic.Topic
	stream  string
	stamp   change.Stamp
	states  []logState // by partition; next is the offset that our next message should get
	current *fileHeader
}

// openTries bounds how often a term is opened anew because another producer opened one at the same moment.
const openTries = 5

// openTerm takes the stream over: it appends an Open to partition 0 and, once it is known to be the highest there, to the
// others, and reads each up to it. What was committed before is then committed for good, and nothing that an earlier
// producer still has on its way counts.
func (c *capture) openTerm(ctx context.Context) (*term, error) {
	current, err := c.loadCurrent()
	if err != nil {
		return nil, err
	}
	partitions := c.options.Partitions
	if current != nil && !c.options.Rebaseline {
		partitions = current.Partitions
	}
	opened, err := c.producer.kafka.Create(ctx, c.name, partitions)
	if err != nil {
		return nil, err
	}
	t := &term{topic: opened, current: current}
	if err := c.survey(ctx, t); err != nil {
		return nil, err
	}
	if err := c.takeOver(ctx, t); err != nil {
		return nil, err
	}
	return t, nil
}

// survey reads what partition 0 says, and writes nothing.
func (c *capture) survey(ctx context.Context, t *term) error {
	if err := c.place(ctx, t); err != nil {
		return err
	}
	return c.readFirst(ctx, t)
}

// takeOver opens the term in all partitions.
func (c *capture) takeOver(ctx context.Context, t *term) error {
	if err := c.win(ctx, t); err != nil {
		return err
	}
	if err := c.openOthers(ctx, t); err != nil {
		return err
	}
	c.logger.Debug("capture: term opened", "epoch", t.stamp.Epoch, "stream", t.stream)
	return nil
}

// loadCurrent reads the current file's header. A baseline does not need one, be it gone or damaged.
func (c *capture) loadCurrent() (*fileHeader, error) {
	current, err := c.folder().header(currentName)
	if c.options.Rebaseline && unreadable(err) {
		c.logger.Warn("snapshot: the current file cannot be read; a new baseline does without it", "error", err)
		return nil, nil
	}
	return current, err
}

// place finds where each partition is to be read from: the last Commit's place if it is known, else before the current
// file's Begin; and from the start where there is no current file, or where it no longer counts.
func (c *capture) place(ctx context.Context, t *term) error {
	n := t.topic.Partitions()
	if t.current != nil && !c.options.Rebaseline {
		if n < t.current.Partitions {
			return c.stateError(t, fmt.Errorf("the topic has %d partitions, it had %d", n, t.current.Partitions))
		}
		pending, err := c.pending()
		if err != nil {
			return err
		}
		all := n
		if n = t.current.Partitions; pending != nil { // it may be a baseline over more of them, and committed
			n = min(all, max(n, pending.Partitions))
		}
	}
	t.states = make([]logState, n)
	for p := range t.states {
		first, next, err := t.topic.Bounds(ctx, p)
		if err != nil {
			return err
		}
		s := &t.states[p]
		s.next = first
		if t.current == nil || c.options.Rebaseline || p >= t.current.Partitions {
			continue
		}
		if offsets := c.folder().loadPlaces(t.current); offsets != nil {
			s.next = offsets[p]
		} else {
			s.next, s.stamp = t.current.Offsets[p], t.current.stamp()
		}
		if s.next < first || s.next > next {
			return c.stateError(t, &topic.OffsetLostError{Topic: t.topic.Name(), Partition: p, Wanted: s.next, First: first, Next: next})
		}
	}
	return nil
}

func (c *capture) stateError(t *term, err error) error {
	e := &StateError{Table: c.name, Committed: t.states0().committed, Err: err}
	if t.current != nil {
		e.Snapshot = t.current.Snapshot
	}
	return e
}

// states0 is what partition 0 says; nothing before it was read.
func (t *term) states0() logState {
	if len(t.states) == 0 {
		return logState{}
	}
	return t.states[0]
}

// readFirst reads partition 0 before anything is written: a capture that will be refused leaves no trace in the topic, and
// disturbs no producer elsewhere.
func (c *capture) readFirst(ctx context.Context, t *term) error {
	s := &t.states[0]
	_, next, err := t.topic.Bounds(ctx, 0)
	if err != nil {
		return err
	}
	if err := c.read(ctx, t, 0, next); err != nil {
		return err
	}
	if s.messages == 0 && s.foreign > 0 {
		return &ForeignTopicError{Topic: t.topic.Name(), Reason: "partition 0 holds messages, but none that rewind wrote"}
	}
	if c.options.Rebaseline {
		return nil
	}
	if t.current != nil && s.stream != "" && s.stream != t.current.Stream {
		return c.stateError(t, fmt.Errorf("the topic's stream is %s, the file's is %s", s.stream, t.current.Stream))
	}
	pending, err := c.pending()
	if err != nil {
		return err
	}
	switch {
	case t.current != nil && s.committed == t.current.Snapshot,
		t.current == nil && s.committed == 0,
		pending != nil && s.committed == pending.Snapshot:
		return nil
	}
	return c.stateError(t, nil)
}

// pending reads the pending file's header. One whose header is damaged was never finished; one whose key is missing may be
// committed, and only a baseline does without it.
func (c *capture) pending() (*fileHeader, error) {
	pending, err := c.folder().header(pendingName)
	var damaged *FileError
	if errors.As(err, &damaged) || c.options.Rebaseline && unreadable(err) {
		return nil, nil
	}
	return pending, err
}

// unreadable says whether a file's content is lost, be it damaged or its key missing.
func unreadable(err error) bool {
	var damaged *FileError
	var key *crypt.KeyError
	return errors.As(err, &damaged) || errors.As(err, &key)
}

// read observes a partition up to an offset.
func (c *capture) read(ctx context.Context, t *term, partition int, to int64) error {
	var known *table.Schema
	if t.current != nil {
		known = t.current.schema
	}
	if c.options.Rebaseline {
		return t.states[partition].readOver(ctx, t.topic, partition, to, known, c.logger)
	}
	err := t.states[partition].read(ctx, t.topic, partition, to, known, c.logger)
	var damaged *topic.BatchError
	if errors.As(err, &damaged) {
		return &UnreadableError{Table: c.name, Batch: damaged}
	}
	return err
}

// win appends an Open to partition 0 until one is the highest when it arrives.
func (c *capture) win(ctx context.Context, t *term) error {
	s := &t.states[0]
	for range openTries {
		t.stream = s.stream
		if t.stream == "" && t.current != nil && !c.options.Rebaseline {
			t.stream = t.current.Stream
		}
		if t.stream == "" {
			t.stream = newStream()
		}
		t.stamp = change.Stamp{Epoch: s.stamp.Epoch + 1 + s.hidden}
		if t.current != nil {
			t.stamp.Epoch = max(t.stamp.Epoch, t.current.Epoch+1)
		}
		_, _ = rand.Read(t.stamp.Writer[:]) // never fails
		if err := c.appendOpen(ctx, t, 0); err != nil {
			return err
		}
		if s.stamp == t.stamp && (s.stream == "" || s.stream == t.stream) {
			return nil
		}
		c.logger.Debug("capture: another producer opened a term at the same moment", "epoch", s.stamp.Epoch)
	}
	return c.fenced(t, s)
}

func newStream() string {
	var id [16]byte
	_, _ = rand.Read(id[:]) // never fails
	return hex.EncodeToString(id[:])
}

// appendOpen appends the term's Open to a partition and reads the partition up to it.
func (c *capture) appendOpen(ctx context.Context, t *term, partition int) error {
	message, err := change.AppendOpen(nil, &change.Open{Stamp: t.stamp, Stream: t.stream, Table: c.name.String(), At: c.now()})
	if err != nil {
		return err
	}
	_, next, err := t.topic.Append(ctx, partition, [][]byte{message})
	if err != nil {
		return err
	}
	return c.read(ctx, t, partition, next)
}

// openOthers opens the term in the partitions behind 0.
func (c *capture) openOthers(ctx context.Context, t *term) error {
	return concurrently(ctx, len(t.states)-1, func(ctx context.Context, i int) error {
		s := &t.states[i+1]
		if err := c.appendOpen(ctx, t, i+1); err != nil {
			return err
		}
		if s.stamp != t.stamp {
			return c.fenced(t, s)
		}
		return nil
	})
}

func (c *capture) fenced(t *term, s *logState) error {
	return &FencedError{Table: c.name, Epoch: t.stamp.Epoch, Seen: s.stamp.Epoch}
}

// look reads what arrived in partition 0 since our last message: there should be nothing.
func (c *capture) look(ctx context.Context, t *term) error {
	_, next, err := t.topic.Bounds(ctx, 0)
	if err != nil {
		return err
	}
	s := &t.states[0]
	if next < s.next {
		return c.stateError(t, fmt.Errorf("partition 0 ends at %d, it had %d", next, s.next))
	}
	if err := c.read(ctx, t, 0, next); err != nil {
		return err
	}
	if s.stamp != t.stamp {
		return c.fenced(t, s)
	}
	return nil
}

// append appends messages to a partition in our term.
func (c *capture) append(ctx context.Context, t *term, partition int, values [][]byte) (first int64, err error) {
	first, next, err := t.topic.Append(ctx, partition, values)
	if err != nil {
		return 0, c.tooLarge(err, values)
	}
	return first, c.arrived(ctx, t, partition, first, next, len(values))
}

// send appends a packed request in the same way.
func (c *capture) send(ctx context.Context, t *term, partition int, r *topic.Request) error {
	first, next, err := t.topic.Send(ctx, partition, r)
	if err != nil {
		values, broken := r.Values()
		if broken != nil {
			return errors.Join(err, broken)
		}
		return c.tooLarge(err, values)
	}
	return c.arrived(ctx, t, partition, first, next, r.Len())
}

// arrived takes note of where messages of ours arrived. Whatever else arrived there is read: an Open of another producer ends the term.
func (c *capture) arrived(ctx context.Context, t *term, partition int, first, next int64, messages int) error {
	s := &t.states[partition]
	if first < s.next {
		return &topic.OffsetLostError{Topic: t.topic.Name(), Partition: partition, Wanted: s.next, Next: first}
	}
	if first == s.next && next-first == int64(messages) {
		s.next = next
		return nil
	}
	if err := c.read(ctx, t, partition, next); err != nil {
		return err
	}
	if s.stamp != t.stamp {
		return c.fenced(t, s)
	}
	return nil
}

// concurrently runs n jobs at once and gives the first error; the others are then cancelled.
func concurrently(ctx context.Context, n int, job func(ctx context.Context, i int) error) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var wait sync.WaitGroup
	for i := range n {
		wait.Go(func() {
			if err := job(ctx, i); err != nil {
				cancel(err)
			}
		})
	}
	wait.Wait()
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return nil
}

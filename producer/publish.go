package producer

import (
	"cmp"
	"context"
	"iter"
	"time"

	"rewind/change"
)

// publish brings the pending file's difference from the current one into the topic. Partition 0's Commit comes last and
// decides.
func (c *capture) publish(ctx context.Context, t *term) error {
	began := time.Now()
	begin, err := change.AppendBegin(nil, c.begin(t))
	if err != nil {
		return err
	}
	n := c.header.Partitions
	c.report.Bytes += int64(n * len(begin))
	// Partition 0 first: so it alone knows the highest id whenever the others do not.
	if _, err := c.append(ctx, t, 0, [][]byte{begin}); err != nil {
		return err
	}
	err = concurrently(ctx, n-1, func(ctx context.Context, i int) error {
		_, err := c.append(ctx, t, i+1, [][]byte{begin})
		return err
	})
	if err != nil {
		return err
	}
	c.logger.Debug("publish: begin acknowledged", "snapshot", c.header.Snapshot)
	lanes, err := c.publishChanges(ctx, t)
	if err != nil {
		return err
	}
	c.logger.Debug("publish: changes acknowledged", "snapshot", c.header.Snapshot, "changes", c.report.Counts.Total())
	if err := c.commit(ctx, t, lanes); err != nil {
		return err
	}
	c.report.stage("publish", began, c.report.Counts.Total(), c.report.Bytes)
	return nil
}

func (c *capture) begin(t *term) *change.Begin {
	return &change.Begin{
		Stamp: t.stamp, Stream: t.stream,
		Snapshot: c.header.Snapshot, Previous: c.header.Previous,
		Schema: c.schema, DDL: c.definition.DDL, Engine: c.definition.Engine, Options: c.definition.Options,
		Partitions: c.header.Partitions, Partitioner: c.header.Partitioner,
	}
}

// commit sends the Commits: partitions behind 0, and when these are acknowledged, partition 0.
func (c *capture) commit(ctx context.Context, t *term, lanes []*lane) error {
	err := concurrently(ctx, len(lanes)-1, func(ctx context.Context, i int) error {
		return c.commitPartition(ctx, t, lanes[i+1])
	})
	if err != nil {
		return err
	}
	if err := c.commitPartition(ctx, t, lanes[0]); err != nil {
		if t.states[0].committed == c.header.Snapshot {
			c.session.term = nil // fenced, but behind our Commit: the snapshot stands
			return nil
		}
		return err
	}
	return nil
}

func (c *capture) commitPartition(ctx context.Context, t *term, l *lane) error {
	commit := &change.Commit{
		Stamp: t.stamp, Snapshot: c.header.Snapshot,
		ReadBegan: c.header.Snapshot, ReadEnded: c.end.readEnded,
		Counts: c.report.Counts, Share: l.share, Seq: l.seq + 1, Digest: c.end.digest,
	}
	message, err := change.AppendCommit(nil, commit)
	if err != nil {
		return err
	}
	first, err := c.append(ctx, t, l.partition, [][]byte{message})
	if err != nil {
		return err
	}
	s := &t.states[l.partition]
	if s.committed != c.header.Snapshot { // not read back: it stands where it was to stand
		s.highest = c.header.Snapshot
		s.commit(first, commit)
	}
	c.logger.Debug("publish: commit acknowledged", "partition", l.partition, "snapshot", c.header.Snapshot)
	return nil
}

// publishChanges streams the diff into the partitions' lanes and waits until all of it is acknowledged.
func (c *capture) publishChanges(ctx context.Context, t *term) ([]*lane, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	lanes := make([]*lane, c.header.Partitions)
	for p := range lanes {
		lanes[p] = newLane(p, len(lanes))
	}
	sent := make(chan error, 1)
	go func() {
		sent <- concurrently(ctx, len(lanes), func(ctx context.Context, p int) error {
			err := lanes[p].run(ctx, c, t)
			if err != nil {
				cancel(err)
			}
			return err
		})
	}()
	err := c.route(ctx, t, lanes)
	for _, l := range lanes {
		close(l.full)
	}
	if err != nil {
		cancel(err) // the cause stays what it is when a lane was first
	}
	if sendErr := <-sent; err != nil || sendErr != nil {
		return nil, cmp.Or(context.Cause(ctx), sendErr)
	}
	for _, l := range lanes {
		c.report.Counts.Merge(l.share)
		c.report.Bytes += l.bytes
	}
	return lanes, nil
}

// route encodes the diff's changes, each into the lane of its key.
func (c *capture) route(ctx context.Context, t *term, lanes []*lane) error {
	encoder, err := change.NewEncoder(c.schema)
	if err != nil {
		return err
	}
	var count int64
	for m, err := range c.changes() {
		if err != nil {
			return err
		}
		if c.report.Baseline {
			m.Op = change.Read
		}
		m.Stamp, m.Snapshot = t.stamp, c.header.Snapshot
		if err := lanes[change.Partition(m.Key, len(lanes))].add(ctx, encoder, &m); err != nil {
			return err
		}
		if count++; count%progressRows == 0 {
			c.progress("publish", count, 0, 0)
		}
	}
	for _, l := range lanes {
		l.flush()
	}
	c.progress("publish", count, 0, count)
	return nil
}

// changes are what turns the current file into the pending one: as the scan spooled it, else both files are read.
func (c *capture) changes() iter.Seq2[change.Change, error] {
	if c.spool != nil {
		return c.spool.all
	}
	return func(yield func(change.Change, error) bool) {
		previous, next := c.previousRows(), c.rowsOf(pendingName, nil)
		defer previous.close()
		defer next.close()
		diff(previous.next, next.all)(yield)
	}
}

package producer

import (
	"context"
	"errors"
	"log/slog"
	"maps"
	"time"

	"rewind/change"
	"rewind/table"
)

// capture is one capture of one table.
type capture struct {
	producer *Producer
	session  *session
	name     table.Name
	options  TableOptions
	logger   *slog.Logger
	report   Report

	entered    bool // a term was opened, or gone on with
	definition *table.Definition
	schema     *table.Schema // with the stream's ids
	header     *fileHeader   // of the new file
	projection *table.Projection
	end        fileEnd
	spool      *changeSpool  // what the scan found to differ; nil: the files are to be compared
	spoolBytes int64         // that it may hold
	streams    *streams      // by which the table is read; nil: by one
	expected   int64         // rows, as the engine estimates; 0: unknown
	readEnded  int64         // when the engine gave its last row
	readTook   time.Duration // where the rows are sorted behind it
}

func (c *capture) folder() folder {
	return folder{fs: c.producer.options.FS, dir: c.session.dir, keys: c.producer.options.Keys}
}

func (c *capture) now() int64 { return c.producer.options.Now().UnixMicro() }

// run goes through the stages. The engine is asked for the table first: where there is none, nothing is written anywhere.
func (c *capture) run(ctx context.Context) (Report, error) {
	c.report.Table = c.name
	report, err := c.stages(ctx)
	err = errors.Join(err, c.dropSpool())
	if err != nil {
		c.refused(ctx, err)
	}
	return report, err
}

func (c *capture) stages(ctx context.Context) (Report, error) {
	definition, err := c.producer.source.Describe(ctx, c.name)
	if err != nil {
		return c.report, err
	}
	c.definition = definition
	t, err := c.enter(ctx)
	if err != nil {
		return c.report, err
	}
	c.entered = true
	if err := c.snapshot(ctx, t); err != nil {
		return c.report, err
	}
	if err := c.publish(ctx, t); err != nil {
		// What is on its way may still arrive: only a new term makes sure that it does not count.
		c.session.term = nil
		return c.report, err
	}
	return c.report, c.settle(t)
}

// enter gives the term to write in: the session's, or a new one with what an earlier process left mended.
func (c *capture) enter(ctx context.Context) (*term, error) {
	began := time.Now()
	defer func() { c.report.stage("open", began, 0, 0) }()
	t := c.session.term
	c.session.term = nil
	if t != nil && !c.options.Rebaseline {
		if err := c.look(ctx, t); err != nil {
			return nil, err
		}
		c.session.term = t
		return t, nil
	}
	t, err := c.openTerm(ctx)
	if err != nil {
		return nil, err
	}
	if err := c.recover(t); err != nil {
		return nil, err
	}
	c.session.term = t
	return t, nil
}

// recover finishes or drops the pending file, now that the topic can no longer change its mind.
func (c *capture) recover(t *term) error {
	pending, err := c.pending()
	if err != nil {
		return err
	}
	committed := t.states[0].committed
	if pending != nil && pending.Snapshot == committed {
		c.logger.Info("snapshot: an earlier capture was committed; its file is now the current one", "snapshot", committed)
		if err := c.folder().promote(); err != nil {
			return err
		}
		c.report.Recovered = committed
		t.current = pending
		c.keepPlaces(t, committed)
	} else if err := c.folder().drop(); err != nil {
		return err
	}
	if c.options.Rebaseline {
		return nil
	}
	if t.current == nil && committed != 0 || t.current != nil && t.current.Snapshot != committed {
		return c.stateError(t, nil)
	}
	return nil
}

// keepPlaces records where a snapshot's Commits stand, if all of them were seen.
func (c *capture) keepPlaces(t *term, snapshot int64) {
	p := places{Snapshot: snapshot, Offsets: make([]int64, t.current.Partitions)}
	for i := range p.Offsets {
		if i >= len(t.states) || t.states[i].committed != snapshot {
			return
		}
		p.Offsets[i] = t.states[i].commitAt
	}
	if err := c.folder().savePlaces(p); err != nil {
		c.logger.Warn("snapshot: the places of its commits were not kept; recovery will read more", "error", err)
	}
}

// plan decides what the new snapshot is: its id, its schema, and whether it is a baseline.
func (c *capture) plan(t *term) error {
	c.report.Stream = t.stream
	base := c.lastSchema(t)
	c.schema = table.WithIDs(base, c.definition.Schema)
	if err := c.schema.Validate(); err != nil {
		return err
	}
	if err := c.choosePrevious(t); err != nil {
		return err
	}
	id, err := c.chooseID(t)
	if err != nil {
		return err
	}
	c.report.Snapshot = id
	c.header = &fileHeader{
		Stream: t.stream, Snapshot: id, Previous: c.report.Previous,
		Epoch: t.stamp.Epoch, Writer: hexOf(t.stamp.Writer),
		Schema: c.schema.AvroSchema(), schema: c.schema, Options: c.definition.Options,
		Partitions: c.partitions(t), Partitioner: change.PartitionerXXH3, Restore: &c.definition.Restore,
	}
	if c.projection != nil && c.projection.Identity() && t.current.Kept+1 < fullEvery {
		c.header.Kept, c.header.HashKey = t.current.Kept+1, t.current.HashKey
	}
	for p := range c.header.Partitions {
		c.header.Offsets = append(c.header.Offsets, t.states[p].next)
	}
	return nil
}

// partitions of the new snapshot: fixed until a baseline that was asked for.
func (c *capture) partitions(t *term) int {
	switch {
	case t.current != nil && !c.options.Rebaseline:
		return t.current.Partitions
	case c.options.Partitions > 0:
		return min(c.options.Partitions, len(t.states))
	}
	return len(t.states)
}

// lastSchema is the one whose column ids go on: the current file's, else that of the last Begin in the topic, else the
// journal's. An id that any of them gave is not given again.
func (c *capture) lastSchema(t *term) *table.Schema {
	var known []*table.Schema
	if t.current != nil {
		known = append(known, t.current.schema)
	}
	if begin := t.states[0].begin; begin != nil {
		known = append(known, begin.Schema)
	}
	if c.options.LastSchema != nil {
		known = append(known, c.options.LastSchema)
	}
	if len(known) == 0 {
		return nil
	}
	base := *known[0]
	for _, s := range known[1:] {
		base.NextColumnID = max(base.NextColumnID, s.NextColumnID)
	}
	return &base
}

// choosePrevious decides between a baseline and a diff against the current file.
func (c *capture) choosePrevious(t *term) error {
	switch {
	case c.options.Rebaseline:
		c.baseline("asked for")
		return nil
	case t.current == nil:
		c.baseline("first snapshot")
		return nil
	case !maps.Equal(t.current.Options, c.definition.Options):
		return newOptionsError(c.name, t.current.Options, c.definition.Options)
	}
	projection, err := table.NewProjection(t.current.schema, c.schema)
	var incompatible *table.IncompatibleError
	if errors.As(err, &incompatible) {
		c.baseline(err.Error())
		return nil
	}
	if err != nil {
		return err
	}
	c.projection = projection
	c.report.Previous = t.current.Snapshot
	return nil
}

func (c *capture) baseline(reason string) {
	c.report.Baseline, c.report.Reason = true, reason
	c.logger.Info("capture: a new baseline", "reason", reason)
}

// chooseID gives the time at which the read begins, above every id seen, and behind the end of the last committed snapshot's
// read: restore points are asked for by that end, which must rise with them whatever the clock does.
func (c *capture) chooseID(t *term) (int64, error) {
	highest := max(t.states[0].ended, c.options.LastSnapshot, c.options.LastPoint.ReadEnded)
	for i := range t.states {
		highest = max(highest, t.states[i].highest)
	}
	if t.current != nil {
		highest = max(highest, t.current.Snapshot)
	}
	now := c.now()
	if now > highest {
		return now, nil
	}
	if highest-now > c.producer.options.MaxClockSkew.Microseconds() && !c.options.AcceptClock {
		return 0, &ClockError{Table: c.name, Now: now, Last: highest}
	}
	return highest + 1, nil
}

// settle makes the committed snapshot's file the current one.
func (c *capture) settle(t *term) error {
	if err := c.folder().promote(); err != nil {
		c.session.term = nil
		return err
	}
	c.logger.Debug("snapshot: renamed", "snapshot", c.header.Snapshot)
	t.current = c.header
	c.keepPlaces(t, c.header.Snapshot)
	return nil
}

package main

import (
	"context"
	"errors"
	"fmt"

	"rewind/disk"
	"rewind/impala"
	"rewind/metrics"
	"rewind/producer"
	"rewind/replay"
	"rewind/table"
	"rewind/topic"
)

// capturer captures tables of one engine. It keeps a producer a table, so that captures in a row are one term.
type capturer struct {
	app       *app
	config    *config
	db        *impala.DB
	ours      bool // close the engine with it
	producers map[table.Name]*tableProducer
	meter     *meter            // of the capture that runs
	counts    *metrics.Producer // nil: nobody listens
	overtaken bool              // another producer of a table was met: two of them would take turns for ever
}

// tableProducer is the producer of one table, and its Kafka.
type tableProducer struct {
	*producer.Producer
	kafka *topic.Client
}

// newCapturer connects to the engine, unless it is given one.
func (a *app) newCapturer(ctx context.Context, c *config, db *impala.DB) (*capturer, error) {
	if err := c.Encryption.mustReadBack(); err != nil {
		return nil, err
	}
	k := &capturer{app: a, config: c, db: db, producers: map[table.Name]*tableProducer{}}
	if db == nil {
		var err error
		if k.db, err = a.openEngine(ctx, c, nil); err != nil {
			return nil, err
		}
		k.ours = true
	}
	return k, nil
}

// close releases the tables and the connections.
func (k *capturer) close() {
	var errs []error
	for _, p := range k.producers {
		errs = append(errs, p.Close())
		p.kafka.Close()
	}
	if k.ours {
		errs = append(errs, k.db.Close())
	}
	if err := errors.Join(errs...); err != nil {
		k.app.log.Warn("closing", "error", err)
	}
}

// capture makes one snapshot of one table.
func (k *capturer) capture(ctx context.Context, t tableConfig, f captureFlags, m *meter) (producer.Report, error) {
	k.meter = m
	if err := k.app.recover(ctx, k.config, k.db, t.name); err != nil {
		return producer.Report{}, err
	}
	p, err := k.producer(t)
	if err != nil {
		return producer.Report{}, err
	}
	o := producer.TableOptions{Partitions: t.Partitions, Rebaseline: f.rebaseline, AcceptClock: f.acceptClock, SortHere: t.sortsHere(), Streams: int(t.Streams),
		Guard: k.config.guard(t), AllowMassDelete: f.allowDelete, AllowMassChange: f.allowChange}
	if f.rebuild {
		if err := k.rebuild(ctx, t.name, p); err != nil {
			return producer.Report{}, err
		}
	}
	if f.rebaseline || !k.config.hasSnapshot(t.name) {
		known, err := k.app.lastKnown(ctx, k.config, t.name)
		if err != nil {
			return producer.Report{}, err
		}
		o.LastSchema, o.LastSnapshot, o.LastPoint = known.schema, known.snapshot, known.point
	}
	report, err := p.Capture(ctx, t.name, o)
	var locked *disk.LockedError
	var fenced *producer.FencedError
	k.overtaken = k.overtaken || errors.As(err, &locked) || errors.As(err, &fenced)
	if f.rebuild {
		err = journalBehind(err)
	}
	return report, err
}

// journalBehind is the error of a capture behind --rebuild: where the journal had less than the topic has committed, once more of the same would
// not help.
func journalBehind(err error) error {
	var state *producer.StateError
	if !errors.As(err, &state) || state.Snapshot == 0 || state.Committed <= state.Snapshot {
		return err
	}
	return &codedError{code: state.ExitCode(), message: fmt.Sprintf("%s: the journal's newest restore point is %d, but the topic's last commit is %d: the journal is behind the topic",
		state.Table, state.Snapshot, state.Committed), hint: fmt.Sprintf("rewind consume %s --until-caught-up, then rewind produce %s --rebuild again", state.Table, state.Table)}
}

// producer is the table's, made at its first capture.
func (k *capturer) producer(t tableConfig) (*tableProducer, error) {
	if p := k.producers[t.name]; p != nil {
		return p, nil
	}
	kafka, err := k.app.openKafka(k.config, t)
	if err != nil {
		return nil, err
	}
	p := &tableProducer{kafka: kafka, Producer: producer.New(k.db, kafka, producer.Options{
		Dir: k.config.snapshotDir(), FS: k.app.fs, Logger: k.app.log, Keys: k.config.Encryption.keys,
		Progress: func(p producer.Progress) { k.meter.report(p.Stage+" "+p.Table.String(), p.Rows, p.Total) },
	})}
	k.producers[t.name] = p
	return p, nil
}

// rebuild makes the lost snapshot file again out of the journal's newest restore point.
func (k *capturer) rebuild(ctx context.Context, name table.Name, p *tableProducer) error {
	j, err := k.app.openJournal(k.config, name, k.meter)
	if err != nil {
		return err
	}
	state, err := j.LastState(ctx)
	if err != nil {
		return err
	}
	return p.Rebuild(ctx, name, producer.State{
		Stream: state.Point.Stream, Snapshot: state.Point.ID, Previous: state.Point.Previous, ReadEnded: state.Point.ReadEnded.UnixMicro(),
		Schema: state.Definition.Schema, NextColumnID: state.NextColumnID, Options: state.Definition.Options,
		Partitions: state.Point.Partitions, Offsets: state.Offsets, Digest: state.Digest, Rows: state.Rows,
	})
}

// lastKnown is what the journal knows of a table: a baseline gives no column id and no snapshot id twice, and is guarded as any
// capture is.
type lastKnown struct {
	schema   *table.Schema // the newest; nil where there is no journal here
	snapshot int64         // the highest id, aborted ones included
	point    producer.LastPoint
}

// lastKnown asks the journal. A damaged one must not keep anybody from a new baseline: what can be read of it counts.
func (a *app) lastKnown(ctx context.Context, c *config, name table.Name) (lastKnown, error) {
	j, err := replay.Open(c.journalDir(), name, a.replayOptions(c, nil))
	if err != nil {
		return lastKnown{}, err
	}
	points := j.Points()
	if len(points) == 0 {
		return lastKnown{}, nil
	}
	newest := points[len(points)-1]
	schema := *newest.TableSchema()
	known := lastKnown{&schema, newest.ID, producer.LastPoint{Snapshot: newest.ID, ReadEnded: newest.ReadEnded.UnixMicro(), Rows: newest.Rows}}
	state, err := j.LastState(ctx)
	if err != nil {
		a.log.Warn("the journal is damaged; ids go on from its last readable restore point", "table", name.String(), "error", err)
		return known, ctx.Err()
	}
	schema.NextColumnID = max(schema.NextColumnID, state.NextColumnID)
	known.snapshot = max(known.snapshot, state.LastSnapshot)
	return known, nil
}

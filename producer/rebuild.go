package producer

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"iter"

	"rewind/change"
	"rewind/table"
)

// State is a committed snapshot as the journal holds it: what a lost snapshot file is rebuilt from. It must be the last
// snapshot that the topic committed; the next capture checks that.
type State struct {
	Stream             string
	Snapshot, Previous int64
	ReadEnded          int64 // microseconds UTC
	Schema             *table.Schema
	NextColumnID       int // never given in this stream; 0: the schema's
	Options            map[string]string
	Partitions         int
	Offsets            []int64 // of the snapshot's Commit, by partition
	Digest             table.Digest
	Rows               iter.Seq2[table.Row, error] // in key order
}

// DigestError: the rows given are not the snapshot that they should be.
type DigestError struct {
	Table      table.Name
	Got, Want  table.Digest
	SnapshotID int64
}

func (e *DigestError) Error() string {
	return fmt.Sprintf("%s: the rows have the digest %v, snapshot %d has %v", e.Table, e.Got, e.SnapshotID, e.Want)
}

// ExitCode is "proof failed".
func (e *DigestError) ExitCode() int { return 5 }

// Rebuild makes the current snapshot file anew out of a snapshot's rows. It writes to the folder only once their digest is
// proved; a pending file is dropped.
func (p *Producer) Rebuild(ctx context.Context, name table.Name, state State) error {
	s, err := p.session(name)
	if err != nil {
		return err
	}
	defer s.busy.Unlock()
	s.term = nil
	c := &capture{producer: p, session: s, name: name, logger: p.options.Logger.With("table", name.String())}
	if err := c.rebuild(ctx, state); err != nil {
		return errors.Join(err, c.folder().drop())
	}
	return nil
}

func (c *capture) rebuild(ctx context.Context, state State) error {
	schema := *state.Schema
	schema.NextColumnID = max(schema.NextColumnID, state.NextColumnID)
	c.schema = &schema
	c.header = &fileHeader{
		Version: fileVersion, Stream: state.Stream, Snapshot: state.Snapshot, Previous: state.Previous,
		Schema: schema.AvroSchema(), Options: state.Options,
		Partitions: state.Partitions, Partitioner: change.PartitionerXXH3, Offsets: state.Offsets, HashKey: newHashKey(),
	}
	if err := c.header.check(); err != nil {
		return fmt.Errorf("%s: rebuild: %w", c.name, err)
	}
	codec, err := table.NewCodec(c.schema)
	if err != nil {
		return err
	}
	w, err := c.folder().create(pendingName, c.header)
	if err != nil {
		return err
	}
	if err := c.copyState(ctx, w, codec, state.Rows); err != nil {
		w.abandon()
		return err
	}
	end, err := w.finish(state.ReadEnded)
	if err != nil {
		return err
	}
	if end.digest != state.Digest {
		return &DigestError{Table: c.name, Got: end.digest, Want: state.Digest, SnapshotID: state.Snapshot}
	}
	if err := c.folder().savePlaces(places{Snapshot: state.Snapshot, Offsets: state.Offsets}); err != nil {
		return err
	}
	c.logger.Info("snapshot: rebuilt", "snapshot", state.Snapshot, "rows", end.digest.Rows)
	return c.folder().promote()
}

func (c *capture) copyState(ctx context.Context, w *fileWriter, codec *table.Codec, rows iter.Seq2[table.Row, error]) error {
	var last []byte
	for row, err := range rows {
		if err != nil {
			return err
		}
		if w.digest.Rows > 0 && bytes.Compare(last, row.Key) >= 0 {
			return c.checkOrder(codec, last, row.Key, w.digest.Rows+1)
		}
		last = append(last[:0], row.Key...)
		f, err := codec.Fingerprint(row.Image)
		if err != nil {
			return err
		}
		if err := w.append(row, f); err != nil {
			return err
		}
		if w.digest.Rows%progressRows == 0 {
			c.progress("rebuild", w.digest.Rows, w.out.Size(), 0)
			if ctx.Err() != nil {
				return context.Cause(ctx)
			}
		}
	}
	return nil
}

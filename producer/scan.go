package producer

import (
	"bytes"
	"context"
	"errors"
	"time"

	"rewind/sorting"
	"rewind/table"
)

// Rows between two reports of progress.
const progressRows = 1 << 14

// spareBytes is what a capture leaves free beside its file.
const spareBytes = 64 << 20

// checkSpace refuses a capture for which the disk has no room: the new file stands beside the current one until the commit.
func (c *capture) checkSpace(ctx context.Context) error {
	last, err := c.folder().size(currentName)
	if err != nil {
		return err
	}
	need := last
	if e, ok := c.producer.source.(Estimator); ok {
		rows, estimated, err := e.Estimate(ctx, c.name)
		if err != nil {
			return err
		}
		c.expected, need = rows, max(need, estimated)
	}
	need += need/10 + c.sortBytes(c.expected, need) + c.streamBytes(need) + spareBytes
	free, err := c.producer.options.FS.Free(c.session.dir)
	if err != nil {
		return err
	}
	if free < need {
		return &SpaceError{Dir: c.session.dir, Need: need, Free: free}
	}
	c.spoolBytes = max(min(last/2, free-need), c.spoolMemory())
	return nil
}

// streamBytes is about what a table of a size takes of the disk while it is read by several streams: what they read ahead.
func (c *capture) streamBytes(size int64) int64 {
	n := int64(min(c.options.Streams, MostStreams))
	if n < 2 {
		return 0
	}
	return size / n * (n - 1) * 5 / 4 // it is not packed
}

// spoolMemory is what of the changes stays in memory until they are published.
func (c *capture) spoolMemory() int64 {
	most := int64(c.producer.options.MemoryBytes)
	if most == 0 {
		most = sorting.DefaultSpoolBytes
	}
	return min(most, sorting.DefaultSpoolBytes)
}

// makeSpool makes room for what will be found to differ. A baseline needs none: it is the new file.
func (c *capture) makeSpool() error {
	if err := c.dropSpool(); err != nil || c.report.Baseline {
		return err
	}
	c.spool = &changeSpool{spool: sorting.NewSpool(sorting.SpoolOptions{
		FS: c.producer.options.FS, Dir: c.session.dir, MemoryBytes: int(c.spoolMemory()), MostBytes: c.spoolBytes,
	})}
	return nil
}

func (c *capture) dropSpool() (err error) {
	if c.spool != nil {
		err, c.spool = c.spool.close(), nil
	}
	return err
}

// scan reads the whole table into the pending file, without waiting for anything but the engine and the disk.
func (c *capture) scan(ctx context.Context, t *term) error {
	began := time.Now()
	c.readEnded = 0
	codec, err := table.NewCodec(c.schema)
	if err != nil {
		return err
	}
	if err := sorting.RemoveLeftovers(c.producer.options.FS, c.session.dir); err != nil {
		return err
	}
	if err := errors.Join(c.makeSpool(), c.pin(ctx, t)); err != nil {
		return err
	}
	w, err := c.folder().create(pendingName, c.header)
	if err != nil {
		return err
	}
	if err := c.copyGuarded(ctx, t, w, codec); err != nil {
		w.abandon()
		return err
	}
	if c.readEnded == 0 {
		c.readEnded = c.now()
	}
	if c.end, err = w.finish(max(c.readEnded, c.header.Snapshot)); err != nil {
		return err
	}
	if err := c.producer.options.FS.SyncDir(c.session.dir); err != nil {
		return err
	}
	c.report.ReadBegan = time.UnixMicro(c.header.Snapshot).UTC()
	c.report.ReadEnded = time.UnixMicro(c.end.readEnded).UTC()
	c.report.Rows, c.report.Digest, c.report.FileBytes = c.end.digest.Rows, c.end.digest, w.out.Size()
	if c.sortsHere() {
		c.report.stage("sort", began.Add(c.readTook), c.report.Rows, c.report.FileBytes)
	} else {
		c.report.stage("scan", began, c.report.Rows, c.report.FileBytes)
	}
	c.logger.Debug("capture: scan finished", "snapshot", c.header.Snapshot, "rows", c.report.Rows)
	return nil
}

// copyGuarded copies the table, and refuses what the guard refuses.
func (c *capture) copyGuarded(ctx context.Context, t *term, w *fileWriter, codec *table.Codec) error {
	m, err := c.openMerge(t, codec, w)
	if err != nil {
		return err
	}
	defer m.close()
	if err := c.copyRows(ctx, m); err != nil {
		return err
	}
	found, err := m.end()
	if err != nil {
		return err
	}
	c.spool = m.spool
	return c.guard(t, found)
}

func (c *capture) copyRows(ctx context.Context, m *merge) error {
	var last []byte
	var rows int64
	stage := "scan"
	if c.sortsHere() {
		stage = "sort"
	}
	for row, err := range c.orderedRows(ctx) {
		if err != nil {
			return err
		}
		rows++
		if rows > 1 {
			if err := c.checkOrder(m.codec, last, row.Key, rows); err != nil {
				return err
			}
		}
		last = append(last[:0], row.Key...)
		if err := m.take(row); err != nil {
			return err
		}
		if rows%progressRows == 0 {
			c.progress(stage, rows, m.out.out.Size(), c.expected)
		}
	}
	c.progress(stage, rows, m.out.out.Size(), rows)
	return ctx.Err()
}

func (c *capture) checkOrder(codec *table.Codec, last, key []byte, row int64) error {
	switch bytes.Compare(last, key) {
	case -1:
		return nil
	case 0:
		return &DuplicateKeyError{Table: c.name, Key: codec.FormatKey(key), Row: row}
	}
	return &OrderError{Table: c.name, Previous: codec.FormatKey(last), Key: codec.FormatKey(key), Row: row}
}

func (c *capture) progress(stage string, rows, size, total int64) {
	c.producer.options.Progress(Progress{Table: c.name, Stage: stage, Rows: rows, Bytes: size, Total: total})
}

package producer

import (
	"bytes"
	"context"
	"iter"
	"time"

	"rewind/sorting"
	"rewind/table"
)

// sortsHere says whether the rows are brought into key order here, not by the engine: where that was asked for, and where the key is
// the whole row, of which the engine knows neither the hash nor the ordinal.
func (c *capture) sortsHere() bool { return c.options.SortHere || c.schema.WholeRow }

// orderedRows reads the table in key order.
func (c *capture) orderedRows(ctx context.Context) iter.Seq2[table.Row, error] {
	if c.sortsHere() {
		return c.sortedRows(ctx)
	}
	return c.sourceRows(ctx, true)
}

// sortedRows reads the whole table first, into memory and onto the disk, and then gives it in key order: the engine waits for nothing
// but the disk.
func (c *capture) sortedRows(ctx context.Context) iter.Seq2[table.Row, error] {
	return func(yield func(table.Row, error) bool) {
		o := &c.producer.options
		sorter := sorting.New(sorting.Options{
			FS: o.FS, Dir: c.session.dir, MemoryBytes: o.MemoryBytes, SpareBytes: spareBytes, KeepAll: true,
		})
		defer func() { _ = sorter.Close() }() // that a file without a name could not be closed hurts nobody
		err := c.gather(ctx, sorter)
		var merged *sorting.Merged
		if err == nil {
			merged, err = sorter.Merge()
		}
		if err != nil {
			yield(table.Row{}, err)
			return
		}
		count := &ordinals{whole: c.schema.WholeRow}
		for rows := 0; ; rows++ {
			record, err := merged.Next()
			if err == nil && rows%progressRows == 0 {
				err = ctx.Err()
			}
			if err != nil {
				yield(table.Row{}, err)
				return
			}
			if record == nil || !yield(table.Row{Key: count.key(record.Key()), Image: record.Image()}, nil) {
				return
			}
		}
	}
}

// gather reads the table into the sorter. The read has ended when the engine gave its last row, whatever is done with the rows then.
func (c *capture) gather(ctx context.Context, sorter *sorting.Sorter) error {
	began := time.Now()
	var rows, size int64
	for row, err := range c.sourceRows(ctx, false) {
		if err != nil {
			return err
		}
		if err := sorter.Add(row.Key, uint64(rows), 0, row.Image); err != nil {
			return err
		}
		rows++
		if size += int64(len(row.Image)); rows%progressRows == 0 {
			c.progress("scan", rows, size, c.expected)
		}
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	c.readEnded = c.now()
	c.progress("scan", rows, size, rows)
	c.readTook = time.Since(began)
	c.report.stage("scan", began, rows, size)
	c.logger.Debug("capture: rows read, to be sorted here", "snapshot", c.header.Snapshot, "rows", rows, "spilled", sorter.Spilled())
	return nil
}

// ordinals numbers the rows of one hash, which come one behind the other, in the order of their images.
type ordinals struct {
	whole bool
	last  []byte // key of the row before, as the source gave it
	n     uint64
	given []byte
}

func (o *ordinals) key(key []byte) []byte {
	if !o.whole {
		return key
	}
	if o.last != nil && bytes.Equal(key, o.last) {
		o.n++
	} else {
		o.n, o.last = 0, append(o.last[:0], key...)
	}
	o.given = append(o.given[:0], key...)
	table.SetOrdinal(o.given, o.n)
	return o.given
}

// sortBytes is about what a sort of so many rows, of so many bytes in all, puts onto the disk.
func (c *capture) sortBytes(rows, size int64) int64 {
	memory := int64(c.producer.options.MemoryBytes)
	if memory == 0 {
		memory = sorting.DefaultMemoryBytes
	}
	size += rows * sorting.RecordBytes
	if !c.sortsHere() || size <= memory {
		return 0
	}
	return size
}

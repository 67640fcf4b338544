package producer

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"iter"
	"math"
	"sync"

	"rewind/change"
	"rewind/ocf"
	"rewind/sorting"
	"rewind/table"
)

// Ranger is what a Source may also be: it reads ranges of a table's keys at once, all of them as of one instant.
type Ranger interface {
	// Pin fixes the instant and gives functions that read the rows from one key on and below another, nil being no bound, as Rows does, and
	// that count all rows. They are nil where there is no instant to fix yet. An error where the table cannot be read so.
	Pin(ctx context.Context, s *table.Schema) (rows func(ctx context.Context, ordered bool, from, to []byte) iter.Seq2[table.Row, error],
		count func(context.Context) (int64, error), err error)
}

// StreamsError: a table that is to be read by several streams, and has no ranges of keys, or no engine that can.
type StreamsError struct {
	Table  table.Name
	Reason string
}

func (e *StreamsError) Error() string {
	return fmt.Sprintf("%s: it cannot be read by several streams: %s", e.Table, e.Reason)
}

// ExitCode is "configuration".
func (e *StreamsError) ExitCode() int { return 2 }

// Hint says what to change.
func (e *StreamsError) Hint() string { return "take scan_streams out of the table's configuration" }

// RangesError: the ranges of a table's keys do not hold as many rows as the table.
type RangesError struct {
	Table         table.Name
	Read, Counted int64
}

func (e *RangesError) Error() string {
	return fmt.Sprintf("%s: its ranges of keys hold %d rows, but the engine counts %d as of the same instant", e.Table, e.Read, e.Counted)
}

// ExitCode is "refused by a guard".
func (e *RangesError) ExitCode() int { return 6 }

// Hint says what to do.
func (e *RangesError) Hint() string {
	return "nothing was published; take scan_streams out of the table's configuration, and please report it with the table's DDL and its key's values"
}

// streams reads a table by several streams at once.
type streams struct {
	rows   func(ctx context.Context, ordered bool, from, to []byte) iter.Seq2[table.Row, error]
	count  func(context.Context) (int64, error)
	bounds [][]byte // between them; none: one stream
}

// pin makes ready what the configuration asks for. The ranges are as large as those of the current file: before there is one, the table
// is read by one stream.
func (c *capture) pin(ctx context.Context, t *term) error {
	c.streams = nil
	if c.options.Streams < 2 {
		return nil
	}
	ranger, can := c.producer.source.(Ranger)
	switch {
	case c.schema.WholeRow:
		return &StreamsError{c.name, "its key is the whole row, which has no ranges"}
	case !can:
		return &StreamsError{c.name, "this engine has no ranges"}
	}
	rows, count, err := ranger.Pin(ctx, c.schema)
	if err != nil || rows == nil || t.current == nil {
		return err
	}
	projection := c.projection
	if projection == nil {
		projection, _ = comparison(t.current.schema, c.schema)
	}
	if projection == nil {
		return nil
	}
	s := &streams{rows: rows, count: count}
	if s.bounds, err = c.folder().keysBetween(currentName, min(c.options.Streams, MostStreams), projection); err != nil {
		return err
	}
	if c.streams = s; len(s.bounds) == 0 {
		c.streams = nil
	}
	c.logger.Debug("capture: the table is read by streams", "streams", len(s.bounds)+1)
	return nil
}

// MostStreams bounds what a capture asks of an engine, and its memory.
const MostStreams = 16

// sourceRows reads the table, by as many streams as there are. Of several, the rows must be as many as the engine counts without ranges.
func (c *capture) sourceRows(ctx context.Context, ordered bool) iter.Seq2[table.Row, error] {
	if c.streams == nil {
		return c.producer.source.Rows(ctx, c.schema, ordered)
	}
	return func(yield func(table.Row, error) bool) {
		ctx, cancel := context.WithCancelCause(ctx)
		var waiting sync.WaitGroup
		var behind []*stream
		defer func() {
			cancel(nil)
			waiting.Wait()
			for _, s := range behind {
				s.close()
			}
		}()
		for i := range c.streams.bounds {
			s := c.newStream()
			behind = append(behind, s)
			waiting.Go(func() { s.read(c.streams.of(ctx, ordered, i+1), cancel) })
		}
		read, give := int64(0), yield
		yield = func(row table.Row, err error) bool {
			read++
			return give(row, err)
		}
		first := &stream{}
		if !first.pass(c.streams.of(ctx, ordered, 0), yield) || first.failed(ctx, yield) {
			return
		}
		for _, s := range behind {
			<-s.finished
			if s.failed(ctx, yield) || !s.pass(s.rows(), yield) || s.failed(ctx, yield) {
				return
			}
		}
		counted, err := c.streams.count(ctx)
		if err == nil && counted != read {
			err = &RangesError{Table: c.name, Read: read, Counted: counted}
		}
		if err != nil {
			give(table.Row{}, err)
		}
	}
}

// of gives the rows of one range.
func (s *streams) of(ctx context.Context, ordered bool, i int) iter.Seq2[table.Row, error] {
	var from, to []byte
	if i > 0 {
		from = s.bounds[i-1]
	}
	if i < len(s.bounds) {
		to = s.bounds[i]
	}
	return s.rows(ctx, ordered, from, to)
}

// stream is a range of the table. Those behind the first are spooled until those before them have been passed on: an engine must not
// wait for its reader.
type stream struct {
	spool    *changeSpool
	finished chan struct{}
	err      error
}

func (c *capture) newStream() *stream {
	return &stream{finished: make(chan struct{}), spool: &changeSpool{spool: sorting.NewSpool(sorting.SpoolOptions{
		FS: c.producer.options.FS, Dir: c.session.dir, MemoryBytes: int(c.spoolMemory()), MostBytes: math.MaxInt64,
	})}}
}

// read spools the rows; an error ends the other streams.
func (s *stream) read(rows iter.Seq2[table.Row, error], cancel context.CancelCauseFunc) {
	defer close(s.finished)
	for row, err := range rows {
		if err == nil {
			err = s.spool.add(change.Create, row.Key, nil, row.Image)
		}
		if s.err = err; err != nil {
			cancel(err)
			return
		}
	}
}

// rows gives what was spooled.
func (s *stream) rows() iter.Seq2[table.Row, error] {
	return func(yield func(table.Row, error) bool) {
		for m, err := range s.spool.all {
			if !yield(table.Row{Key: m.Key, Image: m.After}, err) {
				return
			}
		}
	}
}

// pass gives rows on; false where nobody wants more.
func (s *stream) pass(rows iter.Seq2[table.Row, error], yield func(table.Row, error) bool) bool {
	for row, err := range rows {
		if err != nil {
			s.err = err
			return true
		}
		if !yield(row, nil) {
			return false
		}
	}
	return true
}

// failed gives a stream's error on: the one that ended them all, where it was another's.
func (s *stream) failed(ctx context.Context, yield func(table.Row, error) bool) bool {
	if s.err == nil {
		return false
	}
	if cause := context.Cause(ctx); cause != nil && errors.Is(s.err, context.Canceled) {
		s.err = cause
	}
	yield(table.Row{}, s.err)
	return true
}

func (s *stream) close() { _ = s.spool.close() } // that a file without a name could not be closed hurts nobody

// keysBetween gives keys that divide a snapshot file into so many parts, or fewer, of about the same size, in rising order and
// projected. It reads a block for each.
func (f folder) keysBetween(name string, parts int, projection *table.Projection) ([][]byte, error) {
	file, err := f.open(name)
	if err != nil {
		return nil, err
	}
	defer file.close()
	content, size, err := plaintextAt(file.file, file.path, f.keys)
	if err != nil {
		return nil, file.damaged(err)
	}
	var keys [][]byte
	for i := 1; i < parts; i++ {
		in, err := ocf.SeekBlock(content, file.in.Header(), size, file.in.Offset()+(size-file.in.Offset())*int64(i)/int64(parts), maxSeek)
		if err != nil || in == nil {
			return keys, err
		}
		_, block, err := in.Next()
		if err == nil && file.header.Version > 1 && isSummary(block) {
			_, block, err = in.Next()
		}
		if err != nil {
			return nil, file.damaged(err)
		}
		row, _, end, _, err := splitRecord(block)
		if err != nil {
			return nil, file.damaged(err)
		}
		if end != nil {
			return keys, nil
		}
		key, err := projection.AppendKey(nil, row.Key)
		if err != nil {
			return nil, err
		}
		if len(keys) == 0 || bytes.Compare(keys[len(keys)-1], key) < 0 {
			keys = append(keys, key)
		}
	}
	return keys, nil
}

// maxSeek is how far a block's beginning is looked for: blocks are small, but for such as hold one large row.
const maxSeek = 4 << 20

package journal

import (
	"errors"
	"fmt"
	"io"
	"io/fs"

	"rewind/ocf"
)

const unknown = -2

// entries is one walk over the journal.
type entries struct {
	reader    *Reader
	cut       *partitionCut
	from      int64
	last      int64 // offset of the last entry seen, yielded or not; unknown in the first segment walked
	splitters splitters
	cutters   func(schema string) (Cutter, error) // nil: splitters
}

// cutter gives what cuts the blocks of a schema.
func (e *entries) cutter(schema string) (Cutter, error) {
	if e.cutters != nil {
		return e.cutters(schema)
	}
	length, err := e.splitters.get(schema)
	if err != nil {
		return nil, err
	}
	return cutter(length), nil
}

// segment walks one segment's blocks, from a place on. more is false when the consumer has had enough.
func (e *entries) segment(s segment, isLast bool, from Place, yield func(*Block) bool) (more bool, err error) {
	f, err := e.reader.options.openSegment(s)
	if isLast && errors.Is(err, fs.ErrNotExist) {
		return false, nil // removed by a writer that found it not begun
	}
	if err != nil {
		return false, corrupt(s.path, 0, e.reader.options.dropped(e.reader.dir, s, err))
	}
	defer f.Close() //nolint:errcheck // only read
	s, isLast = f.segment, !f.sealed(isLast)
	in, err := ocf.NewReader(io.NewSectionReader(f, 0, f.size))
	if isLast && errors.Is(err, io.ErrUnexpectedEOF) {
		return false, nil
	}
	if err != nil {
		return false, corrupt(s.path, 0, err)
	}
	if err := e.begin(s, in.Header()); err != nil {
		return false, err
	}
	if from.Byte > in.Offset() {
		if in, err = ocf.ResumeReader(io.NewSectionReader(f, from.Byte, max(0, f.size-from.Byte)), in.Header(), from.Byte); err != nil {
			return false, corrupt(s.path, from.Byte, err)
		}
		e.last = from.Last
	}
	more, err = e.blocks(s, in, yield)
	if errors.Is(err, io.EOF) {
		return e.endOf(s, in, isLast)
	}
	if err == nil {
		return more, nil
	}
	if !isLast {
		return false, corrupt(s.path, in.Offset(), err)
	}
	return false, e.tail(s, in, f, err)
}

// begin checks that a segment goes on where the one before ended, or, if it is the first one walked, that nothing that was
// asked for is missing before it.
func (e *entries) begin(s segment, h ocf.Header) error {
	info, err := e.reader.options.parseHeader(s, h)
	if err == nil {
		err = e.cut.hold(&info)
	}
	if err == nil && e.last == unknown && e.cut == nil && info.After >= max(e.from, 0) {
		if known, wrong := e.reader.options.holdFirst(e.reader.dir, &info); known {
			err = wrong
		}
	}
	if err != nil {
		return err
	}
	if e.last == unknown && info.BehindCut {
		if e.from > 0 && e.from <= info.After { // from 0 on means all that there is
			return &DroppedError{Segment: s.path, Cut: e.cut.of}
		}
		return nil
	}
	if e.last != unknown && info.After != e.last || e.last == unknown && info.After >= max(e.from, 0) {
		return &CorruptionError{Segment: s.path, Err: fmt.Errorf("it goes on behind offset %d, but the journal before it ends with %d: entries or segments are missing", info.After, max(e.last, -1))}
	}
	return nil
}

// endOf is a clean end: a sealed segment holds an entry at least.
func (e *entries) endOf(s segment, in *ocf.Reader, isLast bool) (bool, error) {
	if e.last < s.base && !isLast {
		return false, &CorruptionError{Segment: s.path, Offset: in.Offset(), Err: errors.New("a sealed segment holds no entry")}
	}
	return true, nil
}

// tail tells a torn tail, which is simply the end, from damage: as ocf.Recover does, by which a writer goes.
func (e *entries) tail(s segment, in *ocf.Reader, f *opened, cause error) error {
	var known *CorruptionError
	if errors.As(cause, &known) {
		return cause
	}
	torn, err := ocf.Torn(f, in.Offset(), f.size, in.Header().Sync, cause)
	if torn {
		return nil
	}
	return corrupt(s.path, in.Offset(), err)
}

// blocks walks the blocks of a segment up to the consumer's end, or io.EOF or the error that ocf gives: which of them is a torn tail is
// not known here.
func (e *entries) blocks(s segment, in *ocf.Reader, yield func(*Block) bool) (more bool, err error) {
	b := &Block{Schema: in.Header().Schema}
	cut, err := e.cutter(b.Schema)
	if err != nil {
		return false, &CorruptionError{Segment: s.path, Err: err}
	}
	w := newWalk(s.base, cut)
	w.last = max(w.last, e.last)
	for {
		at := in.Offset()
		count, records, err := in.Next()
		if err != nil {
			return false, err
		}
		cuts, err := w.block(count, records)
		if err != nil {
			return false, &CorruptionError{Segment: s.path, Offset: at, Err: err}
		}
		e.last = w.last
		b.At, b.End, b.records, b.cuts = at, in.Offset(), records, cuts
		if !yield(b) {
			return false, nil
		}
	}
}

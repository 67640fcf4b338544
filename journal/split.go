package journal

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
)

// splitters gives the function that splits a segment's blocks, and keeps the last ones made: a journal meets few schemas.
type splitters struct {
	make  func(schema string) (func([]byte) (int, error), error)
	known map[string]func([]byte) (int, error)
}

func (s *splitters) get(schema string) (func([]byte) (int, error), error) {
	const most = 16
	if f := s.known[schema]; f != nil {
		return f, nil
	}
	if !json.Valid([]byte(schema)) {
		return nil, fmt.Errorf("the segment's schema %.40q is not JSON", schema)
	}
	f, err := s.make(schema)
	if err != nil {
		return nil, fmt.Errorf("the segment's schema: %w", err)
	}
	if len(s.known) >= most || s.known == nil {
		s.known = map[string]func([]byte) (int, error){}
	}
	s.known[schema] = f
	return f, nil
}

// Cut says where an entry of a block ends, and its offset.
type Cut struct {
	Offset int64
	End    int // of its record, in the block
}

// Cutter appends the cuts of a block's entries: so many, or as many as there are bytes for. What follows an error is not looked at, but
// the cuts before it are. It need not look whether offsets ascend.
type Cutter func(count int, records []byte, cuts []Cut) ([]Cut, error)

// cutter cuts by the length of one record after the other.
func cutter(length func([]byte) (int, error)) Cutter {
	return func(count int, records []byte, cuts []Cut) ([]Cut, error) {
		at := 0
		for i := range count {
			if at == len(records) {
				return cuts, nil
			}
			n, offset, err := measure(records[at:], length)
			if err != nil {
				return cuts, fmt.Errorf("entry %d of the block: %w", i, err)
			}
			at += n
			cuts = append(cuts, Cut{Offset: offset, End: at})
		}
		return cuts, nil
	}
}

// measure gives the length and the offset of the first record.
func measure(records []byte, length func([]byte) (int, error)) (n int, offset int64, err error) {
	if n, err = length(records); err != nil {
		return 0, 0, err
	}
	if n <= 0 || n > len(records) {
		return 0, 0, fmt.Errorf("a record of %d bytes in %d", n, len(records))
	}
	offset, err = recordOffset(records[:n])
	return n, offset, err
}

// walk checks a segment's blocks one after the other.
type walk struct {
	cut  Cutter
	base int64 // offset that the first entry must have
	last int64 // offset of the last entry seen; base-1 before the first
	cuts []Cut
}

func newWalk(base int64, cut Cutter) *walk {
	return &walk{cut: cut, base: base, last: base - 1}
}

// block splits a block whole before any of its entries is handed out: the count has no checksum, so only entries that
// use exactly the block's bytes, and whose offsets ascend, prove it.
func (w *walk) block(count int, records []byte) ([]Cut, error) {
	var failed error
	w.cuts, failed = w.cut(count, records, w.cuts[:0])
	last, end := w.last, 0
	for i, c := range w.cuts {
		if c.Offset <= last || last < w.base && c.Offset != w.base {
			return nil, fmt.Errorf("entry %d of the block has offset %d behind offset %d", i, c.Offset, last)
		}
		last, end = c.Offset, c.End
	}
	switch {
	case failed != nil:
		return nil, failed
	case len(w.cuts) < count:
		return nil, fmt.Errorf("the block ends after %d of %d entries", len(w.cuts), count)
	case end != len(records):
		return nil, fmt.Errorf("%d bytes are left behind the %d entries of the block", len(records)-end, count)
	}
	w.last = last
	return w.cuts, nil
}

// recordOffset reads the offset that a record begins with.
func recordOffset(record []byte) (int64, error) {
	offset, n := binary.Varint(record)
	if n <= 0 || offset < 0 {
		return 0, errors.New("the record does not begin with an offset")
	}
	return offset, nil
}

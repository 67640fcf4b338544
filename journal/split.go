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

// position of an entry in its block.
type position struct {
	offset int64
	end    int // where its record ends
}

// walk checks a segment's blocks one after the other.
type walk struct {
	length    func([]byte) (int, error)
	base      int64 // offset that the first entry must have
	last      int64 // offset of the last entry seen; base-1 before the first
	positions []position
}

func newWalk(base int64, length func([]byte) (int, error)) *walk {
	return &walk{length: length, base: base, last: base - 1}
}

// block splits a block whole before any of its entries is handed out: the count has no checksum, so only entries that
// use exactly the block's bytes, and whose offsets ascend, prove it.
func (w *walk) block(count int, records []byte) ([]position, error) {
	w.positions = w.positions[:0]
	at, last := 0, w.last
	for i := range count {
		if at == len(records) {
			return nil, fmt.Errorf("the block ends after %d of %d entries", i, count)
		}
		n, offset, err := w.entry(records[at:])
		if err != nil {
			return nil, fmt.Errorf("entry %d of the block: %w", i, err)
		}
		if offset <= last || last < w.base && offset != w.base {
			return nil, fmt.Errorf("entry %d of the block has offset %d behind offset %d", i, offset, last)
		}
		at, last = at+n, offset
		w.positions = append(w.positions, position{offset: offset, end: at})
	}
	if at != len(records) {
		return nil, fmt.Errorf("%d bytes are left behind the %d entries of the block", len(records)-at, count)
	}
	w.last = last
	return w.positions, nil
}

// entry measures the first entry of a block.
func (w *walk) entry(block []byte) (length int, offset int64, err error) {
	length, err = w.length(block)
	if err != nil {
		return 0, 0, err
	}
	if length <= 0 || length > len(block) {
		return 0, 0, fmt.Errorf("a record of %d bytes in %d", length, len(block))
	}
	offset, err = recordOffset(block[:length])
	return length, offset, err
}

// recordOffset reads the offset that a record begins with.
func recordOffset(record []byte) (int64, error) {
	offset, n := binary.Varint(record)
	if n <= 0 || offset < 0 {
		return 0, errors.New("the record does not begin with an offset")
	}
	return offset, nil
}

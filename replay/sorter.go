package replay

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"fmt"
	"slices"

	"rewind/disk"
)

// A record is one change as the sorter keeps it, in memory and in runs:
//
//	order 8 | source 4 | key length 4 | image length 4 | key | image      (little-endian)
//
// order rises with every change, so of one key's records the one with the highest order is the newest.
const (
	recordHeader = 8 + 4 + 4 + 4
	deletedBit   = 1 << 31 // in source: the row is gone, there is no image
	chunkBytes   = 1 << 20 // at most; a small budget has smaller chunks
	minChunk     = 4 << 10
	itemBytes    = 24 // of one item below
	maxRuns      = 64 // that are merged at once; more are merged into one first
	maxRowBytes  = 1 << 30
)

// record is a view of a record's bytes.
type record []byte

func (r record) order() uint64  { return binary.LittleEndian.Uint64(r) }
func (r record) source() uint32 { return binary.LittleEndian.Uint32(r[8:]) }
func (r record) keyLen() int    { return int(binary.LittleEndian.Uint32(r[12:])) }
func (r record) imageLen() int  { return int(binary.LittleEndian.Uint32(r[16:])) }
func (r record) size() int      { return recordHeader + r.keyLen() + r.imageLen() }
func (r record) key() []byte    { return r[recordHeader : recordHeader+r.keyLen()] }
func (r record) image() []byte  { return r[recordHeader+r.keyLen() : r.size()] }

// item refers to a record in a chunk, with what most comparisons need beside it.
type item struct {
	prefix uint64 // the key's first 8 bytes, big-endian
	order  uint64
	chunk  uint32
	at     uint32
}

// sorter sorts changes by key in bounded memory: what does not fit goes to the disk as sorted runs. Of one key's changes
// the newest alone survives, a delete as the mark that the row is gone.
type sorter struct {
	fs     disk.FS
	dir    string
	budget int
	chunk  int      // bytes of one chunk
	chunks [][]byte // the last one is being filled
	spare  [][]byte // chunks to use again
	items  []item
	used   int // bytes of all chunks
	runs   []*run
	sorted bool
}

func newSorter(fs disk.FS, dir string, budget int) *sorter {
	chunk := min(max(budget/8, minChunk), chunkBytes)
	return &sorter{fs: fs, dir: dir, budget: max(budget, 2*chunk), chunk: chunk}
}

// prefixOf orders keys as bytes.Compare does, as far as 8 bytes tell.
func prefixOf(key []byte) uint64 {
	if len(key) >= 8 {
		return binary.BigEndian.Uint64(key)
	}
	var b [8]byte
	copy(b[:], key)
	return binary.BigEndian.Uint64(b[:])
}

// add takes one change; order must be higher than that of every earlier change of the key. The bytes are copied.
func (s *sorter) add(key []byte, order uint64, source uint32, image []byte) error {
	size := recordHeader + len(key) + len(image)
	if size > maxRowBytes {
		return fmt.Errorf("a row of %d bytes is larger than the %d that are sorted", size, maxRowBytes)
	}
	if s.used+len(s.items)*itemBytes+size > s.budget && len(s.items) > 0 {
		if err := s.spill(); err != nil {
			return err
		}
	}
	chunk := s.room(size)
	at := len(*chunk)
	b := (*chunk)[:at+size]
	*chunk = b
	r := b[at:]
	binary.LittleEndian.PutUint64(r, order)
	binary.LittleEndian.PutUint32(r[8:], source)
	binary.LittleEndian.PutUint32(r[12:], uint32(len(key)))
	binary.LittleEndian.PutUint32(r[16:], uint32(len(image)))
	copy(r[recordHeader:], key)
	copy(r[recordHeader+len(key):], image)
	s.items = append(s.items, item{prefix: prefixOf(key), order: order, chunk: uint32(len(s.chunks) - 1), at: uint32(at)})
	return nil
}

// room gives a chunk with at least size bytes left.
func (s *sorter) room(size int) *[]byte {
	if n := len(s.chunks); n > 0 && cap(s.chunks[n-1])-len(s.chunks[n-1]) >= size {
		return &s.chunks[n-1]
	}
	var chunk []byte
	switch n := len(s.spare); {
	case size > s.chunk:
		chunk = make([]byte, 0, size)
	case n > 0:
		chunk, s.spare = s.spare[n-1][:0], s.spare[:n-1]
	default:
		chunk = make([]byte, 0, s.chunk)
	}
	s.chunks = append(s.chunks, chunk)
	s.used += cap(chunk)
	return &s.chunks[len(s.chunks)-1]
}

func (s *sorter) record(i item) record { return record(s.chunks[i.chunk][i.at:]) }

// sort brings the items in memory into key order, the newest of a key first, and drops the others.
func (s *sorter) sort() {
	slices.SortFunc(s.items, func(a, b item) int {
		if a.prefix != b.prefix {
			return cmp.Compare(a.prefix, b.prefix)
		}
		if c := bytes.Compare(s.record(a).key(), s.record(b).key()); c != 0 {
			return c
		}
		return cmp.Compare(b.order, a.order)
	})
	s.items = slices.CompactFunc(s.items, func(a, b item) bool {
		return a.prefix == b.prefix && bytes.Equal(s.record(a).key(), s.record(b).key())
	})
}

// spill writes the items in memory as a run.
func (s *sorter) spill() error {
	s.sort()
	r, err := s.writeRun(s.memory())
	if err != nil {
		return err
	}
	s.runs = append(s.runs, r)
	for _, c := range s.chunks {
		if cap(c) == s.chunk {
			s.spare = append(s.spare, c)
		}
	}
	s.chunks, s.items, s.used = nil, s.items[:0], 0
	if len(s.runs) < maxRuns {
		return nil
	}
	return s.mergeRuns()
}

// mergeRuns makes one run of all, so that their number, and the memory to read them, stays bounded.
func (s *sorter) mergeRuns() error {
	cursors := make([]cursor, len(s.runs))
	for i, r := range s.runs {
		cursors[i] = r.read()
	}
	m, err := newMerge(cursors)
	if err != nil {
		return err
	}
	merged, err := s.writeRun(m)
	if err != nil {
		return err
	}
	err = s.dropRuns()
	s.runs = append(s.runs, merged)
	return err
}

// merge gives the survivors of everything that was added, in key order. It may be called again.
func (s *sorter) merge() (*merge, error) {
	if !s.sorted {
		s.sort()
		s.sorted = true
	}
	cursors := []cursor{s.memory()}
	for _, r := range s.runs {
		cursors = append(cursors, r.read())
	}
	return newMerge(cursors)
}

func (s *sorter) dropRuns() error {
	var first error
	for _, r := range s.runs {
		first = cmp.Or(first, r.close())
	}
	s.runs = nil
	return first
}

// close gives memory and disk back.
func (s *sorter) close() error {
	s.chunks, s.spare, s.items = nil, nil, nil
	return s.dropRuns()
}

// memory is the cursor over sorted items.
func (s *sorter) memory() cursor { return &memoryCursor{s: s} }

type memoryCursor struct {
	s    *sorter
	next int
}

func (c *memoryCursor) step() (record, error) {
	if c.next >= len(c.s.items) {
		return nil, nil
	}
	c.next++
	r := c.s.record(c.s.items[c.next-1])
	return r[:r.size()], nil
}

// Package sorting sorts rows by key in bounded memory: what does not fit goes to the disk as sorted runs, files whose names are
// removed before rows are in them, and whose rows are sealed under a key that ends with the process. Replay sorts changes with it, of which the
// newest of a key counts, and the producer the rows of a table that the engine does not order.
package sorting

import (
	"bytes"
	"cmp"
	"crypto/cipher"
	"fmt"
	"slices"

	"rewind/disk"
)

const (
	chunkBytes = 1 << 20 // at most; a small budget has smaller chunks
	minChunk   = 4 << 10
	itemBytes  = 24 // of one item below
	maxRuns    = 64 // of one level: so many are merged into one of the next
)

// DefaultMemoryBytes is what a sorter uses where nothing else is said.
const DefaultMemoryBytes = 64 << 20

// Options of a Sorter. FS and Dir must be given.
type Options struct {
	FS          disk.FS
	Dir         string // where runs go; made when it is needed
	MemoryBytes int    // for rows; 0: DefaultMemoryBytes
	SpareBytes  int64  // of disk that stay free beside a run
	KeepAll     bool   // every row, by key and image; false: of the rows of one key, the one with the highest order alone
}

// Sorter sorts rows by key. Not for concurrent use.
type Sorter struct {
	o       Options
	budget  int
	chunk   int      // bytes of one chunk
	chunks  [][]byte // the last one is being filled
	spare   [][]byte // chunks to use again
	items   []item
	used    int // bytes of all chunks
	runs    []*run
	numbers uint32      // of runs that were ever written
	seal    cipher.AEAD // of what is on the disk; nil before the first run
	spilled int64       // bytes of all runs that were ever written
	sorted  bool
}

// item refers to a record in a chunk, with what most comparisons need beside it.
type item struct {
	prefix uint64 // the key's first 8 bytes, big-endian
	order  uint64
	chunk  uint32
	at     uint32
}

// New makes a sorter; it touches no disk until the memory is full.
func New(o Options) *Sorter {
	if o.MemoryBytes == 0 {
		o.MemoryBytes = DefaultMemoryBytes
	}
	chunk := min(max(o.MemoryBytes/8, minChunk), chunkBytes)
	return &Sorter{o: o, budget: max(o.MemoryBytes, 2*chunk), chunk: chunk}
}

// Add takes one row, whose bytes are copied. Order decides which row of a key is the newest: of one key no two are alike. The tag
// goes along.
func (s *Sorter) Add(key []byte, order uint64, tag uint32, image []byte) error {
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
	Record(b[at:]).put(key, order, tag, image)
	s.items = append(s.items, item{prefix: prefixOf(key), order: order, chunk: uint32(len(s.chunks) - 1), at: uint32(at)})
	return nil
}

// Spilled says how many bytes were written to the disk so far.
func (s *Sorter) Spilled() int64 { return s.spilled }

// room gives a chunk with at least size bytes left.
func (s *Sorter) room(size int) *[]byte {
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

func (s *Sorter) record(i item) Record { return Record(s.chunks[i.chunk][i.at:]) }

// compare orders records of which the prefixes are equal: by key, then by what decides among the rows of one.
func (s *Sorter) compare(a, b Record) int {
	if c := bytes.Compare(a.Key(), b.Key()); c != 0 {
		return c
	}
	if s.o.KeepAll {
		if c := bytes.Compare(a.Image(), b.Image()); c != 0 {
			return c
		}
	}
	return cmp.Compare(b.Order(), a.Order())
}

// sort brings the items in memory into order, and drops what does not survive.
func (s *Sorter) sort() {
	slices.SortFunc(s.items, func(a, b item) int {
		if a.prefix != b.prefix {
			return cmp.Compare(a.prefix, b.prefix)
		}
		return s.compare(s.record(a), s.record(b))
	})
	if s.o.KeepAll {
		return
	}
	s.items = slices.CompactFunc(s.items, func(a, b item) bool {
		return a.prefix == b.prefix && bytes.Equal(s.record(a).Key(), s.record(b).Key())
	})
}

// spill writes the items in memory as a run.
func (s *Sorter) spill() error {
	s.sort()
	r, err := s.writeRun(s.memory(), int64(s.used), 0)
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
	return s.mergeFull()
}

// mergeFull makes one run of the next level of as many as one level holds, so that their number, and the memory to read them,
// stays small, and no row is written more often than there are levels. The runs' levels fall from the first to the last.
func (s *Sorter) mergeFull() error {
	for {
		first := len(s.runs) - 1
		for first > 0 && s.runs[first-1].level == s.runs[first].level {
			first--
		}
		full := s.runs[first:]
		if len(full) < maxRuns {
			return nil
		}
		cursors, size := make([]cursor, len(full)), int64(0)
		for i, r := range full {
			cursors[i] = r.read()
			size += r.size
		}
		m, err := s.newMerge(cursors)
		if err != nil {
			return err
		}
		merged, err := s.writeRun(m, size, full[0].level+1)
		if err != nil {
			return err
		}
		err = closeRuns(full)
		if s.runs = append(s.runs[:first], merged); err != nil {
			return err
		}
	}
}

// Merge gives the survivors of everything that was added, in order. It may be called again; nothing may be added any more.
func (s *Sorter) Merge() (*Merged, error) {
	if !s.sorted {
		s.sort()
		s.sorted = true
	}
	cursors := []cursor{s.memory()}
	for _, r := range s.runs {
		cursors = append(cursors, r.read())
	}
	return s.newMerge(cursors)
}

func closeRuns(runs []*run) error {
	var first error
	for _, r := range runs {
		first = cmp.Or(first, r.close())
	}
	return first
}

// Close gives memory and disk back.
func (s *Sorter) Close() error {
	s.chunks, s.spare, s.items = nil, nil, nil
	err := closeRuns(s.runs)
	s.runs = nil
	return err
}

// memory is the cursor over sorted items.
func (s *Sorter) memory() cursor { return &memoryCursor{s: s} }

type memoryCursor struct {
	s    *Sorter
	next int
}

// Next gives the next record in memory.
func (c *memoryCursor) Next() (Record, error) {
	if c.next >= len(c.s.items) {
		return nil, nil
	}
	c.next++
	r := c.s.record(c.s.items[c.next-1])
	return r[:r.size()], nil
}

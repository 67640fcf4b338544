package sorting

import (
	"bytes"
	"errors"
	"fmt"
	"io"

	"rewind/disk"
)

// DefaultSpoolBytes is what a spool keeps in memory where nothing else is said.
const DefaultSpoolBytes = 1 << 20

// ErrSpoolFull: what is to be spooled is more than the spool may hold.
var ErrSpoolFull = errors.New("the spool is full")

// SpoolOptions of a Spool. FS and Dir must be given.
type SpoolOptions struct {
	FS          disk.FS
	Dir         string // where the file goes that holds what does not fit into memory
	MemoryBytes int    // 0: DefaultSpoolBytes
	MostBytes   int64  // of everything that is written; beyond it Write gives ErrSpoolFull
}

// Spool gives back what was written to it, in the same order. What does not fit into memory goes onto the disk as a run does: into a file
// whose name is removed before anything is in it, sealed under a key that ends with the process. Not for concurrent use.
type Spool struct {
	o      SpoolOptions
	chunks [][]byte // the last one is being filled
	memory int      // bytes in them
	size   int64
	run    *run // nil: all of it is in memory
	out    *sealWriter
}

// NewSpool makes a spool; it touches no disk until the memory is full.
func NewSpool(o SpoolOptions) *Spool {
	if o.MemoryBytes == 0 {
		o.MemoryBytes = DefaultSpoolBytes
	}
	return &Spool{o: o}
}

const (
	firstSpoolChunk = 4 << 10
	spoolChunk      = 128 << 10
)

// Write takes bytes, which are copied.
func (s *Spool) Write(p []byte) (int, error) {
	if s.size+int64(len(p)) > s.o.MostBytes {
		return 0, ErrSpoolFull
	}
	s.size += int64(len(p))
	if s.run == nil && s.memory+len(p) <= s.o.MemoryBytes {
		s.keep(p)
		return len(p), nil
	}
	if s.run == nil {
		if err := s.begin(); err != nil {
			return 0, fmt.Errorf("spool in %s: %w", s.o.Dir, err)
		}
	}
	if _, err := s.out.Write(p); err != nil {
		return 0, fmt.Errorf("spool in %s: %w", s.o.Dir, err)
	}
	return len(p), nil
}

// keep puts bytes into memory. A chunk is never moved: the next one is larger instead.
func (s *Spool) keep(p []byte) {
	n := len(s.chunks)
	if n == 0 || cap(s.chunks[n-1])-len(s.chunks[n-1]) < len(p) {
		s.chunks = append(s.chunks, make([]byte, 0, max(len(p), firstSpoolChunk, min(s.memory, spoolChunk))))
		n++
	}
	s.chunks[n-1] = append(s.chunks[n-1], p...)
	s.memory += len(p)
}

// begin makes the file.
func (s *Spool) begin() error {
	seal, err := newSeal()
	if err != nil {
		return err
	}
	file, err := nameless(s.o.FS, s.o.Dir)
	if err != nil {
		return err
	}
	s.run = &run{file: file, seal: seal, number: 1}
	s.out = &sealWriter{run: s.run}
	return nil
}

// Spilled says how many bytes are on the disk.
func (s *Spool) Spilled() int64 {
	if s.run == nil {
		return 0
	}
	return s.run.size
}

// Read gives everything that was written, from the first byte on. Nothing may be written any more.
func (s *Spool) Read() (io.Reader, error) {
	parts := make([]io.Reader, 0, len(s.chunks)+1)
	for _, c := range s.chunks {
		parts = append(parts, bytes.NewReader(c))
	}
	if s.run != nil {
		if err := s.out.flush(); err != nil {
			return nil, fmt.Errorf("spool in %s: %w", s.o.Dir, err)
		}
		parts = append(parts, &sealReader{run: s.run})
	}
	return io.MultiReader(parts...), nil
}

// Close gives memory and disk back.
func (s *Spool) Close() error {
	s.chunks = nil
	if s.run == nil {
		return nil
	}
	err := s.run.close()
	s.run, s.out = nil, nil
	return err
}

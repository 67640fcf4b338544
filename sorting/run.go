package sorting

import (
	"bufio"
	"crypto/cipher"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"rewind/disk"
)

// run is a file of sorted records. Its name is removed, durably, before the first of them is written: neither a killed process nor
// a power loss leaves rows behind.
type run struct {
	file   disk.File
	seal   cipher.AEAD
	number uint32 // no two runs of a sorter have the same
	size   int64
	blocks int64
	level  int // how often its rows were merged
}

const (
	runPrefix    = "run-"
	runReadBytes = 4 << 10 // beside the block that is open
)

// SpaceError: the disk has no room for rows that do not fit into memory.
type SpaceError struct {
	Dir        string
	Need, Free int64
}

// Error says how much is needed where.
func (e *SpaceError) Error() string {
	return fmt.Sprintf("%s: sorting needs about %d MiB more, %d MiB are free", e.Dir, e.Need>>20, e.Free>>20)
}

// ExitCode is "refused by a guard".
func (e *SpaceError) ExitCode() int { return 6 }

// Hint says what to do.
func (e *SpaceError) Hint() string {
	return "make room: rows that do not fit into memory are sorted on the disk, which takes once their size and a little more, and is given back"
}

// writeRun writes the records of a cursor, of about so many bytes, as a run.
func (s *Sorter) writeRun(from cursor, size int64, level int) (*run, error) {
	if err := s.o.FS.MkdirAll(s.o.Dir, 0o700); err != nil {
		return nil, err
	}
	free, err := s.o.FS.Free(s.o.Dir)
	if err != nil {
		return nil, err
	}
	if s.seal == nil {
		if s.seal, err = newSeal(); err != nil {
			return nil, err
		}
	}
	if need := size + s.o.SpareBytes; free < need {
		return nil, &SpaceError{Dir: s.o.Dir, Need: need, Free: free}
	}
	file, err := nameless(s.o.FS, s.o.Dir)
	if err != nil {
		return nil, err
	}
	s.numbers++
	r := &run{file: file, seal: s.seal, number: s.numbers, level: level}
	err = r.fill(from)
	if s.spilled += r.size; err != nil {
		return nil, errors.Join(fmt.Errorf("sorting in %s: %w", s.o.Dir, err), file.Close())
	}
	return r, nil
}

// nameless makes a file in the folder and removes its name, durably.
func nameless(fsys disk.FS, dir string) (disk.File, error) {
	name := filepath.Join(dir, runPrefix+rand.Text())
	file, err := fsys.OpenFile(name, os.O_CREATE|os.O_EXCL|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	err = fsys.Remove(name)
	if err == nil { // else the name, and rows under it, could be back after a power loss
		err = fsys.SyncDir(dir)
	}
	if err != nil {
		return nil, errors.Join(err, file.Close())
	}
	return file, nil
}

// RemoveLeftovers removes the empty files of processes that were killed just after they had made them. Nobody else may sort in the
// folder meanwhile.
func RemoveLeftovers(fsys disk.FS, dir string) error {
	entries, err := fsys.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if !strings.HasPrefix(e.Name(), runPrefix) {
			continue
		}
		if err := fsys.Remove(filepath.Join(dir, e.Name())); err != nil {
			return err
		}
	}
	return nil
}

func (r *run) fill(from cursor) error {
	w := &sealWriter{run: r}
	for {
		rec, err := from.Next()
		if err != nil {
			return err
		}
		if rec == nil {
			return w.flush()
		}
		if _, err := w.Write(rec); err != nil {
			return err
		}
	}
}

func (r *run) close() error { return r.file.Close() }

// read gives a cursor over the run's records, from the first.
func (r *run) read() cursor {
	return &runCursor{from: bufio.NewReaderSize(&sealReader{run: r}, runReadBytes)}
}

type runCursor struct {
	from *bufio.Reader
	rec  Record
}

// Next reads the next record.
func (c *runCursor) Next() (Record, error) {
	head, err := c.from.Peek(recordHeader)
	if err == io.EOF && len(head) == 0 {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("sorted run: %w", err)
	}
	size := Record(head).size()
	if size > maxRowBytes {
		return nil, fmt.Errorf("sorted run: a record of %d bytes", size)
	}
	if cap(c.rec) < size {
		c.rec = make(Record, size, size+size/2)
	}
	c.rec = c.rec[:size]
	if _, err := io.ReadFull(c.from, c.rec); err != nil {
		return nil, fmt.Errorf("sorted run: %w", err)
	}
	return c.rec, nil
}

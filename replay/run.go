package replay

import (
	"bufio"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"rewind/disk"
)

// run is a file of sorted records. Its name is removed as soon as it is open: a killed process leaves nothing behind.
type run struct {
	file disk.File
	size int64
}

const (
	runWriteBytes = 256 << 10
	runReadBytes  = 64 << 10
)

// writeRun writes the records of a cursor as a run.
func (s *sorter) writeRun(from cursor) (*run, error) {
	if err := s.fs.MkdirAll(s.dir, 0o700); err != nil {
		return nil, err
	}
	name := filepath.Join(s.dir, "run-"+rand.Text())
	file, err := s.fs.OpenFile(name, os.O_CREATE|os.O_EXCL|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	if err := s.fs.Remove(name); err != nil {
		return nil, errors.Join(err, file.Close())
	}
	r := &run{file: file}
	if err := r.fill(from); err != nil {
		return nil, errors.Join(fmt.Errorf("sorting in %s: %w", s.dir, err), file.Close())
	}
	return r, nil
}

func (r *run) fill(from cursor) error {
	w := bufio.NewWriterSize(r.file, runWriteBytes)
	for {
		rec, err := from.step()
		if err != nil {
			return err
		}
		if rec == nil {
			return w.Flush()
		}
		if _, err := w.Write(rec); err != nil {
			return err
		}
		r.size += int64(len(rec))
	}
}

func (r *run) close() error { return r.file.Close() }

// read gives a cursor over the run's records, from the first.
func (r *run) read() cursor {
	return &runCursor{from: bufio.NewReaderSize(io.NewSectionReader(r.file, 0, r.size), runReadBytes)}
}

type runCursor struct {
	from *bufio.Reader
	rec  record
}

func (c *runCursor) step() (record, error) {
	head, err := c.from.Peek(recordHeader)
	if err == io.EOF && len(head) == 0 {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("sorted run: %w", err)
	}
	size := record(head).size()
	if size > maxRowBytes {
		return nil, fmt.Errorf("sorted run: a record of %d bytes", size)
	}
	if cap(c.rec) < size {
		c.rec = make(record, size, size+size/2)
	}
	c.rec = c.rec[:size]
	if _, err := io.ReadFull(c.from, c.rec); err != nil {
		return nil, fmt.Errorf("sorted run: %w", err)
	}
	return c.rec, nil
}

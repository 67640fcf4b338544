package journal

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"rewind/disk"
)

// opened is a segment that is being read: its plaintext, whatever the file holds. This is the one place that knows the
// difference.
type opened struct {
	segment     // as it was found: another process may have encrypted it since it was listed
	io.ReaderAt // of the plaintext
	size        int64
	file        disk.File
}

// Close closes the file.
func (o *opened) Close() error { return o.file.Close() }

// openSegment opens a segment for reading and says how long it is now. An error that is fs.ErrNotExist: it is not there.
func (o *Options) openSegment(s segment) (*opened, error) {
	f, err := o.FS.OpenFile(s.path, os.O_RDONLY, 0)
	if errors.Is(err, fs.ErrNotExist) && !s.encrypted() {
		gone := err
		s.path += ageExtension
		if f, err = o.FS.OpenFile(s.path, os.O_RDONLY, 0); errors.Is(err, fs.ErrNotExist) {
			err = gone
		}
	}
	if err != nil {
		return nil, err
	}
	stat, err := f.Stat()
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	found := &opened{segment: s, ReaderAt: f, size: stat.Size(), file: f}
	if !s.encrypted() {
		return found, nil
	}
	if found.ReaderAt, found.size, err = o.Keys.Open(s.path, f, stat.Size()); err != nil {
		return nil, errors.Join(corrupt(s.path, 0, err), f.Close())
	}
	return found, nil
}

// list lists the segments for a reader beside a writer. While a file is renamed, a listing may miss it under both names, but
// not two listings in a row: what either shows is there.
//
// What lies before a cut is not listed, whether it is there or not. A cut that comes while the files are listed makes them be listed anew.
func (o *Options) list(dir string) (segments []segment, cut *partitionCut, err error) {
	for {
		if cut, err = o.cut(dir); err != nil {
			return nil, nil, err
		}
		if segments, err = o.listAll(dir); err != nil {
			return segments, cut, err
		}
		behind, err := o.cut(dir)
		if err != nil {
			return nil, nil, err
		}
		if cut.same(behind) {
			segments, err = cut.kept(segments)
			return segments, cut, err
		}
	}
}

func (o *Options) listAll(dir string) ([]segment, error) {
	segments, err := listSegments(o.FS, dir)
	if err != nil || o.Keys == nil {
		return segments, err
	}
	again, err := listSegments(o.FS, dir)
	if err != nil {
		return nil, fmt.Errorf("list the journal again: %w", err)
	}
	return merged(segments, again), nil
}

// merged unites two listings; of a segment in both the later one counts.
func merged(a, b []segment) (all []segment) {
	for len(a) > 0 || len(b) > 0 {
		switch {
		case len(b) == 0 || len(a) > 0 && a[0].base < b[0].base:
			all, a = append(all, a[0]), a[1:]
		case len(a) == 0 || b[0].base < a[0].base:
			all, b = append(all, b[0]), b[1:]
		default:
			all, a, b = append(all, b[0]), a[1:], b[1:]
		}
	}
	return all
}

// sum is the SHA-256 of the plaintext.
func (o *opened) sum() (sum [sha256.Size]byte, err error) {
	h := sha256.New()
	if _, err := io.Copy(h, io.NewSectionReader(o, 0, o.size)); err != nil {
		return sum, corrupt(o.path, 0, err)
	}
	h.Sum(sum[:0])
	return sum, nil
}

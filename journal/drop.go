package journal

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"
	"strconv"
	"time"

	"rewind/disk"
)

// DropCut removes from a partition's folder what lies before the cut, oldest first: the segments, and whatever stands beside them under their
// names. It needs no lock: nothing of that is read or written by anybody who knows the record. What a crash leaves of it is not seen, and
// removed by the next call; Open makes one. It says how many files were there.
func DropCut(dir string, o Options) (files int, err error) {
	if o.FS == nil {
		o.FS = disk.OS
	}
	cut, err := o.cut(dir)
	if err != nil || cut == nil {
		return 0, err
	}
	names, err := o.FS.ReadDir(dir) // sorted, and so are offsets in names of one length
	if errors.Is(err, fs.ErrNotExist) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	for _, n := range names {
		if n.IsDir() || !cut.covers(n.Name()) {
			continue
		}
		if err := o.FS.Remove(filepath.Join(dir, n.Name())); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return files, fmt.Errorf("drop a segment: %w", err)
		}
		files++
	}
	if files == 0 {
		return 0, nil
	}
	return files, o.FS.SyncDir(dir)
}

// Lock takes the lock of who writes to the partition in dir (*disk.LockedError if another has it), and makes the folder where it is missing.
func Lock(fsys disk.FS, dir string) (io.Closer, error) {
	if err := disk.MakeDirs(fsys, dir, folderMode); err != nil {
		return nil, err
	}
	return fsys.Lock(filepath.Join(dir, lockName))
}

// covers says whether a file belongs to a segment that was dropped.
func (p *partitionCut) covers(name string) bool {
	if len(name) <= nameDigits || name[nameDigits] != '.' {
		return false
	}
	base, err := strconv.ParseInt(name[:nameDigits], 10, 64)
	return err == nil && base >= 0 && (p.whole && p.number < len(p.of.Partitions) || base < p.First)
}

// refuseDropped refuses a journal of a stream of which nothing is left: what was appended would not be seen.
func (o *Options) refuseDropped(dir string) error {
	cut, err := o.cut(dir)
	if err != nil || cut == nil || !cut.whole {
		return err
	}
	return &CutError{Path: cut.path, Reason: fmt.Sprintf("this stream was dropped as a whole by retention on %s, and something is to be written to it", cut.of.At.UTC().Format(time.RFC3339)),
		hint: fmt.Sprintf("is it the right topic? If the table is to go on in it: move the folder %s aside, and `rewind consume TABLE --refetch` reads again what the topic still has; nothing was changed", filepath.Dir(cut.path))}
}

// reached refuses a journal that ends before the cut: the Commit that it was made at was not on the medium, or something was taken away since.
func (p *partitionCut) reached(ends scanned) error {
	if p == nil || ends.blocks > 0 && ends.last.Offset >= p.Commit {
		return nil
	}
	return &CutError{Path: p.path, Reason: fmt.Sprintf("the journal of partition %d ends before offset %d, the Commit of the restore point that it begins with since %s",
		p.number, p.Commit, p.of.At.UTC().Format(time.RFC3339))}
}

// DroppedError: what was to be read was dropped by retention meanwhile.
type DroppedError struct {
	Segment string // path
	Cut     *CutRecord
}

// Error names the segment.
func (e *DroppedError) Error() string {
	return fmt.Sprintf("what lies before segment %s, or that itself, was dropped by retention on %s", e.Segment, e.Cut.At.UTC().Format("2006-01-02T15:04:05.000000Z"))
}

// ExitCode is that of "nothing there".
func (e *DroppedError) ExitCode() int { return 4 }

// Hint says what to do.
func (e *DroppedError) Hint() string {
	return "the oldest restore point is " + strconv.FormatInt(e.Cut.Snapshot, 10) + " now: run it again"
}

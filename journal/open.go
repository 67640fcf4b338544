package journal

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"rewind/disk"
	"rewind/ocf"
)

// Open opens the journal in dir for appending, making the folder where it is missing. It takes the folder's lock
// (*disk.LockedError if another process has it), checks every segment's header and all of the active segment, and cuts a
// torn tail: copied aside, logged and listed in Recovered.
func Open(dir string, o Options) (*Journal, error) {
	if err := o.applyDefaults(); err != nil {
		return nil, err
	}
	if o.Stream == "" {
		return nil, errors.New("journal: Options.Stream is not set")
	}
	if err := disk.MakeDirs(o.FS, dir, folderMode); err != nil {
		return nil, fmt.Errorf("open the journal: %w", err)
	}
	lock, err := o.FS.Lock(filepath.Join(dir, lockName))
	if err != nil {
		return nil, fmt.Errorf("open the journal: %w", err)
	}
	j := &Journal{dir: dir, options: o, lock: lock, splitters: splitters{make: o.Splitter}}
	if err := j.load(); err != nil {
		return nil, errors.Join(err, j.Close())
	}
	if err := j.openHead(); err != nil {
		return nil, errors.Join(err, j.Close())
	}
	return j, nil
}

// load brings the journal to where the files end.
func (j *Journal) load() error {
	segments, err := listSegments(j.options.FS, j.dir)
	if err != nil {
		return fmt.Errorf("open the journal: %w", err)
	}
	for i, s := range segments {
		if _, _, err := j.options.readInfo(s, i == len(segments)-1); err != nil {
			return err
		}
	}
	if len(segments) == 0 {
		return nil
	}
	last := segments[len(segments)-1]
	found, err := j.scan(last)
	if err != nil {
		return err
	}
	if found.blocks > 0 {
		return j.resume(last, found)
	}
	return j.dropUnbegun(segments, found)
}

// dropUnbegun removes a last segment that holds no whole block: its first batch was never acknowledged. The segment before it
// was sealed, so it may not be torn, and is active again.
func (j *Journal) dropUnbegun(segments []segment, found scanned) error {
	last, rest := segments[len(segments)-1], segments[:len(segments)-1]
	if len(rest) == 0 {
		return j.remove(last, found)
	}
	before := rest[len(rest)-1]
	sealed, err := j.scan(before)
	if err != nil {
		return err
	}
	if sealed.torn || sealed.blocks == 0 {
		return &CorruptionError{Segment: before.path, Offset: sealed.end, Err: errors.New("a sealed segment does not end with a whole block")}
	}
	if err := j.remove(last, found); err != nil {
		return err
	}
	return j.resume(before, sealed)
}

// scanned is what was found in a segment.
type scanned struct {
	header    ocf.Header
	size      int64 // of the file
	end       int64 // of its valid part
	torn      bool
	blocks    int
	lastBlock int64 // where the last whole block begins
	last      Entry
}

// scan reads a whole segment and checks every entry.
func (j *Journal) scan(s segment) (found scanned, err error) {
	f, size, err := j.options.openSegment(s)
	if err != nil {
		return scanned{}, fmt.Errorf("open segment %s: %w", s.path, err)
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	found.size = size
	var w *walk
	found.header, found.end, found.torn, err = ocf.RecoverEach(f, size, func(h *ocf.Header, b ocf.Block) error {
		if w == nil {
			length, err := j.splitters.get(h.Schema)
			if err != nil {
				return err
			}
			w = newWalk(s.base, length)
		}
		positions, err := w.block(b.Count, b.Records)
		if err != nil {
			return err
		}
		found.blocks++
		found.lastBlock = b.Offset
		found.setLast(h.Schema, b.Records, positions)
		return nil
	})
	if err != nil {
		return scanned{}, corrupt(s.path, found.end, err)
	}
	return found, nil
}

// setLast keeps the last entry of a block.
func (f *scanned) setLast(schema string, records []byte, positions []position) {
	start := 0
	if n := len(positions); n > 1 {
		start = positions[n-2].end
	}
	f.last.Record = append(f.last.Record[:0], records[start:]...)
	f.last.Offset, f.last.Schema = positions[len(positions)-1].offset, schema
}

// resume makes a segment the active one: cuts its torn tail, makes what it holds durable and takes it into the hash.
func (j *Journal) resume(s segment, found scanned) error {
	if found.torn {
		if err := j.cut(s, found); err != nil {
			return err
		}
	}
	f, err := j.options.FS.OpenFile(s.path, os.O_RDWR, 0)
	if err != nil {
		return fmt.Errorf("open segment %s: %w", s.path, err)
	}
	a := &active{segment: s, schema: found.header.Schema, file: f, hash: sha256.New(), bytes: found.end}
	j.active = a // from here on Close closes it
	info, err := j.options.parseHeader(s, found.header)
	if err != nil {
		return err
	}
	a.previous = info.Previous
	if a.out, err = ocf.ContinueWriter(a, found.header); err != nil {
		return fmt.Errorf("open segment %s: %w", s.path, err)
	}
	if _, err := io.Copy(a.hash, io.NewSectionReader(f, 0, found.end)); err != nil {
		return fmt.Errorf("read segment %s: %w", s.path, err)
	}
	if err := j.settle(a, found); err != nil {
		return fmt.Errorf("make segment %s durable: %w", s.path, err)
	}
	j.setLast(found.last)
	return nil
}

// settle makes durable what the scan found. The process before us may have been killed between write and fsync; or its fsync
// failed, and then Linux shows bytes that never reached the medium and an fsync alone succeeds without writing them. So the
// last block, the only one that no fsync has acknowledged, is written again in its place before it is relied on; with the
// header, if it is the only one.
func (j *Journal) settle(a *active, found scanned) error {
	from := found.lastBlock
	if found.blocks == 1 {
		from = 0
	}
	again := make([]byte, found.end-from)
	if _, err := io.ReadFull(io.NewSectionReader(a.file, from, int64(len(again))), again); err != nil {
		return err
	}
	if _, err := a.file.Seek(from, io.SeekStart); err != nil {
		return err
	}
	if _, err := io.Copy(a.file, bytes.NewReader(again)); err != nil { // leaves the position at the end
		return err
	}
	return errors.Join(a.file.Sync(), j.options.FS.SyncDir(j.dir))
}

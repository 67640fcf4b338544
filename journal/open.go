package journal

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"rewind/crypt"
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
	err = j.options.refuseDropped(dir)
	if err == nil {
		err = j.openHead()
	}
	if err == nil {
		err = j.load()
	}
	if err != nil {
		return nil, errors.Join(err, j.Close())
	}
	return j, nil
}

// load brings the journal to where the files end.
func (j *Journal) load() error {
	segments, cut, err := j.options.list(j.dir)
	if err != nil {
		return fmt.Errorf("open the journal: %w", err)
	}
	sums, err := j.readHeaders(segments, cut)
	if errors.As(err, new(*DroppedError)) {
		return j.load() // retention came meanwhile
	}
	if err != nil {
		return err
	}
	if len(segments) == 0 {
		return j.dropLeft()
	}
	if err := j.goOn(segments, cut); err != nil {
		return err
	}
	j.noteUnsealed(segments, sums)
	return nil
}

// goOn finds where the journal ends and makes that segment the active one. A last segment that holds no whole block is removed: its first batch
// was never acknowledged. The segment before it was sealed, so it may not be torn, and is active again.
func (j *Journal) goOn(segments []segment, cut *partitionCut) error {
	last := segments[len(segments)-1]
	found, err := j.scan(last, last.sealed(true))
	if err != nil {
		return err
	}
	ends, begun := found, segments
	if found.blocks == 0 {
		ends, begun = scanned{}, segments[:len(segments)-1]
	}
	if found.blocks == 0 && len(begun) > 0 {
		if ends, err = j.scan(begun[len(begun)-1], true); err != nil {
			return err
		}
	}
	if err := cut.reached(ends); err != nil {
		return err
	}
	if err := j.dropLeft(); err != nil {
		return err
	}
	if found.blocks == 0 {
		if err := j.remove(last, found); err != nil {
			return err
		}
	}
	if len(begun) == 0 {
		return nil
	}
	return j.resume(begun[len(begun)-1], ends)
}

// dropLeft removes what a crash left of what was dropped, or of a file that was being written.
func (j *Journal) dropLeft() error {
	_, err := DropCut(j.dir, j.options)
	if err == nil {
		err = j.options.dropUnfinished(j.dir)
	}
	if err != nil {
		return fmt.Errorf("open the journal: %w", err)
	}
	return nil
}

// readHeaders checks every segment's header, and gives what each says of the one before it: by base, the SHA-256 of that
// one's plaintext. Who can only encrypt does not see the headers of what is encrypted already.
func (j *Journal) readHeaders(segments []segment, cut *partitionCut) (map[int64][sha256.Size]byte, error) {
	sums := map[int64][sha256.Size]byte{}
	for i, s := range segments {
		isLast := i == len(segments)-1
		info, headless, err := j.options.readInfo(s, isLast)
		var key *crypt.KeyError
		if errors.As(err, &key) && !isLast && j.options.Keys.WriteOnly() {
			continue
		}
		if err == nil && !headless {
			err = cut.hold(&info)
		}
		if err == nil && !headless && i == 0 && cut == nil {
			_, err = j.options.holdFirst(j.dir, &info)
		}
		if err != nil {
			return nil, j.options.dropped(j.dir, s, err)
		}
		if i > 0 && !headless {
			sums[segments[i-1].base] = info.Previous
		}
	}
	return sums, nil
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

// scan reads a whole segment and checks every entry. One that is sealed ends with a whole block.
func (j *Journal) scan(s segment, sealed bool) (found scanned, err error) {
	f, err := j.options.openSegment(s)
	if err != nil {
		return scanned{}, corrupt(s.path, 0, err)
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	found.size = f.size
	var w *walk
	found.header, found.end, found.torn, err = ocf.RecoverEach(f, f.size, func(h *ocf.Header, b ocf.Block) error {
		if w == nil {
			length, err := j.splitters.get(h.Schema)
			if err != nil {
				return err
			}
			w = newWalk(s.base, cutter(length))
		}
		cuts, err := w.block(b.Count, b.Records)
		if err != nil {
			return err
		}
		found.blocks++
		found.lastBlock = b.Offset
		found.setLast(h.Schema, b.Records, cuts)
		return nil
	})
	if err != nil {
		return scanned{}, corrupt(s.path, found.end, err)
	}
	if sealed && (found.torn || found.blocks == 0) {
		return scanned{}, &CorruptionError{Segment: s.path, Offset: found.end, Err: errors.New("a sealed segment does not end with a whole block")}
	}
	return found, nil
}

// setLast keeps the last entry of a block.
func (f *scanned) setLast(schema string, records []byte, cuts []Cut) {
	start := 0
	if n := len(cuts); n > 1 {
		start = cuts[n-2].End
	}
	f.last.Record = append(f.last.Record[:0], records[start:]...)
	f.last.Offset, f.last.Schema = cuts[len(cuts)-1].Offset, schema
}

// resume makes a segment the active one: cuts its torn tail, makes what it holds durable and takes it into the hash.
func (j *Journal) resume(s segment, found scanned) error {
	if s.sealed(true) {
		return j.resumeSealed(s, found)
	}
	if found.torn {
		if err := j.cut(s, found); err != nil {
			return err
		}
	}
	f, err := j.options.FS.OpenFile(s.path, os.O_RDWR, 0)
	if err != nil {
		return fmt.Errorf("open segment %s: %w", s.path, err)
	}
	a := &active{segment: s, schema: found.header.Schema, file: f, hash: sha256.New(), bytes: found.end, begun: begunAt(found.header)}
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

// resumeSealed goes on behind a segment that nothing is appended to.
func (j *Journal) resumeSealed(s segment, found scanned) error {
	info, err := j.options.parseHeader(s, found.header)
	if err != nil {
		return err
	}
	f, err := j.options.openSegment(s)
	if err != nil {
		return corrupt(s.path, 0, err)
	}
	defer f.Close() //nolint:errcheck // only read
	a := &active{segment: s, schema: info.Schema, hash: sha256.New(), bytes: f.size, previous: info.Previous}
	if _, err := io.Copy(a.hash, io.NewSectionReader(f, 0, f.size)); err != nil {
		return corrupt(s.path, 0, err)
	}
	j.active = a
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

package journal

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"rewind/disk"
	"rewind/ocf"
)

// active is the last segment, which is appended to unless it was found sealed.
type active struct {
	segment
	schema   string
	file     disk.File   // nil: it is sealed, and the next Append begins another
	out      *ocf.Writer // writes through the active's Write
	hash     hash.Hash   // SHA-256 of the file so far, for the header of the next segment
	bytes    int64
	begun    time.Time         // zero where nobody noted it
	previous [sha256.Size]byte // of the segment before
}

// Write writes to the file and takes what was written into the hash and the length.
func (a *active) Write(p []byte) (int, error) {
	n, err := a.file.Write(p)
	a.hash.Write(p[:n])
	a.bytes += int64(n)
	return n, err
}

func (a *active) close() error {
	if a.file == nil {
		return nil
	}
	return a.file.Close()
}

// Append appends entries, whose offsets must ascend beyond NextOffset()-1, and returns nil when they are durable. A batch is
// checked whole before any of it is written. It becomes one block with one write and one fsync; a batch above 48 MiB, or
// one that goes beyond its segment, becomes several, each durable before the next is written. After an error of the file
// system every further Append returns ErrFailed. An error of signing comes behind entries that are durable; the next Append
// or Sign tries again.
func (j *Journal) Append(entries []Entry) error {
	if j.failed != nil {
		return fmt.Errorf("%w: %w", ErrFailed, j.failed)
	}
	if err := j.check(entries); err != nil {
		return err
	}
	for len(entries) > 0 {
		n, err := j.appendBlock(entries)
		if err != nil {
			j.failed = err
			return err
		}
		entries = entries[n:]
	}
	return j.signAppended()
}

// check refuses what could not be read back.
func (j *Journal) check(entries []Entry) error {
	next := j.next
	for i := range entries {
		e := &entries[i]
		if e.Offset < next {
			return fmt.Errorf("journal: entry %d has offset %d, not %d or higher", i, e.Offset, next)
		}
		if err := j.checkRecord(e); err != nil {
			return fmt.Errorf("journal: entry at offset %d: %w", e.Offset, err)
		}
		next = e.Offset + 1
	}
	return nil
}

func (j *Journal) checkRecord(e *Entry) error {
	if len(e.Record) > MaxRecord {
		return fmt.Errorf("its record has %d bytes, at most %d", len(e.Record), MaxRecord)
	}
	if offset, err := recordOffset(e.Record); err != nil || offset != e.Offset {
		return errors.New("its record does not begin with that offset")
	}
	schema := e.Schema
	if schema == "" { // its bytes are the same under every schema
		schema = j.options.Schema
	}
	length, err := j.splitters.get(schema)
	if err != nil {
		return err
	}
	n, err := length(e.Record)
	if err != nil {
		return fmt.Errorf("its record is not of its schema: %w", err)
	}
	if n != len(e.Record) {
		return fmt.Errorf("its record has %d bytes, of which its schema uses %d", len(e.Record), n)
	}
	return nil
}

// appendBlock writes the first entries as one block and makes it durable. It returns how many.
func (j *Journal) appendBlock(entries []Entry) (int, error) {
	begun := false
	if j.mustRoll(&entries[0]) {
		if err := j.roll(entries); err != nil {
			return 0, err
		}
		begun = true
	}
	n := j.fill(entries)
	if err := j.active.out.WriteBlock(n, j.block); err != nil {
		return 0, fmt.Errorf("append to %s: %w", j.active.path, err)
	}
	if err := j.active.file.Sync(); err != nil {
		return 0, fmt.Errorf("append to %s: %w", j.active.path, err)
	}
	if begun {
		if err := j.options.FS.SyncDir(j.dir); err != nil {
			return 0, fmt.Errorf("begin segment %s: %w", j.active.path, err)
		}
	}
	j.setLast(entries[n-1])
	j.last.Schema = j.active.schema
	return n, nil
}

func (j *Journal) mustRoll(e *Entry) bool {
	return j.active == nil || j.active.file == nil || j.active.bytes > j.options.SegmentBytes || e.Schema != "" && e.Schema != j.active.schema || j.tooOld()
}

// tooOld says whether the active segment has been in clear for long enough.
func (j *Journal) tooOld() bool {
	return j.options.sealsByAge() && j.options.Now().Sub(j.active.begun) >= j.options.SegmentAge
}

// fill gathers the entries that go into the active segment's next block.
func (j *Journal) fill(entries []Entry) (n int) {
	j.block = j.block[:0]
	for i := range entries {
		e := &entries[i]
		other := e.Schema != "" && e.Schema != j.active.schema
		if other || n > 0 && len(j.block)+len(e.Record) > maxBlock {
			break
		}
		j.block = append(j.block, e.Record...)
		n++
	}
	return n
}

// roll seals the active segment, which is durable as it is, and begins the one that entries go into. Its header alone is not
// synced: a crash may leave it without a whole block, and Open removes it then.
func (j *Journal) roll(entries []Entry) error {
	a := &active{
		segment: segment{path: filepath.Join(j.dir, segmentName(entries[0].Offset)), base: entries[0].Offset},
		schema:  j.options.Schema,
		hash:    sha256.New(),
		begun:   j.options.Now(),
	}
	for i := range entries {
		if entries[i].Schema != "" {
			a.schema = entries[i].Schema
			break
		}
	}
	if before := j.active; before != nil {
		before.hash.Sum(a.previous[:0])
		if err := before.close(); err != nil {
			return fmt.Errorf("seal segment %s: %w", before.path, err)
		}
		if !before.sealed(true) {
			j.toEncrypt(before.segment, a.previous)
		}
		j.active = nil
	}
	var err error
	if a.file, err = j.options.FS.OpenFile(a.path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, fileMode); err != nil {
		return fmt.Errorf("begin a segment: %w", err)
	}
	j.active = a // from here on Close closes it
	header := j.options.newHeader(a.base, a.schema, j.next-1, a.previous)
	if j.options.sealsByAge() {
		header.Meta[begunKey] = strconv.AppendInt(nil, a.begun.UnixMicro(), 10)
	}
	if a.out, err = ocf.NewWriter(a, header); err != nil {
		return fmt.Errorf("begin segment %s: %w", a.path, err)
	}
	return nil
}

package journal

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"os"
	"path/filepath"

	"rewind/disk"
	"rewind/ocf"
)

// active is the segment that is appended to.
type active struct {
	segment
	schema   string
	file     disk.File
	out      *ocf.Writer // writes through the active's Write
	hash     hash.Hash   // SHA-256 of the file so far, for the header of the next segment
	bytes    int64
	previous [sha256.Size]byte // of the segment before
}

// Write writes to the file and takes what was written into the hash and the length.
func (a *active) Write(p []byte) (int, error) {
	n, err := a.file.Write(p)
	a.hash.Write(p[:n])
	a.bytes += int64(n)
	return n, err
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
	return j.active == nil || j.active.bytes > j.options.SegmentBytes || e.Schema != "" && e.Schema != j.active.schema
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
	}
	for i := range entries {
		if entries[i].Schema != "" {
			a.schema = entries[i].Schema
			break
		}
	}
	var previous [sha256.Size]byte
	if j.active != nil {
		j.active.hash.Sum(previous[:0])
		if err := j.active.file.Close(); err != nil {
			return fmt.Errorf("seal segment %s: %w", j.active.path, err)
		}
		j.active = nil
	}
	a.previous = previous
	var err error
	if a.file, err = j.options.FS.OpenFile(a.path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, fileMode); err != nil {
		return fmt.Errorf("begin a segment: %w", err)
	}
	j.active = a // from here on Close closes it
	if a.out, err = ocf.NewWriter(a, j.options.newHeader(a.base, a.schema, j.next-1, previous)); err != nil {
		return fmt.Errorf("begin segment %s: %w", a.path, err)
	}
	return nil
}

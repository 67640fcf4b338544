package journal

import (
	"cmp"
	"crypto/sha256"
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
	j.batch.Reset()
	for i := range entries {
		j.batch.add(entries[i].Offset, entries[i].Schema, entries[i].Record, nil)
	}
	return j.AppendBatch(&j.batch)
}

// AppendBatch appends a batch as Append does, but that its records count as measured. The batch can be used again behind it.
func (j *Journal) AppendBatch(b *Batch) error {
	if j.failed != nil {
		return fmt.Errorf("%w: %w", ErrFailed, j.failed)
	}
	if len(b.runs) > 0 && b.first < j.next {
		return fmt.Errorf("journal: a batch begins at offset %d, not %d or higher", b.first, j.next)
	}
	for runs := b.runs; len(runs) > 0; {
		n, err := j.appendBlock(b, runs)
		if err != nil {
			j.failed = err
			return err
		}
		runs = runs[n:]
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
		return errOtherOffset
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

// appendBlock writes the first runs as one block and makes it durable. It returns how many.
func (j *Journal) appendBlock(b *Batch, runs []run) (int, error) {
	begun := false
	if j.mustRoll(runs[0].schema) {
		if err := j.roll(b.records[runs[0].begin:], schemaOf(runs)); err != nil {
			return 0, err
		}
		begun = true
	}
	n, count := blockOf(runs, j.active.schema)
	last := &runs[n-1]
	if err := j.writeBlock(b, n, count, b.records[runs[0].begin:last.end]); err != nil {
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
	j.setLast(Entry{Offset: last.last, Record: b.records[last.tail:last.end], Schema: j.active.schema})
	return n, nil
}

// writeBlock writes records as a block: the one that was packed ahead, if it is the whole batch.
func (j *Journal) writeBlock(b *Batch, runs, count int, records []byte) error {
	if b.ahead && runs == len(b.runs) {
		b.ahead = false
		return j.active.out.WriteAhead(&b.packed)
	}
	return j.active.out.WriteBlock(count, records)
}

func (j *Journal) mustRoll(schema string) bool {
	return j.active == nil || j.active.file == nil || j.active.bytes > j.options.SegmentBytes || schema != "" && schema != j.active.schema || j.tooOld()
}

// tooOld says whether the active segment has been in clear for long enough.
func (j *Journal) tooOld() bool {
	return j.options.sealsByAge() && j.options.Now().Sub(j.active.begun) >= j.options.SegmentAge
}

// roll seals the active segment, which is durable as it is, and begins the one that records go into, of a schema ("": of any). Its header
// alone is not synced: a crash may leave it without a whole block, and Open removes it then.
func (j *Journal) roll(records []byte, schema string) error {
	base, err := recordOffset(records)
	if err != nil {
		return err
	}
	a := &active{
		segment: segment{path: filepath.Join(j.dir, segmentName(base)), base: base},
		schema:  cmp.Or(schema, j.options.Schema),
		hash:    sha256.New(),
		begun:   j.options.Now(),
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

// Package journal keeps the entries of one topic partition in append-only segments: Avro container files, named by the
// offset of their first entry, chained by SHA-256. It knows entries, not tables: an entry is a record that begins with
// its offset, and a function of the caller says how long a record is. FORMAT.md describes the files.
//
// What it promises:
//
//   - Append returns nil: the entries are durable.
//   - Only the last block of the active segment may be torn, and only if no sync marker of the file follows it. Open
//     copies it aside and logs its place before it cuts it. Any other damage is a *CorruptionError, and nothing is changed.
//   - After a failed write or fsync the journal accepts nothing more.
package journal

import (
	"crypto/ed25519"
	"errors"
	"fmt"
	"io"
	"time"

	"rewind/crypt"
	"rewind/disk"
	"rewind/ocf"
)

// Limits of what is written and read.
const (
	MaxRecord = 48 << 20 // bytes of an entry's record
	maxBlock  = 48 << 20 // bytes of records in one block; a larger batch becomes several blocks
)

const _ = uint(ocf.MaxBlock-maxBlock) + uint(maxBlock-MaxRecord) // does not compile unless each fits the one before

const (
	defaultSegmentBytes = 256 << 20
	lockName            = "lock"
	logName             = "recovered.log"
	folderMode          = 0o700
	fileMode            = 0o600
)

// Options of a journal.
type Options struct {
	FS           disk.FS // nil: disk.OS
	SegmentBytes int64   // a segment is sealed once it is larger; 0: 256 MiB
	Stream       string  // 32 hex digits; a reader may leave it empty and takes what it finds
	Partition    int
	Schema       string      // Avro schema of a segment that holds control entries only
	Keys         *crypt.Keys // sealed segments are encrypted to them, and opened with them; nil: neither
	// SegmentAge, where sealed segments are encrypted, seals the active one at the first Append when it is so old, full or
	// not, so that little stays in clear; 0: by size alone.
	SegmentAge time.Duration
	Now        func() time.Time // nil: time.Now
	// Splitter gives a function that says how long the first record of a block is, for a segment's Avro schema.
	Splitter func(segmentSchema string) (func(block []byte) (int, error), error)
	Signing  Signing           // of the journal's head; a reader does without
	CutKey   ed25519.PublicKey // that a cut record must be signed with; nil: it need not be
}

// applyDefaults says what zero means and refuses what cannot work.
func (o *Options) applyDefaults() error {
	if o.FS == nil {
		o.FS = disk.OS
	}
	if o.SegmentBytes <= 0 {
		o.SegmentBytes = defaultSegmentBytes
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Splitter == nil {
		return errors.New("journal: Options.Splitter is not set")
	}
	if o.Partition < 0 {
		return fmt.Errorf("journal: partition %d", o.Partition)
	}
	if o.Stream != "" && !isHex(o.Stream, streamDigits) {
		return fmt.Errorf("journal: stream %.60q is not %d hex digits", o.Stream, streamDigits)
	}
	return nil
}

// Entry is one journal record.
type Entry struct {
	Offset int64
	Record []byte // Avro datum of Entry, offset included
	Schema string // the Avro schema of the segment that can hold it; "" fits every segment
}

// Journal is open for appending; it holds the folder's lock. It is for one goroutine; a Reader is independent of it.
type Journal struct {
	dir       string
	options   Options
	lock      io.Closer
	active    *active        // nil while there is no segment to append to
	unsealed  []clearSegment // sealed segments that are to be encrypted, in order
	next      int64
	last      Entry // its Record is the journal's own
	hasLast   bool
	recovered []Recovery
	failed    error
	batch     Batch // Append's
	splitters splitters

	signer     *signer // nil: nobody gave a key
	signedNext int64
}

// NextOffset is the last entry's offset + 1, 0 when the journal is empty.
func (j *Journal) NextOffset() int64 { return j.next }

// Base is the offset of the first entry of the segment that is appended to; -1 while there is none.
func (j *Journal) Base() int64 {
	if j.active == nil {
		return -1
	}
	return j.active.base
}

// Last is the last entry. Its record is valid until the next Append.
func (j *Journal) Last() (Entry, bool) { return j.last, j.hasLast }

// Recovered lists the torn tails that Open cut.
func (j *Journal) Recovered() []Recovery { return j.recovered }

// Reader reads this journal. It may show entries that an Append in progress, or one that failed, has written and not
// made durable.
func (j *Journal) Reader() *Reader { return &Reader{dir: j.dir, options: j.options} }

// Close signs what is not signed yet and releases the lock. Everything that Append acknowledged is durable already.
func (j *Journal) Close() error {
	if j.failed == nil {
		j.failed = errors.New("it is closed")
	}
	var err error
	if j.signer != nil {
		err = j.signer.close()
		j.signer = nil
	}
	if j.active != nil {
		err = errors.Join(err, j.active.close())
		j.active = nil
	}
	if j.lock != nil {
		err = errors.Join(err, j.lock.Close())
		j.lock = nil
	}
	return err
}

// setLast remembers an entry beyond its batch.
func (j *Journal) setLast(e Entry) {
	j.last = Entry{Offset: e.Offset, Record: append(j.last.Record[:0], e.Record...), Schema: e.Schema}
	j.hasLast, j.next = true, e.Offset+1
}

// isHex says whether s is n lower-case hex digits.
func isHex(s string, n int) bool {
	for _, c := range []byte(s) {
		if (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return false
		}
	}
	return len(s) == n
}

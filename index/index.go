// Package index keeps, beside a journal's segment, what a reader would otherwise read the whole segment for: its control messages and the
// runs of changes between them, and in which of its blocks the changes of a key are.
//
// An index is derived. It decides nothing about what was journaled: it is bound to the bytes of its segment and carries checksums of its own;
// one that is absent, damaged, stale or of a later version is made again or done without. It may be deleted at any time. Where files are
// encrypted, it is. FORMAT.md describes the file.
package index

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"path/filepath"
	"strings"

	"github.com/zeebo/xxh3"

	"rewind/change"
	"rewind/crypt"
	"rewind/disk"
	"rewind/journal"
	"rewind/table"
)

// ErrNone: the segment has no index.
var ErrNone = errors.New("the segment has no index")

// Options say where indexes are kept. FS must be given.
type Options struct {
	FS     disk.FS
	Keys   *crypt.Keys  // that indexes are encrypted to and opened with; nil: they stay in clear
	Logger *slog.Logger // nil: discard
	From   int64        // bytes: a shorter segment has no index, for reading it costs no more; 0: 64 KiB

	ReadOnly bool // Update makes none, and gives what there is
}

// worth says whether a segment is long enough for an index.
func (o Options) worth(s Segment) bool {
	from := o.From
	if from == 0 {
		from = stretchBytes
	}
	return s.Bytes >= from
}

func (o Options) logger() *slog.Logger {
	if o.Logger == nil {
		return slog.New(slog.DiscardHandler)
	}
	return o.Logger
}

// Segment is a segment of a journal, and how its bytes are known.
type Segment struct {
	journal.SegmentInfo
	Sum   [32]byte // SHA-256 of its bytes, as its successor says
	Whole bool     // it has a successor, so that nothing is added any more and Sum is set
}

// Segments are those of a journal, up to the first whose header cannot be read.
func Segments(infos []journal.SegmentInfo) []Segment {
	var all []Segment
	for i, info := range infos {
		if info.Err != nil {
			break
		}
		s := Segment{SegmentInfo: info}
		if i+1 < len(infos) && infos[i+1].Err == nil {
			s.Whole, s.Sum = true, infos[i+1].Previous
		}
		all = append(all, s)
	}
	return all
}

const (
	extension    = ".index"
	ageExtension = ".age"
	temporary    = ".tmp"
	fileMode     = 0o600
)

// path of a segment's index.
func (s Segment) path(encrypted bool) string {
	name := fmt.Sprintf("%020d", s.BaseOffset) + extension
	if encrypted {
		name += ageExtension
	}
	return filepath.Join(filepath.Dir(s.Path), name)
}

// IsName says whether a file in a journal's folder is an index, or one that was being written.
func IsName(name string) bool {
	name = strings.TrimSuffix(name, temporary)
	return strings.HasSuffix(strings.TrimSuffix(name, ageExtension), extension)
}

// Item is a control message, or a run of changes by one writer whose offsets ascend and whose seqs follow each other, with nothing between
// them.
type Item struct {
	First, Last int64 // offsets
	Size        int64 // bytes of the records
	Changes     int64 // of a run; 0: a control message
	// Message is the control message; of a run its first change, of which only Stamp, Snapshot and Seq are set.
	Message change.Message
}

// Stretch is a part of a segment: some blocks, one behind the other.
type Stretch struct {
	From  journal.Place
	End   int64 // where it ends in the segment, in bytes
	First int64 // offset of its first entry
}

// printSeed makes prints independent of the hash that decides about a key's partition.
const printSeed = 0x7265_7769_6e64_6978

// Print is what an index knows of a key: equal keys have equal prints. Rows that equal each other, of a table without a key, share one.
func Print(s *table.Schema, key []byte) uint32 {
	if s.WholeRow {
		key = table.WithoutOrdinal(key)
	}
	return uint32(xxh3.HashSeed(key, printSeed) >> 32)
}

// Index of a segment, as far as it was indexed. It holds its file open.
type Index struct {
	head
	file   io.ReaderAt
	closer io.Closer
}

// Close closes the file.
func (x *Index) Close() error {
	if x.closer == nil {
		return nil
	}
	return x.closer.Close()
}

// Behind is the place behind what was indexed.
func (x *Index) Behind() journal.Place { return journal.Place{Byte: x.end, Last: x.last} }

// Whole says that all of the segment was indexed.
func (x *Index) Whole() bool { return x.whole }

// Damage of an index: it is not what was written, or not of this segment.
type Damage struct {
	Path   string
	Reason string
}

// Error names the file.
func (e *Damage) Error() string {
	return fmt.Sprintf("the index %s cannot be used: %s", e.Path, e.Reason)
}

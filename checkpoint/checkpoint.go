// Package checkpoint keeps the rows of a table at a restore point, sorted by key, in a file: what a fold up to that point gives.
//
// A checkpoint is derived: it decides nothing, may be deleted at any time, and counts only where it fits the journal and its rows add up
// to the digest of the point's Commit. A base is a checkpoint that the journal begins with, because what stood before it was dropped; it is
// part of the journal, and the cut record names its SHA-256. FORMAT.md describes the files.
package checkpoint

import (
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"rewind/change"
	"rewind/disk"
	"rewind/table"
)

const (
	version      = 1
	metaKey      = "rewind.checkpoint"
	prefix       = "checkpoint-"
	basePrefix   = "base-"
	extension    = ".avro"
	ageExtension = ".age"
	temporary    = ".tmp"
	streamDigits = 32
	sumBytes     = 32
	fileMode     = 0o600

	maxPartitions = 1 << 16
)

// Header says which restore point the rows are, and which journal's.
type Header struct {
	Version      int         `json:"version"`
	Table        string      `json:"table"`
	Stream       string      `json:"stream"`
	Snapshot     int64       `json:"snapshot"`
	Digest       string      `json:"digest"`         // of the rows, as the Commit has it
	NextColumnID int         `json:"next_column_id"` // higher than that of any column in any Begin up to here, aborted ones included
	Made         time.Time   `json:"made"`
	Partitions   []Partition `json:"partitions"`

	begins  []*change.Begin // of Partitions
	commits []*change.Commit
	digest  table.Digest
}

// Partition is where the restore point ends in one partition of the stream.
type Partition struct {
	Begin    []byte `json:"begin"`  // the message
	Commit   []byte `json:"commit"` // the message
	From     int64  `json:"from"`   // offset of the Begin
	To       int64  `json:"to"`     // offset of the Commit
	Bytes    int64  `json:"bytes"`  // of the snapshot's entries
	Segment  int64  `json:"segment"`
	Previous string `json:"previous"` // SHA-256 of the sealed segment before the one that holds the Commit, which begins at Segment
}

// NewHeader describes a restore point by its Begins and Commits, one a partition.
func NewHeader(name table.Name, stream string, next int, begins []*change.Begin, commits []*change.Commit) (Header, error) {
	h := Header{Version: version, Table: name.String(), Stream: stream, NextColumnID: next, begins: begins, commits: commits}
	if len(begins) == 0 || len(begins) != len(commits) {
		return h, errors.New("checkpoint: no partition")
	}
	h.Snapshot, h.digest = begins[0].Snapshot, commits[0].Digest
	h.Digest = h.digest.String()
	h.Partitions = make([]Partition, len(begins))
	for i := range begins {
		var err error
		if h.Partitions[i].Begin, err = change.AppendBegin(nil, begins[i]); err != nil {
			return h, err
		}
		if h.Partitions[i].Commit, err = change.AppendCommit(nil, commits[i]); err != nil {
			return h, err
		}
	}
	return h, nil
}

// Begin of the snapshot in a partition.
func (h *Header) Begin(partition int) *change.Begin { return h.begins[partition] }

// Commit of the snapshot in a partition.
func (h *Header) Commit(partition int) *change.Commit { return h.commits[partition] }

// Schema of the rows.
func (h *Header) Schema() *table.Schema { return h.begins[0].Schema }

// parse decodes the messages and checks that they belong together.
func (h *Header) parse() (err error) {
	switch {
	case h.Version != version:
		return fmt.Errorf("it has version %d, this program knows version %d", h.Version, version)
	case !isHex(h.Stream, streamDigits), h.Snapshot <= 0, h.NextColumnID < 0, len(h.Partitions) == 0, len(h.Partitions) > maxPartitions:
		return errors.New("its header is not that of a checkpoint")
	}
	if h.digest, err = table.ParseDigest(h.Digest); err != nil {
		return err
	}
	h.begins, h.commits = nil, nil
	decoder := change.NewDecoder()
	for i := range h.Partitions {
		if err := h.parsePartition(decoder, i); err != nil {
			return fmt.Errorf("partition %d: %w", i, err)
		}
	}
	return nil
}

func (h *Header) parsePartition(decoder *change.Decoder, i int) error {
	p := &h.Partitions[i]
	begin, err := decoder.Decode(p.Begin)
	if err != nil {
		return err
	}
	commit, err := decoder.Decode(p.Commit)
	if err != nil {
		return err
	}
	b, c := begin.Begin, commit.Commit
	switch {
	case b == nil || c == nil:
		return errors.New("it has no Begin or no Commit")
	case b.Snapshot != h.Snapshot || c.Snapshot != h.Snapshot || b.Stamp != c.Stamp || b.Stream != h.Stream || b.Partitions != len(h.Partitions):
		return errors.New("its Begin and Commit are not those of the snapshot")
	case c.Digest != h.digest || b.Schema.Table.String() != h.Table || b.Schema.Identity() != cmpIdentity(h.begins, b):
		return errors.New("its Begin and Commit are not those of the other partitions")
	case p.From < 0 || p.To <= p.From || p.Segment < 0 || p.Segment > p.To || p.Bytes < 0 || !isHex(p.Previous, 2*sumBytes):
		return errors.New("its place in the journal makes no sense")
	}
	h.begins, h.commits = append(h.begins, b), append(h.commits, c)
	return nil
}

// cmpIdentity is the first partition's schema's identity.
func cmpIdentity(known []*change.Begin, b *change.Begin) string {
	if len(known) > 0 {
		b = known[0]
	}
	return b.Schema.Identity()
}

func isHex(s string, n int) bool {
	_, err := hex.DecodeString(s)
	return err == nil && len(s) == n && strings.ToLower(s) == s
}

// Name is that of a restore point's file in the stream's folder.
func Name(snapshot int64, base, encrypted bool) string {
	name := prefix
	if base {
		name = basePrefix
	}
	name += strconv.FormatInt(snapshot, 10) + extension
	if encrypted {
		name += ageExtension
	}
	return name
}

// Found is a file in a stream's folder.
type Found struct {
	Path      string
	Snapshot  int64
	Base      bool
	Encrypted bool
	Temporary bool // it is being written, or a crash left it
}

// List gives the checkpoints and bases in a stream's folder, oldest first.
func List(fsys disk.FS, dir string) ([]Found, error) {
	names, err := fsys.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var all []Found
	for _, n := range names {
		if f, ok := parseName(n.Name()); ok && !n.IsDir() {
			f.Path = filepath.Join(dir, n.Name())
			all = append(all, f)
		}
	}
	slices.SortStableFunc(all, func(a, b Found) int { return int(min(max(a.Snapshot-b.Snapshot, -1), 1)) })
	return all, nil
}

func parseName(name string) (f Found, ok bool) {
	name, f.Temporary = strings.CutSuffix(name, temporary)
	plain, encrypted := strings.CutSuffix(name, ageExtension)
	f.Encrypted = encrypted
	plain, ok = strings.CutSuffix(plain, extension)
	if !ok {
		return f, false
	}
	digits, ok := strings.CutPrefix(plain, prefix)
	if !ok {
		digits, f.Base = strings.CutPrefix(plain, basePrefix)
	}
	snapshot, err := strconv.ParseInt(digits, 10, 64)
	f.Snapshot = snapshot
	return f, err == nil && snapshot > 0 && strconv.FormatInt(snapshot, 10) == digits && (ok || f.Base)
}

// Damage of a checkpoint: it is not what was written.
type Damage struct {
	Path string
	Err  error
}

// Error names the file.
func (e *Damage) Error() string {
	return fmt.Sprintf("the checkpoint %s cannot be used: %v", e.Path, e.Err)
}

// Unwrap gives what is wrong.
func (e *Damage) Unwrap() error { return e.Err }

// ExitCode is that of "corrupt".
func (e *Damage) ExitCode() int { return 5 }

package replay

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"time"

	"rewind/change"
	"rewind/checkpoint"
	"rewind/journal"
	"rewind/table"
)

// beginning is the rows that a stream's journal begins with, since what stood before them was dropped.
type beginning struct {
	dir    string // of the stream
	cut    *journal.CutRecord
	header *checkpoint.Header
	lost   error // why there are no such rows
}

// Dropped says what retention has dropped of a table.
type Dropped struct {
	At       time.Time `json:"at"`   // when it did so last
	Kept     string    `json:"kept"` // what was to be kept
	Points   int64     `json:"points"`
	Segments int64     `json:"segments"`
	Bytes    int64     `json:"bytes"`
	Oldest   int64     `json:"oldest,omitempty"` // the snapshot that is the oldest restore point since; 0: none of its stream is left
}

// Dropped says what retention has dropped; nil: nothing.
func (j *Journal) Dropped() *Dropped {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.dropped()
}

func (j *Journal) dropped() *Dropped {
	var d *Dropped
	for _, s := range j.streams {
		if s.cut == nil {
			continue
		}
		if d == nil {
			d = &Dropped{}
		}
		d.Points += s.cut.Points
		for _, p := range s.cut.Partitions {
			d.Segments, d.Bytes = d.Segments+p.Segments, d.Bytes+p.Bytes
		}
		if !s.cut.At.Before(d.At) {
			d.At, d.Kept = s.cut.At, s.cut.Kept
		}
		d.Oldest = max(d.Oldest, s.cut.Snapshot)
	}
	return d
}

// text is for messages.
func (d *Dropped) text() string {
	if d == nil {
		return ""
	}
	return fmt.Sprintf("; what came before was dropped by retention on %s", stamp(d.At))
}

// readCut learns where the stream's journals begin. A cut that is another than before makes everything of the stream be read anew.
func (j *Journal) readCut(s *stream) error {
	cut, err := journal.ReadCut(j.o.FS, j.streamDir(s.id), j.o.CutKey)
	if err == nil && s.cutErr == nil && cut.Same(s.cut) && (s.lost == nil || j.stillLost(s.lost)) {
		return nil
	}
	s.forget()
	s.cut, s.cutErr = cut, err
	if err != nil || cut == nil {
		return onlyDisk(err)
	}
	if cut.Base == nil {
		for _, p := range s.partitions {
			p.gone, p.order.columns, p.order.last = true, cut.NextColumnID, cut.LastSnapshot
		}
		return nil
	}
	for len(s.partitions) < len(cut.Partitions) {
		j.addPartition(s)
	}
	b := &beginning{dir: j.streamDir(s.id), cut: cut}
	file, err := j.openBase(b)
	if lost := (*BaseError)(nil); errors.As(err, &lost) {
		b.lost = err
		s.beginWithout(b)
		return nil
	}
	if err != nil {
		s.cutErr = err
		return onlyDisk(err)
	}
	b.header = &file.Header
	s.begin(b)
	return file.Close()
}

// stillLost says whether a base that was missing or damaged still is.
func (j *Journal) stillLost(b *beginning) bool {
	file, err := j.openBase(b)
	if err == nil {
		_ = file.Close() // only read
	}
	return err != nil
}

// onlyDisk leaves the errors that are none of the journal's.
func onlyDisk(err error) error {
	if err == nil || isDamage(err) {
		return nil
	}
	return err
}

func isDamage(err error) bool {
	var coder interface {
		error
		ExitCode() int
	}
	return errors.As(err, &coder) && coder.ExitCode() == exitCorrupt
}

// forget makes the stream one of which nothing was read.
func (s *stream) forget() {
	for i, p := range s.partitions {
		s.partitions[i] = &partition{fs: p.fs, keys: p.keys, cutKey: p.cutKey, logger: p.logger, from: p.from, makes: p.makes, seeks: p.seeks, known: p.known, table: p.table, stream: p.stream, number: p.number, dir: p.dir}
	}
	s.begun, s.lost = nil, nil
}

// beginWithout puts the partitions to behind the Commits that the cut record names. What builds on the base cannot be folded from it; a later
// baseline builds on nothing.
func (s *stream) beginWithout(b *beginning) {
	s.lost = b
	for i, at := range b.cut.Partitions {
		p := s.partitions[i]
		p.order = sequence{last: b.cut.Snapshot, columns: b.cut.NextColumnID, offset: at.Commit}
		p.start, p.next = at.Commit+1, at.Commit+1
	}
}

// begin puts the partitions to behind the base's Commits.
func (s *stream) begin(b *beginning) {
	s.begun = b
	for i, at := range b.header.Partitions {
		p := s.partitions[i]
		begin, commit := b.header.Begin(i), b.header.Commit(i)
		p.spans = []*span{{begin: begin, commit: commit, from: at.From, to: at.To, bytes: at.Bytes, changes: commit.Share.Total()}}
		p.order = sequence{highest: commit.Stamp, last: begin.Snapshot, columns: max(b.cut.NextColumnID, b.header.NextColumnID), offset: at.To}
		p.start, p.next = at.To+1, at.To+1
	}
}

// openBase opens the base and holds its header against the cut record.
func (j *Journal) openBase(b *beginning) (*checkpoint.File, error) {
	path := filepath.Join(b.dir, b.cut.Base.Name)
	file, err := checkpoint.Open(j.o.FS, j.o.Keys, path)
	if errors.Is(err, fs.ErrNotExist) {
		file, err = checkpoint.Open(j.o.FS, j.o.Keys, path+".age")
	}
	if errors.Is(err, fs.ErrNotExist) {
		return nil, j.baseError(b, "it is missing")
	}
	if damage := (*checkpoint.Damage)(nil); errors.As(err, &damage) {
		return nil, j.baseError(b, damage.Err.Error())
	}
	if err != nil {
		return nil, err
	}
	fits := file.Stream == b.cut.Stream && file.Table == j.name.String() && file.Snapshot == b.cut.Snapshot && file.Size() == b.cut.Base.Bytes && len(file.Partitions) == len(b.cut.Partitions)
	for i := 0; fits && i < len(file.Partitions); i++ {
		fits = file.Partitions[i].To == b.cut.Partitions[i].Commit
	}
	if !fits {
		return nil, errors.Join(j.baseError(b, "it is not the one that the cut record names"), file.Close())
	}
	return file, nil
}

// checkedBase opens the base and reads it whole: it must be, byte by byte, the one that the cut record names.
func (j *Journal) checkedBase(ctx context.Context, b *beginning) (*checkpoint.File, error) {
	file, err := j.openBase(b)
	if err != nil {
		return nil, err
	}
	sum, err := file.Check(ctx)
	if damage := (*checkpoint.Damage)(nil); errors.As(err, &damage) {
		err = j.baseError(b, damage.Err.Error())
	}
	if err == nil && hex.EncodeToString(sum[:]) != b.cut.Base.SHA256 {
		err = j.baseError(b, "its SHA-256 is not the one in the cut record")
	}
	if err != nil {
		return nil, errors.Join(err, file.Close())
	}
	return file, nil
}

// baseError says what is wrong with a base, unless another one took its place meanwhile.
func (j *Journal) baseError(b *beginning, reason string) error {
	path := filepath.Join(b.dir, b.cut.Base.Name)
	if now, err := journal.ReadCut(j.o.FS, b.dir, j.o.CutKey); err == nil && now != nil && !now.Same(b.cut) {
		return &journal.DroppedError{Segment: path, Cut: now}
	}
	if _, err := j.o.FS.Stat(path); err != nil {
		if _, err := j.o.FS.Stat(path + ".age"); err == nil || j.o.Keys.Encrypts() {
			path += ".age"
		}
	}
	return &BaseError{Table: j.name, Path: path, Snapshot: b.cut.Snapshot, Reason: reason}
}

// lookInBase looks for the key among the rows that the journal begins with: where they can be, as they are sorted by their keys.
func (s *search) lookInBase(ctx context.Context, j *Journal, b *beginning) error {
	file, err := j.openBase(b)
	if err != nil {
		return err
	}
	defer file.Close()                   //nolint:errcheck // only read
	from, _ := s.keyAmong(file.Schema()) // nil: it may be any
	if file.Schema().WholeRow {
		from = table.WithoutOrdinal(from)
	}
	rows, err := file.RowsFrom(ctx, from)
	for n := 0; err == nil; n++ {
		if n%rowsBetweenLooks == 0 && ctx.Err() != nil {
			return ctx.Err()
		}
		var row table.Row
		var ok bool
		if row, ok, err = rows.Next(); !ok || err != nil || !bytes.HasPrefix(row.Key, from) {
			break
		}
		m := change.Message{Change: &change.Change{Snapshot: file.Snapshot, Op: change.Read, Key: row.Key, After: row.Image}}
		if err := s.look(entry{Message: m, rows: file.Schema()}); err != nil {
			return err
		}
	}
	if damage := (*checkpoint.Damage)(nil); errors.As(err, &damage) {
		return j.baseError(b, damage.Err.Error())
	}
	return err
}

// droppedAt is the error of a read that begins before a cut: the point that is folded was dropped since it was looked up.
func (p *partition) droppedAt(segment string) error {
	cut, err := journal.ReadCut(p.fs, filepath.Dir(p.dir), p.cutKey)
	if err == nil && cut == nil {
		err = fmt.Errorf("%s begins behind a cut of which there is no record", segment)
	}
	if err != nil {
		return err
	}
	return &journal.DroppedError{Segment: segment, Cut: cut}
}

// readable says whether a partition still holds what a point has in it from an offset on: retention may have come since the point was looked up.
// infos are its segments.
func (p *partition) readable(infos []journal.SegmentInfo, from int64) error {
	if len(infos) > 0 {
		if infos[0].BehindCut && from <= infos[0].After {
			return p.droppedAt(infos[0].Path)
		}
		return nil
	}
	cut, err := journal.ReadCut(p.fs, filepath.Dir(p.dir), p.cutKey)
	if err != nil || cut == nil || cut.Base != nil { // if anything is missing, who reads it says so
		return err
	}
	return &journal.DroppedError{Segment: p.dir, Cut: cut} // the stream as a whole
}

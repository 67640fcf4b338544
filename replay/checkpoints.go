package replay

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"path/filepath"
	"time"

	"rewind/change"
	"rewind/checkpoint"
	"rewind/journal"
	"rewind/table"
)

// keptCheckpoints is how many of a stream's checkpoints are kept: the newest ones, and the one that was written last where it is older.
const keptCheckpoints = 2

// checkpointLock keeps two processes from writing a stream's checkpoints, or promoting one, at the same time.
const checkpointLock = journal.CutLock

// Checkpointed says what Checkpoint wrote.
type Checkpointed struct {
	Table   string  `json:"table"`
	Point   Point   `json:"point"`
	Path    string  `json:"path"`
	Bytes   int64   `json:"bytes"` // of the file
	Rows    int64   `json:"rows"`
	Changes int64   `json:"changes"` // that were read for it
	Since   int64   `json:"since"`   // the snapshot whose checkpoint it was folded from; 0: from the baseline
	Existed bool    `json:"existed"` // it was there, and is whole: nothing was written
	Seconds float64 `json:"seconds"`
}

// Checkpoint folds a restore point into a file beside the journal, so that later folds begin there. It is named only once its rows have the
// digest of the point's Commit. Others are removed, but for the newest two. Who else writes one of the stream: *disk.LockedError.
func (j *Journal) Checkpoint(ctx context.Context, p Point) (Checkpointed, error) {
	began := time.Now()
	lock, err := j.o.FS.Lock(filepath.Join(j.streamDir(p.Stream), checkpointLock))
	if err != nil {
		return Checkpointed{}, err
	}
	defer lock.Close() //nolint:errcheck // a lock goes with its process at the latest
	c, err := j.checkpoint(ctx, p)
	if err == nil {
		err = j.pruneCheckpoints(p.Stream, p.ID)
	}
	c.Seconds = time.Since(began).Seconds()
	return c, err
}

// checkpoint is Checkpoint for who holds the lock. Nothing is removed.
func (j *Journal) checkpoint(ctx context.Context, p Point) (Checkpointed, error) {
	c := Checkpointed{Table: j.name.String(), Point: p, Rows: p.Rows}
	f, err := j.fold(ctx, p)
	if err != nil {
		return c, err
	}
	defer f.release()
	if f.under != nil {
		c.Since = f.under.file.Snapshot
		if c.Path = f.under.file.Path(); p.Base && f.under.cut || filepath.Base(c.Path) == checkpoint.Name(p.ID, false, j.o.Keys.Encrypts()) { // it is there: its rows are held against the Commit
			c.Existed, c.Bytes = true, f.under.file.Size()
			if err := f.prove(ctx); err == nil || !f.misled(j, err) {
				return c, err
			}
			return j.checkpoint(ctx, p)
		}
	}
	j.o.Logger.Debug("checkpoint: folded", "table", j.name, "point", p.ID, "changes", f.changes)
	c.Changes = f.changes
	c.Path, err = j.writeCheckpoint(ctx, f)
	if err != nil && f.misled(j, err) {
		return j.checkpoint(ctx, p)
	}
	if err != nil {
		return c, err
	}
	j.o.Logger.Debug("checkpoint: written", "table", j.name, "point", p.ID, "path", c.Path)
	stat, err := j.o.FS.Stat(c.Path)
	if err == nil {
		c.Bytes = stat.Size()
	}
	return c, err
}

// writeCheckpoint writes a fold's rows. They are proved before the file gets its name.
func (j *Journal) writeCheckpoint(ctx context.Context, f *folded) (path string, err error) {
	h, err := j.checkpointHeader(f.point)
	if err != nil {
		return "", err
	}
	path, err = j.writeRows(h, f.rows(ctx, "checkpoint"))
	if errors.Is(err, checkpoint.ErrOrder) {
		j.o.Logger.Debug("checkpoint: the rows are sorted: those of a baseline are not in the order of their keys", "table", j.name, "point", f.point.ID)
		path, err = j.writeRows(h, f.sorted(ctx))
	}
	return path, err
}

// writeRows writes a checkpoint of rows in the order of their keys, which are proved by then or end with an error.
func (j *Journal) writeRows(h checkpoint.Header, rows iter.Seq2[table.Row, error]) (path string, err error) {
	w, err := checkpoint.Create(j.o.FS, j.o.Keys, j.streamDir(h.Stream), h)
	if err != nil {
		return "", err
	}
	written := 0
	for row, err := range rows {
		if err == nil && written%rowsBetweenLooks == 0 {
			err = j.spares(h.Stream)
		}
		if written++; err == nil {
			err = w.Add(row)
		}
		if err != nil {
			return "", errors.Join(err, w.Abandon())
		}
	}
	return w.Finish()
}

// spares says whether the disk has room for more than the journal needs.
func (j *Journal) spares(stream string) error {
	free, err := j.o.FS.Free(j.streamDir(stream))
	if err == nil && free < j.o.SpareBytes {
		err = fmt.Errorf("%d bytes of the disk are free, and %d are to stay so", free, j.o.SpareBytes)
	}
	return err
}

// checkpointHeader describes a point as it stands in the journal.
func (j *Journal) checkpointHeader(p Point) (h checkpoint.Header, err error) {
	parts, err := j.partitionsOf(p)
	if err != nil {
		return h, err
	}
	spans := p.links[len(p.links)-1].spans
	var begins []*change.Begin
	var commits []*change.Commit
	for _, s := range spans {
		begins, commits = append(begins, s.begin), append(commits, s.commit)
	}
	if h, err = checkpoint.NewHeader(j.name, p.Stream, j.NextColumnID(), begins, commits); err != nil {
		return h, err
	}
	h.Made = time.Now().UTC().Truncate(time.Microsecond)
	for i, s := range spans {
		in, err := parts[i].segmentOf(s.to)
		if err := errors.Join(err, in.Err); err != nil {
			return h, err
		}
		at := &h.Partitions[i]
		at.From, at.To, at.Bytes, at.Segment, at.Previous = s.from, s.to, s.bytes, in.BaseOffset, hex.EncodeToString(in.Previous[:])
	}
	return h, nil
}

// pruneCheckpoints removes a stream's checkpoints but the newest two and the one that was written last, and what a crash left of others. The
// lock is held.
func (j *Journal) pruneCheckpoints(stream string, written int64) error {
	dir := j.streamDir(stream)
	found, err := checkpoint.List(j.o.FS, dir)
	if err != nil {
		return err
	}
	removed, kept := false, 0
	for i := len(found) - 1; i >= 0; i-- {
		c := found[i]
		if !c.Temporary && c.Base {
			continue
		}
		if !c.Temporary && c.Snapshot == written && c.Encrypted == j.o.Keys.Encrypts() {
			kept++
			continue
		}
		inClear := j.o.Keys.Encrypts() && !c.Encrypted
		if !c.Temporary && !inClear && c.Snapshot != written && kept < keptCheckpoints {
			kept++
			continue
		}
		if err := j.o.FS.Remove(c.Path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("remove an old checkpoint: %w", err)
		}
		removed = true
	}
	if !removed {
		return nil
	}
	return j.o.FS.SyncDir(dir)
}

// SinceCheckpoint is how far a stream is behind its newest checkpoint.
type SinceCheckpoint struct {
	Newest  Point // its newest restore point
	Entries int64 // between the checkpoint, or the stream's base or beginning, and that point
	End     int64 // the offsets behind that point's Commits, of all partitions together
}

// SinceCheckpoint says what a checkpoint now would spare later folds. ok is false where there is no restore point.
func (j *Journal) SinceCheckpoint() (since SinceCheckpoint, ok bool, err error) {
	points := j.Points()
	if len(points) == 0 {
		return since, false, nil
	}
	since.Newest = points[len(points)-1]
	links := since.Newest.links
	found, err := checkpoint.List(j.o.FS, j.streamDir(since.Newest.Stream))
	if err != nil {
		return since, false, err
	}
	from := links[0]
	baseline := from.beginning == nil // else its rows are the base, which is as good
	for _, c := range found {
		for _, l := range links {
			if id := l.spans[0].begin.Snapshot; id == c.Snapshot && !c.Temporary && id >= from.spans[0].begin.Snapshot {
				from, baseline = l, false
			}
		}
	}
	for i, s := range links[len(links)-1].spans {
		since.End += s.to + 1
		since.Entries += s.to - from.spans[i].to
		if baseline {
			since.Entries += from.spans[i].to - from.spans[i].from
		}
	}
	return since, true, nil
}

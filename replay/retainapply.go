package replay

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"rewind/checkpoint"
	"rewind/journal"
)

// Retain drops what lies before the oldest restore point that must be kept. The rows of that one become the base that the journal begins with,
// proved by its Commit's digest as they stand on the disk, after all of the journal was read and proved; then the record of what goes is made durable; then the segments go, oldest first. A
// crash anywhere leaves a journal that can be read: what the record says is gone is not seen any more, and the next Retain, or the next
// consumer, removes what is left of it. It needs none of the consumer's locks, but for a stream
// that goes as a whole: nobody may write to that.
func (j *Journal) Retain(ctx context.Context, o RetainOptions) (Retention, error) {
	locks, err := j.lockStreams()
	defer func() {
		for _, l := range locks {
			_ = l.Close()
		}
	}()
	if err != nil {
		return Retention{}, err
	}
	if err := j.Refresh(ctx); err != nil {
		return Retention{}, err
	}
	if err := j.finishDropping(); err != nil {
		return Retention{}, err
	}
	r, err := j.planHeld(ctx, o, &locks)
	if err != nil || r.Nothing != "" {
		return r, err
	}
	for _, c := range r.cuts {
		if err := j.mustSign(c.s, o); err != nil {
			return r, err
		}
	}
	if err := j.holdWhole(ctx, r.cuts); err != nil {
		return r, err
	}
	for _, c := range r.cuts {
		if err := j.cutStream(ctx, &r, c, o); err != nil {
			return r, err
		}
	}
	r.Applied = true
	if err := j.forgetProofs(); err != nil {
		j.o.Logger.Warn("the proofs of restore points that were dropped are still on record", "table", j.name, "error", err)
	}
	return r, j.recordBase(ctx, r)
}

// mustSign refuses to write a record that is not signed where the journal is: whoever has its key would take neither.
func (j *Journal) mustSign(s *stream, o RetainOptions) error {
	if o.Key != nil {
		return nil
	}
	where, key := "", ""
	if s.cut != nil && s.cut.Key != "" {
		where, key = "its cut record", s.cut.Key
	}
	for _, p := range s.partitions {
		reader, err := p.open(decoders{})
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return err
		}
		if head, err := reader.Head(nil); err == nil {
			where, key = "the head of "+p.dir, head.Key
		}
	}
	if where == "" {
		return nil
	}
	return &RetainError{Reason: fmt.Sprintf("the journal is signed (%s, with the key %.32s), and no key is configured here to sign the record with", where, key), code: exitRefused,
		hint: "run it with the configuration of rewind consume: where journal.sign_key is that key"}
}

// holdWhole reads what goes and what stays, all of it: what is dropped can never again be brought in where something else turns out damaged. Signed
// heads are held, too: what was cut off the journal's end, whole blocks of it, nothing else shows.
func (j *Journal) holdWhole(ctx context.Context, cuts []*cutting) error {
	how := VerifyOptions{Full: true, Key: j.o.CutKey}
	for _, c := range cuts {
		if c.at == nil {
			how.going = append(how.going, c.s.id)
		}
	}
	_, err := Verify(ctx, filepath.Dir(j.dir), j.name, j.o, how)
	if err != nil && ctx.Err() == nil && isDamage(err) {
		return j.tooDamaged(err)
	}
	return err
}

// recordBase writes down that the base was proved, as it was read back from the disk.
func (j *Journal) recordBase(ctx context.Context, r Retention) error {
	if err := j.Refresh(ctx); err != nil {
		return err
	}
	if err := j.recordProofs(ProofFolded, *r.Oldest); err != nil {
		j.o.Logger.Warn("that the base was proved is not on record: the next verify proves it again", "table", j.name, "error", err)
	}
	return nil
}

// lockStreams keeps others from writing checkpoints, and from dropping.
func (j *Journal) lockStreams() (locks []io.Closer, err error) {
	for _, s := range j.streams {
		lock, err := j.o.FS.Lock(filepath.Join(j.streamDir(s.id), checkpointLock))
		if err != nil {
			return locks, err
		}
		locks = append(locks, lock)
	}
	return locks, nil
}

// cutStream makes the base, writes the record, and drops what it says is gone.
func (j *Journal) cutStream(ctx context.Context, r *Retention, c *cutting, o RetainOptions) error {
	now := time.Now
	if o.Now != nil {
		now = o.Now
	}
	cut := journal.CutRecord{
		Table: j.name.String(), Stream: c.s.id, At: now().UTC().Truncate(time.Microsecond), Kept: o.Kept, NextColumnID: j.NextColumnID(),
		LastSnapshot: c.last(), Partitions: c.parts, Points: int64(len(c.points)),
	}
	if c.s.cut != nil {
		cut.Points += c.s.cut.Points
		cut.LastSnapshot = max(cut.LastSnapshot, c.s.cut.LastSnapshot)
	}
	if c.at != nil {
		base, err := j.makeBase(ctx, *c.at)
		if err != nil {
			return err
		}
		cut.Snapshot, cut.ReadEnded, cut.Base, r.Base = c.at.ID, c.at.ReadEnded, base, base.Bytes
	}
	j.o.Logger.Debug("retain: base is durable", "table", j.name, "stream", c.s.id, "point", cut.Snapshot)
	if err := journal.WriteCut(j.o.FS, j.streamDir(c.s.id), cut, c.s.cut, o.Key); err != nil {
		return err
	}
	j.o.Logger.Debug("retain: cut record is durable", "table", j.name, "stream", c.s.id)
	j.mu.Lock()
	err := j.readCut(c.s)
	j.mu.Unlock()
	if err != nil {
		return err
	}
	return j.dropStream(c.s)
}

// last is the highest snapshot that goes.
func (c *cutting) last() int64 {
	if c.at != nil {
		return c.at.ID
	}
	return c.s.last()
}

// makeBase writes the rows of a point, or takes its checkpoint, reads them back from the disk, proves them, and gives them the name of a base.
func (j *Journal) makeBase(ctx context.Context, p Point) (*journal.CutBase, error) {
	doubtful := func(err error) error {
		return &RetainError{Reason: fmt.Sprintf("the rows of restore point %d cannot be proved: %v", p.ID, err), code: exitCorrupt, err: err,
			hint: fmt.Sprintf("rewind verify %s --fold says which restore points are proved", j.name)}
	}
	made, err := j.checkpoint(ctx, p)
	if err != nil && isDamage(err) {
		return nil, doubtful(err)
	}
	if err != nil {
		return nil, err
	}
	parts, err := j.partitionsOf(p)
	if err != nil {
		return nil, err
	}
	file, err := checkpoint.Open(j.o.FS, j.o.Keys, made.Path)
	if err != nil {
		return nil, doubtful(err)
	}
	defer file.Close() //nolint:errcheck // only read
	if err := j.holdCheckpoint(file, p.links[len(p.links)-1], parts); err != nil {
		return nil, doubtful(err)
	}
	sum, err := file.Check(ctx)
	if err == nil {
		err = j.proveFile(ctx, file, p)
	}
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	if err != nil {
		return nil, doubtful(err)
	}
	base := &journal.CutBase{Name: checkpoint.Name(p.ID, true, false), Bytes: file.Size(), SHA256: hex.EncodeToString(sum[:])}
	return base, j.nameBase(made.Path, filepath.Join(j.streamDir(p.Stream), base.Name))
}

// nameBase gives a checkpoint the name of a base, durably. A base of the same point that lies there in the other form, encrypted or in clear, goes
// before: a crash left it, and no record names it, as no stream is cut twice at one point; but beside the record that is to come, it would be taken
// for the right one, which has another SHA-256.
func (j *Journal) nameBase(from, clear string) error {
	to, other := clear, clear+".age"
	if strings.HasSuffix(from, ".age") {
		to, other = other, to
	}
	if err := j.o.FS.Remove(other); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := j.o.FS.Rename(from, to); err != nil {
		return err
	}
	return j.o.FS.SyncDir(filepath.Dir(to)) // both, before the record comes
}

// proveFile holds a checkpoint's rows, as they are read, against the digest of its point's Commit.
func (j *Journal) proveFile(ctx context.Context, file *checkpoint.File, p Point) error {
	f := &folded{j: j, point: p, links: p.links, report: j.o.Progress}
	f.beginWith(file, len(p.links))
	err := f.readTails(ctx)
	if err == nil {
		err = f.prove(ctx)
	}
	f.under = nil // the file is the caller's
	f.release()
	return err
}

// finishDropping removes what an earlier Retain that was cut off has left.
func (j *Journal) finishDropping() error {
	for _, s := range j.streams {
		if s.cut != nil && s.cutErr == nil {
			if err := j.dropStream(s); err != nil {
				return err
			}
		}
	}
	return nil
}

// dropStream removes what the stream's cut record says is gone: segments oldest first, then bases and checkpoints of before.
func (j *Journal) dropStream(s *stream) error {
	for _, p := range s.partitions {
		files, err := journal.DropCut(p.dir, journal.Options{FS: j.o.FS, CutKey: j.o.CutKey, Stream: s.id, Partition: p.number})
		if err != nil {
			return err
		}
		if files > 0 {
			j.o.Logger.Debug("retain: segments are dropped", "table", j.name, "partition", p.number, "files", files)
		}
	}
	dir := j.streamDir(s.id)
	found, err := checkpoint.List(j.o.FS, dir)
	if err != nil {
		return err
	}
	removed := false
	for _, c := range found {
		isBase := s.cut.Base != nil && c.Base && !c.Temporary && strings.TrimSuffix(filepath.Base(c.Path), ".age") == s.cut.Base.Name
		if isBase || !c.Base && !c.Temporary && s.cut.Base != nil && c.Snapshot > s.cut.Snapshot {
			continue
		}
		if err := j.o.FS.Remove(c.Path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		removed = true
	}
	if !removed {
		return nil
	}
	return j.o.FS.SyncDir(dir)
}

// forgetProofs removes the proofs of restore points that were dropped.
func (j *Journal) forgetProofs() error {
	return j.lockProofs(func() error {
		f := j.readProofs()
		n := len(f.Proved)
		f.Proved = slices.DeleteFunc(f.Proved, func(p provedPoint) bool { return j.wasDropped(p.Stream, p.Snapshot) })
		if len(f.Proved) == n {
			return nil
		}
		return writeJSON(j.o.FS, j.proofPath(), f)
	})
}

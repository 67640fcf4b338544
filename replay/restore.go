package replay

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"time"

	"rewind/table"
)

// RestoreBallast is what a process that restores should hold first (package ballast): a sixteenth less CPU for 10 MiB more.
const RestoreBallast = 16 << 20

// RestoreOptions say what a restore brings back, and where to.
type RestoreOptions struct {
	At        Spec
	Into      table.Name                                       // the new table
	Stats     bool                                             // compute statistics after the proof
	RestoreID string                                           // the new table's property rewind.restore; "": a fresh one
	Drop      func(ctx context.Context, name table.Name) error // drops a table that was loaded and is not the point; nil: the next Recover does

	keepRecord bool // of the load: a replace goes on with the table
}

// Restore folds the point, proves it, loads it into a new table and proves that. Nothing is loaded before the folded rows
// have the digest of the point's Commit. A restore that fails leaves no table; one that is killed leaves a record by which
// the next Recover drops what was begun.
func (j *Journal) Restore(ctx context.Context, target Target, o RestoreOptions) (Certificate, error) {
	answer, err := j.At(o.At)
	if err != nil {
		return Certificate{}, err
	}
	if o.RestoreID == "" {
		o.RestoreID = newRestoreID(time.Now())
	}
	return j.restore(ctx, target, answer, o)
}

// newRestoreID makes an id that sorts by time, that nobody can guess, and that fits into a table's name.
func newRestoreID(now time.Time) string {
	var random [4]byte
	rand.Read(random[:])
	return now.UTC().Format("20060102_150405_") + hex.EncodeToString(random[:])
}

func (j *Journal) restore(ctx context.Context, target Target, answer Answer, o RestoreOptions) (Certificate, error) {
	for {
		c := Certificate{
			Table: j.name.String(), Into: o.Into.String(), Answer: answer, RestoreID: o.RestoreID, DigestJournal: answer.Point.DigestText,
		}
		switch misled, err := j.fill(ctx, target, answer.Point, o, &c); {
		case misled: // nothing was loaded: once more, without that checkpoint
		case err != nil:
			return Certificate{}, err
		default:
			return c, nil
		}
	}
}

// fill folds a point and loads it. The fold is proved while its rows are staged: nothing is loaded before they have come to a good end. misled says
// that a checkpoint's rows did not add up to the point.
func (j *Journal) fill(ctx context.Context, target Target, p Point, o RestoreOptions, c *Certificate) (misled bool, err error) {
	began := time.Now()
	f, err := j.fold(ctx, p)
	if err != nil {
		return false, err
	}
	defer f.release()
	c.Stages = append(c.Stages, stage("fold", began, f.changes))
	j.o.Logger.Debug("restore: folded", "table", j.name, "point", p.ID)

	began = time.Now()
	f.proved = func() {
		c.Stages = append(c.Stages, stage("prove fold", began, p.Rows))
		j.o.Logger.Debug("restore: fold proved", "table", j.name, "point", p.ID)
	}
	if err := j.load(ctx, target, f, o, c); err != nil {
		return f.misled(j, f.failed), err
	}
	if err := j.recordProofs(ProofRestored, p); err != nil {
		c.Warnings = append(c.Warnings, "the proof could not be recorded: "+err.Error())
	}
	return false, nil
}

// load fills the new table with proved rows and holds the loaded table's digest against the Commit's.
func (j *Journal) load(ctx context.Context, target Target, f *folded, o RestoreOptions, c *Certificate) error {
	begun, err := beginLoad(j.o, loadRecord{Version: recordVersion, ID: o.RestoreID, Table: j.name.String(), Into: o.Into.String()})
	if err != nil {
		return err
	}
	defer begun.release()
	p := f.point
	loaded, err := target.Load(ctx, table.Load{
		Into: o.Into, Source: j.name, RestoreID: o.RestoreID, Def: p.Definition(), Digest: p.Digest, Stats: o.Stats,
	}, f.rows(ctx, "load"))
	if err != nil && f.failed != nil { // what came to be loaded is not the point, or could not be read: nothing was
		return errors.Join(err, begun.done())
	}
	if err != nil {
		return fmt.Errorf("load %s: %w", o.Into, err) // its record stays: should the table be there after all, Recover finds it
	}
	if loaded.Digest != p.Digest {
		err := &ProofError{Table: o.Into, Snapshot: p.ID, Where: "loaded", Want: p.Digest, Have: loaded.Digest}
		return j.dropLoaded(ctx, begun, o, err)
	}
	j.o.Logger.Debug("restore: table proved", "into", o.Into, "point", p.ID)
	c.Rows, c.DigestLoaded, c.Proof, c.Method = loaded.Digest.Rows, loaded.Digest.String(), loaded.Proof, loaded.Method
	c.Stages = append(c.Stages, stagesOf(loaded.Stages)...)
	c.Warnings = append(c.Warnings, loaded.Warnings...)
	if o.keepRecord {
		return nil
	}
	return begun.done()
}

// dropLoaded gets rid of a table that is not what was asked for.
func (j *Journal) dropLoaded(ctx context.Context, begun *begunLoad, o RestoreOptions, cause error) error {
	if o.Drop == nil {
		return cause
	}
	if err := o.Drop(context.WithoutCancel(ctx), o.Into); err != nil {
		j.o.Logger.Warn("a table that is not the restore point could not be dropped; the next command tries again",
			"table", o.Into, "error", err)
		return cause
	}
	if err := begun.done(); err != nil {
		return errors.Join(cause, err)
	}
	return cause
}

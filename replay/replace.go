package replay

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"time"

	"rewind/disk"
	"rewind/table"
)

type dropper = func(ctx context.Context, name table.Name) error

// ReplaceOptions say how a restore in place of the old table goes.
type ReplaceOptions struct {
	At    Spec
	Stats bool
	// Before captures the table and waits until the capture is in the journal (see WaitForPoint); it gives its snapshot's id.
	// nil: no capture; the old table is kept all the same, but what was written to it meanwhile is not noticed.
	Before func(ctx context.Context) (snapshot int64, err error)
	Drop   func(ctx context.Context, name table.Name) error // drops what a failed replace leaves behind
}

const maxTableNameBytes = 128 // the metastore's limit

// Replace restores the point in place of the table: the new table is loaded and proved beside it, then the two exchange
// their names, and the old one is kept as Certificate.Kept. If the old table is not what the capture just before has
// read, everything stays as it was. Where there is no table, because somebody dropped it, the new one takes the name at once.
func (j *Journal) Replace(ctx context.Context, target Target, catalog Catalog, o ReplaceOptions) (Certificate, error) {
	id := newRestoreID(time.Now())
	fresh, kept, err := swapNames(j.name, id)
	if err != nil {
		return Certificate{}, err
	}
	lock, err := lockSwap(j.o, j.name)
	if err != nil {
		return Certificate{}, err
	}
	defer lock.Close() //nolint:errcheck // a lock goes with its process at the latest
	if _, err := recoverLocked(ctx, j.name, catalog, o.Drop, j.o); err != nil {
		return Certificate{}, err
	}
	old, exists, err := catalog.RestoreID(ctx, j.name)
	if err != nil {
		return Certificate{}, err
	}
	answer, err := j.At(o.At) // before the capture: it is asked about what was there then
	if err != nil {
		return Certificate{}, err
	}
	if !exists {
		return j.restore(ctx, target, answer, RestoreOptions{At: o.At, Into: j.name, Stats: o.Stats, RestoreID: id, Drop: o.Drop})
	}
	s := swap{
		Version: recordVersion, ID: id, Table: j.name.String(), New: fresh.String(), Kept: kept.String(), Old: old,
		Point: answer.Point.ID, At: time.Now().UTC().Truncate(time.Microsecond),
	}
	if err := j.captureBefore(ctx, o, &s); err != nil {
		return Certificate{}, err
	}
	c, err := j.restore(ctx, target, answer, RestoreOptions{At: o.At, Into: fresh, Stats: o.Stats, RestoreID: id, Drop: o.Drop, keepRecord: true})
	if err != nil {
		return Certificate{}, err
	}
	return j.putInPlace(ctx, catalog, o.Drop, s, c)
}

func swapNames(name table.Name, id string) (fresh, kept table.Name, err error) {
	fresh = table.Name{Database: name.Database, Table: name.Table + "__rewind_new_" + id}
	kept = table.Name{Database: name.Database, Table: name.Table + "__rewind_" + id}
	if len(fresh.Table) > maxTableNameBytes {
		return fresh, kept, fmt.Errorf("the name of %s is too long to be replaced: beside it stands %s, and names end at %d bytes",
			name, fresh.Table, maxTableNameBytes)
	}
	return fresh, kept, nil
}

// captureBefore lets the capture run and notes what it read.
func (j *Journal) captureBefore(ctx context.Context, o ReplaceOptions, s *swap) error {
	if o.Before == nil {
		return nil
	}
	id, err := o.Before(ctx)
	if err != nil {
		return fmt.Errorf("capture before the replace: %w", err)
	}
	if err := j.Refresh(ctx); err != nil {
		return err
	}
	p, err := j.Point(id)
	if err != nil {
		return err
	}
	digest := p.Digest
	s.Captured, s.Digest, s.Schema = p.ID, &digest, p.TableSchema().AvroSchema()
	return nil
}

// putInPlace writes the intent and exchanges the tables.
func (j *Journal) putInPlace(ctx context.Context, catalog Catalog, drop dropper, s swap, c Certificate) (Certificate, error) {
	began := time.Now()
	x, err := newExchange(s, catalog, j.o)
	if err != nil {
		return Certificate{}, err
	}
	if err := writeJSON(j.o.FS, x.path, s); err != nil {
		return Certificate{}, errors.Join(err, x.discard(ctx, drop))
	}
	j.o.Logger.Debug("swap: intent written", "table", j.name)
	x.begin(ctx)
	end, reason, err := x.settle(ctx)
	if err != nil {
		return Certificate{}, errors.Join(err, reason)
	}
	if err := x.discard(ctx, drop); err != nil {
		j.o.Logger.Warn("the next command on the table cleans up behind this one", "table", x.fresh, "error", err)
	}
	if end == placedOld {
		return Certificate{}, cmp.Or(reason, fmt.Errorf("%s was not replaced", j.name))
	}
	c.Into, c.Kept, c.Captured = j.name.String(), s.Kept, s.Captured
	c.Stages = append(c.Stages, stage("swap", began, 0))
	return c, nil
}

// discard drops the new table, if it still stands under its first name, and removes its record.
func (x *exchange) discard(ctx context.Context, drop dropper) error {
	path := filepath.Join(restoreDir(x.o), loadPrefix(x.table)+x.ID+".json")
	_, err := recoverLoad(context.WithoutCancel(ctx), path, x.catalog, drop, x.o)
	return err
}

func lockSwap(o Options, name table.Name) (interface{ Close() error }, error) {
	if err := disk.MakeDirs(o.FS, restoreDir(o), 0o700); err != nil {
		return nil, err
	}
	return o.FS.Lock(strings.TrimSuffix(swapPath(o, name), ".json") + ".lock")
}

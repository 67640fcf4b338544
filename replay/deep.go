package replay

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"rewind/table"
)

// Rehearse restores a point into a scratch table through the engine, proves it there as a restore does, and drops the table.
// Nothing is left of it: should the process be killed in between, the record of the load lets the next Recover drop it.
func (j *Journal) Rehearse(ctx context.Context, target Target, catalog Catalog, drop func(ctx context.Context, name table.Name) error, at Spec) (Certificate, error) {
	answer, err := j.At(at)
	if err != nil {
		return Certificate{}, err
	}
	id := newRestoreID(time.Now())
	scratch := table.Name{Database: j.name.Database, Table: j.name.Table + "__rewind_scratch_" + id}
	if len(scratch.Table) > maxTableNameBytes {
		return Certificate{}, fmt.Errorf("the name of %s is too long for a scratch table beside it: %s, and names end at %d bytes", j.name, scratch.Table, maxTableNameBytes)
	}
	c, err := j.restore(ctx, target, answer, RestoreOptions{At: at, Into: scratch, RestoreID: id, Drop: drop, keepRecord: true})
	return c, errors.Join(err, j.dropScratch(ctx, catalog, drop, id))
}

// dropScratch drops what the record of the load names, if there is one.
func (j *Journal) dropScratch(ctx context.Context, catalog Catalog, drop dropper, id string) error {
	path := filepath.Join(restoreDir(j.o), loadPrefix(j.name)+id+".json")
	if _, err := j.o.FS.Stat(path); err != nil {
		return ignoreNotExist(err)
	}
	_, err := recoverLoad(context.WithoutCancel(ctx), path, catalog, drop, j.o)
	if err != nil {
		return fmt.Errorf("drop the scratch table (the next command on %s tries again): %w", j.name, err)
	}
	j.o.Logger.Debug("verify: scratch table dropped", "table", j.name)
	return nil
}

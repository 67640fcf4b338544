package main

import (
	"context"

	"rewind/impala"
	"rewind/replay"
)

// loadInto restores into a new table. Whether the name is free is asked first: nobody should wait for a fold to learn
// that it is not.
func (a *app) loadInto(ctx context.Context, job *restoreJob, db *impala.DB, journal *replay.Journal, stats bool) (replay.Certificate, error) {
	_, exists, err := db.RestoreID(ctx, job.into)
	if err != nil {
		return replay.Certificate{}, err
	}
	if exists {
		return replay.Certificate{}, &impala.ExistsError{Table: job.into}
	}
	c, err := journal.Restore(ctx, db, replay.RestoreOptions{At: job.spec, Into: job.into, Stats: stats, Drop: db.Drop})
	if err != nil && ctx.Err() == nil && exitCode(ctx, err) != exitUnreachable {
		// The next command would tidy up too, but a restore that failed should leave nothing to find.
		if untidy := a.recover(ctx, job.config, db, job.table.name); untidy != nil {
			a.log.Warn("what the failed restore left could not be removed; the next command on the table tries again", "error", untidy)
		}
	}
	return c, err
}

package impala

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"rewind/disk"
	"rewind/table"
)

// undoTime is how long removing what a failed load made may take after the caller has gone.
const undoTime = 2 * time.Minute

// finish removes what is left of a load: staging always, the new table if it failed. The record stays where something could not be
// removed.
func (w *loading) finish(ctx context.Context, failed error) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), undoTime)
	defer cancel()
	err := w.db.sweep(ctx, w.record, w.created, w.staging)
	if err == nil {
		err = w.db.forget(w.record.ID)
	}
	if err == nil {
		return failed
	}
	if failed != nil {
		w.db.o.Logger.Error("a failed restore could not be cleaned up: the next start tries again", "table", w.l.Into, "error", err)
		return failed
	}
	w.loaded.Warnings = append(w.loaded.Warnings, fmt.Sprintf("staging could not be removed, the next start tries again: %v", err))
	return nil
}

// sweep drops and removes what a record names: the new table and the staging table as far as they were made.
func (db *DB) sweep(ctx context.Context, r *record, created, staging bool) error {
	var err error
	if created && !r.Proved || staging {
		err = db.change(ctx, table.Name{}, func(s *session) error {
			var targetErr error
			if created && !r.Proved {
				targetErr = s.dropUnfinished(ctx, r)
			}
			return errors.Join(targetErr, s.dropStaging(ctx, r))
		})
	}
	return errors.Join(err, db.unstage(ctx, r))
}

func (s *session) dropStaging(ctx context.Context, r *record) error {
	if r.Staging == "" {
		return nil
	}
	name, err := table.ParseName(r.Staging)
	if err != nil {
		return err
	}
	return s.exec(ctx, dropSQL(name))
}

// dropUnfinished drops the new table of a failed load, if it is there and is the one that this load made. An external table keeps its
// files when it is dropped, so it is emptied before; but only once its location was found to be its own.
func (s *session) dropUnfinished(ctx context.Context, r *record) error {
	name, err := table.ParseName(r.Into)
	if err != nil {
		return err
	}
	f, err := s.describeFormatted(ctx, name)
	if err != nil || !f.exists {
		return err
	}
	if f.parameters[restoreProperty] != r.RestoreID {
		s.db.o.Logger.Warn("a table under the name of an unfinished restore is not its own: it stays", "table", name)
		return nil
	}
	switch {
	case f.isKudu():
	case !r.Owned:
		if err := s.exec(ctx, keepFilesSQL(name)); err != nil {
			return err
		}
	case f.isExternal() && !f.purges():
		if err := s.exec(ctx, truncateSQL(name)); err != nil {
			s.db.o.Logger.Warn("files of an unfinished restore stay behind", "location", f.location, "error", err)
		}
	}
	return s.exec(ctx, dropSQL(name))
}

// Cleanup removes the staging and the unfinished tables that earlier runs left behind; those of a process that is still at work are
// left alone.
func (db *DB) Cleanup(ctx context.Context) error {
	ids, err := db.records()
	if err != nil {
		return err
	}
	var failed []error
	for _, id := range ids {
		failed = append(failed, db.cleanUp(ctx, id))
	}
	return errors.Join(failed...)
}

func (db *DB) cleanUp(ctx context.Context, id string) error {
	held, err := db.hold(id)
	var locked *disk.LockedError
	if errors.As(err, &locked) {
		return nil
	}
	if err != nil {
		return err
	}
	defer db.release(held)
	r, err := db.load(id)
	if errors.Is(err, fs.ErrNotExist) { // its process finished meanwhile
		return db.forget(id)
	}
	if err != nil {
		return err
	}
	db.o.Logger.Warn("removing what an interrupted restore left behind", "table", r.Into, "staging", r.URI)
	if err := db.sweep(ctx, r, true, r.Staging != ""); err != nil {
		return err
	}
	return db.forget(id)
}

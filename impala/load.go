package impala

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"iter"
	"time"

	"rewind/table"
)

// loading is one load under way.
type loading struct {
	db      *DB
	l       table.Load
	d       *ddl
	target  *target
	record  *record
	staged  bool     // through files, not INSERT VALUES
	values  []string // INSERT VALUES statements
	created bool     // CREATE TABLE of the target was sent
	staging bool     // CREATE TABLE of the staging table was sent
	loaded  table.Loaded
}

// Load makes the new table and fills it. A failed Load leaves no table and no staging folder, or, where even that failed, a record
// from which Cleanup removes them.
func (db *DB) Load(ctx context.Context, l table.Load, rows iter.Seq2[table.Row, error]) (table.Loaded, error) {
	w, err := db.prepare(l)
	if err != nil {
		return table.Loaded{}, err
	}
	err = db.read(ctx, l.Source, func(s *session) error { return w.vacant(ctx, s) })
	if err != nil {
		return table.Loaded{}, err
	}
	held, err := db.hold(w.record.ID)
	if err != nil {
		return table.Loaded{}, err
	}
	defer db.release(held)
	if err := db.save(w.record); err != nil {
		return table.Loaded{}, errors.Join(err, db.forget(w.record.ID))
	}
	err = w.run(ctx, rows)
	return w.loaded, w.finish(ctx, err)
}

// prepare checks and builds all that needs no server.
func (db *DB) prepare(l table.Load) (*loading, error) {
	if l.RestoreID == "" {
		return nil, errors.New("a restore without an id")
	}
	for _, name := range []string{l.Into.Database, l.Into.Table, l.Source.Database, l.Source.Table} {
		if err := checkIdentifier(name); err != nil {
			return nil, err
		}
	}
	if err := l.Def.Schema.Validate(); err != nil {
		return nil, err
	}
	d, err := parseDDL(l.Def.DDL)
	if errors.Is(err, errView) {
		return nil, refuseView(l.Source)
	}
	if err != nil {
		return nil, &DefinitionError{l.Source, err}
	}
	t, err := planTarget(l.Into, l.Def.Schema, d, l.RestoreID)
	if err != nil {
		return nil, err
	}
	w := &loading{db: db, l: l, d: d, target: t, staged: db.o.Staging.enabled(), record: newRecord(l, db.o.Staging)}
	w.loaded.Warnings, w.loaded.Method = t.warnings, "staging"
	if w.staged {
		return w, nil
	}
	w.loaded.Method = "insert values"
	if l.Digest.Rows > db.o.ValuesLimit {
		return nil, &StagingError{l.Into, fmt.Sprintf("%d rows, and without staging at most %d", l.Digest.Rows, db.o.ValuesLimit)}
	}
	return w, nil
}

// vacant looks before anything is made: the new table must not exist, and staging must not lie in the source.
func (w *loading) vacant(ctx context.Context, s *session) error {
	f, err := s.describeFormatted(ctx, w.l.Into)
	if err != nil {
		return err
	}
	if f.exists {
		return &ExistsError{w.l.Into}
	}
	source, err := w.sourcePlaces(ctx, s)
	if err != nil {
		return err
	}
	for _, location := range source {
		if err := apart("the staging folder", w.record.URI, w.l.Source, location); err != nil {
			return err
		}
	}
	return nil
}

// sourcePlaces are the source's location now, if it still exists, and when it was captured. A source that is brought back under its
// own name no longer exists: it has no place but the new one's, which must be empty like any other.
func (w *loading) sourcePlaces(ctx context.Context, s *session) ([]string, error) {
	if w.l.Into == w.l.Source {
		return nil, nil
	}
	f, err := s.describeFormatted(ctx, w.l.Source)
	return []string{f.location, w.d.location}, err
}

// run does the work: rows first, for they prove themselves at their end, then the table.
func (w *loading) run(ctx context.Context, rows iter.Seq2[table.Row, error]) error {
	if err := w.gather(ctx, rows); err != nil {
		return err
	}
	w.db.o.Logger.Debug("restore: staged", "table", w.l.Into, "rows", w.l.Digest.Rows)
	return w.db.change(ctx, w.l.Source, func(s *session) error {
		if err := w.create(ctx, s); err != nil {
			return err
		}
		if err := w.insert(ctx, s); err != nil {
			return err
		}
		w.db.o.Logger.Debug("restore: loaded", "table", w.l.Into)
		if err := w.prove(ctx, s); err != nil {
			return err
		}
		w.db.o.Logger.Debug("restore: proved", "table", w.l.Into, "how", w.loaded.Proof)
		w.statistics(ctx, s)
		return nil
	})
}

// gather brings the rows to where the engine can take them.
func (w *loading) gather(ctx context.Context, rows iter.Seq2[table.Row, error]) (err error) {
	began := time.Now()
	var count, bytes int64
	if w.staged {
		count, bytes, err = w.db.stage(w.record, w.l.Def.Schema, w.l.Digest.Rows, rows)
		if err == nil {
			err = w.db.put(ctx, w.record)
		}
	} else {
		w.values, count, bytes, err = valueStatements(w.l, w.target, rows)
	}
	if err != nil {
		return err
	}
	if count != w.l.Digest.Rows {
		return fmt.Errorf("%s: %d rows came, %d expected", w.l.Into, count, w.l.Digest.Rows)
	}
	w.stageDone("stage", began, bytes)
	return ctx.Err()
}

func (w *loading) stageDone(name string, began time.Time, bytes int64) {
	w.loaded.Stages = append(w.loaded.Stages, table.Stage{Name: name, Took: time.Since(began), Rows: w.l.Digest.Rows, Bytes: bytes})
}

// create makes the new table and looks where it came to lie, before a row goes into it.
func (w *loading) create(ctx context.Context, s *session) error {
	w.created = true
	if err := s.exec(ctx, w.target.create); err != nil {
		return err
	}
	if w.d.format != formatKudu {
		if err := w.checkLocation(ctx, s); err != nil {
			return err
		}
	}
	w.record.Owned = true
	return w.db.save(w.record)
}

func (w *loading) checkLocation(ctx context.Context, s *session) error {
	f, err := s.describeFormatted(ctx, w.l.Into)
	if err != nil {
		return err
	}
	if f.location == "" {
		return fmt.Errorf("%s: the engine does not say where the new table lies", w.l.Into)
	}
	source, err := w.sourcePlaces(ctx, s)
	if err != nil {
		return err
	}
	for _, location := range source {
		if err := apart(w.l.Into.String(), f.location, w.l.Source, location); err != nil {
			return err
		}
	}
	if err := apart("the staging folder", w.record.URI, w.l.Into, f.location); err != nil {
		return err
	}
	found := false
	err = s.query(ctx, anyRowSQL(w.l.Into), func([]string, []driver.Value) error { found = true; return nil })
	if err == nil && found {
		err = &LocationError{w.l.Into.String(), f.location, "already holds somebody's files"}
	}
	return err
}

func (w *loading) insert(ctx context.Context, s *session) error {
	began := time.Now()
	w.db.o.Progress(Progress{Stage: "load", Total: w.l.Digest.Rows})
	if !w.staged {
		if err := s.insertValues(ctx, w.values); err != nil {
			return err
		}
	} else if w.l.Digest.Rows > 0 { // without rows there are no files to read
		staging, err := table.ParseName(w.record.Staging)
		if err != nil {
			return err
		}
		w.staging = true
		if err := s.exec(ctx, createStagingSQL(staging, w.l.Def.Schema, w.record.URI, w.l.RestoreID)); err != nil {
			return err
		}
		if err := s.exec(ctx, insertStagedSQL(w.l.Into, staging, w.target)); err != nil {
			return err
		}
	}
	w.db.o.Progress(Progress{Stage: "load", Rows: w.l.Digest.Rows, Total: w.l.Digest.Rows})
	w.stageDone("load", began, 0)
	return nil
}

func (w *loading) prove(ctx context.Context, s *session) (err error) {
	began := time.Now()
	w.db.o.Progress(Progress{Stage: "prove", Total: w.l.Digest.Rows})
	w.loaded.Digest, w.loaded.Proof, err = s.digest(ctx, w.l.Into, w.l.Def.Schema)
	if err != nil {
		return err
	}
	if w.loaded.Digest != w.l.Digest {
		return &ProofError{Table: w.l.Into, Want: w.l.Digest, Got: w.loaded.Digest, How: w.loaded.Proof}
	}
	w.stageDone("prove", began, 0)
	w.record.Proved = true
	err = w.db.save(w.record)
	w.record.Proved = err == nil // else the next start would drop a table that was handed out as good
	return err
}

// statistics are no part of the restore: without them the table is slower, and right.
func (w *loading) statistics(ctx context.Context, s *session) {
	if !w.l.Stats {
		return
	}
	began := time.Now()
	w.db.o.Progress(Progress{Stage: "statistics"})
	err := s.exec(ctx, computeStatsSQL(w.l.Into))
	w.stageDone("statistics", began, 0)
	if err != nil {
		w.loaded.Warnings = append(w.loaded.Warnings, "statistics were not computed: "+err.Error())
	}
}

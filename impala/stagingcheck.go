package impala

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"rewind/table"
)

// stagingSample is the schema of the file that CheckStaging writes.
func stagingSample(name table.Name) *table.Schema {
	return &table.Schema{Table: name, NextColumnID: 3, Key: []int{1}, Columns: []table.Column{
		{ID: 1, Name: "written", Type: table.Type{Kind: table.BigInt}}, {ID: 2, Name: "id", Type: table.Type{Kind: table.String}},
	}}
}

// CheckStaging writes a file of one row into a staging folder, has the engine read it through an external table in the database, and
// removes both. It needs a StateDir: what it makes is recorded, as a restore's staging is.
func (db *DB) CheckStaging(ctx context.Context, database string) (err error) {
	if !db.o.Staging.enabled() {
		return &ConfigError{"impala.staging", "not configured"}
	}
	id := newID()
	into := table.Name{Database: database, Table: "rewind_check_" + id} // never made
	r := newRecord(table.Load{Into: into, RestoreID: id}, db.o.Staging)
	staging, err := table.ParseName(r.Staging)
	if err != nil {
		return err
	}
	held, err := db.hold(r.ID)
	if err != nil {
		return err
	}
	defer db.release(held)
	if err := db.save(r); err != nil {
		return errors.Join(err, db.forget(r.ID))
	}
	created := false
	err = db.readStaged(ctx, r, staging, &created)
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), undoTime)
	defer cancel()
	swept := granted(db.sweep(ctx, r, false, created), "DROP ON DATABASE "+database)
	if swept == nil {
		swept = db.forget(r.ID)
	}
	return errors.Join(err, swept)
}

// readStaged makes the file and the table, and compares what the engine reads with what was written.
func (db *DB) readStaged(ctx context.Context, r *record, staging table.Name, created *bool) error {
	s := stagingSample(staging)
	codec, err := table.NewCodec(s)
	if err != nil {
		return err
	}
	image, err := codec.AppendImage(nil, []table.Value{{Int: time.Now().UnixMicro()}, {Bytes: []byte(r.ID)}})
	if err != nil {
		return err
	}
	one := func(yield func(table.Row, error) bool) { yield(table.Row{Image: image}, nil) }
	if _, _, err := db.stage(r, s, 1, one); err != nil {
		return err
	}
	if err := db.put(ctx, r); err != nil {
		return err
	}
	return db.change(ctx, table.Name{}, func(session *session) error {
		*created = true
		if err := session.exec(ctx, createStagingSQL(staging, s, r.URI, r.RestoreID)); err != nil {
			return mayCreate(err, staging.Database, r.URI)
		}
		return session.compareStaged(ctx, s, image)
	})
}

func (s *session) compareStaged(ctx context.Context, schema *table.Schema, image []byte) error {
	rows, equal := 0, false
	err := s.scan(ctx, schema, false, nil, func(row table.Row) bool {
		rows++
		equal = bytes.Equal(row.Image, image)
		return true
	})
	if err != nil {
		return granted(err, "SELECT ON DATABASE "+schema.Table.Database)
	}
	if rows != 1 || !equal {
		return &StagingReadError{Rows: rows, URI: s.db.o.Staging.URI}
	}
	return nil
}

// mayCreate names the grant that is missing where a table over a folder could not be made.
func mayCreate(err error, database, uri string) error {
	grant := "CREATE ON DATABASE " + database
	var statement *StatementError
	if errors.As(err, &statement) && strings.Contains(statement.Err.Error(), "://") {
		grant = "ALL ON URI '" + strings.TrimSuffix(uri, "/"+placeOf(uri).base()) + "'"
	}
	return granted(err, grant)
}

// base is the last part of the place's path.
func (p place) base() string { return p.path[strings.LastIndexByte(p.path, '/')+1:] }

// StagingReadError is a staging folder whose files the engine does not see as they were written.
type StagingReadError struct {
	URI  string
	Rows int // that were read of one
}

// Error says what was read.
func (e *StagingReadError) Error() string {
	if e.Rows == 1 {
		return "the engine read another row from staging than was written"
	}
	return fmt.Sprintf("the engine read %d rows from staging, where 1 was written", e.Rows)
}

// Hint says what is meant to be.
func (e *StagingReadError) Hint() string {
	return "impala.staging must be one folder for rewind and for every impalad: is " + e.URI + " what its path means here?"
}

// ExitCode is that of configuration.
func (e *StagingReadError) ExitCode() int { return exitUsage }

// Databases lists the engine's databases.
func (db *DB) Databases(ctx context.Context) ([]string, error) {
	return db.names(ctx, showDatabasesSQL)
}

// Tables lists a database's tables, and its views.
func (db *DB) Tables(ctx context.Context, database string) ([]string, error) {
	if err := checkIdentifier(database); err != nil {
		return nil, err
	}
	return db.names(ctx, showTablesSQL(database))
}

// names is the first column of an answer.
func (db *DB) names(ctx context.Context, statement string) (names []string, err error) {
	err = db.read(ctx, table.Name{}, func(s *session) error {
		_, rows, err := s.texts(ctx, statement)
		names = nil
		for _, row := range rows {
			names = append(names, strings.ToLower(row[0]))
		}
		return err
	})
	return names, err
}

// Check checks what can be checked without a server.
func (o Options) Check() error {
	_, err := o.withDefaults()
	if o.DSN == "" {
		return err
	}
	_, _, dsnErr := parseDSN(o.DSN)
	return errors.Join(err, dsnErr)
}

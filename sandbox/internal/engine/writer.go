package engine

import (
	"fmt"

	"github.com/ncruces/go-sqlite3"

	"rewind/sandbox/internal/sql"
)

// writer executes one statement inside the write transaction.
type writer struct {
	session *Session
	conn    *sqlite3.Conn
	result  *Result
}

func (w *writer) statement(st sql.Statement) error {
	switch st := st.(type) {
	case *sql.Insert:
		return w.insert(st)
	case *sql.Update:
		return w.update(st)
	case *sql.Delete:
		return w.delete(st)
	case *sql.CreateDatabase:
		return w.createDatabase(st)
	case *sql.DropDatabase:
		return w.dropDatabase(st)
	case *sql.CreateTable:
		return w.createTable(st)
	case *sql.DropTable:
		return w.dropTable(st)
	case *sql.CreateView:
		return w.createView(st)
	case *sql.AlterTable:
		return w.alterTable(st)
	case *sql.Truncate:
		return w.truncate(st)
	case *sql.Refresh:
		return w.refresh(st)
	}
	return analysis("%T is not supported by the stand-in", st)
}

func (w *writer) say(format string, args ...any) {
	w.result.Rows = summary(format, args...)
}

func (w *writer) analyzer() *analyzer { return newAnalyzer(w.conn, w.session) }

func (w *writer) table(name sql.TableName) (*Table, error) { return w.session.table(w.conn, name) }

// run executes analyzed text and gives the number of rows that it changed.
func (w *writer) run(a *analyzer, text string) (changed int64, err error) {
	stmt, failure, err := a.prepare(text)
	if err != nil {
		return 0, err
	}
	defer closing(stmt, &err)
	if err := stmt.Exec(); err != nil {
		return 0, stepError(err, failure)
	}
	return w.conn.Changes(), nil
}

// store opens the rows of a table that may be written.
func (w *writer) store(t *Table, verb string) (*store, error) {
	switch {
	case t.View != "":
		return nil, analysis("Impala does not support %s views: %s", verb, t.qualified())
	case t.isAvro():
		return nil, analysis("Writing the destination format (AVRO) is not supported by Impala: table %s", t.qualified())
	case t.Format == "ORC" || t.Format == "RCFILE" || t.Format == "SEQUENCEFILE":
		return nil, analysis("Writing the destination format (%s) is not supported by Impala: table %s", t.Format, t.qualified())
	}
	return openStore(w.conn, t)
}

func (w *writer) setStats(t *Table, rows int64) error {
	t.Stats = rows
	return saveTable(w.conn, t)
}

func (w *writer) count(t *Table) (rows int64, err error) {
	a := w.analyzer()
	src := &source{}
	if err := a.tableSource(src, t, "t"); err != nil {
		return 0, err
	}
	stmt, failure, err := a.prepare("SELECT count(*) FROM " + src.from)
	if err != nil {
		return 0, err
	}
	defer closing(stmt, &err)
	if !stmt.Step() {
		return 0, stepError(stmt.Err(), failure)
	}
	return stmt.ColumnInt64(0), nil
}

func (w *writer) refresh(r *sql.Refresh) error {
	if r.What == "invalidate metadata" {
		if r.Table.Table == "" {
			return nil
		}
	}
	t, err := w.table(r.Table)
	if err != nil || r.What != "compute stats" {
		return err
	}
	n, err := w.count(t)
	if err != nil {
		return err
	}
	w.say("Updated %d partition(s) and %d column(s).", 1, len(t.Columns)-t.Partitions)
	return w.setStats(t, n)
}

func (w *writer) truncate(s *sql.Truncate) error {
	t, err := w.table(s.Name)
	if err != nil {
		if s.IfExists {
			return nil
		}
		return err
	}
	if t.isKudu() {
		return analysis("TRUNCATE TABLE not supported on Kudu table: %s", t.qualified())
	}
	st, err := w.store(t, "truncating")
	if err != nil {
		return err
	}
	if err := execute(w.conn, "DELETE FROM "+st.table()); err != nil {
		return err
	}
	if err := w.written(t); err != nil {
		return err
	}
	w.say("Table has been truncated.")
	return st.unmark()
}

func (w *writer) createDatabase(s *sql.CreateDatabase) error {
	ok, err := databaseExists(w.conn, s.Name)
	if err != nil {
		return err
	}
	if ok {
		if s.IfNotExists {
			return nil
		}
		return analysis("Database already exists: %s", s.Name)
	}
	w.say("Database has been created.")
	return execute(w.conn, "INSERT INTO databases VALUES (?, ?, ?)", s.Name, s.Comment, s.Location)
}

func (w *writer) dropDatabase(s *sql.DropDatabase) error {
	ok, err := databaseExists(w.conn, s.Name)
	if err != nil {
		return err
	}
	if !ok {
		if s.IfExists {
			return nil
		}
		return analysis("Database does not exist: %s", s.Name)
	}
	if s.Name == "default" {
		return analysis("Cannot drop current default database: default")
	}
	names, err := all(w.conn, 1, "SELECT name FROM catalog WHERE db = ?", s.Name)
	if err != nil {
		return err
	}
	if len(names) > 0 && !s.Cascade {
		return &Error{"HY000", fmt.Sprintf("ImpalaRuntimeException: Error making 'dropDatabase' RPC to Hive Metastore: \nCAUSED BY: InvalidOperationException: Database %s is not empty. One or more tables exist.", s.Name)}
	}
	for _, n := range names {
		t, err := findTable(w.conn, s.Name, n[0])
		if err != nil {
			return err
		}
		if err := w.remove(t); err != nil {
			return err
		}
	}
	w.say("Database has been dropped.")
	return execute(w.conn, "DELETE FROM databases WHERE name = ?", s.Name)
}

package engine

import (
	"context"
	"maps"
	"strings"
	"sync"

	"github.com/ncruces/go-sqlite3"

	"rewind/sandbox/internal/sql"
)

// Session is what one client sees: a current database and query options.
type Session struct {
	User string

	engine   *Engine
	mu       sync.Mutex
	database string
	options  map[string]string
}

// NewSession starts in the database default, with options as OpenSession gives them.
func (e *Engine) NewSession(user string, options map[string]string) *Session {
	s := &Session{User: user, engine: e, database: "default", options: map[string]string{}}
	for k, v := range options {
		switch k := strings.TrimPrefix(strings.ToLower(k), "set:hiveconf:"); k {
		case "use:database":
			s.database = v
		default:
			s.options[strings.ToUpper(k)] = v
		}
	}
	return s
}

// Database is the current one.
func (s *Session) Database() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.database
}

// Options are the query options that were set.
func (s *Session) Options() map[string]string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return maps.Clone(s.options)
}

// Result of a statement: rows, or how many were changed.
type Result struct {
	Rows     *Rows // nil where the statement gives none
	Modified int64
	Deleted  int64
	Warnings []string
}

// Statement is a parsed statement.
type Statement struct{ parsed sql.Statement }

// Parse reads a statement.
func Parse(text string) (Statement, error) {
	st, err := sql.Parse(text)
	if err != nil {
		return Statement{}, &Error{"HY000", err.Error()}
	}
	return Statement{st}, nil
}

// HasRows tells, before it runs, whether a statement gives rows.
func (s Statement) HasRows() bool {
	switch st := s.parsed.(type) {
	case *sql.SelectStatement, *sql.Show, *sql.Describe, *sql.Explain:
		return true
	case *sql.Set:
		return st.All
	case *sql.Refresh:
		return st.What == "compute stats"
	case *sql.CreateTable, *sql.DropTable, *sql.CreateDatabase, *sql.DropDatabase, *sql.AlterTable, *sql.CreateView, *sql.Truncate:
		return true // Impala answers DDL with a row that says what it did
	}
	return false
}

// Execute runs a statement. Rows are computed as they are read, and must be closed.
func (s *Session) Execute(ctx context.Context, statement Statement) (*Result, error) {
	switch st := statement.parsed.(type) {
	case *sql.SelectStatement:
		return s.selectRows(ctx, st.Query)
	case *sql.Explain:
		return s.explain(st)
	case *sql.Set:
		return s.set(st)
	case *sql.Use:
		return s.use(st.Database)
	case *sql.Show:
		return s.show(st)
	case *sql.Describe:
		return s.describe(st)
	}
	result := &Result{}
	err := s.engine.write(ctx, func(c *sqlite3.Conn) error {
		w := &writer{session: s, conn: c, result: result}
		return w.statement(statement.parsed)
	})
	if err != nil {
		return nil, err
	}
	return result, nil
}

// table finds a table or view by the name that a statement gave it.
func (s *Session) table(c *sqlite3.Conn, name sql.TableName) (*Table, error) {
	database := name.Database
	if database == "" {
		database = s.Database()
	}
	t, err := findTable(c, database, name.Table)
	if err != nil {
		return nil, err
	}
	if t == nil {
		return nil, analysis("Could not resolve table reference: '%s.%s'", database, name.Table)
	}
	return t, nil
}

// read runs fn in a read transaction of its own.
func (s *Session) read(fn func(*sqlite3.Conn) error) error {
	c, err := s.engine.reader()
	if err != nil {
		return err
	}
	err = fn(c)
	if e := s.engine.release(c); err == nil {
		err = e
	}
	return err
}

// selectRows analyzes a query and leaves it ready to be stepped, in one
// transaction: the catalog and all the tables are seen in one state.
func (s *Session) selectRows(ctx context.Context, q *sql.Query) (*Result, error) {
	c, err := s.engine.reader()
	if err != nil {
		return nil, err
	}
	rows, err := s.open(ctx, c, q)
	if err != nil {
		_ = s.engine.release(c)
		return nil, err
	}
	return &Result{Rows: rows}, nil
}

func (s *Session) open(ctx context.Context, c *sqlite3.Conn, q *sql.Query) (*Rows, error) {
	c.SetInterrupt(ctx)
	if err := c.Exec("BEGIN"); err != nil {
		return nil, err
	}
	a := newAnalyzer(c, s)
	r, err := a.query(q, nil)
	if err != nil {
		return nil, err
	}
	stmt, failure, err := a.prepare(r.sql)
	if err != nil {
		return nil, err
	}
	rows := &Rows{stmt: stmt, failure: failure, close: func() error { return s.engine.release(c) }}
	for _, col := range r.columns {
		if col.typ.Kind == NullType {
			col.typ = boolType // what Impala says of a bare NULL
		}
		rows.Columns = append(rows.Columns, ResultColumn{col.name, col.typ})
	}
	return rows, nil
}

func (s *Session) explain(e *sql.Explain) (*Result, error) {
	if q, ok := e.Statement.(*sql.SelectStatement); ok {
		err := s.read(func(c *sqlite3.Conn) error {
			_, err := newAnalyzer(c, s).query(q.Query, nil)
			return err
		})
		if err != nil {
			return nil, err
		}
	}
	return textRows([]string{"Explain String"}, []string{"PLAN-ROOT SINK over SQLite (the stand-in has one node)"}), nil
}

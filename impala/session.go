package impala

import (
	"context"
	"database/sql"
	"maps"
	"slices"

	"rewind/table"
)

// session is one dedicated connection with its options set. database/sql resets sessions in its pool, so that SET would be lost.
type session struct {
	db     *DB
	conn   *sql.Conn
	caller caller
	broken bool // a call of the driver panicked
	change bool // what it is told must be known to be done or not: no call is left alone
}

// session opens one and sets the options of the configuration, of the table, and those of one that changes something.
func (db *DB) session(ctx context.Context, name table.Name, change bool) (*session, error) {
	conn, err := db.connect(ctx)
	if err != nil {
		return nil, db.classify(ctx, "OpenSession", err)
	}
	s := &session{db: db, conn: conn}
	s.caller.start(s.release)
	options := db.sessionOptions(name)
	if change {
		options = append(options, restoreSession()...)
	}
	for _, p := range options {
		if err := s.exec(ctx, setSQL(p.key, p.value)); err != nil {
			s.close()
			return nil, err
		}
	}
	s.change = change // nothing has been changed before
	return s, nil
}

// sessionOptions are the configured options in a fixed order: the general ones, the time zone, the table's.
func (db *DB) sessionOptions(name table.Name) []property {
	var options []property
	add := func(m map[string]string) {
		for _, key := range slices.Sorted(maps.Keys(m)) {
			options = append(options, property{key, m[key]})
		}
	}
	add(db.o.Session)
	if db.o.Timezone != "" {
		options = append(options, property{"TIMEZONE", db.o.Timezone})
	}
	add(db.o.Tables[name].Options)
	return options
}

// call makes a call of the driver.
func (s *session) call(ctx context.Context, call func() error) error {
	if s.change {
		return call()
	}
	return s.caller.call(ctx, s.db.o.Grace, call)
}

// ping makes the driver open the server's session and ask it something.
func (s *session) ping(ctx context.Context) error {
	return s.failed(ctx, "ping", s.readAnswer(ctx, "ping", func() error { return s.conn.PingContext(ctx) }))
}

// close ends the session, unless its goroutine was left with a call: then that one does.
func (s *session) close() {
	defer s.caller.end()
	switch {
	case s.caller.stuck:
	case s.broken:
		s.abandon()
	default:
		s.db.closeInTime(s.conn)
	}
}

// release ends the session when a call that was left alone has come back.
func (s *session) release() {
	if s.broken {
		s.abandon()
		return
	}
	s.db.closeConn(s.conn)
}

// failed gives an error its type.
func (s *session) failed(ctx context.Context, statement string, err error) error {
	return s.db.classify(ctx, statement, err)
}

// exec runs a statement that has no result.
func (s *session) exec(ctx context.Context, statement string) error {
	s.db.o.Logger.Debug("impala: statement", "sql", shorten(statement))
	err := s.readAnswer(ctx, statement, func() error {
		_, err := s.conn.ExecContext(ctx, statement)
		return err
	})
	return s.failed(ctx, statement, err)
}

// query runs a statement and gives each row to each, as the driver's own values; what is in it is valid only then.
func (s *session) query(ctx context.Context, statement string, each func(columns []string, row []any) error) error {
	return s.queryTyped(ctx, statement, nil, each)
}

// queryTyped is query, with a look at the result's types before its first row. header may be nil.
func (s *session) queryTyped(ctx context.Context, statement string, header func([]*sql.ColumnType) error, each func(columns []string, row []any) error) error {
	s.db.o.Logger.Debug("impala: statement", "sql", shorten(statement))
	var rows *sql.Rows
	err := s.readAnswer(ctx, statement, func() (err error) {
		rows, err = s.conn.QueryContext(ctx, statement)
		return err
	})
	if err != nil {
		return s.failed(ctx, statement, err)
	}
	defer func() { _ = s.call(ctx, rows.Close) }() // the operation ends on the server, too
	columns, err := rows.Columns()
	if err != nil {
		return s.failed(ctx, statement, err)
	}
	if header != nil {
		types, err := rows.ColumnTypes()
		if err != nil {
			return s.failed(ctx, statement, err)
		}
		if err := header(types); err != nil {
			return err
		}
	}
	for c := newChunk(len(columns)); !c.end; {
		err := s.nextRows(ctx, statement, rows, c)
		if s.caller.stuck { // whatever came, it is still being written
			return s.failed(ctx, statement, err)
		}
		for _, row := range c.rows[:c.n] {
			if err := each(columns, row); err != nil {
				return err
			}
		}
		if err != nil {
			return s.failed(ctx, statement, err)
		}
	}
	return nil
}

// texts runs a statement and collects its rows as text; NULL is the empty string.
func (s *session) texts(ctx context.Context, statement string) (columns []string, rows [][]string, err error) {
	err = s.query(ctx, statement, func(names []string, row []any) error {
		columns = names
		texts := make([]string, len(row))
		for i, v := range row {
			texts[i] = textOf(v)
		}
		rows = append(rows, texts)
		return nil
	})
	return columns, rows, err
}

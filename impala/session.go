package impala

import (
	"context"
	"database/sql"
	"database/sql/driver"
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
	s.begin(ctx, call)
	return s.wait(ctx)
}

// begin begins a call of the driver, which wait waits for. One that changes something is never left alone: it is made at once.
func (s *session) begin(ctx context.Context, call func() error) {
	if s.change {
		ctx = context.WithoutCancel(ctx)
	}
	s.caller.begin(ctx, call)
}

func (s *session) wait(ctx context.Context) error { return s.caller.wait(ctx, s.db.o.Grace) }

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
func (s *session) query(ctx context.Context, statement string, each func(columns []string, row []driver.Value) error) error {
	return s.read(ctx, statement, func(r *result) (batch, batch, error) {
		of := func() batch {
			return &values{columns: len(r.names), each: func(row []driver.Value) error { return each(r.names, row) }}
		}
		return of(), of(), nil
	})
}

// read runs a statement and reads its result by way of two batches, which are made for it.
func (s *session) read(ctx context.Context, statement string, batches func(*result) (one, other batch, err error)) error {
	s.db.o.Logger.Debug("impala: statement", "sql", shorten(statement))
	r, err := s.open(ctx, statement)
	if err != nil {
		return s.failed(ctx, statement, err)
	}
	defer func() { _ = s.call(ctx, r.rows.Close) }() // the operation ends on the server, too
	one, other, err := batches(r)
	if err != nil {
		return err
	}
	return s.pump(ctx, statement, r, one, other)
}

// texts runs a statement and collects its rows as text; NULL is the empty string.
func (s *session) texts(ctx context.Context, statement string) (columns []string, rows [][]string, err error) {
	err = s.query(ctx, statement, func(names []string, row []driver.Value) error {
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

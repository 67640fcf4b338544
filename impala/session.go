package impala

import (
	"context"
	"database/sql"
	"errors"
	"maps"
	"slices"

	"rewind/table"
)

// session is one dedicated connection with its options set. database/sql resets sessions in its pool, so that SET would be lost.
type session struct {
	db     *DB
	conn   *sql.Conn
	broken bool // a call of the driver panicked
}

// session opens one and sets the options of the configuration, of the table, and extra ones.
func (db *DB) session(ctx context.Context, name table.Name, extra []property) (*session, error) {
	conn, err := db.pool.Conn(ctx)
	if err != nil {
		return nil, db.classify(ctx, "OpenSession", err)
	}
	s := &session{db: db, conn: conn}
	for _, p := range append(db.sessionOptions(name), extra...) {
		if err := s.exec(ctx, setSQL(p.key, p.value)); err != nil {
			s.close()
			return nil, err
		}
	}
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

// ping makes the driver open the server's session and ask it something.
func (s *session) ping(ctx context.Context) error {
	return s.failed(ctx, "ping", s.readAnswer("ping", func() error { return s.conn.PingContext(ctx) }))
}

// close ends the server's session, and with it whatever still runs in it: the pool keeps no connection (see Open), so that closing
// this one closes the driver's, whatever state a timeout or a cancellation left it in.
func (s *session) close() {
	if s.broken {
		s.abandon()
		return
	}
	if err := s.conn.Close(); err != nil && !errors.Is(err, sql.ErrConnDone) {
		s.db.o.Logger.Debug("impala: closing a connection", "error", err)
	}
}

// failed gives an error its type.
func (s *session) failed(ctx context.Context, statement string, err error) error {
	return s.db.classify(ctx, statement, err)
}

// exec runs a statement that has no result.
func (s *session) exec(ctx context.Context, statement string) error {
	s.db.o.Logger.Debug("impala: statement", "sql", shorten(statement))
	err := s.readAnswer(statement, func() error {
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
	err := s.readAnswer(statement, func() (err error) {
		rows, err = s.conn.QueryContext(ctx, statement)
		return err
	})
	if err != nil {
		return s.failed(ctx, statement, err)
	}
	defer rows.Close() // the operation ends on the server, too
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
	row, targets := make([]any, len(columns)), make([]any, len(columns))
	for i := range row {
		targets[i] = &row[i]
	}
	for {
		more, err := s.nextRow(statement, rows, targets)
		if !more {
			return s.failed(ctx, statement, err)
		}
		if err := each(columns, row); err != nil {
			return err
		}
	}
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

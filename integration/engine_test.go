//go:build integration

package integration

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"fmt"
	"strings"
	"testing"
	"time"

	_ "github.com/sclgo/impala-go" // the driver
)

// engine is one session with the real engine, through the proxy as the binary uses it.
type engine struct {
	t    *testing.T
	db   *sql.DB
	conn *sql.Conn
}

// newEngine opens a session and makes a database that is dropped with all its tables when the test ends well.
func newEngine(t *testing.T, database string) *engine {
	t.Helper()
	db, err := sql.Open("impala", setting(t, "REWIND_DSN"))
	if err != nil {
		t.Fatal(err)
	}
	conn, err := db.Conn(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	e := &engine{t: t, db: db, conn: conn}
	e.exec("CREATE DATABASE " + database)
	t.Cleanup(func() {
		if !t.Failed() {
			e.exec("DROP DATABASE " + database + " CASCADE")
		}
		_ = e.conn.Close()
		_ = db.Close()
	})
	return e
}

// reconnect opens another session: the engine was killed and has started again.
func (e *engine) reconnect() {
	e.t.Helper()
	_ = e.conn.Raw(func(any) error { return driver.ErrBadConn })
	_ = e.conn.Close()
	conn, err := e.db.Conn(context.Background())
	if err != nil {
		e.t.Fatal(err)
	}
	e.conn = conn
}

func (e *engine) exec(statement string) {
	e.t.Helper()
	if _, err := e.conn.ExecContext(context.Background(), statement); err != nil {
		e.t.Fatalf("%s\n%v", statement, err)
	}
}

// texts gives a query's rows, their values joined by a bar.
func (e *engine) texts(query string) (rows []string) {
	e.t.Helper()
	result, err := e.conn.QueryContext(context.Background(), query)
	if err != nil {
		e.t.Fatalf("%s\n%v", query, err)
	}
	defer result.Close()
	names, _ := result.Columns()
	for result.Next() {
		values := make([]sql.NullString, len(names))
		targets := make([]any, len(names))
		for i := range values {
			targets[i] = &values[i]
		}
		if err := result.Scan(targets...); err != nil {
			e.t.Fatalf("%s\n%v", query, err)
		}
		var row []string
		for _, v := range values {
			row = append(row, v.String)
		}
		rows = append(rows, strings.Join(row, "|"))
	}
	if err := result.Err(); err != nil {
		e.t.Fatalf("%s\n%v", query, err)
	}
	return rows
}

// mustEqual has the engine itself look for a difference between two tables, in types and in rows.
func (e *engine) mustEqual(got, want string) {
	e.t.Helper()
	began := time.Now()
	if g, w := e.texts("DESCRIBE "+got), e.texts("DESCRIBE "+want); strings.Join(g, "\n") != strings.Join(w, "\n") {
		e.t.Errorf("%s has columns\n%s\nbut %s has\n%s", got, strings.Join(g, "\n"), want, strings.Join(w, "\n"))
		return
	}
	if d := e.differences(got, want); d != (differences{left: d.left, right: d.left}) {
		except := fmt.Sprintf("(SELECT * FROM %s EXCEPT SELECT * FROM %s) d LIMIT 5", got, want)
		e.t.Errorf("%s and %s differ: %+v, such as\n%s", got, want, d, strings.Join(e.texts("SELECT "+e.readable(got)+" FROM "+except), "\n"))
		return
	}
	e.t.Logf("%s equals %s, says the engine after %v", got, want, time.Since(began).Round(time.Millisecond))
}

// differences are what distinguishes two tables: how many rows each has, and how many different ones the other has not, or not as often.
type differences struct{ left, right, onlyLeft, onlyRight int64 }

// differences has the engine count: EXCEPT ALL in both directions, in one pass. NULL equals NULL there, and NaN NaN; 0 is not −0.
func (e *engine) differences(left, right string) (d differences) {
	e.t.Helper()
	var columns []string
	for _, line := range e.texts("DESCRIBE " + left) {
		name, _, _ := strings.Cut(line, "|")
		columns = append(columns, quote(name))
	}
	list := strings.Join(columns, ", ")
	query := "SELECT coalesce(sum(l), 0), coalesce(sum(r), 0), count(CASE WHEN l > r THEN 1 END), count(CASE WHEN l < r THEN 1 END) FROM (" +
		"SELECT count(CASE WHEN rewind_side = 1 THEN 1 END) AS l, count(CASE WHEN rewind_side = 2 THEN 1 END) AS r FROM (" +
		"SELECT 1 AS rewind_side, " + list + " FROM " + left + " UNION ALL SELECT 2 AS rewind_side, " + list + " FROM " + right +
		") sides GROUP BY " + list + ") counted"
	if err := e.conn.QueryRowContext(context.Background(), query).Scan(&d.left, &d.right, &d.onlyLeft, &d.onlyRight); err != nil {
		e.t.Fatalf("%s\n%v", query, err)
	}
	return d
}

// readable lists a table's columns, BINARY as the driver can read it.
func (e *engine) readable(table string) string {
	var columns []string
	for _, line := range e.texts("DESCRIBE " + table) {
		name, rest, _ := strings.Cut(line, "|")
		if name = quote(name); strings.HasPrefix(rest, "binary") {
			name = "base64encode(" + name + ")"
		}
		columns = append(columns, name)
	}
	return strings.Join(columns, ", ")
}

func quote(name string) string { return "`" + name + "`" }

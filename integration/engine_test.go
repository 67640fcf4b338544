//go:build integration

package integration

import (
	"context"
	"database/sql"
	"fmt"
	"strings"
	"testing"
	"time"

	_ "github.com/sclgo/impala-go" // the driver
)

// engine is one session with the real engine, through the proxy as the binary uses it.
type engine struct {
	t    *testing.T
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
	e := &engine{t: t, conn: conn}
	e.exec("CREATE DATABASE " + database)
	t.Cleanup(func() {
		if !t.Failed() {
			e.exec("DROP DATABASE " + database + " CASCADE")
		}
		_ = conn.Close()
		_ = db.Close()
	})
	return e
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

func (e *engine) count(query string) (n int64) {
	e.t.Helper()
	if err := e.conn.QueryRowContext(context.Background(), query).Scan(&n); err != nil {
		e.t.Fatalf("%s\n%v", query, err)
	}
	return n
}

// mustEqual has the engine itself look for a difference between two tables, in both directions, in types, and in the number of rows.
func (e *engine) mustEqual(got, want string) {
	e.t.Helper()
	began := time.Now()
	if g, w := e.texts("DESCRIBE "+got), e.texts("DESCRIBE "+want); strings.Join(g, "\n") != strings.Join(w, "\n") {
		e.t.Errorf("%s has columns\n%s\nbut %s has\n%s", got, strings.Join(g, "\n"), want, strings.Join(w, "\n"))
		return
	}
	for _, pair := range [][2]string{{got, want}, {want, got}} {
		except := fmt.Sprintf("SELECT * FROM %s EXCEPT SELECT * FROM %s", pair[0], pair[1])
		if n := e.count("SELECT count(*) FROM (" + except + ") d"); n != 0 {
			e.t.Errorf("%d rows of %s are not in %s, such as\n%s", n, pair[0], pair[1],
				strings.Join(e.texts("SELECT "+e.readable(got)+" FROM ("+except+") d LIMIT 5"), "\n"))
		}
	}
	g, w := e.count("SELECT count(*) FROM "+got), e.count("SELECT count(*) FROM "+want)
	if g != w {
		e.t.Errorf("%s has %d rows, %s has %d", got, g, want, w)
	}
	e.t.Logf("%s equals %s: %d rows, found by the engine in %v", got, want, g, time.Since(began).Round(time.Millisecond))
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

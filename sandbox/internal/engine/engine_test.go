package engine

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// open starts an engine in a temporary folder.
func open(t testing.TB, o Options) (*Engine, *Session) {
	t.Helper()
	if o.Dir == "" {
		o.Dir = t.TempDir()
	}
	e, err := Open(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := e.Close(); err != nil {
			t.Error(err)
		}
	})
	s := e.NewSession("tester", nil)
	return e, s
}

// run executes a statement and gives its rows as text: NULL, and columns
// joined by |.
func run(s *Session, statement string) (rows []string, changed int64, err error) {
	st, err := Parse(statement)
	if err != nil {
		return nil, 0, err
	}
	r, err := s.Execute(context.Background(), st)
	if err != nil {
		return nil, 0, err
	}
	if r.Rows == nil {
		return nil, r.Modified, nil
	}
	for {
		ok, err := r.Rows.Next()
		if err != nil {
			r.Rows.Close()
			return nil, 0, err
		}
		if !ok {
			return rows, r.Modified, r.Rows.Close()
		}
		rows = append(rows, rowText(r.Rows))
	}
}

func rowText(r *Rows) string {
	parts := make([]string, len(r.Columns))
	for i, c := range r.Columns {
		v := r.Value(i)
		switch {
		case v.Null:
			parts[i] = "NULL"
		case c.Type.isFloat():
			parts[i] = strconv.FormatFloat(v.Float, 'g', -1, 64)
		case c.Type.Kind == Boolean:
			parts[i] = strconv.FormatBool(v.Int != 0)
		case c.Type.isInteger():
			parts[i] = strconv.FormatInt(v.Int, 10)
		default:
			parts[i] = string(v.Bytes)
		}
	}
	return strings.Join(parts, "|")
}

// must runs statements that have to succeed, and gives the last one's rows.
func must(t testing.TB, s *Session, statements ...string) []string {
	t.Helper()
	var rows []string
	for _, st := range statements {
		var err error
		if rows, _, err = run(s, st); err != nil {
			t.Fatalf("%s\n%v", st, err)
		}
	}
	return rows
}

// fails runs a statement that must be refused with a message.
func fails(t testing.TB, s *Session, statement, message string) {
	t.Helper()
	_, _, err := run(s, statement)
	if err == nil || !strings.Contains(err.Error(), message) {
		t.Errorf("%s\ngave %v, want %q", statement, err, message)
	}
}

func gives(t testing.TB, s *Session, statement string, want ...string) {
	t.Helper()
	got := must(t, s, statement)
	if fmt.Sprintf("%q", got) != fmt.Sprintf("%q", want) {
		t.Errorf("%s\ngave %q\nwant %q", statement, got, want)
	}
}

package main

import (
	"bytes"
	stdcmp "cmp"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"rewind/replay"
	"rewind/sandbox"
	"rewind/table"
)

// rig is a sandbox whose engine can be made to go wrong, with a connection of its own to look into it past rewind.
type rig struct {
	dir, config string
	kafka       *sandbox.Kafka
	broker      string // of another Kafka than that
	impala      *sandbox.Impala
	db          *sql.DB

	mu      sync.Mutex
	call    func(sandbox.Call) sandbox.CallFault
	rewrite func(string) string
	fault   func(string) (before, after error)
}

// newRig starts both servers and makes the database shop. dsn is appended to the engine's.
func newRig(t *testing.T, tables, dsn string) *rig {
	t.Helper()
	return newRigWith(t, tables, dsn, sandbox.ImpalaOptions{})
}

func newRigWith(t *testing.T, tables, dsn string, o sandbox.ImpalaOptions) *rig {
	t.Helper()
	r := &rig{dir: t.TempDir()}
	o.Call, o.Rewrite, o.Fault = r.onCall, r.onRewrite, r.onFault
	var err error
	if r.kafka, err = sandbox.StartKafka(sandbox.KafkaOptions{}); err != nil {
		t.Fatal(err)
	}
	if r.impala, err = sandbox.StartImpala(o); err != nil {
		t.Fatal(err)
	}
	if r.db, err = sql.Open("impala", r.impala.DSN()); err != nil {
		t.Fatal(err)
	}
	r.db.SetMaxOpenConns(1)
	t.Cleanup(func() {
		if err := errors.Join(r.db.Close(), r.kafka.Close(), r.impala.Close()); err != nil && !errors.Is(err, net.ErrClosed) {
			t.Error(err)
		}
	})
	r.config = filepath.Join(r.dir, configName)
	if err := os.Mkdir(r.staging(), 0o700); err != nil {
		t.Fatal(err)
	}
	r.configure(t, tables, dsn)
	r.sql(t, "CREATE DATABASE IF NOT EXISTS shop")
	return r
}

func (r *rig) staging() string { return filepath.Join(r.dir, "staging") }

// configure writes the configuration.
func (r *rig) configure(t *testing.T, tables, dsn string) {
	t.Helper()
	text := playConfig(playMark, stdcmp.Or(r.broker, r.kafka.Broker()), r.impala.DSN()+dsn, r.staging(), tables)
	text = strings.Replace(text, "kafka:  {", "kafka:  {partitions: 2, ", 1)
	if err := os.WriteFile(r.config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func (r *rig) onCall(c sandbox.Call) sandbox.CallFault {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.call == nil {
		return 0
	}
	return r.call(c)
}

func (r *rig) onRewrite(statement string) string {
	r.mu.Lock()
	rewrite := r.rewrite
	r.mu.Unlock()
	if rewrite == nil {
		return statement
	}
	return rewrite(statement)
}

func (r *rig) onFault(statement string) (before, after error) {
	r.mu.Lock()
	fault := r.fault
	r.mu.Unlock()
	if fault == nil {
		return nil, nil
	}
	return fault(statement)
}

// while runs do with faults set, and takes them away again.
func (r *rig) while(set func(), do func()) {
	r.mu.Lock()
	set()
	r.mu.Unlock()
	do()
	r.mu.Lock()
	r.call, r.rewrite, r.fault = nil, nil, nil
	r.mu.Unlock()
}

// sql runs statements past rewind.
func (r *rig) sql(t *testing.T, statements ...string) {
	t.Helper()
	for _, s := range statements {
		if _, err := r.db.ExecContext(t.Context(), s); err != nil {
			t.Fatalf("%s: %v", s, err)
		}
	}
}

// query gives a statement's rows as texts.
func (r *rig) query(t *testing.T, statement string) (rows [][]string) {
	t.Helper()
	found, err := r.db.QueryContext(t.Context(), statement)
	if err != nil {
		t.Fatalf("%s: %v", statement, err)
	}
	defer found.Close()
	columns, err := found.Columns()
	if err != nil {
		t.Fatal(err)
	}
	values, into := make([]any, len(columns)), make([]any, len(columns))
	for i := range values {
		into[i] = &values[i]
	}
	for found.Next() {
		if err := found.Scan(into...); err != nil {
			t.Fatal(err)
		}
		var row []string
		for _, v := range values {
			row = append(row, sqlText(v))
		}
		rows = append(rows, row)
	}
	if err := found.Err(); err != nil {
		t.Fatalf("%s: %v", statement, err)
	}
	return rows
}

// state is all that a person sees of a table: its columns, its definition, its rows.
type state struct {
	Columns, Rows []string
	DDL           string
}

var (
	locationClause = regexp.MustCompile(`LOCATION '[^']*'\n?`)
	restoreProp    = regexp.MustCompile(`(, )?'rewind\.restore'='[^']*'`)
	noProperties   = regexp.MustCompile(`\n?TBLPROPERTIES \(\)`)
)

// look reads a table past rewind; its name, place and our mark are left out of the definition.
func (r *rig) look(t *testing.T, name string) state {
	t.Helper()
	var s state
	for _, c := range r.query(t, "DESCRIBE "+name) {
		s.Columns = append(s.Columns, c[0]+" "+c[1])
	}
	for _, row := range r.query(t, "SELECT * FROM "+name) {
		s.Rows = append(s.Rows, strings.Join(row, "|"))
	}
	slices.Sort(s.Rows)
	ddl := r.query(t, "SHOW CREATE TABLE "+name)[0][0]
	_, table, _ := strings.Cut(name, ".")
	ddl = strings.ReplaceAll(ddl, "."+table+" (", ".NAME (")
	ddl = restoreProp.ReplaceAllString(locationClause.ReplaceAllString(ddl, ""), "")
	s.DDL = strings.TrimSpace(noProperties.ReplaceAllString(strings.ReplaceAll(ddl, "TBLPROPERTIES (, ", "TBLPROPERTIES ("), ""))
	return s
}

// capture produces and consumes, and gives what produce said.
func (r *rig) capture(t *testing.T, flags ...string) captureLine {
	t.Helper()
	text := must(t, append([]string{"produce", "--json", "--config", r.config}, flags...)...)
	var line captureLine
	if err := json.Unmarshal([]byte(text), &line); err != nil {
		t.Fatalf("%v in %s", err, text)
	}
	must(t, "consume", "--until-caught-up", "--config", r.config)
	return line
}

// journal opens the table's journal.
func (r *rig) journal(t *testing.T, name table.Name) *replay.Journal {
	t.Helper()
	j, err := replay.Open(filepath.Join(r.dir, "rewind-data", "journal"), name, replay.Options{Data: filepath.Join(r.dir, "rewind-data")})
	if err != nil {
		t.Fatal(err)
	}
	return j
}

// restored restores a point into a table of its own, compares it with what the table was, and drops it.
func (r *rig) restored(t *testing.T, name string, point int64, want state) {
	t.Helper()
	into := fmt.Sprintf("%s_at_%d", name, point)
	must(t, "restore", name, "--at", fmt.Sprint(point), "--into", into, "--config", r.config)
	if diff := cmp.Diff(want, r.look(t, into)); diff != "" {
		t.Errorf("restored as of %d: want (-), got (+)\n%s", point, diff)
	}
	r.sql(t, "DROP TABLE "+into)
}

// nothingLeft wants no staging and no table but those named.
func (r *rig) nothingLeft(t *testing.T, what string, tables ...string) {
	t.Helper()
	if left, err := os.ReadDir(r.staging()); err != nil || len(left) > 0 {
		t.Errorf("%s: left over in staging: %v %v", what, left, err)
	}
	var names []string
	for _, row := range r.query(t, "SHOW TABLES IN shop") {
		names = append(names, row[0])
	}
	slices.Sort(names)
	slices.Sort(tables)
	if !slices.Equal(names, tables) {
		t.Errorf("%s: tables %v, want %v", what, names, tables)
	}
}

// fails runs a command that must end with one of the codes, and gives its errors.
func (r *rig) fails(t *testing.T, codes []int, args ...string) string {
	t.Helper()
	code, stdout, stderr := runCommand(t.Context(), append(args, "--config", r.config)...)
	if !slices.Contains(codes, code) {
		t.Errorf("%v: exit code %d, want one of %v\n%s%s", args, code, codes, stdout, stderr)
	}
	return stderr
}

// lines unmarshals one object a line.
func lines[T any](t *testing.T, text string) (all []T) {
	t.Helper()
	for line := range bytes.Lines([]byte(text)) {
		var v T
		if err := json.Unmarshal(line, &v); err != nil {
			t.Fatalf("%v in %s", err, line)
		}
		all = append(all, v)
	}
	return all
}

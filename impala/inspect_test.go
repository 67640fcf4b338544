package impala

import (
	"context"
	"errors"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"rewind/sandbox"
)

func TestInspect(t *testing.T) {
	sent := &tapedStatements{}
	b := newBench(t, sandbox.ImpalaOptions{Fault: sent.fault}, Options{})
	b.run(t, "CREATE TABLE shop.k (id BIGINT PRIMARY KEY, name STRING) STORED AS KUDU", "INSERT INTO shop.k VALUES (1, 'Alice')",
		"CREATE TABLE shop.p (id BIGINT, tags ARRAY<STRING>, at TIMESTAMP) PARTITIONED BY (day INT) STORED AS PARQUET",
		"CREATE TABLE shop.t (id BIGINT, name STRING)", "CREATE VIEW shop.v AS SELECT id FROM shop.t")
	b.ours(shop("p"), TableOptions{Key: []string{"ID"}, Refresh: true})
	sent.during(t, func() error { return nil })
	for name, want := range map[string]struct {
		Inspection
		problem string
	}{
		"k": {Inspection{Kind: "Kudu", Columns: 2, Key: []string{"id"}, KeyFrom: KeyKudu, Rows: 1, Bytes: 9 + textWidth}, ""},
		"p": {Inspection{Kind: "partitioned Parquet", Columns: 4, Key: []string{"id"}, KeyFrom: KeyConfigured, Unsupported: []string{"tags array<string>"},
			Exclude: []string{"tags"}}, "tags array<string>"},
		"t": {Inspection{Kind: "text", Columns: 2, Rows: -1, Bytes: -1}, "no key configured"},
		"v": {Inspection{Rows: -1, Bytes: -1}, "a view"},
		"x": {Inspection{Rows: -1, Bytes: -1}, "no such table"},
	} {
		got, problems := b.Inspect(context.Background(), shop(name))
		if diff := cmp.Diff(want.Inspection, got); diff != "" {
			t.Errorf("%s:\n%s", name, diff)
		}
		if err := errors.Join(problems...); len(problems) > 1 || (err == nil) != (want.problem == "") || err != nil && !strings.Contains(err.Error(), want.problem) {
			t.Errorf("%s: %v", name, problems)
		}
	}
	for _, statement := range sent.during(t, func() error { return nil }) {
		if !looks(statement) && !strings.HasPrefix(statement, "EXPLAIN ") {
			t.Errorf("sent: %s", statement)
		}
	}
}

// TestMissingGrants refuses one statement after the other, in Impala's words.
func TestMissingGrants(t *testing.T) {
	b, f := faulty(t)
	ctx := context.Background()
	for prefix, want := range map[string]string{
		"SHOW CREATE":    "SELECT ON TABLE shop.a",
		"SELECT src":     "SELECT ON TABLE shop.a",
		"EXPLAIN INSERT": "INSERT ON DATABASE shop",
	} {
		f.set(prefix, 1, false, "AuthorizationException: User 'etl' does not have privileges to execute it on: shop.a")
		_, problems := b.Inspect(ctx, shop("a"))
		var denied *GrantError
		if len(problems) != 1 || !errors.As(problems[0], &denied) || denied.Grant != want {
			t.Errorf("%s: %v", prefix, problems)
		}
	}
	for _, c := range []struct{ prefix, message, want string }{
		{"CREATE EXTERNAL", "AuthorizationException: User 'etl' does not have privileges to execute 'CREATE' on: shop", "CREATE ON DATABASE shop"},
		{"CREATE EXTERNAL", "AuthorizationException: User 'etl' does not have privileges to access: hdfs://nn/staging", "ALL ON URI 'file://" + b.staging + "'"},
		{"SELECT src", "AuthorizationException: User 'etl' does not have privileges to execute 'SELECT' on: shop.x", "SELECT ON DATABASE shop"},
		{"DROP TABLE", "AuthorizationException: User 'etl' does not have privileges to execute 'DROP' on: shop.x", "DROP ON DATABASE shop"},
	} {
		f.set(c.prefix, 1, false, c.message)
		var denied *GrantError
		if err := b.CheckStaging(ctx, "shop"); !errors.As(err, &denied) || denied.Grant != c.want {
			t.Errorf("%s: %v", c.prefix, err)
		}
	}
	if err := b.Cleanup(ctx); err != nil { // what could not be dropped was recorded
		t.Error(err)
	}
	b.wantNothingStaged(t)
}

func (b *bench) wantNothingStaged(t *testing.T) {
	t.Helper()
	for _, folder := range []string{b.staging, b.o.StateDir} {
		entries, err := os.ReadDir(folder)
		if err != nil || len(entries) != 0 {
			t.Errorf("%s: %v %v", folder, entries, err)
		}
	}
	for _, name := range b.tables(t) {
		if strings.Contains(name, "rewind") {
			t.Errorf("%s is left", name)
		}
	}
}

func TestCheckStaging(t *testing.T) {
	b := newBench(t, sandbox.ImpalaOptions{}, Options{})
	ctx := context.Background()
	if err := b.CheckStaging(ctx, "shop"); err != nil {
		t.Error(err)
	}
	b.wantNothingStaged(t)
	// The site's command makes the folder and forgets the files.
	b.o.Staging = Staging{Path: b.staging, URI: "file://" + b.staging + "-elsewhere", Put: []string{"sh", "-c", `mkdir -p "${0#file://}"`, "{uri}"},
		Remove: []string{"sh", "-c", `rm -r "${0#file://}"`, "{uri}"}}
	var unread *StagingReadError
	if err := b.CheckStaging(ctx, "shop"); !errors.As(err, &unread) || unread.Rows != 0 || unread.ExitCode() != 2 {
		t.Errorf("%v", err)
	}
	b.wantNothingStaged(t)
}

func TestNames(t *testing.T) {
	b := newBench(t, sandbox.ImpalaOptions{}, Options{})
	b.run(t, "CREATE TABLE shop.b (id INT)", "CREATE TABLE shop.a (id INT)")
	databases, err := b.Databases(context.Background())
	if err != nil || !strings.Contains(strings.Join(databases, " "), "shop") {
		t.Errorf("%v %v", databases, err)
	}
	if tables, err := b.Tables(context.Background(), "shop"); err != nil || strings.Join(tables, " ") != "a b" {
		t.Errorf("%v %v", tables, err)
	}
	if _, err := b.Tables(context.Background(), "a`b"); err == nil {
		t.Error("an unquotable name was asked for")
	}
	if able, err := b.ProvesInEngine(context.Background()); err != nil || !able {
		t.Errorf("%t %v", able, err)
	}
}

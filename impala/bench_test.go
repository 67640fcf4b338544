package impala

import (
	"context"
	"errors"
	"iter"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"rewind/sandbox"
	"rewind/table"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

type bench struct {
	*DB
	server  *sandbox.Impala
	dir     string
	staging string
}

func newBench(t *testing.T, server sandbox.ImpalaOptions, o Options) *bench {
	t.Helper()
	b := &bench{dir: t.TempDir()}
	server.Dir = filepath.Join(b.dir, "engine")
	b.server = startImpala(t, server)
	if o.DSN == "" {
		o.DSN = b.server.DSN()
	}
	b.staging, o.StateDir = filepath.Join(b.dir, "staging"), filepath.Join(b.dir, "restore")
	if o.Staging.URI == "" {
		o.Staging = Staging{URI: "file://" + b.staging}
	}
	db, err := Open(context.Background(), o)
	if err != nil {
		t.Fatal(err)
	}
	b.DB = db
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	b.run(t, "CREATE DATABASE IF NOT EXISTS shop")
	return b
}

func startImpala(t *testing.T, o sandbox.ImpalaOptions) *sandbox.Impala {
	t.Helper()
	server, err := sandbox.StartImpala(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := server.Close(); err != nil && !errors.Is(err, net.ErrClosed) {
			t.Error(err)
		}
	})
	return server
}

func (b *bench) run(t *testing.T, statements ...string) {
	t.Helper()
	err := b.change(context.Background(), table.Name{}, func(s *session) error {
		for _, statement := range statements {
			if err := s.exec(context.Background(), statement); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func shop(name string) table.Name { return table.Name{Database: "shop", Table: name} }

func (b *bench) ours(name table.Name, o TableOptions) {
	if b.o.Tables == nil {
		b.o.Tables = map[table.Name]TableOptions{}
	}
	b.o.Tables[name] = o
}

func (b *bench) capture(t *testing.T, name table.Name) (*table.Definition, []table.Row, table.Digest) {
	t.Helper()
	ctx := context.Background()
	d, err := b.Describe(ctx, name)
	if err != nil {
		t.Fatal(err)
	}
	codec, err := table.NewCodec(d.Schema)
	if err != nil {
		t.Fatal(err)
	}
	var rows []table.Row
	var digest table.Digest
	for r, err := range b.Rows(ctx, d.Schema, true) {
		if err != nil {
			t.Fatal(err)
		}
		f, err := codec.Fingerprint(r.Image)
		if err != nil {
			t.Fatal(err)
		}
		digest.Add(f)
		rows = append(rows, table.Row{Key: slices.Clone(r.Key), Image: slices.Clone(r.Image)})
	}
	return d, rows, digest
}

func sequence(rows []table.Row) iter.Seq2[table.Row, error] {
	return func(yield func(table.Row, error) bool) {
		for _, r := range rows {
			if !yield(r, nil) {
				return
			}
		}
	}
}

func (b *bench) insertRows(t *testing.T, name table.Name, s *table.Schema, rows ...[]table.Value) {
	t.Helper()
	plan := &target{columns: s.Columns}
	statement := []byte(insertIntoSQL(name, plan) + " VALUES ")
	for i, row := range rows {
		if i > 0 {
			statement = append(statement, ", "...)
		}
		statement = appendRow(statement, plan, plan.positionsIn(s), row)
	}
	b.run(t, string(statement))
}

func (b *bench) fullTable(t *testing.T, name table.Name, head, tail string) *table.Schema {
	t.Helper()
	s := &table.Schema{Table: name, Columns: everyType(), Key: []int{1, 2}, NextColumnID: 16}
	var columns []string
	for _, c := range s.Columns {
		columns = append(columns, quoteName(c.Name)+" "+c.Type.String())
	}
	b.run(t, head+" "+quoteTable(name)+" ("+strings.Join(columns, ", ")+") "+tail)
	var rows [][]table.Value
	for i := range 20 {
		row := sampleRow(s.Columns, i == 0)
		row[0] = table.Value{Bytes: []byte("eu"[i%3%2:])}
		row[1] = table.Value{Int: int64(i*7%20) - 10}
		row[11] = table.Value{Bytes: []byte{0xff, byte(i)}, Null: i%5 == 0}
		rows = append(rows, row)
	}
	b.insertRows(t, name, s, rows...)
	b.ours(name, TableOptions{Key: []string{"region", "id"}, Bytes: []string{"raw"}})
	return s
}

func (b *bench) restored(t *testing.T, source, into table.Name) table.Loaded {
	t.Helper()
	ctx := context.Background()
	d, rows, digest := b.capture(t, source)
	loaded, err := b.Load(ctx, table.Load{Into: into, Source: source, RestoreID: "r1", Def: *d, Digest: digest, Stats: true}, sequence(rows))
	if err != nil {
		t.Fatal(err)
	}
	if loaded.Digest != digest || loaded.Proof != table.ProofEngine {
		t.Errorf("loaded: %+v", loaded)
	}
	id, exists, err := b.RestoreID(ctx, into)
	if err != nil || id != "r1" || !exists {
		t.Errorf("property %q, %t, %v", id, exists, err)
	}
	b.ours(into, b.o.Tables[source])
	again, _, newDigest := b.capture(t, into)
	if newDigest != digest || again.Schema.Identity() != d.Schema.Identity() {
		t.Errorf("captured again: %s, want %s; schema %+v", newDigest, digest, again.Schema)
	}
	b.nothingLeft(t)
	return loaded
}

func (b *bench) nothingLeft(t *testing.T) {
	t.Helper()
	for _, dir := range []string{b.staging, filepath.Join(b.dir, "restore")} {
		entries, err := os.ReadDir(dir)
		if err != nil && !errors.Is(err, os.ErrNotExist) || len(entries) > 0 {
			t.Errorf("left in %s: %v %v", dir, entries, err)
		}
	}
	for _, name := range b.tables(t) {
		if strings.Contains(name, "staging") {
			t.Errorf("table %s is left", name)
		}
	}
}

func (b *bench) tables(t *testing.T) (names []string) {
	t.Helper()
	err := b.once(context.Background(), table.Name{}, false, func(s *session) error {
		_, rows, err := s.texts(context.Background(), "SHOW TABLES IN shop")
		for _, r := range rows {
			names = append(names, r[0])
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return names
}

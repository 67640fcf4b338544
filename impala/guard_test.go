package impala

import (
	"context"
	"database/sql/driver"
	"errors"
	"iter"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"rewind/sandbox"
	"rewind/table"
)

// folder of a table of the stand-in.
func (b *bench) location(t *testing.T, name table.Name) string {
	t.Helper()
	var location string
	err := b.once(context.Background(), name, false, func(s *session) error {
		f, err := s.describeFormatted(context.Background(), name)
		location = f.location
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return location
}

func failing(rows []table.Row, err error) iter.Seq2[table.Row, error] {
	return func(yield func(table.Row, error) bool) {
		for _, r := range rows {
			if !yield(r, nil) {
				return
			}
		}
		yield(table.Row{}, err)
	}
}

// TestExternalSourceIsNeverTouched restores an external table with purge, fails midway, and finds the source's rows as they were.
func TestExternalSourceIsNeverTouched(t *testing.T) {
	b := newBench(t, sandbox.ImpalaOptions{}, Options{})
	data := filepath.Join(b.dir, "orders")
	b.fullTable(t, shop("orders"), "CREATE EXTERNAL TABLE", "STORED AS PARQUET LOCATION 'file://"+data+"' TBLPROPERTIES ('external.table.purge'='true')")
	d, rows, digest := b.capture(t, shop("orders"))
	l := table.Load{Into: shop("then"), Source: shop("orders"), RestoreID: "r", Def: *d, Digest: digest}
	l.Digest.M++ // fails after the INSERT, at the proof
	_, err := b.Load(context.Background(), l, sequence(rows))
	var proof *ProofError
	if !errors.As(err, &proof) {
		t.Errorf("%v", err)
	}
	if got := b.tables(t); !slices.Equal(got, []string{"orders"}) {
		t.Errorf("tables: %v", got)
	}
	if _, _, now := b.capture(t, shop("orders")); now != digest {
		t.Errorf("the source is now %s, it was %s", now, digest)
	}
	// The failed target's own rows are gone, too: made again by hand it is empty.
	b.run(t, "CREATE EXTERNAL TABLE shop.`then` (x INT) STORED AS PARQUET")
	if b.countRows(t, shop("then")) != 0 {
		t.Error("the failed table's files stayed behind")
	}
	b.run(t, "DROP TABLE shop.`then`")
	b.nothingLeft(t)
	b.restored(t, shop("orders"), shop("then"))
	if f := b.formatted(t, shop("then")); !f.isExternal() || f.purges() {
		t.Errorf("the new table is %+v", f)
	}
}

func (b *bench) formatted(t *testing.T, name table.Name) (f formatted) {
	t.Helper()
	err := b.once(context.Background(), name, false, func(s *session) (err error) {
		f, err = s.describeFormatted(context.Background(), name)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func (b *bench) countRows(t *testing.T, name table.Name) (n int64) {
	t.Helper()
	err := b.once(context.Background(), name, false, func(s *session) error {
		return s.query(context.Background(), "SELECT count(*) FROM "+quoteTable(name), func(_ []string, row []driver.Value) error {
			n = row[0].(int64)
			return nil
		})
	})
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// TestLocationInsideTheSource: the new table's default location lies in the source's: nothing is inserted, and undoing it removes nothing.
func TestLocationInsideTheSource(t *testing.T) {
	for _, kind := range []string{"CREATE EXTERNAL TABLE", "CREATE TABLE"} {
		b := newBench(t, sandbox.ImpalaOptions{}, Options{})
		b.run(t, "CREATE TABLE shop.probe (x INT) STORED AS PARQUET")
		parent := filepath.Dir(strings.TrimPrefix(b.location(t, shop("probe")), "file://"))
		b.fullTable(t, shop("orders"), "CREATE EXTERNAL TABLE", "STORED AS PARQUET LOCATION 'file://"+parent+"'")
		d, rows, digest := b.capture(t, shop("orders"))
		d.DDL = strings.Replace(d.DDL, "CREATE EXTERNAL TABLE", kind, 1)
		_, err := b.Load(context.Background(), table.Load{Into: shop("then"), Source: shop("orders"), RestoreID: "r", Def: *d, Digest: digest}, sequence(rows))
		var location *LocationError
		if !errors.As(err, &location) {
			t.Errorf("%s: %v", kind, err)
		}
		if got := b.tables(t); !slices.Equal(got, []string{"orders", "probe"}) {
			t.Errorf("%s: tables %v", kind, got)
		}
		if _, _, now := b.capture(t, shop("orders")); now != digest {
			t.Errorf("%s: the source was altered", kind)
		}
		b.nothingLeft(t)
	}
}

// TestForeignFiles: somebody's files lie where the new table came to lie: it is refused, and they stay.
func TestForeignFiles(t *testing.T) {
	for _, kind := range []string{"CREATE EXTERNAL TABLE", "CREATE TABLE"} {
		b := newBench(t, sandbox.ImpalaOptions{}, Options{})
		b.run(t, "CREATE EXTERNAL TABLE shop.`then` (id BIGINT, name STRING) STORED AS PARQUET", "INSERT INTO shop.`then` VALUES (1, 'theirs')")
		place := b.location(t, shop("then"))
		b.run(t, "DROP TABLE shop.`then`", kind+" shop.a (id BIGINT, name STRING) STORED AS PARQUET", "INSERT INTO shop.a VALUES (2, 'ours')")
		b.ours(shop("a"), TableOptions{Key: []string{"id"}})
		d, rows, digest := b.capture(t, shop("a"))
		_, err := b.Load(context.Background(), table.Load{Into: shop("then"), Source: shop("a"), RestoreID: "r", Def: *d, Digest: digest}, sequence(rows))
		var location *LocationError
		if !errors.As(err, &location) || !strings.Contains(err.Error(), "somebody's files") {
			t.Errorf("%s: %v", kind, err)
		}
		if got := b.tables(t); !slices.Equal(got, []string{"a"}) {
			t.Errorf("%s: tables %v", kind, got)
		}
		b.run(t, "CREATE EXTERNAL TABLE shop.again (id BIGINT, name STRING) STORED AS PARQUET LOCATION '"+place+"'")
		if n := b.countRows(t, shop("again")); n != 1 {
			t.Errorf("%s: %d of their rows are left", kind, n)
		}
	}
}

// TestDroppedTableUnderItsOwnName: the place that was the dropped table's is the new one's again, if nobody's files are there.
func TestDroppedTableUnderItsOwnName(t *testing.T) {
	for kind, stays := range map[string]bool{"CREATE TABLE": false, "CREATE EXTERNAL TABLE": true} {
		b := newBench(t, sandbox.ImpalaOptions{}, Options{})
		b.fullTable(t, shop("orders"), kind, "STORED AS PARQUET")
		d, rows, digest := b.capture(t, shop("orders"))
		b.run(t, "DROP TABLE shop.orders")
		l := table.Load{Into: shop("orders"), Source: shop("orders"), RestoreID: "r", Def: *d, Digest: digest}
		loaded, err := b.Load(context.Background(), l, sequence(rows))
		var location *LocationError
		switch {
		case stays && !errors.As(err, &location): // an external table's files outlive it
			t.Errorf("%s: %v", kind, err)
		case !stays && (err != nil || loaded.Digest != digest):
			t.Errorf("%s: %v, %v", kind, loaded.Digest, err)
		}
		b.nothingLeft(t)
	}
}

func TestStagingInsideTheSource(t *testing.T) {
	b := newBench(t, sandbox.ImpalaOptions{}, Options{})
	b.run(t, "CREATE EXTERNAL TABLE shop.a (id BIGINT) STORED AS PARQUET LOCATION 'file://"+b.dir+"/staging'")
	b.ours(shop("a"), TableOptions{Key: []string{"id"}})
	d, rows, digest := b.capture(t, shop("a"))
	_, err := b.Load(context.Background(), table.Load{Into: shop("then"), Source: shop("a"), RestoreID: "r", Def: *d, Digest: digest}, sequence(rows))
	var location *LocationError
	if !errors.As(err, &location) || !strings.Contains(err.Error(), "staging folder") {
		t.Errorf("%v", err)
	}
}

// crashed leaves what a load that died would leave: a record, a staging folder and table, and the new table.
// TestCrashAtEveryFileOperation: whatever fails or is the last to succeed on the disk, nothing of the engine's or the disk's is left
// after the next start.
func TestRowsThatAreNotTheRestorePoint(t *testing.T) {
	b := newBench(t, sandbox.ImpalaOptions{}, Options{})
	b.fullTable(t, shop("full"), "CREATE TABLE", "STORED AS PARQUET")
	d, rows, digest := b.capture(t, shop("full"))
	wrong := errors.New("not the restore point")
	for _, staging := range []Staging{b.o.Staging, {}} {
		b.o.Staging = staging
		_, err := b.Load(context.Background(), table.Load{Into: shop("then"), Source: shop("full"), RestoreID: "r", Def: *d, Digest: digest}, failing(rows, wrong))
		if !errors.Is(err, wrong) {
			t.Errorf("%v", err)
		}
		if got := b.tables(t); !slices.Equal(got, []string{"full"}) {
			t.Errorf("tables %v", got)
		}
		b.nothingLeft(t)
	}
}

// TestCancelledStatementEndsOnTheServer: the driver leaves a cancelled statement running; closing its session ends it.

// TestManagedTablesThatTheMetastoreTranslates: Hive 3's metastore makes managed tables external ones with purge; the new table is managed
// again, and a failed one takes its files along.
func TestManagedTablesThatTheMetastoreTranslates(t *testing.T) {
	b := newBench(t, sandbox.ImpalaOptions{TranslateManaged: true}, Options{})
	b.fullTable(t, shop("orders"), "CREATE TABLE", "STORED AS PARQUET")
	d, rows, digest := b.capture(t, shop("orders"))
	if !strings.Contains(d.DDL, "EXTERNAL") {
		t.Fatalf("not translated: %s", d.DDL)
	}
	l := table.Load{Into: shop("then"), Source: shop("orders"), RestoreID: "r", Def: *d, Digest: digest}
	l.Digest.F++
	var proof *ProofError
	if _, err := b.Load(context.Background(), l, sequence(rows)); !errors.As(err, &proof) {
		t.Errorf("%v", err)
	}
	b.restored(t, shop("orders"), shop("then")) // nothing of the failed one lies in its way
	if f := b.formatted(t, shop("then")); !f.purges() {
		t.Errorf("the new table is %+v", f)
	}
	if _, _, now := b.capture(t, shop("orders")); now != digest {
		t.Error("the source was altered")
	}
}

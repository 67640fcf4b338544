package impala

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"rewind/disk"
	"rewind/sandbox"
	"rewind/table"
)

// faults fails a server's statements and counts them.
type faults struct {
	mu     sync.Mutex
	prefix string
	left   int // how many times
	after  bool
	err    error
	seen   int
}

func (f *faults) set(prefix string, times int, after bool, message string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.prefix, f.left, f.after, f.err, f.seen = prefix, times, after, errors.New(message), 0
}

func (f *faults) count() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.seen
}

func (f *faults) fault(statement string) (before, after error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.prefix == "" || !strings.HasPrefix(statement, f.prefix) {
		return nil, nil
	}
	f.seen++
	if f.left == 0 {
		return nil, nil
	}
	f.left--
	if f.after {
		return nil, f.err
	}
	return f.err, nil
}

// faulty is a bench whose server fails as told, with a table of two rows.
func faulty(t *testing.T) (*bench, *faults) {
	t.Helper()
	f := &faults{}
	b := newBench(t, sandbox.ImpalaOptions{Fault: f.fault}, Options{})
	b.run(t, "CREATE TABLE shop.a (id BIGINT, name STRING) STORED AS PARQUET", "INSERT INTO shop.a VALUES (1, 'Alice'), (2, 'Bob')")
	b.ours(shop("a"), TableOptions{Key: []string{"id"}})
	return b, f
}

// sessionLost is what Impala says of a session that it has closed.
const sessionLost = "Client session expired due to more than 10s of inactivity (last activity was at: ...)."

func TestReadsAreTriedAgain(t *testing.T) {
	b, f := faulty(t)
	ctx := context.Background()
	d, err := b.Describe(ctx, shop("a"))
	if err != nil {
		t.Fatal(err)
	}
	for prefix, read := range map[string]func() error{
		"SHOW CREATE":        func() error { _, err := b.Describe(ctx, shop("a")); return err },
		"DESCRIBE FORMATTED": func() error { _, _, err := b.RestoreID(ctx, shop("a")); return err },
		"SHOW TABLE STATS":   func() error { _, _, err := b.Estimate(ctx, shop("a")); return err },
		"SELECT count(*)":    func() error { _, _, err := b.Digest(ctx, shop("a"), d.Schema); return err },
	} {
		f.set(prefix, 1, false, sessionLost)
		if err := read(); err != nil || f.count() != 2 {
			t.Errorf("%s: sent %d times, then %v", prefix, f.count(), err)
		}
	}
	f.set("SHOW CREATE", maxRetries+1, false, sessionLost)
	var unreachable *UnreachableError
	if _, err := b.Describe(ctx, shop("a")); !errors.As(err, &unreachable) || f.count() != maxRetries+1 {
		t.Errorf("sent %d times, then %v", f.count(), err)
	}
}

// TestChangesAreSentOnce: whether a lost answer was a yes, nobody knows: the statement is not sent again, and neither is a scan, whose
// reader has seen its first rows.
func TestChangesAreSentOnce(t *testing.T) {
	b, f := faulty(t)
	ctx := context.Background()
	d, rows, digest := b.capture(t, shop("a"))
	load := func() error {
		_, err := b.Load(ctx, table.Load{Into: shop("then"), Source: shop("a"), RestoreID: "r", Def: *d, Digest: digest}, sequence(rows))
		return err
	}
	for _, c := range []struct {
		prefix string
		change func() error
	}{
		{"CREATE TABLE `shop`.`then`", load}, {"CREATE EXTERNAL TABLE", load}, {"INSERT INTO `shop`.`then`", load},
		{"SELECT src.", func() (failed error) {
			for _, err := range b.Rows(ctx, d.Schema, true) {
				failed = err
			}
			return failed
		}},
	} {
		for _, after := range []bool{false, true} {
			f.set(c.prefix, 1, after, sessionLost)
			var unreachable *UnreachableError
			if err := c.change(); !errors.As(err, &unreachable) || f.count() != 1 {
				t.Errorf("%s: sent %d times, then %v", c.prefix, f.count(), err)
			}
			b.nothingLeft(t)
			if got := strings.Join(b.tables(t), " "); got != "a" {
				t.Errorf("%s: tables %s", c.prefix, got)
			}
		}
	}
	f.set("ALTER TABLE", 1, true, sessionLost) // done, and the answer lost
	if err := b.Rename(ctx, shop("a"), shop("b")); err == nil || f.count() != 1 {
		t.Errorf("a rename was sent %d times, then %v", f.count(), err)
	}
	f.set("DROP TABLE", 1, false, sessionLost)
	if err := b.Drop(ctx, shop("b")); err == nil || f.count() != 1 {
		t.Errorf("a drop was sent %d times, then %v", f.count(), err)
	}
}

// TestStatisticsAreNoPartOfTheRestore: a proved table stays, and the report warns.
func TestStatisticsAreNoPartOfTheRestore(t *testing.T) {
	b, f := faulty(t)
	d, rows, digest := b.capture(t, shop("a"))
	l := table.Load{Into: shop("then"), Source: shop("a"), RestoreID: "r", Def: *d, Digest: digest, Stats: true}
	f.set("COMPUTE STATS", 1, false, "AnalysisException: no")
	loaded, err := b.Load(context.Background(), l, sequence(rows))
	if err != nil || len(loaded.Warnings) != 1 || !strings.Contains(loaded.Warnings[0], "statistics") {
		t.Errorf("%+v: %v", loaded, err)
	}
	if b.countRows(t, shop("then")) != 2 {
		t.Error("the table is gone")
	}
	l.Into, l.Stats = shop("without"), false
	f.set("COMPUTE STATS", 0, false, "")
	if loaded, err := b.Load(context.Background(), l, sequence(rows)); err != nil || len(loaded.Warnings) != 0 || f.count() != 0 {
		t.Errorf("%+v: %v, statistics computed %d times", loaded, err, f.count())
	}
	b.nothingLeft(t)
}

// TestProofWhereTheEngineCannot: an engine without Impala's functions is read back, and the report says so; a wrong table is found, too.
func TestProofWhereTheEngineCannot(t *testing.T) {
	b, f := faulty(t)
	d, rows, digest := b.capture(t, shop("a"))
	for prefix, times := range map[string]int{"SELECT CAST(murmur_hash": 1, "SELECT count(*), coalesce(": 1} {
		f.set(prefix, times, false, "AnalysisException: unknown function")
		l := table.Load{Into: shop("then"), Source: shop("a"), RestoreID: "r", Def: *d, Digest: digest}
		loaded, err := b.Load(context.Background(), l, sequence(rows))
		if err != nil || loaded.Proof != table.ProofReadBack || loaded.Digest != digest {
			t.Errorf("%s: %+v, %v", prefix, loaded, err)
		}
		f.set(prefix, times, false, "AnalysisException: unknown function")
		l.Into, l.Digest.M = shop("wrong"), digest.M+1
		var proof *ProofError
		if _, err := b.Load(context.Background(), l, sequence(rows)); !errors.As(err, &proof) || proof.How != table.ProofReadBack {
			t.Errorf("%s: a wrong table: %v", prefix, err)
		}
		b.run(t, "DROP TABLE shop.`then`")
	}
}

// TestDropLeavesAnExternalTablesFiles: a table that does not own its files leaves them, and one that does takes them along.
func TestDropLeavesAnExternalTablesFiles(t *testing.T) {
	b, _ := faulty(t)
	ctx := context.Background()
	for purge, left := range map[string]int64{"false": 1, "true": 0} {
		place := " STORED AS PARQUET LOCATION 'file://" + t.TempDir() + "'"
		create := "CREATE EXTERNAL TABLE shop.x (id BIGINT)" + place
		b.run(t, create+" TBLPROPERTIES ('external.table.purge'='"+purge+"')", "INSERT INTO shop.x VALUES (1)")
		if err := b.Drop(ctx, shop("x")); err != nil {
			t.Fatal(err)
		}
		b.run(t, create)
		if n := b.countRows(t, shop("x")); n != left {
			t.Errorf("purge %s: %d rows are left, want %d", purge, n, left)
		}
		b.run(t, "DROP TABLE shop.x")
	}
}

// TestStagingIsNotForEverybody: rows lie there in clear.
func TestStagingIsNotForEverybody(t *testing.T) {
	db := testDB(disk.OS, Options{Staging: Staging{Path: t.TempDir()}, StateDir: t.TempDir()})
	s, rows := numberedRows(t, 10)
	r := newRecord(table.Load{Into: ordersName, RestoreID: "1"}, db.o.Staging)
	if _, _, err := db.stage(r, s, 10, rows); err != nil {
		t.Fatal(err)
	}
	err := filepath.WalkDir(r.Path, func(path string, _ fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := os.Stat(path)
		if err == nil && info.Mode().Perm()&0o027 != 0 {
			t.Errorf("%s has mode %v", path, info.Mode())
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
	if name := filepath.Base(r.Path); len(name) != len("rewind-")+32 || name == newRecord(table.Load{}, db.o.Staging).Folder {
		t.Errorf("the folder's name %s can be guessed", name)
	}
}

// TestRefreshIsOptional: REFRESH is sent for the tables that ask for it, before anything is read.
func TestRefreshIsOptional(t *testing.T) {
	b, f := faulty(t)
	for refresh, times := range map[bool]int{false: 0, true: 1} {
		b.ours(shop("a"), TableOptions{Key: []string{"id"}, Refresh: refresh})
		f.set("REFRESH `shop`.`a`", 0, false, "")
		if _, err := b.Describe(context.Background(), shop("a")); err != nil || f.count() != times {
			t.Errorf("refresh %t: sent %d times, then %v", refresh, f.count(), err)
		}
	}
}

// TestDefinitionsThatNoTableIsMadeOf are refused before anything is made.
func TestDefinitionsThatNoTableIsMadeOf(t *testing.T) {
	b, f := faulty(t)
	d, rows, digest := b.capture(t, shop("a"))
	f.set("CREATE", 0, false, "")
	for _, ddl := range []string{"CREATE VIEW shop.a AS SELECT 1", "CREATE MATERIALIZED VIEW shop.a AS SELECT 1",
		"CREATE TABLE shop.a (id BIGINT, name STRING) STORED BY 'org.apache.hadoop.hive.hbase.HBaseStorageHandler'",
		"CREATE TABLE shop.a (id BIGINT, name STRING) STORED AS ORC TBLPROPERTIES ('transactional'='true')"} {
		d.DDL = ddl
		_, err := b.Load(context.Background(), table.Load{Into: shop("then"), Source: shop("a"), RestoreID: "r", Def: *d, Digest: digest}, sequence(rows))
		var unsupported *UnsupportedTableError
		if !errors.As(err, &unsupported) || unsupported.ExitCode() != exitGuard || f.count() != 0 {
			t.Errorf("%s: %v after %d statements", ddl, err, f.count())
		}
		b.nothingLeft(t)
	}
}

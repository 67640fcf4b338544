package impala

import (
	"context"
	"errors"
	"iter"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"rewind/disk"
	"rewind/sandbox"
	"rewind/table"
)

// folder of a table of the stand-in.
func (b *bench) location(t *testing.T, name table.Name) string {
	t.Helper()
	var location string
	err := b.once(context.Background(), name, nil, func(s *session) error {
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
	err := b.once(context.Background(), name, nil, func(s *session) (err error) {
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
	err := b.once(context.Background(), name, nil, func(s *session) error {
		return s.query(context.Background(), "SELECT count(*) FROM "+quoteTable(name), func(_ []string, row []any) error {
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
func (b *bench) crashed(t *testing.T, property string, proved bool) *record {
	t.Helper()
	r := newRecord(table.Load{Into: shop("then"), RestoreID: "mine"}, b.o.Staging)
	r.Owned, r.Proved = true, proved
	if err := b.save(r); err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(r.Path, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(r.Path, "part-00000.avro"), []byte("half a file"), 0o600); err != nil {
		t.Fatal(err)
	}
	name, err := table.ParseName(r.Staging)
	if err != nil {
		t.Fatal(err)
	}
	b.run(t, "CREATE EXTERNAL TABLE "+quoteTable(name)+" (x INT) STORED AS AVRO LOCATION '"+r.URI+"'",
		"CREATE TABLE shop.`then` (x INT) STORED AS PARQUET TBLPROPERTIES ('rewind.restore'='"+property+"')")
	return r
}

func TestCleanupAfterACrash(t *testing.T) {
	for _, c := range []struct {
		name, property string
		proved         bool
		tables         []string
	}{
		{"unfinished", "mine", false, nil},
		{"finished", "mine", true, []string{"then"}},
		{"somebody else's", "theirs", false, []string{"then"}},
	} {
		b := newBench(t, sandbox.ImpalaOptions{}, Options{})
		b.crashed(t, c.property, c.proved)
		for range 2 {
			if err := b.Cleanup(context.Background()); err != nil {
				t.Fatalf("%s: %v", c.name, err)
			}
		}
		if got := b.tables(t); !slices.Equal(got, c.tables) {
			t.Errorf("%s: tables %v, want %v", c.name, got, c.tables)
		}
		b.nothingLeft(t)
	}
}

func TestCleanupLeavesARunningLoadAlone(t *testing.T) {
	b := newBench(t, sandbox.ImpalaOptions{}, Options{})
	r := b.crashed(t, "mine", false)
	held, err := b.hold(r.ID)
	if err != nil {
		t.Fatal(err)
	}
	if err := b.Cleanup(context.Background()); err != nil {
		t.Fatal(err)
	}
	if got := b.tables(t); len(got) != 2 {
		t.Errorf("tables: %v", got)
	}
	if err := held.Close(); err != nil {
		t.Fatal(err)
	}
	if err := b.Cleanup(context.Background()); err != nil {
		t.Fatal(err)
	}
	b.nothingLeft(t)
}

// TestCrashAtEveryFileOperation: whatever fails or is the last to succeed on the disk, nothing of the engine's or the disk's is left
// after the next start.
func TestCrashAtEveryFileOperation(t *testing.T) {
	b := newBench(t, sandbox.ImpalaOptions{}, Options{})
	b.run(t, "CREATE TABLE shop.a (id BIGINT, name STRING) STORED AS PARQUET", "INSERT INTO shop.a VALUES (1, 'Alice')")
	b.ours(shop("a"), TableOptions{Key: []string{"id"}})
	d, rows, digest := b.capture(t, shop("a"))
	b.o.Staging = Staging{}                     // rows through VALUES: the disk holds the record alone
	for _, crash := range []bool{false, true} { // one operation fails; the machine stops
		for k := int64(1); ; k++ {
			memory := disk.NewMemory()
			b.o.FS = memory
			if crash {
				memory.CrashAt(k)
			} else {
				memory.FailAt(k)
			}
			_, err := b.Load(context.Background(), table.Load{Into: shop("then"), Source: shop("a"), RestoreID: "r", Def: *d, Digest: digest}, sequence(rows))
			if !memory.Tripped() {
				if err != nil {
					t.Fatal(err)
				}
				b.run(t, "DROP TABLE shop.`then`")
				break
			}
			after := memory.Restart(disk.Loss{})
			b.o.FS = after
			if err := b.Cleanup(context.Background()); err != nil {
				t.Fatalf("operation %d: %v", k, err)
			}
			if ids, err := b.records(); err != nil || len(ids) != 0 {
				t.Errorf("operation %d: records %v %v", k, ids, err)
			}
			if slices.Contains(b.tables(t), "then") {
				if err != nil && !crash {
					t.Errorf("operation %d: the load failed with %v, and its table is there", k, err)
				}
				b.run(t, "DROP TABLE shop.`then`")
			}
		}
	}
}

func TestCancelledScanEndsTheServersQuery(t *testing.T) {
	b := newBench(t, sandbox.ImpalaOptions{BatchRows: 2, FetchWait: time.Millisecond}, Options{})
	s := b.fullTable(t, shop("full"), "CREATE TABLE", "STORED AS PARQUET")
	for name, stop := range map[string]func(cancel context.CancelFunc) bool{
		"cancelled":           func(cancel context.CancelFunc) bool { cancel(); return true },
		"the reader has left": func(context.CancelFunc) bool { return false },
	} {
		ctx, cancel := context.WithCancel(context.Background())
		seen, failed := 0, error(nil)
		for _, err := range b.Rows(ctx, s) {
			if err != nil {
				failed = err
				break
			}
			if seen++; seen == 3 {
				if len(b.server.Queries()) != 1 {
					t.Errorf("%s: the scan is not among %v", name, b.server.Queries())
				}
				if !stop(cancel) {
					break
				}
			}
		}
		cancel()
		if name == "cancelled" && !errors.Is(failed, context.Canceled) {
			t.Errorf("%s: %v after %d rows", name, failed, seen)
		}
		if left := b.server.Queries(); len(left) != 0 {
			t.Errorf("%s: still running on the server: %v", name, left)
		}
	}
}

func TestCancelledLoadLeavesNothing(t *testing.T) {
	b := newBench(t, sandbox.ImpalaOptions{}, Options{})
	b.fullTable(t, shop("full"), "CREATE TABLE", "STORED AS PARQUET")
	d, rows, digest := b.capture(t, shop("full"))
	for _, stage := range []string{"stage", "load", "prove"} {
		ctx, cancel := context.WithCancel(context.Background())
		b.o.Progress = func(p Progress) {
			if p.Stage == stage {
				cancel()
			}
		}
		_, err := b.Load(ctx, table.Load{Into: shop("then"), Source: shop("full"), RestoreID: "r", Def: *d, Digest: digest}, sequence(rows))
		cancel()
		if !errors.Is(err, context.Canceled) {
			t.Errorf("%s: %v", stage, err)
		}
		b.nothingLeft(t)
		if got := b.tables(t); !slices.Equal(got, []string{"full"}) {
			t.Errorf("%s: tables %v", stage, got)
		}
	}
}

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

func TestServerOutOfReach(t *testing.T) {
	b := newBench(t, sandbox.ImpalaOptions{}, Options{})
	b.run(t, "CREATE TABLE shop.a (x INT) STORED AS PARQUET")
	b.ours(shop("a"), TableOptions{Key: []string{"x"}})
	b.server.ExpireSessions()
	d, _, _ := b.capture(t, shop("a")) // a new session is made for every unit of work
	if err := b.server.Close(); err != nil {
		t.Fatal(err)
	}
	ctx := context.Background()
	_, describeErr := b.Describe(ctx, shop("a"))
	var scanErr error
	for _, scanErr = range b.Rows(ctx, d.Schema) {
	}
	_, openErr := Open(ctx, Options{DSN: b.server.DSN()})
	for what, err := range map[string]error{"describe": describeErr, "scan": scanErr, "rename": b.Rename(ctx, shop("a"), shop("b")), "open": openErr} {
		var unreachable *UnreachableError
		if !errors.As(err, &unreachable) || unreachable.ExitCode() != 7 || !strings.Contains(err.Error(), b.server.Addr()) {
			t.Errorf("%s: %v", what, err)
		}
	}
}

func TestSessionsExpire(t *testing.T) {
	b := newBench(t, sandbox.ImpalaOptions{BatchRows: 1}, Options{})
	b.run(t, "CREATE TABLE shop.a (x INT) STORED AS PARQUET", "INSERT INTO shop.a VALUES (1), (2), (3)")
	b.ours(shop("a"), TableOptions{Key: []string{"x"}})
	d, err := b.Describe(context.Background(), shop("a"))
	if err != nil {
		t.Fatal(err)
	}
	var failed error
	seen := 0
	for _, err := range b.Rows(context.Background(), d.Schema) {
		if failed = err; err == nil {
			seen++
			b.server.ExpireSessions()
		}
	}
	var unreachable *UnreachableError
	if seen == 3 && failed == nil { // the stand-in had all rows computed
		return
	}
	if !errors.As(failed, &unreachable) {
		t.Errorf("after %d rows: %v", seen, failed)
	}
}

func TestCredentials(t *testing.T) {
	server := startImpala(t, sandbox.ImpalaOptions{User: "me", Password: "secret"})
	db, err := Open(context.Background(), Options{DSN: server.DSN()})
	if err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Error(err)
	}
	_, err = Open(context.Background(), Options{DSN: strings.Replace(server.DSN(), "secret", "wrong", 1)})
	var auth *AuthError
	if !errors.As(err, &auth) || auth.ExitCode() != 2 || strings.Contains(err.Error(), "wrong") {
		t.Errorf("%v", err)
	}
}

func TestStatementErrorsAreShort(t *testing.T) {
	b := newBench(t, sandbox.ImpalaOptions{}, Options{})
	err := b.change(context.Background(), table.Name{}, func(s *session) error {
		return s.exec(context.Background(), "SELECT "+strings.Repeat("é", 5000)+" FROM nowhere")
	})
	var statement *StatementError
	if !errors.As(err, &statement) || len(statement.SQL) > shownSQL+8 {
		t.Errorf("%v", err)
	}
	if got := shorten("INSERT INTO `a`.`b` VALUES ('secret')"); strings.Contains(got, "secret") {
		t.Errorf("rows are shown: %s", got)
	}
}

func TestSessionOptionsAreSetEverywhere(t *testing.T) {
	b := newBench(t, sandbox.ImpalaOptions{}, Options{Session: map[string]string{"MEM_LIMIT": "2g", "REQUEST_POOL": "root.it's"}, Timezone: "UTC"})
	b.ours(shop("a"), TableOptions{Options: map[string]string{"REQUEST_POOL": "root.big"}})
	err := b.change(context.Background(), shop("a"), func(s *session) error {
		_, rows, err := s.texts(context.Background(), allOptionsSQL)
		got := map[string]string{}
		for _, r := range rows {
			got[r[0]] = r[1]
		}
		for key, want := range map[string]string{"MEM_LIMIT": "2g", "REQUEST_POOL": "root.big", "TIMEZONE": "UTC", "SYNC_DDL": "true"} {
			if canonicalOption(got[key]) != want {
				t.Errorf("%s is %q, want %q", key, got[key], want)
			}
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
}

// TestCancelledStatementEndsOnTheServer: the driver leaves a cancelled statement running; closing its session ends it.
func TestCancelledStatementEndsOnTheServer(t *testing.T) {
	b := newBench(t, sandbox.ImpalaOptions{}, Options{})
	b.run(t, "CREATE TABLE shop.a (x INT) STORED AS PARQUET")
	statement := "INSERT INTO shop.a VALUES (0)" + strings.Repeat(", (1)", 999)
	b.run(t, statement)
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	ended := make(chan error)
	go func() {
		ended <- b.change(ctx, table.Name{}, func(s *session) error {
			return s.exec(ctx, "INSERT INTO shop.a SELECT p.x FROM shop.a p CROSS JOIN shop.a q CROSS JOIN shop.a r")
		})
	}()
	running := func() bool {
		return slices.ContainsFunc(b.server.Queries(), func(q sandbox.Query) bool { return strings.Contains(q.Statement, "CROSS JOIN") })
	}
	for !running() {
		select {
		case err := <-ended:
			t.Fatalf("it ended before it was seen: %v", err)
		default:
			runtime.Gosched()
		}
	}
	cancel()
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
	if running() {
		t.Errorf("still running: %v", b.server.Queries())
	}
}

package impala

import (
	"context"
	"errors"
	"iter"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"rewind/sandbox"
	"rewind/table"
)

// bench is a stand-in and a DB on it.
// run executes statements.
// ours takes a table's settings into the configuration.
// capture reads a table as a producer does.
// insertRows inserts rows with the literals of this package.
// fullTable makes a table of every type with troublesome rows.
func TestCaptureOfEveryType(t *testing.T) {
	b := newBench(t, sandbox.ImpalaOptions{EmptyBatches: 1, BatchRows: 3}, Options{Timezone: "Europe/Berlin"})
	want := b.fullTable(t, shop("full"), "CREATE TABLE", "STORED AS PARQUET")
	d, rows, digest := b.capture(t, want.Table)
	if d.Schema.Identity() != want.Identity() {
		t.Errorf("schema %+v, want %+v", d.Schema, want)
	}
	if d.Options["TIMEZONE"] != "Europe/Berlin" || d.Engine == "" || !strings.Contains(d.DDL, "CREATE TABLE") {
		t.Errorf("definition: %+v", d)
	}
	if len(rows) != 20 {
		t.Fatalf("%d rows", len(rows))
	}
	if !slices.IsSortedFunc(rows, func(a, b table.Row) int { return strings.Compare(string(a.Key), string(b.Key)) }) {
		t.Error("the rows are not in key order")
	}
	inEngine, how, err := b.Digest(context.Background(), want.Table, d.Schema)
	if err != nil || how != table.ProofEngine || inEngine != digest {
		t.Errorf("the engine's digest %s %s, here %s: %v", inEngine, how, digest, err)
	}
}

func TestReadBackAgreesWithTheEngine(t *testing.T) {
	b := newBench(t, sandbox.ImpalaOptions{}, Options{})
	s := b.fullTable(t, shop("full"), "CREATE TABLE", "STORED AS PARQUET")
	_, _, want := b.capture(t, s.Table)
	err := b.once(context.Background(), s.Table, false, func(session *session) error {
		got, err := session.digestReadBack(context.Background(), s.Table, s)
		if got != want {
			t.Errorf("read back %s, want %s", got, want)
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
}

func TestDescribeRefuses(t *testing.T) {
	b := newBench(t, sandbox.ImpalaOptions{}, Options{})
	b.run(t, "CREATE TABLE shop.a (x INT, y STRING) STORED AS PARQUET", "CREATE VIEW shop.v AS SELECT x FROM shop.a")
	for name, code := range map[string]int{"missing": 4, "v": 6, "a": 2} {
		_, err := b.Describe(context.Background(), shop(name))
		var coded interface{ ExitCode() int }
		if !errors.As(err, &coded) || coded.ExitCode() != code {
			t.Errorf("%s: %v", name, err)
		}
	}
	_, err := b.Describe(context.Background(), table.Name{Database: "nowhere", Table: "a"})
	var missing *NoTableError
	if !errors.As(err, &missing) {
		t.Errorf("a database that does not exist: %v", err)
	}
}

func TestTextThatIsNotUTF8(t *testing.T) {
	b := newBench(t, sandbox.ImpalaOptions{}, Options{})
	b.run(t, "CREATE TABLE shop.a (x INT, y STRING) STORED AS PARQUET", "INSERT INTO shop.a VALUES (1, 'fine'), (2, base64decode('/w=='))")
	b.ours(shop("a"), TableOptions{Key: []string{"x"}})
	d, err := b.Describe(context.Background(), shop("a"))
	if err != nil {
		t.Fatal(err)
	}
	var failed *RowError
	for _, err := range b.Rows(context.Background(), d.Schema, true) {
		if err != nil && !errors.As(err, &failed) {
			t.Fatal(err)
		}
	}
	if failed == nil || !strings.Contains(failed.Error(), `x="2"`) || !strings.Contains(failed.Hint(), "bytes: [y]") {
		t.Errorf("%v", failed)
	}
	b.ours(shop("a"), TableOptions{Key: []string{"x"}, Bytes: []string{"y"}})
	if _, rows, _ := b.capture(t, shop("a")); len(rows) != 2 {
		t.Errorf("%d rows", len(rows))
	}
}

// restored loads the rows into another table and checks everything that is left behind.
// nothingLeft checks that no staging folder, staging table or record remains.
func TestLoadOfEveryKind(t *testing.T) {
	b := newBench(t, sandbox.ImpalaOptions{}, Options{})
	for kind, tail := range map[string]string{
		"parquet": "COMMENT 'it\\'s' STORED AS PARQUET",
		"text":    "ROW FORMAT DELIMITED FIELDS TERMINATED BY '\\001' ESCAPED BY '\\\\' STORED AS TEXTFILE",
		"iceberg": "STORED AS ICEBERG",
	} {
		t.Run(kind, func(t *testing.T) {
			b.fullTable(t, shop(kind), "CREATE TABLE", tail)
			loaded := b.restored(t, shop(kind), shop(kind+"_then"))
			if loaded.Method != "staging" || len(loaded.Warnings) != 0 {
				t.Errorf("%+v", loaded)
			}
		})
	}
}

func TestLoadPartitioned(t *testing.T) {
	b := newBench(t, sandbox.ImpalaOptions{}, Options{})
	b.run(t, "CREATE TABLE shop.a (id BIGINT, note STRING) PARTITIONED BY (year INT, month STRING) STORED AS PARQUET",
		"INSERT INTO shop.a PARTITION (year, month) VALUES (1, 'a', 2024, '01'), (2, NULL, 2025, NULL), (3, 'c', NULL, '02')")
	b.ours(shop("a"), TableOptions{Key: []string{"id"}})
	b.restored(t, shop("a"), shop("b"))
	d, err := b.Describe(context.Background(), shop("b"))
	if err != nil || !strings.Contains(d.DDL, "PARTITIONED BY") {
		t.Errorf("%v %v", d, err)
	}
}

func TestLoadKudu(t *testing.T) {
	b := newBench(t, sandbox.ImpalaOptions{}, Options{})
	b.run(t, "CREATE TABLE shop.a (id BIGINT PRIMARY KEY, name STRING) PARTITION BY HASH (id) PARTITIONS 3 STORED AS KUDU", "INSERT INTO shop.a VALUES (1, 'Alice'), (2, NULL)")
	b.restored(t, shop("a"), shop("b")) // its key is found by itself
	d, err := b.Describe(context.Background(), shop("b"))
	if err != nil || len(d.Schema.Key) != 1 || !strings.Contains(d.DDL, "PARTITION BY HASH (id) PARTITIONS 3") {
		t.Errorf("%+v %v", d, err)
	}
}

func TestLoadKuduRanges(t *testing.T) {
	b := newBench(t, sandbox.ImpalaOptions{}, Options{})
	b.run(t, "CREATE TABLE shop.a (id BIGINT PRIMARY KEY, name STRING) PARTITION BY RANGE (id) (PARTITION VALUES < 10, PARTITION 10 <= VALUES < 20) STORED AS KUDU", "INSERT INTO shop.a VALUES (1, 'Alice')")
	if loaded := b.restored(t, shop("a"), shop("b")); len(loaded.Warnings) != 0 {
		t.Errorf("%v", loaded.Warnings)
	}
	d, err := b.Describe(context.Background(), shop("b"))
	if err != nil || !strings.Contains(d.DDL, "10 <= VALUES < 20") {
		t.Errorf("%+v %v", d, err)
	}
}

func TestLoadOfNoRows(t *testing.T) {
	b := newBench(t, sandbox.ImpalaOptions{}, Options{})
	b.run(t, "CREATE TABLE shop.a (id BIGINT, name STRING) STORED AS PARQUET")
	b.ours(shop("a"), TableOptions{Key: []string{"id"}})
	b.restored(t, shop("a"), shop("b"))
}

func TestLoadWithoutStaging(t *testing.T) {
	b := newBench(t, sandbox.ImpalaOptions{}, Options{ValuesLimit: 20})
	b.o.Staging = Staging{}
	b.fullTable(t, shop("full"), "CREATE TABLE", "STORED AS PARQUET")
	if loaded := b.restored(t, shop("full"), shop("then")); loaded.Method != "insert values" {
		t.Errorf("%+v", loaded)
	}
	b.o.ValuesLimit = 19
	d, rows, digest := b.capture(t, shop("full"))
	_, err := b.Load(context.Background(), table.Load{Into: shop("no"), Source: shop("full"), RestoreID: "r", Def: *d, Digest: digest}, sequence(rows))
	var staging *StagingError
	if !errors.As(err, &staging) || staging.ExitCode() != 6 {
		t.Errorf("%v", err)
	}
	if slices.Contains(b.tables(t), "no") {
		t.Error("a table was made")
	}
}

func TestLoadThroughSiteCommands(t *testing.T) {
	dir := t.TempDir()
	remote := filepath.Join(dir, "remote")
	if err := os.Mkdir(remote, 0o755); err != nil {
		t.Fatal(err)
	}
	script := filepath.Join(dir, "site")
	text := "#!/bin/sh\nto=${3#file://}\nif [ $1 = put ]; then cp -r \"$2\" \"$to\"; else rm -rf \"$to\"; fi\n"
	if err := os.WriteFile(script, []byte(text), 0o700); err != nil {
		t.Fatal(err)
	}
	b := newBench(t, sandbox.ImpalaOptions{}, Options{Staging: Staging{Path: filepath.Join(dir, "spool"), URI: "file://" + remote,
		Put: []string{script, "put", "{path}", "{uri}"}, Remove: []string{script, "remove", "{path}", "{uri}"}}})
	b.fullTable(t, shop("full"), "CREATE TABLE", "STORED AS PARQUET")
	b.restored(t, shop("full"), shop("then"))
	d, rows, digest := b.capture(t, shop("full"))
	b.o.Staging.Put = []string{"false"}
	_, err := b.Load(context.Background(), table.Load{Into: shop("no"), Source: shop("full"), RestoreID: "r", Def: *d, Digest: digest}, sequence(rows))
	var command *CommandError
	if !errors.As(err, &command) {
		t.Errorf("a put that fails: %v", err)
	}
	b.nothingLeft(t)
	for _, d := range []string{remote, filepath.Join(dir, "spool")} {
		if entries, err := os.ReadDir(d); err != nil || len(entries) != 0 {
			t.Errorf("left in %s: %v %v", d, entries, err)
		}
	}
}

func TestLoadFailures(t *testing.T) {
	b := newBench(t, sandbox.ImpalaOptions{}, Options{})
	b.fullTable(t, shop("full"), "CREATE TABLE", "STORED AS PARQUET")
	d, rows, digest := b.capture(t, shop("full"))
	load := func(name string, mutate func(*table.Load), rows iter.Seq2[table.Row, error]) error {
		l := table.Load{Into: shop(name), Source: shop("full"), RestoreID: "r", Def: *d, Digest: digest}
		mutate(&l)
		_, err := b.Load(context.Background(), l, rows)
		return err
	}
	wrong := errors.New("not the restore point")
	if err := load("a", func(*table.Load) {}, func(yield func(table.Row, error) bool) { _ = yield(rows[0], nil) && yield(table.Row{}, wrong) }); !errors.Is(err, wrong) {
		t.Errorf("rows that are not the restore point: %v", err)
	}
	var proof *ProofError
	if err := load("b", func(l *table.Load) { l.Digest.F++ }, sequence(rows)); !errors.As(err, &proof) || proof.ExitCode() != 5 {
		t.Errorf("a wrong digest: %v", err)
	}
	var exists *ExistsError
	if err := load("full", func(*table.Load) {}, sequence(rows)); !errors.As(err, &exists) || exists.ExitCode() != 6 {
		t.Errorf("a table that exists: %v", err)
	}
	var definition *DefinitionError
	if err := load("c", func(l *table.Load) { l.Def.DDL = "nonsense" }, sequence(rows)); !errors.As(err, &definition) {
		t.Errorf("a definition that cannot be read: %v", err)
	}
	if got := b.tables(t); !slices.Equal(got, []string{"full"}) {
		t.Errorf("tables: %v", got)
	}
	if _, _, now := b.capture(t, shop("full")); now != digest {
		t.Error("the source was altered")
	}
	b.nothingLeft(t)
}

func TestPlanIsWhatLoadRuns(t *testing.T) {
	b := newBench(t, sandbox.ImpalaOptions{}, Options{})
	b.fullTable(t, shop("full"), "CREATE TABLE", "STORED AS PARQUET")
	d, _, digest := b.capture(t, shop("full"))
	plan, err := b.Plan(context.Background(), table.Load{Into: shop("then"), Source: shop("full"), RestoreID: "r", Def: *d, Digest: digest, Stats: true})
	if err != nil {
		t.Fatal(err)
	}
	text := strings.Join(plan, "\n")
	for _, part := range []string{"SET SYNC_DDL=true", "CREATE TABLE `shop`.`then`", "CREATE EXTERNAL TABLE `shop`.`rewind_staging_", "INSERT INTO `shop`.`then` SELECT", "murmur_hash", "COMPUTE STATS", "DROP TABLE IF EXISTS `shop`.`rewind_staging_"} {
		if !strings.Contains(text, part) {
			t.Errorf("%s is missing in\n%s", part, text)
		}
	}
	if len(b.tables(t)) != 1 {
		t.Error("the plan was carried out")
	}
}

func TestRenameAndDrop(t *testing.T) {
	b := newBench(t, sandbox.ImpalaOptions{}, Options{})
	ctx := context.Background()
	b.run(t, "CREATE TABLE shop.a (x INT) STORED AS PARQUET TBLPROPERTIES ('rewind.restore'='abc')")
	if err := b.Rename(ctx, shop("a"), shop("b")); err != nil {
		t.Fatal(err)
	}
	if id, exists, err := b.RestoreID(ctx, shop("b")); err != nil || !exists || id != "abc" {
		t.Errorf("%q %t %v", id, exists, err)
	}
	if _, exists, err := b.RestoreID(ctx, shop("a")); err != nil || exists {
		t.Errorf("%t %v", exists, err)
	}
	var missing *NoTableError
	if err := b.Rename(ctx, shop("a"), shop("c")); !errors.As(err, &missing) {
		t.Errorf("%v", err)
	}
	for range 2 { // a table that is gone is no error
		if err := b.Drop(ctx, shop("b")); err != nil {
			t.Error(err)
		}
	}
}

func TestEstimate(t *testing.T) {
	b := newBench(t, sandbox.ImpalaOptions{}, Options{})
	b.run(t, "CREATE TABLE shop.a (x INT) STORED AS PARQUET", "INSERT INTO shop.a VALUES (1), (2)", "COMPUTE STATS shop.a")
	if rows, _, err := b.Estimate(context.Background(), shop("a")); err != nil || rows != 2 {
		t.Errorf("%d rows: %v", rows, err)
	}
}

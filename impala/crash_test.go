package impala

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"rewind/disk"
	"rewind/sandbox"
	"rewind/table"
)

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

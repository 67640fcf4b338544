package main

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"rewind/replay"
)

// schemaCase is one change of a table between two captures.
type schemaCase struct {
	create string // of shop.t, with rows
	insert string
	tables string // the configuration's entry; "": key id
	alter  []string
	after  string // the configuration's entry for the second capture; "": as before

	counts replay.Counts // of the second capture
	reason string        // of a new baseline; "": it is none
	change string        // as points tells it
}

const (
	keyID   = "  - {name: shop.t, key: [id]}\n"
	parquet = "CREATE TABLE shop.t (id INT, name STRING, qty INT) STORED AS PARQUET"
	iceberg = "CREATE TABLE shop.t (id INT, name STRING, qty INT) STORED AS ICEBERG"
	kudu    = "CREATE TABLE shop.t (id INT PRIMARY KEY, name STRING, qty INT) PARTITION BY HASH (id) PARTITIONS 2 STORED AS KUDU"
	three   = "(1, 'Alice', 10), (2, 'Bob', NULL), (3, NULL, 30)"
)

// schemaCases: what becomes of the rows is compared by the test, with what the engine itself says of both tables.
var schemaCases = map[string]schemaCase{
	"added":                 {create: parquet, alter: []string{"ALTER TABLE shop.t ADD COLUMNS (city STRING)"}, change: `column "city" STRING added`},
	"added, Kudu":           {create: kudu, alter: []string{"ALTER TABLE shop.t ADD COLUMNS (city STRING)"}, change: `column "city" STRING added`},
	"added, and a row":      {create: parquet, alter: []string{"ALTER TABLE shop.t ADD COLUMNS (city STRING)", "INSERT INTO shop.t VALUES (4, 'Dora', 40, 'Ulm')"}, counts: replay.Counts{Creates: 1}, change: `column "city" STRING added`},
	"added, and filled":     {create: kudu, alter: []string{"ALTER TABLE shop.t ADD COLUMNS (city STRING)", "UPDATE shop.t SET city = 'Ulm' WHERE id = 2"}, counts: replay.Counts{Updates: 1}, change: `column "city" STRING added`},
	"dropped":               {create: kudu, alter: []string{"ALTER TABLE shop.t DROP COLUMN qty"}, change: `column "qty" dropped`},
	"dropped, Iceberg":      {create: iceberg, alter: []string{"ALTER TABLE shop.t DROP COLUMN qty"}, change: `column "qty" dropped`},
	"dropped and added":     {create: kudu, alter: []string{"ALTER TABLE shop.t DROP COLUMN qty", "ALTER TABLE shop.t ADD COLUMNS (qty INT)"}, counts: replay.Counts{Updates: 2}},
	"dropped, added, known": {create: iceberg, alter: []string{"ALTER TABLE shop.t DROP COLUMN qty", "ALTER TABLE shop.t ADD COLUMNS (qty INT)"}, change: `column "qty" dropped; column "qty" INT added`},
	"renamed, Iceberg":      {create: iceberg, alter: []string{"ALTER TABLE shop.t CHANGE COLUMN name called STRING"}, change: `column "name" renamed "called"`},
	"renamed, Kudu":         {create: kudu, alter: []string{"ALTER TABLE shop.t CHANGE COLUMN name called STRING"}, counts: replay.Counts{Updates: 2}, change: `column "name" dropped; column "called" STRING added`},
	"names swapped, Iceberg": {create: "CREATE TABLE shop.t (id INT, a STRING, b STRING) STORED AS ICEBERG", insert: "(1, 'x', 'y'), (2, 'z', NULL)",
		alter:  []string{"ALTER TABLE shop.t CHANGE COLUMN a c STRING", "ALTER TABLE shop.t CHANGE COLUMN b a STRING", "ALTER TABLE shop.t CHANGE COLUMN c b STRING"},
		change: `column "a" renamed "b"; column "b" renamed "a"`},
	"names swapped": {create: "CREATE TABLE shop.t (id INT PRIMARY KEY, a STRING, b STRING) STORED AS KUDU", insert: "(1, 'x', 'y'), (2, 'z', NULL)", tables: "  - {name: shop.t}\n",
		alter:  []string{"ALTER TABLE shop.t CHANGE COLUMN a c STRING", "ALTER TABLE shop.t CHANGE COLUMN b a STRING", "ALTER TABLE shop.t CHANGE COLUMN c b STRING"},
		counts: replay.Counts{Updates: 2}, change: `columns reordered`},
	"names and types swapped": {create: kudu, tables: "  - {name: shop.t}\n",
		alter:  []string{"ALTER TABLE shop.t CHANGE COLUMN name c STRING", "ALTER TABLE shop.t CHANGE COLUMN qty name INT", "ALTER TABLE shop.t CHANGE COLUMN c qty STRING"},
		counts: replay.Counts{Reads: 3}, reason: `column "name" changed from STRING to INT`, change: `column "name" changed from STRING to INT; column "qty" changed from INT to STRING; columns reordered`},
	"reordered": {create: parquet, alter: []string{"ALTER TABLE shop.t REPLACE COLUMNS (qty INT, id INT, name STRING)"}, change: "columns reordered"},
	"INT to BIGINT": {create: parquet, alter: []string{"ALTER TABLE shop.t CHANGE COLUMN qty qty BIGINT", "ALTER TABLE shop.t CHANGE COLUMN id id BIGINT", "INSERT INTO shop.t VALUES (9000000000, 'Zoe', 9000000000)"},
		counts: replay.Counts{Creates: 1}, change: `column "id" changed from INT to BIGINT; column "qty" changed from INT to BIGINT`},
	"TINYINT to INT": {create: "CREATE TABLE shop.t (id INT, a TINYINT, b SMALLINT) STORED AS PARQUET", insert: "(1, -128, 32767), (2, NULL, NULL)",
		alter: []string{"ALTER TABLE shop.t CHANGE COLUMN a a INT", "ALTER TABLE shop.t CHANGE COLUMN b b BIGINT"}, change: `column "a" changed from TINYINT to INT; column "b" changed from SMALLINT to BIGINT`},
	"FLOAT to DOUBLE": {create: "CREATE TABLE shop.t (id INT, f FLOAT) STORED AS PARQUET", insert: "(1, 1.5), (2, NULL), (3, CAST('nan' AS FLOAT))",
		alter: []string{"ALTER TABLE shop.t CHANGE COLUMN f f DOUBLE"}, change: `column "f" changed from FLOAT to DOUBLE`},
	"DECIMAL wider": {create: "CREATE TABLE shop.t (id DECIMAL(4,0), d DECIMAL(6,2)) STORED AS PARQUET", insert: "(1, 1234.56), (2, NULL), (3, -0.01)",
		alter: []string{"ALTER TABLE shop.t CHANGE COLUMN d d DECIMAL(20,2)", "ALTER TABLE shop.t CHANGE COLUMN id id DECIMAL(9,0)"}, change: `column "id" changed from DECIMAL(4,0) to DECIMAL(9,0); column "d" changed from DECIMAL(6,2) to DECIMAL(20,2)`},
	"DECIMAL finer": {create: "CREATE TABLE shop.t (id DECIMAL(4,0), d DECIMAL(6,2)) STORED AS PARQUET", insert: "(1, 1234.56), (2, NULL), (3, -0.01)",
		alter: []string{"ALTER TABLE shop.t CHANGE COLUMN d d DECIMAL(12,4)", "ALTER TABLE shop.t CHANGE COLUMN id id DECIMAL(9,2)"}, change: `column "id" changed from DECIMAL(4,0) to DECIMAL(9,2); column "d" changed from DECIMAL(6,2) to DECIMAL(12,4)`},
	"VARCHAR longer": {create: "CREATE TABLE shop.t (id INT, v VARCHAR(3), c CHAR(4)) STORED AS PARQUET", insert: "(1, CAST('abc' AS VARCHAR(3)), CAST('de' AS CHAR(4)))",
		alter: []string{"ALTER TABLE shop.t CHANGE COLUMN v v VARCHAR(9)", "ALTER TABLE shop.t CHANGE COLUMN c c CHAR(8)"}, change: `column "v" changed from VARCHAR(3) to VARCHAR(9); column "c" changed from CHAR(4) to CHAR(8)`},
	"VARCHAR to STRING": {create: "CREATE TABLE shop.t (id INT, v VARCHAR(3)) STORED AS PARQUET", insert: "(1, CAST('abc' AS VARCHAR(3)))",
		alter: []string{"ALTER TABLE shop.t CHANGE COLUMN v v STRING"}, change: `column "v" changed from VARCHAR(3) to STRING`},
	"VARCHAR shorter": {create: "CREATE TABLE shop.t (id INT, v VARCHAR(9)) STORED AS PARQUET", insert: "(1, CAST('abcdef' AS VARCHAR(9)))",
		alter: []string{"ALTER TABLE shop.t CHANGE COLUMN v v VARCHAR(3)"}, counts: replay.Counts{Reads: 1}, reason: `column "v" changed from VARCHAR(9) to VARCHAR(3)`, change: `column "v" changed from VARCHAR(9) to VARCHAR(3)`},
	"INT to STRING":  {create: parquet, alter: []string{"ALTER TABLE shop.t CHANGE COLUMN qty qty STRING"}, counts: replay.Counts{Reads: 3}, reason: `column "qty" changed from INT to STRING`, change: `column "qty" changed from INT to STRING`},
	"BIGINT to INT":  {create: "CREATE TABLE shop.t (id INT, n BIGINT) STORED AS PARQUET", insert: "(1, 2)", alter: []string{"ALTER TABLE shop.t CHANGE COLUMN n n INT"}, counts: replay.Counts{Reads: 1}, reason: `column "n" changed from BIGINT to INT`, change: `column "n" changed from BIGINT to INT`},
	"key changed":    {create: parquet, after: "  - {name: shop.t, key: [id, qty]}\n", counts: replay.Counts{Reads: 3}, reason: "the key changed from [id] to [id qty]", change: "key changed from [id] to [id qty]"},
	"key reordered":  {create: parquet, tables: "  - {name: shop.t, key: [id, qty]}\n", after: "  - {name: shop.t, key: [qty, id]}\n", counts: replay.Counts{Reads: 3}, reason: "the key changed from [id qty] to [qty id]", change: "key changed from [id qty] to [qty id]"},
	"key renamed":    {create: iceberg, alter: []string{"ALTER TABLE shop.t CHANGE COLUMN id number INT"}, after: "  - {name: shop.t, key: [number]}\n", change: `column "id" renamed "number"`},
	"file format":    {create: parquet, alter: []string{"ALTER TABLE shop.t SET FILEFORMAT TEXTFILE"}},
	"partition spec": {create: "CREATE TABLE shop.t (id INT, name STRING, qty INT) PARTITIONED BY SPEC (BUCKET(4, id)) STORED AS ICEBERG", alter: []string{"ALTER TABLE shop.t SET PARTITION SPEC (TRUNCATE(3, name))"}},
	"partitioned": {create: "CREATE TABLE shop.t (id INT, name STRING, qty INT) STORED AS PARQUET", alter: []string{
		"CREATE TABLE shop.u (id INT, name STRING) PARTITIONED BY (qty INT) STORED AS PARQUET", "INSERT INTO shop.u PARTITION (qty) SELECT id, name, qty FROM shop.t",
		"DROP TABLE shop.t", "ALTER TABLE shop.u RENAME TO shop.t"}},
	"properties": {create: parquet, alter: []string{"ALTER TABLE shop.t SET TBLPROPERTIES ('owner.team'='sales')"}},
	"several at once": {create: iceberg, alter: []string{"ALTER TABLE shop.t CHANGE COLUMN name called STRING", "ALTER TABLE shop.t ADD COLUMNS (name STRING, price DECIMAL(8,2))",
		"ALTER TABLE shop.t CHANGE COLUMN qty amount BIGINT", "INSERT INTO shop.t VALUES (4, 'Dora', 5000000000, 'D.', 1.25)"}, counts: replay.Counts{Creates: 1},
		change: `column "name" renamed "called"; column "qty" renamed "amount"; column "amount" changed from INT to BIGINT; column "name" STRING added; column "price" DECIMAL(8,2) added`},
	"recreated": {create: iceberg, alter: []string{"DROP TABLE shop.t", "CREATE TABLE shop.t (qty INT, id INT, name STRING) STORED AS ICEBERG", "INSERT INTO shop.t VALUES (10, 1, 'Alice'), (NULL, 2, 'Bob'), (31, 3, NULL)"},
		counts: replay.Counts{Updates: 1}, change: "columns reordered"},
	"bytes set": {create: parquet, after: "  - {name: shop.t, key: [id], bytes: [name]}\n", change: `column "name" changed from STRING to STRING carried as bytes`},
	"bytes taken back": {create: parquet, tables: "  - {name: shop.t, key: [id], bytes: [name]}\n", after: keyID, counts: replay.Counts{Reads: 3},
		reason: `column "name" changed from STRING carried as bytes to STRING`, change: `column "name" changed from STRING carried as bytes to STRING`},
}

// TestSchemasThatChange captures a table, changes it, captures it again, and restores it to before and after: columns, definition and rows
// must be those of the engine's own table at that time.
func TestSchemasThatChange(t *testing.T) {
	noLeaks(t)
	restored := 0
	for name, c := range schemaCases {
		restored += 2
		t.Run(strings.ReplaceAll(name, " ", "-"), func(t *testing.T) {
			t.Parallel()
			if c.tables == "" {
				c.tables = keyID
			}
			if c.insert == "" {
				c.insert = three
			}
			r := newRig(t, c.tables, "")
			r.sql(t, c.create, "INSERT INTO shop.t VALUES "+c.insert)
			before := r.look(t, "shop.t")
			one := r.capture(t)
			r.sql(t, c.alter...)
			if c.after != "" {
				r.configure(t, c.after, "")
			}
			after := r.look(t, "shop.t")
			two := r.capture(t)
			checkSecond(t, c, one, two)
			checkPoints(t, r, c, two)
			r.restored(t, "shop.t", one.Snapshot, before)
			r.restored(t, "shop.t", two.Snapshot, after)
			if three := r.capture(t); three.Baseline != "" || three.Counts != (replay.Counts{}) {
				t.Errorf("captured again: %+v", three)
			}
			must(t, "verify", "--config", r.config)
		})
	}
	t.Logf("counted: %d changes of a table, %d restores compared with the engine's own table", len(schemaCases), restored)
}

func checkSecond(t *testing.T, c schemaCase, one, two captureLine) {
	t.Helper()
	if two.Counts != c.counts || two.Baseline != c.reason || (two.Previous == one.Snapshot) != (c.reason == "") {
		t.Errorf("second capture: counts %+v, baseline %q, previous %d of %d", two.Counts, two.Baseline, two.Previous, one.Snapshot)
	}
}

// checkPoints holds what points says against the case, for programs and for people.
func checkPoints(t *testing.T, r *rig, c schemaCase, two captureLine) {
	t.Helper()
	points := lines[pointLine](t, must(t, "points", "shop.t", "--json", "--config", r.config))
	if last := points[len(points)-1]; last.SchemaChange != c.change || last.BaselineReason != c.reason || points[0].BaselineReason != "first snapshot" {
		t.Errorf("points: %q, %q; want %q, %q", last.SchemaChange, last.BaselineReason, c.change, c.reason)
	}
	text := must(t, "points", "shop.t", "--config", r.config)
	if c.change != "" && !strings.Contains(text, fmt.Sprintf("\n%d: %s\n", two.Snapshot, c.change)) {
		t.Errorf("points does not tell the change:\n%s", text)
	}
	if says := strings.Contains(text, fmt.Sprintf("\n%d is a new baseline: %s\n", two.Snapshot, c.reason)); says != (c.reason != "") {
		t.Errorf("points on the baseline:\n%s", text)
	}
}

// TestExcludedColumnsChange: a column that is taken out of a capture, altered meanwhile, and taken in again is a new one; what is left out
// does not show in a restored table.
func TestExcludedColumnsChange(t *testing.T) {
	noLeaks(t)
	const without = "  - {name: shop.t, key: [id], exclude: [qty]}\n"
	r := newRig(t, keyID, "")
	r.sql(t, kudu, "INSERT INTO shop.t VALUES "+three)
	full := r.look(t, "shop.t")
	one := r.capture(t)
	r.configure(t, without, "")
	two := r.capture(t)
	r.sql(t, "UPDATE shop.t SET qty = 99", "ALTER TABLE shop.t ADD COLUMNS (city STRING)")
	three := r.capture(t)
	r.configure(t, "  - {name: shop.t, key: [id], exclude: [city]}\n", "")
	four := r.capture(t)
	if two.Counts != (replay.Counts{}) || three.Counts != (replay.Counts{}) || four.Counts != (replay.Counts{Updates: 3}) {
		t.Errorf("left out: %+v, altered: %+v, taken in: %+v", two.Counts, three.Counts, four.Counts)
	}
	r.restored(t, "shop.t", one.Snapshot, full)
	for _, c := range []struct {
		id   int64
		want []string
	}{
		{two.Snapshot, []string{"1|Alice", "2|Bob", "3|NULL"}}, {three.Snapshot, []string{"1|Alice|NULL", "2|Bob|NULL", "3|NULL|NULL"}},
		{four.Snapshot, []string{"1|Alice|99", "2|Bob|99", "3|NULL|99"}},
	} {
		if diff := cmp.Diff(c.want, r.fold(t, shopT, c.id)); diff != "" {
			t.Errorf("as of %d\n%s", c.id, diff)
		}
		r.fails(t, []int{exitPartial}, "restore", "shop.t", "--at", fmt.Sprint(c.id), "--into", fmt.Sprintf("shop.t_%d", c.id))
		if diff := cmp.Diff(c.want, r.look(t, fmt.Sprintf("shop.t_%d", c.id)).Rows); diff != "" {
			t.Errorf("restored as of %d\n%s", c.id, diff)
		}
	}
	text := must(t, "history", "shop.t", "--key", "id=1", "--config", r.config)
	if !strings.Contains(text, "(by a change of the table's columns)") || !strings.Contains(text, "qty: 10 → the column is gone") || !strings.Contains(text, "qty: NULL → 99") {
		t.Errorf("%s", text)
	}
}

// TestWiderIsNoUpdate: a value that a wider type only writes longer has one version.
func TestWiderIsNoUpdate(t *testing.T) {
	noLeaks(t)
	r := newRig(t, keyID, "")
	r.sql(t, "CREATE TABLE shop.t (id INT, d DECIMAL(6,2), f FLOAT) STORED AS PARQUET", "INSERT INTO shop.t VALUES (1, 1.50, 0.1)")
	r.capture(t)
	r.sql(t, "ALTER TABLE shop.t CHANGE COLUMN d d DECIMAL(12,4)", "ALTER TABLE shop.t CHANGE COLUMN f f DOUBLE")
	if two := r.capture(t); two.Counts != (replay.Counts{}) {
		t.Errorf("%+v", two)
	}
	if text := must(t, "history", "shop.t", "--key", "id=1", "--config", r.config); !strings.Contains(text, "id=1: 1 version") {
		t.Errorf("%s", text)
	}
}

package impala

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"rewind/sandbox"
	"rewind/table"
)

// TestIcebergIDs: the parameter is read as JSON and as Java writes JSON into a text; whatever does not name each column once is worth nothing.
func TestIcebergIDs(t *testing.T) {
	s := &table.Schema{Columns: []table.Column{column(1, "id", table.Type{Kind: table.Int}), column(2, "name", table.Type{Kind: table.String})}, Key: []int{1}, NextColumnID: 3}
	const schema = `{"type":"struct","schema-id":1,"fields":[{"id":4,"name":"Name","required":false,"type":"string"},{"id":1,"name":"id","type":"int"},{"id":7,"name":"other","type":{"type":"list","element":"int"}}]}`
	want := table.EngineIDs{Table: "u", Columns: map[int]int{1: 1, 2: 4}}
	for name, text := range map[string]string{"plain": schema, "escaped": strings.ReplaceAll(schema, `"`, `\"`)} {
		if diff := cmp.Diff(want, icebergIDs(s, "u", text)); diff != "" {
			t.Errorf("%s\n%s", name, diff)
		}
	}
	for name, text := range map[string]string{
		"missing": "", "no JSON": "{", "another time's": strings.ReplaceAll(schema, "Name", "called"), "twice": strings.ReplaceAll(schema, `"other"`, `"NAME"`),
		"one id twice": strings.ReplaceAll(schema, `"id":7`, `"id":1`), "no id": strings.ReplaceAll(schema, `"id":4`, `"id":0`),
	} {
		if got := icebergIDs(s, "u", text); got.Table != "" || got.Columns != nil {
			t.Errorf("%s: %+v", name, got)
		}
	}
	if got := icebergIDs(s, "", schema); got.Columns != nil {
		t.Errorf("without the table's id: %+v", got)
	}
}

// TestWhoTellsItsIDs: Iceberg tables of the Hive catalog do, unless their schema is too long to be shown; no other table does.
func TestWhoTellsItsIDs(t *testing.T) {
	b := newBench(t, sandbox.ImpalaOptions{}, Options{})
	wide := make([]string, 600)
	for i := range wide {
		wide[i] = fmt.Sprintf("a_column_with_a_long_name_%d STRING", i)
	}
	b.run(t, "CREATE TABLE shop.ice (id INT, a STRING) STORED AS ICEBERG", "ALTER TABLE shop.ice CHANGE COLUMN a b STRING",
		"CREATE TABLE shop.wide (id INT, "+strings.Join(wide, ", ")+") STORED AS ICEBERG",
		"CREATE TABLE shop.hadoop (id INT) STORED AS ICEBERG TBLPROPERTIES ('iceberg.catalog'='hadoop.tables')",
		"CREATE TABLE shop.ku (id INT PRIMARY KEY) STORED AS KUDU", "CREATE TABLE shop.pq (id INT) STORED AS PARQUET")
	for name, tells := range map[string]bool{"ice": true, "wide": false, "hadoop": false, "ku": false, "pq": false} {
		b.ours(shop(name), TableOptions{Key: []string{"id"}})
		d, err := b.Describe(context.Background(), shop(name))
		if err != nil {
			t.Fatal(err)
		}
		if told := d.Schema.Engine.Table != "" && len(d.Schema.Engine.Columns) == len(d.Schema.Columns); told != tells {
			t.Errorf("%s: %+v", name, d.Schema.Engine)
		}
		if what, err := b.Altered(context.Background(), shop(name), d); err != nil || what != "" {
			t.Errorf("%s is not as it was described: %q, %v", name, what, err)
		}
	}
}

// TestWritersDoNotAlter: what changes with a table's rows, its statistics among it, is no change of its definition.
func TestWritersDoNotAlter(t *testing.T) {
	b := newBench(t, sandbox.ImpalaOptions{}, Options{})
	b.run(t, "CREATE TABLE shop.a (id INT) STORED AS PARQUET")
	b.ours(shop("a"), TableOptions{Key: []string{"id"}})
	d, err := b.Describe(context.Background(), shop("a"))
	if err != nil {
		t.Fatal(err)
	}
	b.run(t, "INSERT INTO shop.a VALUES (1)", "COMPUTE STATS shop.a",
		"ALTER TABLE shop.a SET TBLPROPERTIES ('transient_lastDdlTime'='17', 'numRows'='1', 'impala.lastComputeStatsTime'='18', 'current-snapshot-id'='19')")
	if what, err := b.Altered(context.Background(), shop("a"), d); err != nil || what != "" {
		t.Errorf("%q, %v", what, err)
	}
	b.run(t, "ALTER TABLE shop.a SET TBLPROPERTIES ('owner.team'='sales')")
	if what, err := b.Altered(context.Background(), shop("a"), d); err != nil || what != "its definition is another" {
		t.Errorf("%q, %v", what, err)
	}
}

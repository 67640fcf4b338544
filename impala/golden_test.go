package impala

import (
	"flag"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"rewind/table"
)

var update = flag.Bool("update", false, "write the golden files")

// kindOfTable is one golden file: a table as SHOW CREATE TABLE prints it.
type kindOfTable struct {
	name    string
	ddl     string
	key     []string
	columns []table.Column
}

func column(id int, name string, t table.Type) table.Column {
	return table.Column{ID: id, Name: name, Type: t}
}

// everyType is a table with a column of each type.
func everyType() []table.Column {
	columns := []table.Column{
		column(1, "region", table.Type{Kind: table.Char, Length: 2}),
		column(2, "id", table.Type{Kind: table.BigInt}),
		column(3, "paid", table.Type{Kind: table.Boolean}),
		column(4, "ti", table.Type{Kind: table.TinyInt}),
		column(5, "si", table.Type{Kind: table.SmallInt}),
		column(6, "qty", table.Type{Kind: table.Int}),
		column(7, "weight", table.Type{Kind: table.Float}),
		column(8, "price", table.Type{Kind: table.Double}),
		column(9, "amount", table.Type{Kind: table.Decimal, Precision: 38, Scale: 10}),
		column(10, "label", table.Type{Kind: table.VarChar, Length: 20}),
		column(11, "note", table.Type{Kind: table.String}),
		column(12, "raw", table.Type{Kind: table.String}),
		column(13, "ts", table.Type{Kind: table.Timestamp}),
		column(14, "day", table.Type{Kind: table.Date}),
		column(15, "blob", table.Type{Kind: table.Binary}),
	}
	columns[11].AsBytes = true
	return columns
}

func goldenKinds() []kindOfTable {
	return []kindOfTable{
		{name: "parquet", ddl: readFile("ddl/parquet.txt"), key: []string{"region", "id"}, columns: everyType()},
		{name: "text", ddl: readFile("ddl/text.txt"), key: []string{"id"}, columns: []table.Column{
			column(1, "id", table.Type{Kind: table.Int}), column(2, "name", table.Type{Kind: table.String}),
			column(3, "1st-é", table.Type{Kind: table.String})}},
		{name: "partitioned", ddl: readFile("ddl/partitioned.txt"), key: []string{"id", "year"}, columns: []table.Column{
			column(1, "id", table.Type{Kind: table.BigInt}), column(2, "note", table.Type{Kind: table.VarChar, Length: 40}),
			column(3, "year", table.Type{Kind: table.Int}), column(4, "month", table.Type{Kind: table.TinyInt})}},
		{name: "kudu", ddl: readFile("ddl/kudu.txt"), key: []string{"host", "at"}, columns: []table.Column{
			column(1, "host", table.Type{Kind: table.String}), column(2, "at", table.Type{Kind: table.Timestamp}),
			column(3, "metric", table.Type{Kind: table.Double}), column(4, "note", table.Type{Kind: table.String})}},
		{name: "iceberg", ddl: readFile("ddl/iceberg.txt"), key: []string{"id"}, columns: []table.Column{
			column(1, "id", table.Type{Kind: table.BigInt}), column(2, "level", table.Type{Kind: table.String}),
			column(3, "at", table.Type{Kind: table.Timestamp}), column(4, "day", table.Type{Kind: table.Date})}},
	}
}

func readFile(name string) string {
	b, err := os.ReadFile(filepath.Join("testdata", filepath.FromSlash(name)))
	if err != nil {
		panic(err)
	}
	return string(b)
}

func (k kindOfTable) schema() *table.Schema {
	s := &table.Schema{Table: table.Name{Database: "shop", Table: k.name}, Columns: k.columns, NextColumnID: len(k.columns) + 1}
	for _, name := range k.key {
		c, _ := s.ColumnNamed(name)
		s.Key = append(s.Key, c.ID)
	}
	return s
}

// sampleRow is a row of troublesome values: nulls says that all are NULL.
func sampleRow(columns []table.Column, nulls bool) []table.Value {
	row := make([]table.Value, len(columns))
	for i, c := range columns {
		v := table.Value{Null: nulls}
		switch c.Type.Kind {
		case table.Float, table.Double:
			v.Float = math.Copysign(0, -1)
			if i%2 == 1 {
				v.Float = math.NaN()
			}
		case table.Decimal:
			v.Decimal = table.Int128{Hi: -1, Lo: math.MaxUint64}
		case table.Char:
			v.Bytes = []byte("eu")
		case table.Timestamp:
			v.Bytes = []byte("1400-01-01 00:00:00.000000001")
		case table.Binary:
			v.Bytes = []byte{0, 0xff, '?'}
		case table.String, table.VarChar:
			v.Bytes = []byte("it's $1 @p1 \\ ? ; \x00 é😀")
		case table.BigInt:
			v.Int = math.MinInt64
		default:
			v.Int = 1
		}
		row[i] = v
	}
	return row
}

// goldenText is every statement that the program can emit for such a table.
func goldenText(t *testing.T, k kindOfTable) string {
	t.Helper()
	s := k.schema()
	d, err := parseDDL(k.ddl)
	if err != nil {
		t.Fatal(err)
	}
	into := table.Name{Database: "shop", Table: k.name + "_then"}
	staging := table.Name{Database: "shop", Table: "rewind_staging_0123456789abcdef"}
	plan, err := planTarget(into, s, d, "1790000000000000")
	if err != nil {
		t.Fatal(err)
	}
	var values []byte
	for i, nulls := range []bool{false, true} {
		if i > 0 {
			values = append(values, ", "...)
		}
		values = appendRow(values, plan, plan.positionsIn(s), sampleRow(s.Columns, nulls))
	}
	var b strings.Builder
	for _, line := range []struct{ title, sql string }{
		{"a session's options: those of the configuration, and a restore's own", setSQL("MEM_LIMIT", "2g")},
		{"", setSQL("TIMEZONE", "Europe/Berlin")}, {"", setSQL("SYNC_DDL", "true")}, {"", setSQL("ABORT_ON_ERROR", "true")},
		{"", setSQL("DEFAULT_TRANSACTIONAL_TYPE", "none")}, {"", allOptionsSQL},
		{"what the table is", refreshSQL(s.Table)}, {"", versionSQL}, {"", showCreateSQL(s.Table)}, {"", describeSQL(s.Table)},
		{"", describeFormattedSQL(s.Table)}, {"", showStatsSQL(s.Table)},
		{"Kudu tables only", onlyFor(d.format == formatKudu, showRangesSQL(s.Table))},
		{"capture", scanSQL(s, true)}, {"reading back", scanSQL(s, false)},
		{"capture by several streams, of one instant", onlyFor(d.format == formatIceberg, historySQL(s.Table))}, {"", onlyFor(d.format == formatIceberg, streamSQL(t, s, "8744736658442914487"))},
		{"", onlyFor(d.format == formatIceberg, countSQL(s.Table, "8744736658442914487"))},
		{"capture by several streams, of one instant", onlyFor(d.format == formatKudu, clockSQL)}, {"", onlyFor(d.format == formatKudu, setSQL("KUDU_READ_MODE", "READ_AT_SNAPSHOT"))},
		{"", onlyFor(d.format == formatKudu, setSQL("KUDU_SNAPSHOT_READ_TIMESTAMP_MICROS", "1790000000000000"))}, {"", onlyFor(d.format == formatKudu, streamSQL(t, s, ""))},
		{"", onlyFor(d.format == formatKudu, countSQL(s.Table, ""))},
		{"what the proof relies on", probeSQL()}, {"proof", digestSQL(into, s)},
		{"restore: staging", createStagingSQL(staging, s, "file:///data/staging/rewind-0123456789abcdef", "1790000000000000")},
		{"restore: the new table", plan.create}, {"", anyRowSQL(into)},
		{"restore: rows", insertStagedSQL(into, staging, plan)}, {"without staging", insertIntoSQL(into, plan) + " VALUES " + string(values)},
		{"statistics", computeStatsSQL(into)}, {"clean up", dropSQL(staging)},
		{"undo: an external table's files would stay behind", onlyFor(plan.external, truncateSQL(into))}, {"", dropSQL(into)},
		{"undo where the location turned out to hold somebody's files", onlyFor(!plan.external && d.format != formatKudu, keepFilesSQL(into))},
		{"swap", renameSQL(into, s.Table)},
		{"config check, init", showDatabasesSQL}, {"", showTablesSQL(s.Table.Database)}, {"", noRowsSQL(s)}, {"", countSQL(s.Table, "")},
		{"", explainInsertSQL(s.Table, plan)},
	} {
		if line.sql == "" {
			continue
		}
		if line.title != "" {
			b.WriteString("\n-- " + line.title + "\n")
		}
		b.WriteString(line.sql + ";\n")
	}
	return strings.TrimPrefix(b.String(), "\n")
}

// streamSQL reads the rows between the sample rows, the first of which is all NULL.
func streamSQL(t *testing.T, s *table.Schema, version string) string {
	t.Helper()
	codec, err := table.NewCodec(s)
	if err != nil {
		t.Fatal(err)
	}
	r := &keyRange{at: instant{version: version}}
	if r.from, err = codec.AppendKey(nil, sampleRow(s.Columns, false)); err != nil {
		t.Fatal(err)
	}
	r.to = r.from
	condition, err := r.condition(s, codec)
	if err != nil {
		t.Fatal(err)
	}
	return scanRangeSQL(s, true, version, condition)
}

func onlyFor(condition bool, sql string) string {
	if condition {
		return sql
	}
	return ""
}

func TestGoldenStatements(t *testing.T) {
	for _, k := range goldenKinds() {
		t.Run(k.name, func(t *testing.T) { compareGolden(t, k.name+".sql", goldenText(t, k)) })
	}
}

func compareGolden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s differs; run with -update and read the difference\ngot:\n%s", path, got)
	}
}

package impala

import (
	"errors"
	"strings"
	"testing"

	"rewind/table"
)

func TestParseDDL(t *testing.T) {
	d, err := parseDDL(readFile("ddl/text.txt"))
	if err != nil {
		t.Fatal(err)
	}
	if d.external || d.format != "TEXTFILE" || *d.row.fields != "\x01" || *d.row.escaped != `\` || *d.row.lines != "\n" {
		t.Errorf("storage: %+v", d)
	}
	if got := d.columns[1]; got.name != "name" || *got.comment != `a \\ in it` {
		t.Errorf("column: %+v", got)
	}
	if d.location != "hdfs://ns/warehouse/shop.db/text" || d.property("SKIP.header.line.count") != "1" {
		t.Errorf("properties: %+v", d.properties)
	}
}

func TestParseDDLComments(t *testing.T) {
	for text, want := range map[string]string{
		`'it's the customer's'`: "it's the customer's",
		`'it\'s escaped'`:       `it\'s escaped`,
		`"double 'quoted'"`:     "double 'quoted'",
		`'ends in \'`:           `ends in \`,
		`'a, b) COMMENT c'`:     "a, b) COMMENT c",
		`'-- no comment'`:       "-- no comment",
		`''`:                    "",
	} {
		d, err := parseDDL("CREATE TABLE a.b (\n  x INT COMMENT " + text + ",\n  y ARRAY<STRUCT<p:INT,q:MAP<STRING,DECIMAL(10,2)>>>\n)\nSTORED AS PARQUET\n")
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		if len(d.columns) != 2 || *d.columns[0].comment != want {
			t.Errorf("%s read as %+v", text, d.columns)
		}
	}
}

// TestComments: Impala stores a comment as it is written, escapes and all, and prints it so; written again it is still the same.
func TestComments(t *testing.T) {
	for printed, want := range map[string]string{
		`'plain $1 @p1; é😀'`:    `'plain $1 @p1; é😀'`,
		`'it's the customer's'`: `"it's the customer's"`,
		`'it\'s escaped'`:       `'it\'s escaped'`,
		`'a "quoted" word'`:     `'a "quoted" word'`,
		`'it's "both" here'`:    `'it\'s "both" here'`,
		`'C:\temp'`:             `'C:\temp'`,
		`'ends in \'`:           `'ends in \\'`,
		`'what? \?'`:            `'what\077 \\\077'`,
		"'two\nlines'":          "'two\nlines'",
		`''`:                    `''`,
	} {
		d, err := parseDDL("CREATE TABLE a.b (\n  x INT\n)\n COMMENT " + printed + "\nSTORED AS PARQUET\n")
		if err != nil {
			t.Errorf("%s: %v", printed, err)
			continue
		}
		if got := quoteComment(*d.comment); got != want {
			t.Errorf("%s is written as %s, want %s", printed, got, want)
		}
	}
}

func TestParseDDLOfViewsAndOthers(t *testing.T) {
	for _, text := range []string{"CREATE VIEW a.v AS\nSELECT 1", "CREATE MATERIALIZED VIEW a.v AS SELECT 1"} {
		if _, err := parseDDL(text); !errors.Is(err, errView) {
			t.Errorf("%s: %v", text, err)
		}
	}
	for _, text := range []string{"", "SELECT 1", "CREATE TABLE", "CREATE TABLE a.b (x INT", "CREATE TABLE a.b (x INT) FROBNICATE", "CREATE TABLE a.b (x INT COMMENT 'open)"} {
		if _, err := parseDDL(text); err == nil || errors.Is(err, errView) {
			t.Errorf("%q was accepted: %v", text, err)
		}
	}
}

func FuzzParseDDL(f *testing.F) {
	for _, k := range goldenKinds() {
		f.Add(k.ddl)
	}
	s := goldenKinds()[0].schema()
	f.Fuzz(func(t *testing.T, text string) {
		d, err := parseDDL(text)
		if err != nil {
			return
		}
		plan, err := planTarget(table.Name{Database: "a", Table: "b"}, s, d, "1")
		if err != nil {
			return
		}
		tokens, err := lex(plan.create, false)
		if err != nil {
			t.Fatalf("%s\nwas built of %q: %v", plan.create, text, err)
		}
		depth, statements := 0, 1
		for _, token := range tokens {
			switch {
			case token.is("("):
				depth++
			case token.is(")"):
				depth--
			case token.is(";"), token.is("LOCATION"), token.is("AS") && depth == 0 && statements > 2:
				t.Fatalf("%s\nwas built of %q", plan.create, text)
			}
			if token.kind == stringToken && isDropped(token.text) && token.text != restoreProperty && strings.Contains(plan.create, "TBLPROPERTIES ("+token.sql()) {
				t.Fatalf("%s\nwas built of %q", plan.create, text)
			}
		}
		if depth != 0 {
			t.Fatalf("%s\nwas built of %q", plan.create, text)
		}
	})
}

func TestTargetLeavesOutWhatMustNotBeCopied(t *testing.T) {
	for _, k := range goldenKinds() {
		d, err := parseDDL(k.ddl)
		if err != nil {
			t.Fatal(err)
		}
		plan, err := planTarget(table.Name{Database: "shop", Table: "then"}, k.schema(), d, "7")
		if err != nil {
			t.Fatal(err)
		}
		for _, never := range []string{"LOCATION", "external.table.purge", "kudu.table_name", "iceberg.catalog", "metadata_location", "numRows", "skip.header", "TRANSLATED"} {
			if strings.Contains(plan.create, never) {
				t.Errorf("%s is copied: %s", never, plan.create)
			}
		}
	}
}

func TestTargetWarnings(t *testing.T) {
	s := &table.Schema{Table: table.Name{Database: "a", Table: "b"}, Columns: []table.Column{column(1, "x", table.Type{Kind: table.Int})}, Key: []int{1}, NextColumnID: 2}
	for text, want := range map[string]string{
		"STORED AS ORC": "does not write ORC",
		"STORED AS KUDU TBLPROPERTIES ('kudu.table_name'='t')":                                 "belongs to Impala",
		"PARTITION BY RANGE (x) (...) STORED AS KUDU":                                          "made without it",
		"CLUSTERED BY (\n x\n)\nSORT BY LEXICAL (\n  x\n)\nINTO 24 BUCKETS\nSTORED AS PARQUET": "in buckets",
		"CLUSTERED BY (x) SORTED BY (x DESC) INTO 4 BUCKETS STORED AS ORC":                     "in buckets",
		"STORED AS ICEBERG TBLPROPERTIES ('write.format.default'='orc')":                       "stored in Parquet",
		"PARTITIONED BY SPEC (FROBNICATE(x)) STORED AS ICEBERG":                                "made without it",
		"COMMENT 'what?' STORED AS PARQUET":                                                    "question marks",
		"SORT BY LEXICAL (gone) STORED AS PARQUET":                                             "not captured",
		"STORED AS PARQUET TBLPROPERTIES ('partition.retention.period'='7d')":                  "would delete",
		"ROW FORMAT SERDE 'org.apache.hadoop.hive.serde2.OpenCSVSerde' STORED AS INPUTFORMAT 'org.apache.hadoop.mapred.TextInputFormat' OUTPUTFORMAT 'x'": "row format",
	} {
		d, err := parseDDL("CREATE EXTERNAL TABLE a.b (x INT) " + text)
		if err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		plan, err := planTarget(table.Name{Database: "a", Table: "c"}, s, d, "1")
		if err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		if !strings.Contains(strings.Join(plan.warnings, "\n"), want) {
			t.Errorf("%s: warnings %q, want one with %q", text, plan.warnings, want)
		}
	}
}

// TestPrimaryKeys: an Iceberg table's is taken only as one that is not enforced, and none is taken that has a partition column in it.
func TestPrimaryKeys(t *testing.T) {
	s := &table.Schema{Table: table.Name{Database: "a", Table: "b"}, Key: []int{1}, NextColumnID: 3,
		Columns: []table.Column{column(1, "x", table.Type{Kind: table.Int}), column(2, "y", table.Type{Kind: table.Int})}}
	for text, want := range map[string]struct{ clause, warning string }{
		"(x INT NOT NULL, y INT, PRIMARY KEY (x) NOT ENFORCED) STORED AS ICEBERG":                         {"PRIMARY KEY (`x`) NOT ENFORCED)", ""},
		"(x INT, y INT, PRIMARY KEY (x) DISABLE NOVALIDATE RELY) STORED AS PARQUET":                       {"PRIMARY KEY (`x`))", ""},
		"(x INT, PRIMARY KEY (x, y)) PARTITIONED BY (y INT) STORED AS PARQUET":                            {"(`x` INT) PARTITIONED BY", "partition columns"},
		"(x INT, y INT, z ARRAY<INT>, PRIMARY KEY (x, z)) STORED AS PARQUET":                              {"(`x` INT, `y` INT) STORED", "not captured"},
		"(x INT NOT NULL, y INT NULL, PRIMARY KEY (x)) PARTITION BY HASH (x) PARTITIONS 3 STORED AS KUDU": {"PRIMARY KEY (`x`)) PARTITION", ""},
	} {
		d, err := parseDDL("CREATE TABLE a.b " + text)
		if err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		plan, err := planTarget(table.Name{Database: "a", Table: "c"}, s, d, "1")
		if err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		warnings := strings.Join(plan.warnings, "; ")
		if !strings.Contains(plan.create, want.clause) || !strings.Contains(warnings, want.warning) || (want.warning == "") != (warnings == "") {
			t.Errorf("%s\nbecame %s\nwarnings: %s", text, plan.create, warnings)
		}
	}
}

// TestTablesThatImpalaOwns: under Hive 3's metastore SHOW CREATE TABLE calls Kudu and Iceberg tables that Impala owns external.
func TestTablesThatImpalaOwns(t *testing.T) {
	s := &table.Schema{Table: table.Name{Database: "a", Table: "b"}, Columns: []table.Column{column(1, "x", table.Type{Kind: table.Int})}, Key: []int{1}, NextColumnID: 2}
	for _, storage := range []string{"(x INT NOT NULL, PRIMARY KEY (x)) PARTITION BY HASH (x) PARTITIONS 3 STORED AS KUDU", "(x INT) STORED AS ICEBERG"} {
		for purge, warned := range map[string]bool{"TRUE": false, "FALSE": true} {
			d, err := parseDDL("CREATE EXTERNAL TABLE a.b " + storage + " TBLPROPERTIES ('external.table.purge'='" + purge + "')")
			if err != nil {
				t.Fatal(err)
			}
			plan, err := planTarget(table.Name{Database: "a", Table: "c"}, s, d, "1")
			if err != nil {
				t.Fatal(err)
			}
			if !strings.HasPrefix(plan.create, "CREATE TABLE ") || (len(plan.warnings) > 0) != warned {
				t.Errorf("purge %s: %s %q", purge, plan.create, plan.warnings)
			}
		}
	}
}

// TestColumnsThatAreMissingAreNamed: a new table without a column of the old one says so.
func TestColumnsThatAreMissingAreNamed(t *testing.T) {
	s := &table.Schema{Table: table.Name{Database: "a", Table: "b"}, Columns: []table.Column{column(1, "x", table.Type{Kind: table.Int})}, Key: []int{1}, NextColumnID: 2}
	d, err := parseDDL("CREATE TABLE a.b (x INT, tags ARRAY<STRING>, more MAP<STRING,INT>) STORED AS PARQUET")
	if err != nil {
		t.Fatal(err)
	}
	plan, err := planTarget(table.Name{Database: "a", Table: "c"}, s, d, "1")
	if err != nil || len(plan.warnings) != 1 || !strings.Contains(plan.warnings[0], "tags, more") {
		t.Errorf("%+v: %v", plan, err)
	}
}

func TestRefusedTables(t *testing.T) {
	for text, reason := range map[string]string{
		"STORED BY 'org.apache.hadoop.hive.hbase.HBaseStorageHandler' TBLPROPERTIES ('a'='b')": "HBase",
		"STORED AS ORC TBLPROPERTIES ('transactional'='true')":                                 "full-ACID",
		"STORED BY 'org.example.Handler'":                                                      "stored by",
	} {
		d, err := parseDDL("CREATE TABLE a.b (x INT) " + text)
		if err != nil {
			t.Fatal(err)
		}
		err = refuseTarget(table.Name{Database: "a", Table: "b"}, d)
		var unsupported *UnsupportedTableError
		if !errors.As(err, &unsupported) || !strings.Contains(err.Error(), reason) || unsupported.ExitCode() != 6 || unsupported.Hint() == "" {
			t.Errorf("%s: %v", text, err)
		}
	}
	d, err := parseDDL("CREATE TABLE a.b (x INT) STORED AS PARQUET TBLPROPERTIES ('transactional'='true', 'transactional_properties'='insert_only')")
	if err != nil || refuseTarget(table.Name{}, d) != nil {
		t.Errorf("an insert-only table was refused: %v", err)
	}
}

func TestRangeBounds(t *testing.T) {
	for line, want := range map[string]string{
		"VALUES < 10":                          "VALUES < 10",
		"10 <= VALUES < 30":                    "10 <= VALUES < 30",
		`"a" <= VALUES < "b;c"`:                `'a' <= VALUES < 'b\073c'`,
		"VALUE = 5":                            "VALUE = 5",
		"VALUE = ('x', -1)":                    "VALUE = ('x', -1)",
		"VALUES < 2024-01-01T00:00:00.000000Z": "VALUES < CAST('2024-01-01 00:00:00.000000' AS TIMESTAMP)",
		"VALUES < 1.5":                         "VALUES < 1.5",
	} {
		if got, err := rangeBound(line); err != nil || got != want {
			t.Errorf("%s: %s, %v; want %s", line, got, err, want)
		}
	}
	for _, line := range []string{"", "everything", "VALUES < `x`", "VALUES < a; DROP", "VALUES < 'open"} {
		if got, err := rangeBound(line); err == nil {
			t.Errorf("%q became %s", line, got)
		}
	}
}

func TestIcebergSpecifications(t *testing.T) {
	for text, want := range map[string]string{
		"PARTITIONED BY SPEC (x, BUCKET(5, x), DAY(x))":      "SPEC (`x`, BUCKET(5, `x`), DAY(`x`))",
		"PARTITION BY SPEC (x IDENTITY, x BUCKET 5, x YEAR)": "SPEC (`x`, BUCKET(5, `x`), YEAR(`x`))",
		"PARTITIONED BY SPEC (YEARS(x), VOID(x))":            "SPEC (YEAR(`x`))",
	} {
		d, err := parseDDL("CREATE EXTERNAL TABLE a.b (x INT) " + text + " STORED AS ICEBERG")
		if err != nil {
			t.Fatal(err)
		}
		s := &table.Schema{Columns: []table.Column{column(1, "x", table.Type{Kind: table.Int})}, NextColumnID: 2}
		plan, err := planTarget(table.Name{Database: "a", Table: "b"}, s, d, "1")
		if err != nil || !strings.Contains(plan.create, want) || len(plan.warnings) > 1 {
			t.Errorf("%s: %v %+v", text, err, plan)
		}
	}
}

//go:build integration

package integration

import (
	"fmt"
	"strings"
	"testing"
)

// TestStorage restores tables that are kept in other ways than in one Parquet folder: each comes back as it was, and stays kept that way.
func TestStorage(t *testing.T) {
	for _, c := range []struct{ name, columns, clauses, partition, rows string }{
		{
			"partitioned", "id BIGINT, note VARCHAR(40) COMMENT 'it\\'s a note'",
			"COMMENT 'a \\\\ in it' PARTITIONED BY (region STRING, year INT COMMENT 'of birth') STORED AS PARQUET TBLPROPERTIES ('owner.team'='sales')",
			" PARTITION (region, year)",
			"SELECT 1, CAST('one' AS VARCHAR(40)), 'eu', 2001 UNION ALL SELECT 2, CAST(NULL AS VARCHAR(40)), CAST(NULL AS STRING), 2002 " +
				"UNION ALL SELECT 3, CAST('' AS VARCHAR(40)), 'us/west=1', CAST(NULL AS INT)",
		},
		{
			"text", "id BIGINT, note STRING, amount DECIMAL(9,2), at TIMESTAMP",
			"ROW FORMAT DELIMITED FIELDS TERMINATED BY ',' ESCAPED BY '\\\\' STORED AS TEXTFILE", "",
			"SELECT 1, 'a,b\\\\c', CAST('1.50' AS DECIMAL(9,2)), CAST('2026-11-23 09:00:00.123456789' AS TIMESTAMP) UNION ALL " +
				"SELECT 2, CAST(NULL AS STRING), CAST(NULL AS DECIMAL(9,2)), CAST(NULL AS TIMESTAMP) UNION ALL " +
				"SELECT 3, '', CAST('-0.01' AS DECIMAL(9,2)), CAST('1400-01-01 00:00:00' AS TIMESTAMP)",
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			database := unique("storage")
			e := newEngine(t, database)
			table := database + "." + c.name
			e.exec("CREATE TABLE " + table + " (" + c.columns + ") " + c.clauses)
			e.exec("INSERT INTO " + table + c.partition + " " + c.rows)
			p := newProject(t, database+"/project", protected{table, []string{"id"}})
			p.run("produce")
			p.run("consume", "--until-caught-up")
			id := fmt.Sprint(p.points(table)[0].ID)
			p.run("restore", table, "--at", id, "--into", table+"_then")
			e.mustEqual(table+"_then", table)
			if got, want := e.shape(table+"_then"), e.shape(table); got != want {
				t.Errorf("the restored table is made by\n%s\nand the first one by\n%s", got, want)
			}
		})
	}
}

// shape is the table's DDL without what differs from table to table.
func (e *engine) shape(table string) string {
	e.t.Helper()
	ddl := strings.ReplaceAll(e.texts("SHOW CREATE TABLE " + table)[0], table, "TABLE")
	before, _, _ := strings.Cut(ddl, "LOCATION")
	return before
}

// TestWithoutStaging restores by INSERT VALUES where engine and program share no files: every literal of every type, as the engine reads it.
func TestWithoutStaging(t *testing.T) {
	database := unique("values")
	c := newChanging(t, database, scaled(t, 400))
	p := newProjectWith(t, database+"/project", "values_limit: 10000", protected{c.name, everyTypeKey})
	c.reach(0)
	p.run("produce")
	p.run("consume", "--until-caught-up")
	into := c.name + "_then"
	report := p.run("restore", c.name, "--at", fmt.Sprint(p.points(c.name)[0].ID), "--into", into)
	if !strings.Contains(report, "insert values") {
		t.Errorf("it was not loaded by INSERT VALUES:\n%s", report)
	}
	c.engine.mustEqual(into, c.copyOf(0))
}

// TestExternal restores an external table whose files go with it when it is dropped: dropping the restored table leaves them alone.
func TestExternal(t *testing.T) {
	database := unique("external")
	e := newEngine(t, database)
	table, into := database+".purged", database+".purged_then"
	location := "file://" + workFolder(t, database+"/purged")
	e.exec("CREATE EXTERNAL TABLE " + table + " (id BIGINT, note STRING) STORED AS PARQUET LOCATION '" + location + "' TBLPROPERTIES ('external.table.purge'='TRUE')")
	e.exec("INSERT INTO " + table + " SELECT 1, 'one' UNION ALL SELECT 2, CAST(NULL AS STRING)")
	e.exec("CREATE TABLE " + table + "_was STORED AS PARQUET AS SELECT * FROM " + table)
	p := newProject(t, database+"/project", protected{table, []string{"id"}})
	p.run("produce")
	p.run("consume", "--until-caught-up")
	p.run("restore", table, "--at", fmt.Sprint(p.points(table)[0].ID), "--into", into)
	e.mustEqual(into, table)
	if ddl := e.texts("SHOW CREATE TABLE " + into)[0]; strings.Contains(ddl, location) || !strings.HasPrefix(ddl, "CREATE EXTERNAL TABLE") {
		t.Errorf("the restored table is made by\n%s", ddl)
	}
	e.exec("DROP TABLE " + into)
	e.mustEqual(table, table+"_was")
}

// TestReplace puts a restore point in the place of the table, and keeps what was there.
func TestReplace(t *testing.T) {
	database := unique("replace")
	c := newChanging(t, database, scaled(t, 2000))
	p := newProject(t, database+"/project", protected{c.name, everyTypeKey})
	for moment := range 2 {
		c.reach(moment)
		p.run("produce")
	}
	p.run("consume", "--until-caught-up")
	first := p.points(c.name)[0]
	consumer := p.start(nil, "consume") // journals the capture that precedes the swap
	p.run("restore", c.name, "--at", fmt.Sprint(first.ID), "--replace", "--yes")
	consumer.stop()
	c.engine.mustEqual(c.name, c.copyOf(0))
	var kept []string
	for _, name := range c.engine.texts("SHOW TABLES IN " + database) {
		if strings.HasPrefix(name, "everything__rewind_") {
			kept = append(kept, database+"."+name)
		}
	}
	if len(kept) != 1 {
		t.Fatalf("kept tables: %v", kept)
	}
	c.engine.mustEqual(kept[0], c.copyOf(1))
	p.run("produce")
	p.run("consume", "--until-caught-up")
	points := p.points(c.name)
	last := points[len(points)-1]
	c.engine.exec("DROP TABLE IF EXISTS " + c.name + "_then_1")
	p.run("restore", c.name, "--at", fmt.Sprint(last.ID), "--into", c.name+"_then_1")
	c.engine.mustEqual(c.name+"_then_1", c.copyOf(0))
}

//go:build integration

package integration

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"
)

// changing is a table that goes through the four moments: at each, the engine has a copy of what it then was.
type changing struct {
	t      *testing.T
	engine *engine
	name   string
	seed   uint64
	dir    string
	each   [][]int // the versions of the rows, by moment
}

// newChanging makes the table, still empty, and where its rows come from.
func newChanging(t *testing.T, database string, rows int) *changing {
	t.Helper()
	c := &changing{t: t, engine: newEngine(t, database), name: database + ".everything", seed: seed(t), dir: workFolder(t, database+"/rows")}
	c.each = moments(c.seed, rows)
	var columns []string
	for _, column := range everyType {
		columns = append(columns, quote(column.name)+" "+column.sql)
	}
	c.engine.exec("CREATE TABLE " + c.name + " (" + strings.Join(columns, ", ") + ") COMMENT 'every type; \\'quoted\\'' STORED AS PARQUET")
	return c
}

// copyOf names the engine's copy of a moment.
func (c *changing) copyOf(moment int) string { return fmt.Sprintf("%s_was_%d", c.name, moment+1) }

// reach rewrites the table as of a moment, with the engine's own INSERT OVERWRITE, and has the engine keep a copy.
func (c *changing) reach(moment int) {
	c.t.Helper()
	source := fmt.Sprintf("%s_rows_%d", c.name, moment+1)
	writeRows(c.t, c.engine, source, filepath.Join(c.dir, fmt.Sprint(moment+1)), c.seed, c.each[moment])
	var values []string
	for _, column := range everyType {
		from := column.name
		if column.value != nil {
			from = avroName(from)
		}
		values = append(values, "CAST("+quote(from)+" AS "+column.sql+")")
	}
	c.engine.exec("INSERT OVERWRITE TABLE " + c.name + " SELECT " + strings.Join(values, ", ") + " FROM " + source)
	c.engine.exec("CREATE TABLE " + c.copyOf(moment) + " STORED AS PARQUET AS SELECT * FROM " + c.name)
	c.engine.exec("DROP TABLE " + source)
}

// want is what the capture of a moment must publish.
func (c *changing) want(moment int) (rows int64, w counts) {
	for n, version := range c.each[moment] {
		before := 0
		if moment > 0 {
			before = c.each[moment-1][n]
		}
		switch {
		case version == 0 && before > 0:
			w.Deletes++
		case version > 0 && moment == 0:
			w.Reads++
		case version > 0 && before == 0:
			w.Creates++
		case version != before:
			w.Updates++
		}
		if version > 0 {
			rows++
		}
	}
	return rows, w
}

// restoreAll restores each moment's point into a table of its own and has the engine compare it with the copy of that moment.
func (c *changing) restoreAll(p *project, ids []int64) {
	c.t.Helper()
	for moment, id := range ids {
		into := fmt.Sprintf("%s_then_%d", c.name, moment+1)
		p.run("restore", c.name, "--at", fmt.Sprint(id), "--into", into)
		c.engine.mustEqual(into, c.copyOf(moment))
	}
}

// TestDifferences shows that the engine sees the smallest differences: else all other tests would prove nothing.
func TestDifferences(t *testing.T) {
	c := newChanging(t, unique("differences"), 300)
	c.reach(0)
	copied := c.copyOf(0)
	if d := c.engine.differences(c.name, copied); d != (differences{left: 300, right: 300}) {
		t.Errorf("equal tables: %+v", d)
	}
	// Each is at one row in the one table and at another row in the other.
	for what, change := range map[string]string{
		"another 0":      "'double' = CASE WHEN `id` = -9223372036854775808 THEN CAST(`id` AS DOUBLE) * 0 WHEN `id` NOT BETWEEN -1e18 AND 1e18 THEN CAST(`id` AS DOUBLE) * 0 * -1 END",
		"NULL, empty":    "'note' = CASE WHEN `id` = -9223372036854775808 THEN CAST(NULL AS STRING) ELSE '' END",
		"a nanosecond":   "'at' = CASE WHEN `id` = -9223372036854775808 THEN CAST('1400-01-01 00:00:00.000000001' AS TIMESTAMP) ELSE CAST('1400-01-01' AS TIMESTAMP) END",
		"a last digit":   "'share' = CASE WHEN `id` = -9223372036854775808 THEN CAST('0.00000000000000000000000000000000000001' AS DECIMAL(38,38)) END",
		"trailing space": "'label' = CASE WHEN `id` = -9223372036854775808 THEN CAST('a ' AS VARCHAR(20)) ELSE CAST('a' AS VARCHAR(20)) END",
	} {
		column, value, _ := strings.Cut(change, " = ")
		other := strings.Replace(value, "-9223372036854775808", "9223372036854775807", 1)
		tables := [2]string{c.name + "_left", c.name + "_right"}
		for i, expression := range []string{value, other} {
			c.engine.exec("DROP TABLE IF EXISTS " + tables[i])
			c.engine.exec("CREATE TABLE " + tables[i] + " STORED AS PARQUET AS SELECT `region`, `id`, " + expression + " AS `" + strings.Trim(column, "'") + "` FROM " + copied)
		}
		if d := c.engine.differences(tables[0], tables[1]); d != (differences{left: 300, right: 300, onlyLeft: 2, onlyRight: 2}) {
			t.Errorf("%s: %+v", what, d)
		}
	}
}

// TestEveryType takes a table with every type that Hive can hold through four snapshots, with the producer and the consumer as separate
// processes, restores each into a table of its own, and has the engine look for a difference.
func TestEveryType(t *testing.T) {
	database := unique("types")
	c := newChanging(t, database, scaled(t, 100_000))
	p := newProject(t, database+"/project", protected{c.name, everyTypeKey})
	consumer := p.start(nil, "consume")
	for moment := range c.each {
		c.reach(moment)
		p.run("produce")
	}
	consumer.stop()
	p.run("consume", "--until-caught-up")

	points := p.points(c.name)
	if len(points) != len(c.each) {
		t.Fatalf("%d restore points: %+v", len(points), points)
	}
	var ids []int64
	for moment, got := range points {
		if rows, want := c.want(moment); got.Rows != rows || got.Counts != want {
			t.Errorf("moment %d: got %d rows, %+v; want %d rows, %+v", moment+1, got.Rows, got.Counts, rows, want)
		}
		ids = append(ids, got.ID)
	}
	c.restoreAll(p, ids)
	p.run("verify")
	t.Run("journal read by other libraries", func(t *testing.T) { readByOthers(t, filepath.Join(p.dir, "data", "journal")) })
}

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
		columns = append(columns, fmt.Sprintf("`%s` %s", column.name, column.sql))
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
		values = append(values, fmt.Sprintf("CAST(`%s` AS %s)", from, column.sql))
	}
	c.engine.exec("INSERT OVERWRITE TABLE " + c.name + " SELECT " + strings.Join(values, ", ") + " FROM " + source)
	c.engine.exec("CREATE TABLE " + c.copyOf(moment) + " STORED AS PARQUET AS SELECT * FROM " + c.name)
	c.engine.exec("DROP TABLE " + source)
}

// want counts what the capture of a moment must publish.
func (c *changing) want(moment int) (w point) {
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
			w.Rows++
		}
	}
	return w
}

func TestRows(t *testing.T) {
	c := newChanging(t, unique("try"), scaled(t, 100_000))
	c.reach(0)
	c.reach(1)
	t.Log(c.want(0), c.want(1), c.want(2), c.want(3))
	t.Log(c.engine.texts("SELECT " + c.engine.readable(c.name) + " FROM " + c.name + " LIMIT 3"))
	t.Log(c.engine.texts("SELECT `date`, min(`at`), max(`at`) FROM " + c.name + " WHERE `date` < '1583-01-01' GROUP BY `date` ORDER BY `date` LIMIT 3"))
	c.engine.mustEqual(c.copyOf(1), c.name)
	t.Fail()
}

//go:build integration

package integration

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
)

// repeat adds some of the moment's rows a second time, another third of them at each moment, and has the engine keep a copy of that.
func (c *changing) repeat(moment int) (rows int64) {
	c.t.Helper()
	copied := c.copyOf(moment)
	c.engine.exec(fmt.Sprintf("INSERT INTO %s SELECT * FROM %s WHERE pmod(`id`, 3) = %d", c.name, copied, moment%3))
	c.engine.exec("DROP TABLE " + copied)
	c.engine.exec("CREATE TABLE " + copied + " STORED AS PARQUET AS SELECT * FROM " + c.name)
	d := c.engine.differences(c.name, copied)
	if d.onlyLeft+d.onlyRight > 0 {
		c.t.Fatalf("the copy is not the table: %+v", d)
	}
	return d.left
}

// TestEveryTypeWithoutKey takes a table with every type, with equal rows and without a key, through four snapshots, and a fifth that finds
// nothing; restores each into a table of its own, and has the engine compare how often each row is there. Then the producer's state is
// lost, and made again from the journal.
func TestEveryTypeWithoutKey(t *testing.T) {
	database := unique("keyless")
	c := newChanging(t, database, scaled(t, 10_000))
	p := newProject(t, database+"/project", protected{c.name, []string{"'*'"}})
	var rows []int64
	for moment := range c.each {
		c.reach(moment)
		rows = append(rows, c.repeat(moment))
		p.run("produce")
	}
	p.run("produce")
	p.run("consume", "--until-caught-up")
	points := p.points(c.name)
	if len(points) != len(c.each)+1 {
		t.Fatalf("%d restore points: %+v", len(points), points)
	}
	var ids []int64
	for moment := range c.each {
		got := points[moment]
		if got.Rows != rows[moment] || got.Counts.Updates != 0 {
			t.Errorf("moment %d: got %d rows, %+v; want %d rows and no update", moment+1, got.Rows, got.Counts, rows[moment])
		}
		ids = append(ids, got.ID)
	}
	if last := points[len(c.each)]; last.Counts != (counts{}) || last.Rows != rows[len(rows)-1] {
		t.Errorf("nothing had changed, and the capture found %+v", last)
	}
	c.restoreAll(p, ids)
	p.run("verify")
	if err := os.RemoveAll(filepath.Join(p.dir, "data", "snapshots")); err != nil {
		t.Fatal(err)
	}
	p.run("produce", "--rebuild")
	p.run("consume", "--until-caught-up")
	if points = p.points(c.name); points[len(points)-1].Counts != (counts{}) {
		t.Errorf("behind a rebuilt state: %+v", points[len(points)-1])
	}
}

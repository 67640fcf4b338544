package main

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"rewind/table"
)

var walkSeed = flag.Uint64("walk.seed", 0, "one more seed for the random walk through schemas")

// walk is a table in memory beside the one in the engine: what every restore point must be is known from it alone.
type walk struct {
	rig    *rig
	random *rand.Rand
	format string
	serial int

	columns []*walkColumn
	rows    map[int]map[int]string // by id, then by column; no entry is NULL
	alters  []string
	past    []walkPoint
}

type walkColumn struct {
	serial int
	name   string
	typ    table.Type
}

// walkPoint is what a restore point must be.
type walkPoint struct {
	id      int64
	columns []string
	rows    []string
	values  map[int]map[string]string // by id, then by name; no entry is NULL
}

var walkTypes = []string{"INT", "BIGINT", "STRING", "VARCHAR(8)", "DECIMAL(6,2)", "DOUBLE", "SMALLINT"}

// wider says what a type can be changed to so that values keep their meaning.
var wider = map[string][]string{
	"SMALLINT": {"INT", "BIGINT"}, "INT": {"BIGINT"}, "VARCHAR(8)": {"VARCHAR(20)", "STRING"}, "DECIMAL(6,2)": {"DECIMAL(12,2)", "DECIMAL(12,4)"}, "FLOAT": {"DOUBLE"},
}

func mustType(t *testing.T, text string) table.Type {
	t.Helper()
	typ, err := table.ParseType(text)
	if err != nil {
		t.Fatal(err)
	}
	return typ
}

func (w *walk) add(t *testing.T, name, typ string) *walkColumn {
	w.serial++
	c := &walkColumn{w.serial, name, mustType(t, typ)}
	w.columns = append(w.columns, c)
	return c
}

// value draws a text of a type's.
func (w *walk) value(c *walkColumn) string {
	n := w.random.IntN(2000) - 1000
	switch c.typ.Kind {
	case table.String, table.VarChar:
		return "t" + strconv.Itoa(n)
	case table.Decimal:
		return fmt.Sprintf("%d.%0*d", n, c.typ.Scale, w.random.IntN(100))
	case table.Double:
		return strconv.FormatFloat(float64(n)/4, 'g', -1, 64)
	}
	return strconv.Itoa(n)
}

func (w *walk) literal(c *walkColumn, row map[int]string) string {
	v, found := row[c.serial]
	switch {
	case !found:
		return "NULL"
	case c.typ.Kind == table.String:
		return "'" + v + "'"
	case c.typ.Kind == table.VarChar:
		return fmt.Sprintf("CAST('%s' AS %s)", v, c.typ)
	}
	return fmt.Sprintf("CAST(%s AS %s)", v, c.typ)
}

// write brings the engine's table to the rows in memory.
func (w *walk) write(t *testing.T) {
	verb := "INSERT"
	if w.format == "KUDU" {
		verb = "UPSERT"
		for _, row := range w.rig.query(t, "SELECT id FROM shop.t") {
			if id, _ := strconv.Atoi(row[0]); w.rows[id] == nil {
				w.rig.sql(t, "DELETE FROM shop.t WHERE id = "+row[0])
			}
		}
	} else {
		w.rig.sql(t, "TRUNCATE TABLE shop.t")
	}
	if len(w.rows) == 0 {
		return
	}
	var names, values []string
	for _, c := range w.columns {
		names = append(names, c.name)
	}
	for id, row := range w.rows {
		var cells []string
		for _, c := range w.columns {
			if c.name == "id" {
				cells = append(cells, strconv.Itoa(id))
				continue
			}
			cells = append(cells, w.literal(c, row))
		}
		values = append(values, "("+strings.Join(cells, ", ")+")")
	}
	w.rig.sql(t, verb+" INTO shop.t ("+strings.Join(names, ", ")+") VALUES "+strings.Join(values, ", "))
}

func (w *walk) pick() *walkColumn { return w.columns[1+w.random.IntN(len(w.columns)-1)] } // never the key

func (w *walk) freeName() string {
	for {
		name := string(rune('a' + w.random.IntN(6))) // few, so that names come again
		if !slices.ContainsFunc(w.columns, func(c *walkColumn) bool { return c.name == name }) {
			return name
		}
	}
}

func (w *walk) alter(t *testing.T, statement string, args ...any) {
	statement = "ALTER TABLE shop.t " + fmt.Sprintf(statement, args...)
	w.rig.sql(t, statement)
	w.alters = append(w.alters, statement)
}

// step changes the table's definition.
func (w *walk) step(t *testing.T) {
	switch w.random.IntN(7) {
	case 0, 1:
		if len(w.columns) < 6 {
			c := w.add(t, w.freeName(), walkTypes[w.random.IntN(len(walkTypes))])
			w.alter(t, "ADD COLUMNS (%s %s)", c.name, c.typ)
		}
	case 2:
		if len(w.columns) > 2 {
			c := w.pick()
			w.alter(t, "DROP COLUMN %s", c.name)
			w.columns = slices.DeleteFunc(w.columns, func(x *walkColumn) bool { return x == c })
			for _, row := range w.rows {
				delete(row, c.serial)
			}
		}
	case 3:
		c := w.pick()
		was := c.name
		c.name = w.freeName()
		w.alter(t, "CHANGE COLUMN %s %s %s", was, c.name, c.typ)
	case 4:
		c := w.pick()
		if to := wider[c.typ.String()]; len(to) > 0 && w.format != "KUDU" {
			w.retype(t, c, to[w.random.IntN(len(to))])
		}
	case 5:
		if c := w.pick(); w.format == "PARQUET" && c.typ.Kind == table.Int {
			w.retype(t, c, "STRING") // a new baseline
		}
	case 6:
		if w.format == "PARQUET" {
			w.random.Shuffle(len(w.columns)-1, func(i, j int) { w.columns[i+1], w.columns[j+1] = w.columns[j+1], w.columns[i+1] })
			var list []string
			for _, c := range w.columns {
				list = append(list, c.name+" "+c.typ.String())
			}
			w.alter(t, "REPLACE COLUMNS (%s)", strings.Join(list, ", "))
		}
	}
}

func (w *walk) retype(t *testing.T, c *walkColumn, to string) {
	was := c.typ
	c.typ = mustType(t, to)
	w.alter(t, "CHANGE COLUMN %s %s %s", c.name, c.name, to)
	for _, row := range w.rows {
		if v, found := row[c.serial]; found && was.Kind == table.Decimal {
			row[c.serial] = v + strings.Repeat("0", c.typ.Scale-was.Scale)
		}
	}
}

// mutate changes rows.
func (w *walk) mutate() {
	for range w.random.IntN(4) {
		id := 1 + w.random.IntN(9)
		if w.random.IntN(5) == 0 {
			delete(w.rows, id)
			continue
		}
		if w.rows[id] == nil {
			w.rows[id] = map[int]string{}
		}
		for _, c := range w.columns[1:] {
			switch w.random.IntN(3) {
			case 0:
				w.rows[id][c.serial] = w.value(c)
			case 1:
				delete(w.rows[id], c.serial)
			}
		}
	}
}

// point notes what the restore point that was just captured must be.
func (w *walk) point(id int64) {
	p := walkPoint{id: id, values: map[int]map[string]string{}}
	for _, c := range w.columns {
		p.columns = append(p.columns, c.name+" "+strings.ToLower(c.typ.String()))
	}
	for id, row := range w.rows {
		cells, named := []string{strconv.Itoa(id)}, map[string]string{}
		for _, c := range w.columns[1:] {
			v, found := row[c.serial]
			if !found {
				v = "NULL"
			} else {
				named[c.name] = v
			}
			cells = append(cells, v)
		}
		p.rows, p.values[id] = append(p.rows, strings.Join(cells, "|")), named
	}
	slices.Sort(p.rows)
	w.past = append(w.past, p)
}

const (
	walkSeeds    = 4 // of each format
	walkCaptures = 14
)

// TestRandomWalkThroughSchemas alters a table and its rows at random, capture after capture, and then holds every restore point, a restore of
// every third, and the history of every row against what is known from memory.
func TestRandomWalkThroughSchemas(t *testing.T) {
	noLeaks(t)
	seeds := []uint64{1, 2, 3, 4}[:walkSeeds]
	if *walkSeed != 0 {
		seeds = append(seeds, *walkSeed)
	}
	for _, format := range []string{"KUDU", "ICEBERG", "PARQUET"} {
		for _, seed := range seeds {
			t.Run(fmt.Sprintf("%s-%d", format, seed), func(t *testing.T) {
				t.Parallel()
				walkThrough(t, format, seed)
			})
		}
	}
}

func walkThrough(t *testing.T, format string, seed uint64) {
	t.Logf("seed %d", seed)
	w := &walk{rig: newRig(t, keyID, ""), format: format, random: rand.New(rand.NewPCG(seed, 1)), rows: map[int]map[int]string{}}
	w.add(t, "id", "INT")
	w.add(t, "a", "INT")
	w.add(t, "b", "DECIMAL(6,2)")
	key := ""
	if format == "KUDU" {
		key = " PRIMARY KEY"
	}
	w.rig.sql(t, "CREATE TABLE shop.t (id INT"+key+", a INT, b DECIMAL(6,2)) STORED AS "+format)
	baselines := 0
	for range walkCaptures {
		w.mutate()
		for range w.random.IntN(3) {
			w.step(t)
		}
		w.mutate()
		w.write(t)
		line := w.rig.capture(t)
		baselines += oneIf(line.Baseline != "")
		w.point(line.Snapshot)
	}
	restored := 0
	for i, p := range w.past {
		if diff := cmp.Diff(p.rows, w.rig.fold(t, shopT, p.id)); diff != "" {
			t.Errorf("point %d of seed %d, after\n%s\nmemory (-), journal (+)\n%s", i, seed, strings.Join(w.alters, "\n"), diff)
		}
		if i%3 == 2 {
			restored++
			w.restored(t, p)
		}
	}
	versions := w.checkHistories(t)
	must(t, "verify", "--config", w.rig.config)
	t.Logf("counted: %d restore points over %d ALTERs of a %s table (seed %d; %d baselines), %d restores, %d row states in histories",
		len(w.past), len(w.alters), format, seed, baselines, restored, versions)
}

func (w *walk) restored(t *testing.T, p walkPoint) {
	t.Helper()
	into := fmt.Sprintf("shop.t_%d", p.id)
	must(t, "restore", "shop.t", "--at", fmt.Sprint(p.id), "--into", into, "--config", w.rig.config)
	got := w.rig.look(t, into)
	if diff := cmp.Diff(p.columns, got.Columns); diff != "" {
		t.Errorf("restored %d: columns\n%s", p.id, diff)
	}
	if diff := cmp.Diff(p.rows, got.Rows); diff != "" {
		t.Errorf("restored %d: rows\n%s", p.id, diff)
	}
}

// checkHistories holds each row's versions against what the row was at each point.
func (w *walk) checkHistories(t *testing.T) (states int) {
	t.Helper()
	j := w.rig.journal(t, shopT)
	points := j.Points()
	for id := 1; id <= 9; id++ {
		h, err := j.RowHistory(t.Context(), fmt.Sprintf("id=%d", id))
		if err != nil {
			t.Fatal(err)
		}
		for i, p := range w.past {
			var got map[string]string
			for _, v := range h.Versions {
				if v.Op == "d" || v.FirstSeen.After(points[i].ReadEnded) || v.LastSeen.Before(points[i].ReadEnded) {
					continue
				}
				got = map[string]string{}
				for _, cell := range v.After {
					if cell.Value != nil && cell.Column != "id" {
						got[cell.Column] = *cell.Value
					}
				}
			}
			states++
			if want := p.values[id]; !cmp.Equal(unpadded(want), unpadded(got)) {
				t.Errorf("row %d at point %d: memory %v, history %v", id, i, want, got)
			}
		}
	}
	return states
}

// unpadded writes numbers without the zeros that a wider type adds.
func unpadded(row map[string]string) map[string]string {
	if row == nil {
		return nil
	}
	out := map[string]string{}
	for name, v := range row {
		if f, err := strconv.ParseFloat(v, 64); err == nil {
			v = strconv.FormatFloat(f, 'g', -1, 64)
		}
		out[name] = v
	}
	return out
}

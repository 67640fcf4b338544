//go:build integration

package integration

import (
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/linkedin/goavro/v2"
)

// oracle is a table of which Go knows every row, at every moment, without ever reading what rewind keeps.
type oracle struct {
	t       *testing.T
	engine  *engine
	name    string
	key     []string // its columns; none: a table without a key
	seed    uint64
	dir     string // of the file from which the engine takes the rows
	state   moment
	version int // of the last change
	columns int // that ever were
	dropped []oracleColumn
	book    []page
}

// moment is what the table holds at a time.
type moment struct {
	columns []oracleColumn
	rows    map[int]int // the version of each row, by its number
	next    int         // the number of the next new row
}

// oracleColumn is a column: its values come from its number, the row's and the row's version.
type oracleColumn struct {
	number int
	name   string
	kinds  []kindSince
}

// kindSince is a column's type from a version on; rows of an older version are NULL there.
type kindSince struct {
	since int
	sql   string
}

// page says what every restore point above the page before it, and up to its own id, must hold.
type page struct {
	upTo  int64
	state moment
}

func (c oracleColumn) sql() string { return c.kinds[len(c.kinds)-1].sql }

func (m moment) clone() moment {
	m.columns, m.rows = slices.Clone(m.columns), maps.Clone(m.rows)
	return m
}

// composite is a key of two columns, of which the first may be NULL.
var composite = []string{"region", "id"}

// newOracle makes a table of n rows with columns of these types, and fills it.
func newOracle(t *testing.T, e *engine, name string, seed uint64, key []string, rows int, types ...string) *oracle {
	t.Helper()
	o := &oracle{t: t, engine: e, name: name, key: key, seed: seed, dir: workFolder(t, name+".feed"), version: 1}
	o.state.rows = map[int]int{}
	for _, sql := range types {
		o.add(sql)
	}
	o.insert(rows)
	e.exec("CREATE TABLE " + name + " (" + strings.Join(o.definitions(), ", ") + ") STORED AS PARQUET")
	var texts []string
	for i := range feedColumns {
		texts = append(texts, fmt.Sprintf("f%d STRING", i))
	}
	e.exec("CREATE EXTERNAL TABLE " + name + "_feed (" + strings.Join(texts, ", ") + ") STORED AS AVRO LOCATION 'file://" + o.dir + "'")
	o.reach()
	return o
}

// feedColumns are how many columns a table can have: the rows reach the engine as texts.
const feedColumns = 48

// add makes a column of a type, behind the others; rows have a value there from their next version on.
func (o *oracle) add(sql string) {
	o.columns++
	o.addNamed(fmt.Sprintf("c%d_%s", o.columns, strings.ToLower(strings.TrimRight(strings.SplitN(sql, "(", 2)[0], " "))), sql)
}

func (o *oracle) addNamed(name, sql string) {
	o.columns++
	o.state.columns = append(o.state.columns, oracleColumn{number: o.columns, name: name, kinds: []kindSince{{o.version, sql}}})
}

func (o *oracle) insert(n int) {
	for range n {
		o.state.rows[o.state.next] = o.version
		o.state.next++
	}
}

// change makes a new version of the table: some rows updated, some deleted, some inserted.
func (o *oracle) change(r *rand.Rand) {
	o.version++
	numbers := slices.Sorted(maps.Keys(o.state.rows))
	r.Shuffle(len(numbers), func(i, j int) { numbers[i], numbers[j] = numbers[j], numbers[i] })
	deleted, updated := r.IntN(1+len(numbers)/20), 1+r.IntN(1+len(numbers)/8)
	for _, n := range numbers[:deleted] {
		delete(o.state.rows, n)
	}
	for _, n := range numbers[deleted:min(len(numbers), deleted+updated)] {
		o.state.rows[n] = o.version
	}
	o.insert(deleted + r.IntN(4))
}

// alter tells the engine which columns the table now has. Its rows must be written anew: see reach.
func (o *oracle) alter() {
	o.engine.exec("ALTER TABLE " + o.name + " REPLACE COLUMNS (" + strings.Join(o.definitions(), ", ") + ")")
}

func (o *oracle) definitions() (all []string) {
	for _, k := range o.key {
		all = append(all, quote(k)+" "+keySQL(k))
	}
	for _, c := range o.state.columns {
		all = append(all, quote(c.name)+" "+c.sql())
	}
	return all
}

func keySQL(column string) string {
	if column == "region" {
		return "STRING"
	}
	return "BIGINT"
}

// reach makes the engine's table what the oracle says.
func (o *oracle) reach() {
	o.t.Helper()
	var fields []string
	for i := range feedColumns {
		fields = append(fields, fmt.Sprintf(`{"name":"f%d","type":["null","string"],"default":null}`, i))
	}
	schema := `{"type":"record","name":"row","fields":[` + strings.Join(fields, ",") + `]}`
	fresh := filepath.Join(o.dir, ".rows.avro") // the engine sees no such names
	writeContainer(o.t, fresh, schema, func(add func(any)) {
		for _, n := range slices.Sorted(maps.Keys(o.state.rows)) {
			row := map[string]any{}
			for i := range feedColumns {
				row[fmt.Sprintf("f%d", i)] = nil
			}
			for i, v := range o.values(o.state, n) {
				if v != nil {
					row[fmt.Sprintf("f%d", i)] = goavro.Union("string", *v)
				}
			}
			add(row)
		}
	})
	if err := os.Rename(fresh, filepath.Join(o.dir, "rows.avro")); err != nil {
		o.t.Fatal(err)
	}
	var values []string
	for i, definition := range o.definitions() {
		sql := definition[strings.LastIndex(definition, "` ")+2:]
		value := fmt.Sprintf("CAST(f%d AS %s)", i, sql)
		if sql == "BOOLEAN" {
			value = fmt.Sprintf("f%d = 'true'", i)
		}
		values = append(values, value)
	}
	o.engine.exec("INSERT OVERWRITE TABLE " + o.name + " SELECT " + strings.Join(values, ", ") + " FROM " + o.name + "_feed")
}

// values are a row's, in the order of definitions; nil is NULL.
func (o *oracle) values(m moment, n int) (all []*string) {
	for _, k := range o.key {
		region, id := keyOf(n)
		switch {
		case k == "region" && region == nil:
			all = append(all, nil)
		case k == "region":
			text := region.(string)
			all = append(all, &text)
		case len(o.key) == 1:
			text := strconv.Itoa(n)
			all = append(all, &text)
		default:
			text := strconv.FormatInt(id, 10)
			all = append(all, &text)
		}
	}
	for _, c := range m.columns {
		all = append(all, c.value(o.seed, n, m.rows[n], len(o.key) == 0))
	}
	return all
}

// value is what stands in a row of a version. Rows of a table without a key come in threes.
func (c oracleColumn) value(seed uint64, n, version int, keyless bool) *string {
	if keyless {
		n /= 3
	}
	sql := ""
	for _, k := range c.kinds {
		if version >= k.since {
			sql = k.sql
		}
	}
	r := rand.New(rand.NewPCG(seed^uint64(n)<<20^uint64(c.number), uint64(version)))
	if sql == "" || r.IntN(10) == 0 {
		return nil
	}
	text := valueOf(sql, r)
	return &text
}

// valueOf draws a value of a type, as the text that canonical makes of it.
func valueOf(sql string, r *rand.Rand) string {
	switch sql {
	case "BOOLEAN":
		return strconv.FormatBool(r.IntN(2) == 1)
	case "INT":
		return strconv.FormatInt(pick(r, math.MinInt32, math.MaxInt32, int64(int32(r.Uint32()))), 10)
	case "BIGINT":
		return strconv.FormatInt(pick(r, math.MinInt64, math.MaxInt64, int64(r.Uint64())), 10)
	case "DOUBLE":
		return strconv.FormatFloat(math.Trunc(r.NormFloat64()*1e9)/1024, 'g', -1, 64)
	case "DECIMAL(18,4)", "DECIMAL(30,4)":
		return fmt.Sprintf("%d.%04d", r.Int64N(1e12)-5e11, r.IntN(1e4))
	case "TIMESTAMP":
		return randomTimestamp(r)
	case "DATE":
		return randomDate(r)
	}
	return randomText(r, 30)
}

// lines are a moment's rows as sorted texts: every column's name and value, by name.
func (o *oracle) lines(m moment) (all []string) {
	names := slices.Clone(o.key)
	for _, c := range m.columns {
		names = append(names, c.name)
	}
	for n := range m.rows {
		row := map[string]*string{}
		for i, v := range o.values(m, n) {
			row[names[i]] = v
		}
		all = append(all, line(row))
	}
	slices.Sort(all)
	return all
}

// line writes a row down.
func line(row map[string]*string) string {
	var parts []string
	for _, name := range slices.Sorted(maps.Keys(row)) {
		if v := row[name]; v == nil {
			parts = append(parts, name+"~")
		} else {
			parts = append(parts, name+"="+strconv.Quote(*v))
		}
	}
	return strings.Join(parts, " ")
}

// note says that the restore points up to an id hold the table as it now is.
func (o *oracle) note(upTo int64) {
	o.book = append(o.book, page{upTo, o.state.clone()})
}

// at is what a restore point must hold.
func (o *oracle) at(id int64) (moment, bool) {
	for _, p := range o.book {
		if id <= p.upTo {
			return p.state, true
		}
	}
	return moment{}, false
}

// inEngine reads a table of the engine as lines.
func (o *oracle) inEngine(table string, m moment) []string {
	o.t.Helper()
	types := map[string]string{}
	for _, k := range o.key {
		types[k] = keySQL(k)
	}
	for _, c := range m.columns {
		types[c.name] = c.sql()
	}
	return o.engine.lines(table, types)
}

// mustBe holds a table of the engine against a moment.
func (o *oracle) mustBe(table string, m moment) {
	o.t.Helper()
	if d := unlike(o.inEngine(table, m), o.lines(m)); d != "" {
		o.t.Errorf("%s is not what it must be: %s", table, d)
	}
}

// unlike says how two lists of sorted lines differ; "": not at all.
func unlike(got, want []string) string {
	if slices.Equal(got, want) {
		return ""
	}
	for i := range max(len(got), len(want)) {
		switch {
		case i >= len(got):
			return fmt.Sprintf("%d rows, not %d; missing such as\n%s", len(got), len(want), want[i])
		case i >= len(want):
			return fmt.Sprintf("%d rows, not %d; too many such as\n%s", len(got), len(want), got[i])
		case got[i] != want[i]:
			return fmt.Sprintf("%d rows, and %d are wanted; there is\n%s\nand should be\n%s", len(got), len(want), got[i], want[i])
		}
	}
	return ""
}

//go:build integration

package integration

import (
	"archive/zip"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/linkedin/goavro/v2"
)

// flightColumns are the columns of the flights that left New York in 2013, as the engine keeps them.
var flightColumns = []struct{ name, sql string }{
	{"year", "INT"}, {"month", "INT"}, {"day", "INT"},
	{"dep_time", "INT"}, {"sched_dep_time", "INT"}, {"dep_delay", "INT"},
	{"arr_time", "INT"}, {"sched_arr_time", "INT"}, {"arr_delay", "INT"},
	{"carrier", "STRING"}, {"flight", "INT"}, {"tailnum", "STRING"}, {"origin", "STRING"}, {"dest", "STRING"},
	{"air_time", "INT"}, {"distance", "INT"}, {"hour", "INT"}, {"minute", "INT"}, {"time_hour", "TIMESTAMP"},
}

var flightKey = []string{"year", "month", "day", "carrier", "flight", "origin"}

// actuals are what is known only once a flight has flown.
var actuals = map[string]bool{"dep_time": true, "dep_delay": true, "arr_time": true, "arr_delay": true, "air_time": true}

// stage is a moment in the life of the airline's table: the flights that are in it, and of which the actual times are known.
type stage struct {
	what, flights, flown string
	in, known            func(f flight) bool
}

var stages = []stage{
	{
		"schedule of January to June", "month <= 6", "FALSE",
		func(f flight) bool { return f.month <= 6 }, func(flight) bool { return false },
	},
	{
		"actual times of January to March", "month <= 6", "month <= 3",
		func(f flight) bool { return f.month <= 6 }, func(f flight) bool { return f.month <= 3 },
	},
	{
		"schedule of July to December", "TRUE", "month <= 3",
		func(flight) bool { return true }, func(f flight) bool { return f.month <= 3 },
	},
	{
		"all actual times", "TRUE", "TRUE",
		func(flight) bool { return true }, func(flight) bool { return true },
	},
	{
		"cancelled flights deleted", "dep_time IS NOT NULL", "TRUE",
		func(f flight) bool { return !f.cancelled }, func(flight) bool { return true },
	},
}

// flight is what the expected numbers of changes are counted from.
type flight struct {
	month            int
	flown, cancelled bool // flown: some actual time is known; cancelled: it never departed
}

// loadFlights makes a table of all flights with all their times, and gives what they are counted by.
func loadFlights(t *testing.T, e *engine, name, dir string) (all []flight) {
	t.Helper()
	var fields, columns []string
	for _, c := range flightColumns {
		avro, staged := "string", "STRING"
		if c.sql == "INT" {
			avro, staged = "int", "INT"
		}
		fields = append(fields, fmt.Sprintf(`{"name":%q,"type":["null",%q]}`, c.name, avro))
		columns = append(columns, quote(c.name)+" "+staged)
	}
	schema := `{"type":"record","name":"flight","fields":[` + strings.Join(fields, ",") + `]}`
	writeContainer(t, filepath.Join(dir, "flights.avro"), schema, func(add func(any)) {
		readFlights(t, func(values map[string]string) {
			add(flightRow(t, values))
			f := flight{cancelled: values["dep_time"] == "NA"}
			f.month, _ = strconv.Atoi(values["month"])
			for name := range actuals {
				f.flown = f.flown || values[name] != "NA"
			}
			all = append(all, f)
		})
	})
	e.exec("CREATE EXTERNAL TABLE " + name + " (" + strings.Join(columns, ", ") + ") STORED AS AVRO LOCATION 'file://" + dir + "'")
	return all
}

func flightRow(t *testing.T, values map[string]string) map[string]any {
	row := map[string]any{}
	for _, c := range flightColumns {
		text := values[c.name]
		switch {
		case text == "NA" || text == "":
			row[c.name] = nil
		case c.sql == "INT":
			n, err := strconv.ParseInt(text, 10, 32)
			if err != nil {
				t.Fatalf("%s: %v", c.name, err)
			}
			row[c.name] = goavro.Union("int", int32(n))
		case c.sql == "TIMESTAMP": // 2013-01-01T10:00:00Z
			row[c.name] = goavro.Union("string", strings.TrimSuffix(strings.Replace(text, "T", " ", 1), "Z"))
		default:
			row[c.name] = goavro.Union("string", text)
		}
	}
	return row
}

// readFlights yields every line of flights.csv by column.
func readFlights(t *testing.T, yield func(values map[string]string)) {
	t.Helper()
	archive, err := zip.OpenReader(setting(t, "REWIND_FLIGHTS"))
	if err != nil {
		t.Fatal(err)
	}
	defer archive.Close()
	file, err := archive.Open("flights.csv")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	lines := csv.NewReader(file)
	lines.ReuseRecord = true
	header, err := lines.Read()
	if err != nil {
		t.Fatal(err)
	}
	names := append([]string(nil), header...)
	for {
		record, err := lines.Read()
		if errors.Is(err, io.EOF) {
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		values := map[string]string{}
		for i, name := range names {
			values[name] = record[i]
		}
		yield(values)
	}
}

// wantFlights counts what the capture of a stage must publish.
func wantFlights(all []flight, n int) (rows int64, c counts) {
	for _, f := range all {
		was, known := n > 0 && stages[n-1].in(f), n > 0 && stages[n-1].known(f)
		switch is := stages[n].in(f); {
		case is && n == 0:
			c.Reads++
		case is && !was:
			c.Creates++
		case was && !is:
			c.Deletes++
		case is && stages[n].known(f) != known && f.flown:
			c.Updates++
		}
		if stages[n].in(f) {
			rows++
		}
	}
	return rows, c
}

// TestFlights takes the 336,776 flights through five snapshots as an airline's table lives, restores each, and has the engine compare.
func TestFlights(t *testing.T) {
	database := unique("flights")
	e := newEngine(t, database)
	source, table := database+".all_flights", database+".flights"
	all := loadFlights(t, e, source, workFolder(t, database+"/all"))
	if len(all) != 336_776 {
		t.Fatalf("%d flights", len(all))
	}
	var columns, values []string
	for _, c := range flightColumns {
		columns = append(columns, quote(c.name)+" "+c.sql)
		value := "CAST(" + quote(c.name) + " AS " + c.sql + ")"
		if actuals[c.name] {
			value = "CASE WHEN %[1]s THEN " + value + " END"
		}
		values = append(values, value)
	}
	e.exec("CREATE TABLE " + table + " (" + strings.Join(columns, ", ") + ") STORED AS PARQUET")
	p := newProject(t, database+"/project", protected{table, flightKey})
	report := &report{}
	for n, s := range stages {
		selected := strings.ReplaceAll(strings.Join(values, ", "), "%[1]s", s.flown)
		e.exec("INSERT OVERWRITE TABLE " + table + " SELECT " + selected + " FROM " + source + " WHERE " + s.flights)
		e.exec(fmt.Sprintf("CREATE TABLE %s_was_%d STORED AS PARQUET AS SELECT * FROM %s", table, n+1, table))
		line := report.add(s.what)
		line.produce = timed(func() { p.run("produce") })
		line.consume = timed(func() { p.run("consume", "--until-caught-up") })
		line.journal, line.snapshot = folderBytes(t, filepath.Join(p.dir, "data", "journal")), folderBytes(t, filepath.Join(p.dir, "data", "snapshots"))
	}
	points := p.points(table)
	if len(points) != len(stages) {
		t.Fatalf("%d restore points: %+v", len(points), points)
	}
	for n := range stages {
		rows, changes := wantFlights(all, n)
		if got := points[n]; got.Rows != rows || got.Counts != changes {
			t.Errorf("stage %d: got %d rows, %+v; want %d rows, %+v", n+1, got.Rows, got.Counts, rows, changes)
		}
		line := report.lines[n]
		line.point = points[n]
		into := fmt.Sprintf("%s_then_%d", table, n+1)
		line.restore = timed(func() { p.run("restore", table, "--at", fmt.Sprint(points[n].ID), "--into", into) })
		line.compare = timed(func() { e.mustEqual(into, fmt.Sprintf("%s_was_%d", table, n+1)) })
	}
	flightHistories(t, p, table)
	p.run("verify")
	text := report.markdown()
	t.Log("\n" + text)
	if err := os.WriteFile(filepath.Join(setting(t, "REWIND_WORK"), "flights.md"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// flightHistories reads the lives of three flights: one that flew in January, one that was added later, and one that was cancelled.
func flightHistories(t *testing.T, p *project, table string) {
	t.Helper()
	for key, want := range map[string]string{
		"year=2013,month=1,day=1,carrier=UA,flight=1545,origin=EWR":  "r: dep_time=NULL; u: dep_time=517",
		"year=2013,month=7,day=1,carrier=B6,flight=915,origin=JFK":   "c: dep_time=NULL; u: dep_time=1",
		"year=2013,month=1,day=1,carrier=EV,flight=4308,origin=EWR":  "r: dep_time=NULL; d: dep_time=NULL",
		"year=2013,month=12,day=31,carrier=UA,flight=219,origin=EWR": "c: dep_time=NULL; d: dep_time=NULL",
	} {
		type cell struct {
			Column string
			Value  *string
		}
		type version struct {
			Op            string
			Before, After []cell
		}
		var life []string
		for _, v := range jsonLines[version](t, p.run("history", table, "--key", key, "--json")) {
			cells := v.After
			if v.Op == "d" {
				cells = v.Before
			}
			for _, c := range cells {
				if c.Column == "dep_time" {
					value := "NULL"
					if c.Value != nil {
						value = *c.Value
					}
					life = append(life, v.Op+": dep_time="+value)
				}
			}
		}
		if got := strings.Join(life, "; "); got != want {
			t.Errorf("history of %s is %q, want %q", key, got, want)
		}
		t.Logf("\n%s", p.run("history", table, "--key", key))
	}
}

// report is what the flights took, stage by stage.
type report struct{ lines []*reportLine }

type reportLine struct {
	what                               string
	point                              point
	produce, consume, restore, compare time.Duration
	journal, snapshot                  int64 // bytes on disk
}

func (r *report) add(what string) *reportLine {
	r.lines = append(r.lines, &reportLine{what: what})
	return r.lines[len(r.lines)-1]
}

func (r *report) markdown() string {
	var b strings.Builder
	b.WriteString("| stage | rows | read | created | updated | deleted | produce | consume | journal | restore | engine compares |\n")
	b.WriteString("|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|\n")
	before := int64(0)
	for _, l := range r.lines {
		c := l.point.Counts
		fmt.Fprintf(&b, "| %s | %d | %d | %d | %d | %d | %s | %s | +%.1f MB | %s | %.1f s |\n", l.what, l.point.Rows, c.Reads, c.Creates, c.Updates, c.Deletes,
			rate(l.point.Rows, l.produce), rate(c.Reads+c.Creates+c.Updates+c.Deletes, l.consume), float64(l.journal-before)/1e6,
			rate(l.point.Rows, l.restore), l.compare.Seconds())
		before = l.journal
	}
	if len(r.lines) > 0 {
		last := r.lines[len(r.lines)-1]
		fmt.Fprintf(&b, "\nThe last snapshot file has %.1f MB, the whole journal %.1f MB. Times are of whole processes, the engine's work included.\n",
			float64(last.snapshot)/1e6, float64(last.journal)/1e6)
	}
	return b.String()
}

func rate(n int64, took time.Duration) string {
	return fmt.Sprintf("%.1f s (%d/s)", took.Seconds(), int64(float64(n)/took.Seconds()))
}

func timed(f func()) time.Duration {
	began := time.Now()
	f()
	return time.Since(began)
}

func folderBytes(t *testing.T, dir string) (n int64) {
	t.Helper()
	err := filepath.WalkDir(dir, func(_ string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		info, err := d.Info()
		n += info.Size()
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return n
}

//go:build integration

package integration

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/linkedin/goavro/v2"
)

// unfolded is a restore point as this file finds it in a journal: it knows the files' format alone and shares no code with rewind.
type unfolded struct {
	id    int64
	lines []string
}

// unfolding reads a table's journal through goavro and folds it.
type unfolding struct {
	t       *testing.T
	schemas map[string]*unfoldedSchema // by the row record's name
	begins  map[int64]*unfoldedBegin
	changes map[int64][]unfoldedChange
	commits map[int64]map[string]bool // the partitions that hold the Commit
	cut     *unfoldedCut              // nil: the journal begins with its first message
}

type unfoldedSchema struct {
	Name   string
	Fields []struct {
		Name   string
		ID     int    `json:"rewind.id"`
		Column string `json:"rewind.name"`
		SQL    string `json:"rewind.sql"`
	}
}

type unfoldedBegin struct {
	partitions int
	baseline   bool
	schema     *unfoldedSchema
}

type unfoldedChange struct {
	op            string
	key           string
	before, after map[int]*string // by column id; nil: there is none
}

// unfold gives every restore point of a journal, oldest first, with its rows.
func unfold(t *testing.T, data, table string) []unfolded {
	t.Helper()
	u := &unfolding{
		t: t, schemas: map[string]*unfoldedSchema{}, begins: map[int64]*unfoldedBegin{}, changes: map[int64][]unfoldedChange{},
		commits: map[int64]map[string]bool{},
	}
	u.readCut(filepath.Join(data, "journal", table))
	segments, err := filepath.Glob(filepath.Join(data, "journal", table, "*", "*", "*.avro*"))
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(segments)
	segments = slices.DeleteFunc(segments, func(s string) bool {
		return !strings.HasSuffix(s, ".avro") && !strings.HasSuffix(s, ".avro.age") // torn tails
	})
	segments = slices.CompactFunc(segments, func(a, b string) bool { return a+".age" == b }) // in the middle of being encrypted
	for i, clear := range decrypted(t, segments) {
		u.read(clear, filepath.Base(filepath.Dir(segments[i])))
	}
	return u.points()
}

func (u *unfolding) read(path, partition string) {
	u.t.Helper()
	f, err := os.Open(path)
	if err != nil {
		u.t.Fatal(err)
	}
	defer f.Close()
	reader, err := goavro.NewOCFReader(bufio.NewReader(f))
	if err != nil {
		u.t.Fatalf("%s: %v", path, err)
	}
	for reader.Scan() {
		entry, err := reader.Read()
		if err != nil {
			u.t.Fatalf("%s: %v", path, err)
		}
		if u.cut.before(partition, entry.(map[string]any)["offset"].(int64)) {
			continue
		}
		for branch, message := range entry.(map[string]any)["message"].(map[string]any) {
			u.entry(strings.TrimPrefix(branch, "rewind."), message.(map[string]any), partition)
		}
	}
	if err := reader.Err(); err != nil {
		u.t.Fatalf("%s: %v", path, err)
	}
}

func (u *unfolding) entry(kind string, m map[string]any, partition string) {
	u.t.Helper()
	switch kind {
	case "Begin":
		var s unfoldedSchema
		if err := json.Unmarshal([]byte(m["schema"].(string)), &s); err != nil {
			u.t.Fatal(err)
		}
		u.schemas[s.Name] = &s
		u.begins[m["snapshot"].(int64)] = &unfoldedBegin{int(m["partitions"].(int32)), m["previous"] == nil, &s}
	case "Change":
		c := unfoldedChange{op: m["op"].(string), key: string(m["key"].([]byte)), before: u.image(m["before"]), after: u.image(m["after"])}
		id := m["snapshot"].(int64)
		u.changes[id] = append(u.changes[id], c)
	case "Commit":
		id := m["snapshot"].(int64)
		if u.commits[id] == nil {
			u.commits[id] = map[string]bool{}
		}
		u.commits[id][partition] = true
	case "Gap":
		u.t.Errorf("there is a gap: %v", m)
	}
}

// image is a row by column ids.
func (u *unfolding) image(union any) map[int]*string {
	for branch, row := range asMap(union) {
		s := u.schemas[branch[strings.LastIndex(branch, ".")+1:]]
		if s == nil {
			u.t.Fatalf("a row of an unknown schema %s", branch)
		}
		image := map[int]*string{}
		for _, f := range s.Fields {
			image[f.ID] = nil
			for _, v := range asMap(row.(map[string]any)[f.Name]) {
				text := canonical(f.SQL, v)
				image[f.ID] = &text
			}
		}
		return image
	}
	return nil
}

func asMap(union any) map[string]any {
	m, _ := union.(map[string]any)
	return m
}

// points folds what was committed in every partition.
func (u *unfolding) points() (all []unfolded) {
	u.t.Helper()
	rows := map[string]map[int]*string{}
	if u.cut != nil {
		rows = u.cut.rows
		all = append(all, u.cut.point(rows))
	}
	var ids []int64
	for id, partitions := range u.commits {
		if b := u.begins[id]; b != nil && len(partitions) == b.partitions {
			ids = append(ids, id)
		}
	}
	slices.Sort(ids)
	for _, id := range ids {
		begin := u.begins[id]
		if begin.baseline {
			rows = map[string]map[int]*string{}
		}
		for _, c := range u.changes[id] {
			u.apply(rows, id, begin, c)
		}
		all = append(all, begin.schema.point(id, rows))
	}
	return all
}

// point is the rows there are, as lines.
func (s *unfoldedSchema) point(id int64, rows map[string]map[int]*string) unfolded {
	p := unfolded{id: id}
	for _, image := range rows {
		p.lines = append(p.lines, s.line(image))
	}
	slices.Sort(p.lines)
	return p
}

// apply makes one change; what it says was there before must have been.
func (u *unfolding) apply(rows map[string]map[int]*string, id int64, begin *unfoldedBegin, c unfoldedChange) {
	u.t.Helper()
	was, exists := rows[c.key]
	if (c.op == "u" || c.op == "d") != exists || exists && begin.schema.line(was) != begin.schema.line(c.before) {
		u.t.Errorf("snapshot %d: change %s of %x says that there was %v; there was %v", id, c.op, c.key, begin.schema.line(c.before), begin.schema.line(was))
	}
	if c.after == nil {
		delete(rows, c.key)
		return
	}
	rows[c.key] = c.after
}

// line is a row as the schema's columns show it.
func (s *unfoldedSchema) line(image map[int]*string) string {
	if image == nil {
		return fmt.Sprint(nil)
	}
	row := map[string]*string{}
	for _, f := range s.Fields {
		row[f.Column] = image[f.ID]
	}
	return line(row)
}

// checkPoints holds every restore point of a journal against the oracle, row by row, and against what `rewind points` lists. The points
// that producers reported must be among them.
func (o *oracle) checkPoints(p *project, reported []int64) (points int) {
	o.t.Helper()
	all := unfold(o.t, filepath.Join(p.dir, "data"), o.name)
	known := map[int64]bool{}
	for _, point := range all {
		known[point.id] = true
		want, is := o.at(point.id)
		if !is {
			o.t.Errorf("%s: restore point %d is newer than the last capture", o.name, point.id)
			continue
		}
		if d := unlike(point.lines, o.lines(want)); d != "" {
			o.t.Errorf("%s: restore point %d is not what the table was: %s", o.name, point.id, d)
		}
	}
	for _, id := range reported {
		if !known[id] {
			o.t.Errorf("%s: the reported restore point %d is lost", o.name, id)
		}
	}
	listed := p.points(o.name)
	if len(listed) != len(all) {
		o.t.Errorf("%s: rewind lists %d restore points, the journal holds %d", o.name, len(listed), len(all))
	}
	for _, point := range listed {
		if !known[point.ID] {
			o.t.Errorf("%s: rewind lists the restore point %d, which the journal does not hold", o.name, point.ID)
		}
	}
	return len(all)
}

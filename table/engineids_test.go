package table

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestEngineIDsTellColumns: a renamed column keeps its id, one of an old name that the engine calls another gets a fresh one; without the
// engine's word, or of another table, names say it.
func TestEngineIDsTellColumns(t *testing.T) {
	text := Type{Kind: String}
	schema := func(of string, engine map[int]int, names ...string) *Schema {
		s := &Schema{Table: Name{"db", "t"}, Key: []int{1}, NextColumnID: len(names) + 1, Engine: EngineIDs{Table: of, Columns: engine}}
		for i, n := range names {
			s.Columns = append(s.Columns, Column{ID: i + 1, Name: n, Type: text})
		}
		return s
	}
	prev := schema("u", map[int]int{1: 1, 2: 2, 3: 3}, "id", "a", "b")
	prev.NextColumnID = 10
	for name, c := range map[string]struct {
		next *Schema
		want []int
	}{
		"renamed":             {schema("u", map[int]int{1: 1, 2: 2, 3: 3}, "id", "c", "b"), []int{1, 2, 3}},
		"swapped":             {schema("u", map[int]int{1: 1, 2: 3, 3: 2}, "id", "a", "b"), []int{1, 3, 2}},
		"dropped and added":   {schema("u", map[int]int{1: 1, 2: 4, 3: 3}, "id", "a", "b"), []int{1, 10, 3}},
		"renamed, name again": {schema("u", map[int]int{1: 1, 2: 4, 3: 2}, "id", "a", "c"), []int{1, 10, 2}},
		"another table":       {schema("v", map[int]int{1: 3, 2: 1, 3: 2}, "id", "a", "b"), []int{1, 2, 3}},
		"not told":            {schema("", nil, "id", "b", "c"), []int{1, 3, 10}},
	} {
		s := WithIDs(prev, c.next)
		var ids []int
		for _, column := range s.Columns {
			ids = append(ids, column.ID)
		}
		if diff := cmp.Diff(c.want, ids); diff != "" || s.Validate() != nil {
			t.Errorf("%s: %v\n%s", name, s.Validate(), diff)
		}
		read, err := ParseAvroSchema(s.AvroSchema())
		if err != nil || !cmp.Equal(read.Engine, s.Engine) || read.Identity() != s.Identity() {
			t.Errorf("%s: read again: %+v, %v", name, read, err)
		}
	}
	told := WithIDs(schema("", nil, "id", "a"), schema("u", map[int]int{1: 5, 2: 6}, "id", "a")) // told for the first time
	if want := map[int]int{1: 5, 2: 6}; !cmp.Equal(told.Engine.Columns, want) || told.NextColumnID != 3 {
		t.Errorf("%+v", told)
	}
	if plain := WithIDs(nil, schema("u", map[int]int{1: 5}, "id")); plain.Identity() != WithIDs(nil, schema("", nil, "id")).Identity() {
		t.Error("the engine's ids are part of the identity")
	}
}

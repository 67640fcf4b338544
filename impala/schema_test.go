package impala

import (
	"errors"
	"strings"
	"testing"

	"rewind/table"
)

var ordersName = table.Name{Database: "shop", Table: "orders"}

func describedColumns() []described {
	return []described{{name: "id", typeText: "bigint", primaryKey: true}, {name: "name", typeText: "string"}, {name: "price", typeText: "double"},
		{name: "tags", typeText: "array<\n  string\n>"}, {name: "at", typeText: "timestamp"}}
}

func TestSchemaOf(t *testing.T) {
	s, err := schemaOf(ordersName, describedColumns(), &ddl{}, TableOptions{Exclude: []string{"TAGS"}, Bytes: []string{"Name"}})
	if err != nil {
		t.Fatal(err)
	}
	if len(s.Columns) != 4 || !s.Columns[1].AsBytes || s.NextColumnID != 5 || len(s.Key) != 1 || s.Key[0] != 1 {
		t.Errorf("%+v", s)
	}
	s, err = schemaOf(ordersName, describedColumns(), &ddl{}, TableOptions{Exclude: []string{"tags"}, Key: []string{"at", "ID"}})
	if err != nil || len(s.Key) != 2 || s.Key[0] != 4 || s.Key[1] != 1 {
		t.Errorf("%+v: %v", s, err)
	}
}

func TestSchemaOfRefuses(t *testing.T) {
	without := describedColumns()
	without[0].primaryKey = false
	for _, c := range []struct {
		name     string
		columns  []described
		settings TableOptions
		message  string
		hint     string
	}{
		{"complex types", describedColumns(), TableOptions{}, "tags array<string>", "exclude: [tags]"},
		{"no key", without, TableOptions{Exclude: []string{"tags"}}, "no key configured and none known", "key: [...]"},
		{"a key that is no column", describedColumns(), TableOptions{Exclude: []string{"tags"}, Key: []string{"gone"}}, "no column gone", ""},
		{"a key that is excluded", describedColumns(), TableOptions{Exclude: []string{"tags", "at"}, Key: []string{"at"}}, "no column at", ""},
		{"a DOUBLE key", describedColumns(), TableOptions{Exclude: []string{"tags"}, Key: []string{"price"}}, "cannot be part of a key", "FLOAT"},
		{"exclude that is no column", describedColumns(), TableOptions{Exclude: []string{"tags", "gone"}}, "no column gone", ""},
		{"bytes that is no text", describedColumns(), TableOptions{Exclude: []string{"tags"}, Bytes: []string{"id"}}, "only text", ""},
		{"nothing left", []described{{name: "id", typeText: "int"}}, TableOptions{Exclude: []string{"id"}}, "no column is left", ""},
	} {
		_, err := schemaOf(ordersName, c.columns, &ddl{}, c.settings)
		if err == nil || !strings.Contains(err.Error(), c.message) {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		var code interface{ ExitCode() int }
		if !errors.As(err, &code) || code.ExitCode() != 2 {
			t.Errorf("%s: not exit 2: %v", c.name, err)
		}
		var hint interface{ Hint() string }
		if c.hint != "" && (!errors.As(err, &hint) || !strings.Contains(hint.Hint(), c.hint)) {
			t.Errorf("%s: no hint with %q", c.name, c.hint)
		}
	}
}

//go:build integration

package integration

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"rewind/change"
	"rewind/table"
)

// rowField is a field of a row record, as a segment's schema says.
type rowField struct {
	name  string
	scale int // of a decimal
}

// rowFields finds the row record's fields in an Entry schema; none where it has no Change.
func rowFields(t *testing.T, entrySchema string) (fields []rowField) {
	t.Helper()
	type record struct {
		Name   string
		Fields []struct {
			Name string
			Type json.RawMessage
		}
	}
	parse := func(text []byte) (r record) {
		if err := json.Unmarshal(text, &r); err != nil {
			t.Fatal(err)
		}
		return r
	}
	union := func(text []byte) (branches []json.RawMessage) {
		if err := json.Unmarshal(text, &branches); err != nil {
			t.Fatal(err)
		}
		return branches
	}
	for _, branch := range union(parse([]byte(entrySchema)).Fields[1].Type) {
		message := parse(branch)
		if message.Name != "Change" {
			continue
		}
		before := slices.IndexFunc(message.Fields, func(f struct {
			Name string
			Type json.RawMessage
		}) bool {
			return f.Name == "before"
		})
		for _, f := range parse(union(message.Fields[before].Type)[1]).Fields {
			var decimal struct{ Scale int }
			_ = json.Unmarshal(union(f.Type)[1], &decimal) // a simple type has none
			fields = append(fields, rowField{f.Name, decimal.Scale})
		}
	}
	return fields
}

// TestCanonicalForms holds our canonical forms and fingerprints of every kind of schema against Apache's own implementation and a third.
func TestCanonicalForms(t *testing.T) {
	dir := t.TempDir()
	var paths, want []string
	add := func(name, schema string) {
		path := filepath.Join(dir, name+".avsc")
		if err := os.WriteFile(path, []byte(schema), 0o600); err != nil {
			t.Fatal(err)
		}
		form, err := change.CanonicalForm(schema)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		fingerprint, err := change.Fingerprint(schema)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		paths, want = append(paths, path), append(want, fmt.Sprintf("%s\t%x", form, fingerprint))
	}
	for _, name := range []string{"open", "begin", "commit", "gap", "gap.2", "change"} {
		text, err := os.ReadFile(filepath.Join("..", "schemas", name+".avsc"))
		if err != nil {
			t.Fatal(err)
		}
		add(name, string(text))
	}
	row := everyTypeSchema(t)
	add("row", row.AvroSchema())
	add("message", change.Schema(row))
	add("entry", change.EntrySchema(row))
	add("control", change.EntrySchema(nil))
	for name, command := range map[string][]string{
		"Apache Avro for Java": {"java", "-cp", filepath.Join(setting(t, "REWIND_JARS"), "*"), "avro/Canonical.java"},
		"fastavro":             {setting(t, "REWIND_PYTHON"), "avro/canonical.py"},
	} {
		n := sameLines(t, name, output(t, append(command, paths...)...), slices.Values(want))
		t.Logf("%s has the same canonical form and fingerprint for %d schemas", name, n)
	}
}

// everyTypeSchema is the schema of the table of every type.
func everyTypeSchema(t *testing.T) *table.Schema {
	t.Helper()
	s := &table.Schema{Table: table.Name{Database: "d", Table: "t"}, Key: []int{1, 2}, NextColumnID: len(everyType) + 1}
	for i, c := range everyType {
		kind, err := table.ParseType(c.sql)
		if err != nil {
			t.Fatal(err)
		}
		s.Columns = append(s.Columns, table.Column{ID: i + 1, Name: c.name, Type: kind})
	}
	return s
}

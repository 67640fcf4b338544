package impala

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"rewind/table"
)

// Altered describes the table once more and says in which way it is not as it was described; "" where it is. What changes with the
// table's rows (statistics, snapshots, times) does not count: only what decides how they are read, and what a restore would make.
func (db *DB) Altered(ctx context.Context, name table.Name, was *table.Definition) (string, error) {
	now, err := db.unrefreshed(name).Describe(ctx, name)
	if err != nil {
		return "", err
	}
	if what := alteredColumns(was.Schema, now.Schema); what != "" {
		return what, nil
	}
	if shape(was) != shape(now) {
		return "its definition is another", nil
	}
	return "", nil
}

// alteredColumns compares what DESCRIBE says, with the ids that the engine has of its own. Positions matter: the DDL is of a point, too.
func alteredColumns(was, now *table.Schema) string {
	for _, c := range was.Columns {
		is, found := now.ColumnNamed(c.Name)
		switch {
		case !found:
			return fmt.Sprintf("column %q is gone", c.Name)
		case is.Type != c.Type:
			return fmt.Sprintf("column %q was %s and is %s", c.Name, c.Type, is.Type)
		case engineID(was, c) != engineID(now, is):
			return fmt.Sprintf("column %q is another one", c.Name)
		}
	}
	for _, c := range now.Columns {
		if _, found := was.ColumnNamed(c.Name); !found {
			return fmt.Sprintf("column %q is new", c.Name)
		}
	}
	if !slices.Equal(columnNames(was.Columns), columnNames(now.Columns)) {
		return "its columns stand in another order"
	}
	if was, now := columnNames(was.KeyColumns()), columnNames(now.KeyColumns()); !slices.Equal(was, now) {
		return fmt.Sprintf("its key was %v and is %v", was, now)
	}
	return ""
}

// engineID is the engine's own id of a column, with the table that it is one of.
func engineID(s *table.Schema, c table.Column) string {
	id, told := s.Engine.Columns[c.ID]
	if !told {
		return ""
	}
	return fmt.Sprintf("%s/%d", s.Engine.Table, id)
}

func columnNames(columns []table.Column) []string {
	names := make([]string, len(columns))
	for i, c := range columns {
		names[i] = c.Name
	}
	return names
}

// shape is the definition without what changes with the rows: the statement that a restore would make the table with.
func shape(d *table.Definition) string {
	options := make([]string, 0, len(d.Options))
	for _, key := range slices.Sorted(maps.Keys(d.Options)) {
		options = append(options, key+"="+d.Options[key])
	}
	parsed, err := parseDDL(d.DDL)
	if err != nil { // as evidence it is kept, whatever it says
		return fmt.Sprint(options)
	}
	t, err := planTarget(d.Schema.Table, d.Schema, parsed, "")
	if err != nil {
		return fmt.Sprint(options)
	}
	return fmt.Sprint(options, t.create)
}

package impala

import (
	"fmt"
	"slices"
	"strings"

	"rewind/table"
)

// schemaOf makes the schema of what DESCRIBE says and the table's settings.
func schemaOf(name table.Name, columns []described, d *ddl, settings TableOptions) (*table.Schema, error) {
	settings = settings.lowered()
	schema := &table.Schema{Table: name, NextColumnID: 1}
	unsupported := &ColumnTypeError{Table: name}
	for _, c := range columns {
		if slices.Contains(settings.Exclude, c.name) {
			continue
		}
		if err := checkIdentifier(c.name); err != nil {
			return nil, err
		}
		t, err := table.ParseType(c.typeText)
		if err != nil {
			unsupported.Names = append(unsupported.Names, c.name)
			unsupported.Columns = append(unsupported.Columns, c.name+" "+strings.Join(strings.Fields(c.typeText), ""))
			continue
		}
		schema.Columns = append(schema.Columns, table.Column{ID: schema.NextColumnID, Name: c.name, Type: t, AsBytes: slices.Contains(settings.Bytes, c.name)})
		if d.column(c.name).notNull {
			if schema.NotNull == nil {
				schema.NotNull = map[int]bool{}
			}
			schema.NotNull[schema.NextColumnID] = true
		}
		schema.NextColumnID++
	}
	if len(unsupported.Names) > 0 {
		return nil, unsupported
	}
	if err := settings.check(name, columns, schema); err != nil {
		return nil, err
	}
	key := settings.Key
	if len(key) == 0 {
		key = knownKey(columns, d)
	}
	if len(key) == 0 {
		return nil, &KeyError{name}
	}
	if schema.WholeRow = slices.Equal(key, wholeRow); schema.WholeRow {
		key = nil
		if err := refuseWholeRow(name, d); err != nil {
			return nil, err
		}
	}
	for _, k := range key {
		c, found := schema.ColumnNamed(k)
		if !found {
			return nil, &ConfigError{"tables: " + name.String() + ": key", "the table has no column " + k + " that is captured"}
		}
		schema.Key = append(schema.Key, c.ID)
	}
	if err := schema.Validate(); err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return schema, nil
}

// wholeRow is how a configuration says that the key is every column.
var wholeRow = []string{table.WholeRowName}

// refuseWholeRow refuses the whole row as the key of a table that has a better one: the engine holds Kudu's, so that no two rows are
// equal, and with it an update is an update.
func refuseWholeRow(name table.Name, d *ddl) error {
	if d.format != formatKudu {
		return nil
	}
	return &ConfigError{"tables: " + name.String() + ": key", "a Kudu table has a primary key, which names its rows better than '*': take the setting out"}
}

// knownKey is the key that the engine knows: Kudu's, in DESCRIBE, or a primary key in the table's DDL.
func knownKey(columns []described, d *ddl) (key []string) {
	if len(d.primaryKey) > 0 {
		return d.primaryKey
	}
	for _, c := range columns {
		if c.primaryKey {
			key = append(key, c.name)
		}
	}
	return key
}

// lowered is the settings with names as the engine writes them.
func (o TableOptions) lowered() TableOptions {
	lower := func(names []string) []string {
		lowered := make([]string, len(names))
		for i, n := range names {
			lowered[i] = strings.ToLower(n)
		}
		return lowered
	}
	o.Key, o.Exclude, o.Bytes = lower(o.Key), lower(o.Exclude), lower(o.Bytes)
	return o
}

// check refuses settings that name no column, or one that they cannot mean.
func (o TableOptions) check(name table.Name, columns []described, s *table.Schema) error {
	refuse := func(setting, reason string) error {
		return &ConfigError{"tables: " + name.String() + ": " + setting, reason}
	}
	for _, e := range o.Exclude {
		if !slices.ContainsFunc(columns, func(c described) bool { return c.name == e }) {
			return refuse("exclude", "the table has no column "+e+": take it out of the setting (a restored table is without what was excluded)")
		}
	}
	for _, b := range o.Bytes {
		c, found := s.ColumnNamed(b)
		if !found {
			return refuse("bytes", "the table has no column "+b+" that is captured")
		}
		if k := c.Type.Kind; k != table.String && k != table.VarChar && k != table.Char {
			return refuse("bytes", "column "+b+" is "+c.Type.String()+"; only text needs this")
		}
	}
	if len(s.Columns) == 0 {
		return refuse("exclude", "no column is left")
	}
	return nil
}

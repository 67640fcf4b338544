package table

import (
	"cmp"
	"fmt"
	"slices"
	"unicode/utf8"
)

// maxColumns bounds a schema that comes from outside; Impala advises against more than 2,000.
const maxColumns = 10_000

// Column of a table. IDs are given at first sight and never reused.
type Column struct {
	ID      int
	Name    string
	Type    Type
	AsBytes bool // a text column carried as Avro bytes because it may hold text that is not UTF-8
}

// Schema of a table: what an image holds and what its key is.
type Schema struct {
	Table        Name     // not part of the schema's identity
	Columns      []Column // in the table's order (DESCRIBE's)
	Key          []int    // column ids, in key order; empty where nobody needs a key, as when a table is read back for its digest
	WholeRow     bool     // the key is every column and an ordinal among equal rows; Key is empty then
	NextColumnID int      // the id that the next new column gets; not part of the identity
	Engine       EngineIDs
	NotNull      map[int]bool // columns that the engine says it lets no NULL into; for a scan's eyes alone, not kept
}

// EngineIDs are the engine's own ids, where it tells them (Iceberg does): by them a renamed column is known again, and a column that
// was dropped and added again is told from the one before it. They decide nothing about how a row is read: no part of the identity.
type EngineIDs struct {
	Table   string      // of the table, so that another one of the same name is told from it; "": not known
	Columns map[int]int // by column id; a column that is missing has none that is known
}

// Definition is what a source says of a table at an instant; what a Begin records.
type Definition struct {
	Schema  *Schema
	DDL     string            // SHOW CREATE TABLE as the engine printed it: evidence, parsed on restore, never replayed
	Engine  string            // SELECT version()
	Options map[string]string // the session options that change values (TIMEZONE, CONVERT_LEGACY_HIVE_PARQUET_UTC_TIMESTAMPS, ...)
	Restore string            // id of the restore that made the table, "" where none did; no Begin records it
}

// SchemaError says what makes a schema unusable.
type SchemaError struct{ Column, Reason string }

// Error names the column, if one is at fault.
func (e *SchemaError) Error() string {
	if e.Column == "" {
		return "schema: " + e.Reason
	}
	return fmt.Sprintf("schema: column %q: %s", e.Column, e.Reason)
}

// ExitCode is that of configuration.
func (e *SchemaError) ExitCode() int { return 2 }

// KeyTypeError is a key column of a type that cannot be one: FLOAT and DOUBLE have values that equal each other without being the
// same (0 and -0) and one that does not equal itself.
type KeyTypeError struct {
	Column string
	Type   Type
}

// Error names the column and its type.
func (e *KeyTypeError) Error() string {
	return fmt.Sprintf("column %q of type %s cannot be part of a key", e.Column, e.Type)
}

// Hint says what to do instead.
func (e *KeyTypeError) Hint() string {
	return "name other columns as the table's key, any type but FLOAT and DOUBLE; or take the whole row, key: ['*']"
}

// ExitCode is that of configuration.
func (e *KeyTypeError) ExitCode() int { return 2 }

// Validate refuses a schema whose images or keys would be ambiguous: *KeyTypeError for a FLOAT or DOUBLE key, else *SchemaError.
func (s *Schema) Validate() error {
	if len(s.Columns) == 0 || len(s.Columns) > maxColumns {
		return &SchemaError{Reason: fmt.Sprintf("%d columns; 1 to %d are possible", len(s.Columns), maxColumns)}
	}
	ids, names := make(map[int]bool, len(s.Columns)), make(map[string]bool, len(s.Columns))
	for _, c := range s.Columns {
		if reason := s.columnFault(c); reason != "" {
			return &SchemaError{c.Name, reason}
		}
		if ids[c.ID] || names[c.Name] {
			return &SchemaError{c.Name, "its name or id stands twice"}
		}
		ids[c.ID], names[c.Name] = true, true
	}
	return s.validateKey()
}

func (s *Schema) columnFault(c Column) string {
	switch {
	case c.Name == "" || len(c.Name) > maxNameBytes || !utf8.ValidString(c.Name):
		return "its name is empty, too long or not UTF-8"
	case c.ID < 1 || c.ID >= s.NextColumnID:
		return fmt.Sprintf("its id %d is not between 1 and the next id %d", c.ID, s.NextColumnID)
	case c.AsBytes && !c.Type.isText():
		return "only text is carried as bytes"
	}
	return c.Type.fault()
}

func (s *Schema) validateKey() error {
	if s.WholeRow && len(s.Key) > 0 {
		return &SchemaError{Reason: "its key is both the whole row and some columns"}
	}
	for i, id := range s.Key {
		c, found := s.Column(id)
		if !found {
			return &SchemaError{Reason: fmt.Sprintf("key column id %d is no column's", id)}
		}
		if slices.Contains(s.Key[:i], id) {
			return &SchemaError{c.Name, "it stands twice in the key"}
		}
		if c.Type.Kind == Float || c.Type.Kind == Double {
			return &KeyTypeError{c.Name, c.Type}
		}
	}
	return nil
}

// Column is the column with this id.
func (s *Schema) Column(id int) (Column, bool) {
	return s.find(func(c Column) bool { return c.ID == id })
}

// ColumnNamed is the column with this name, in lower case as the engine reports it.
func (s *Schema) ColumnNamed(name string) (Column, bool) {
	return s.find(func(c Column) bool { return c.Name == name })
}

func (s *Schema) find(match func(Column) bool) (Column, bool) {
	if i := slices.IndexFunc(s.Columns, match); i >= 0 {
		return s.Columns[i], true
	}
	return Column{}, false
}

// IDOrder is the columns in the order in which an image holds them.
func (s *Schema) IDOrder() []Column {
	columns := slices.Clone(s.Columns)
	slices.SortFunc(columns, func(a, b Column) int { return cmp.Compare(a.ID, b.ID) })
	return columns
}

// KeyColumns is the key's columns, in key order; none where it is the whole row.
func (s *Schema) KeyColumns() []Column {
	columns := make([]Column, 0, len(s.Key))
	for _, id := range s.Key {
		if c, found := s.Column(id); found {
			columns = append(columns, c)
		}
	}
	return columns
}

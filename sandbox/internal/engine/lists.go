package engine

import (
	"github.com/ncruces/go-sqlite3"
)

// Version is what version() and GetInfo say.
const Version = "impalad version 4.5.0-RELEASE RELEASE (rewind's stand-in over SQLite)"

// matches applies the pattern of a metadata call: % and _.
const matches = " LIKE ? ESCAPE '\\'"

func (s *Session) listed(columns []string, query string, args ...any) (result *Result, err error) {
	err = s.read(func(c *sqlite3.Conn) error {
		rows, err := all(c, len(columns), query, args...)
		var values []string
		for _, row := range rows {
			values = append(values, row...)
		}
		result = textRows(columns, values)
		return err
	})
	return result, err
}

// ListDatabases answers GetSchemas.
func (s *Session) ListDatabases(pattern string) (*Result, error) {
	return s.listed([]string{"TABLE_SCHEM", "TABLE_CATALOG"},
		"SELECT name, '' FROM databases WHERE name"+matches+" ORDER BY name", pattern)
}

// ListTables answers GetTables.
func (s *Session) ListTables(database, table string) (*Result, error) {
	return s.listed([]string{"TABLE_CAT", "TABLE_SCHEM", "TABLE_NAME", "TABLE_TYPE", "REMARKS"},
		"SELECT '', db, name, iif(json_extract(body, '$.View') IS NULL, 'TABLE', 'VIEW'), coalesce(json_extract(body, '$.Comment'), '') FROM catalog WHERE db"+
			matches+" AND name"+matches+" ORDER BY db, name", database, table)
}

// ListColumns answers GetColumns; the columns that no client of ours reads are left out.
func (s *Session) ListColumns(database, table, column string) (*Result, error) {
	return s.listed([]string{"TABLE_CAT", "TABLE_SCHEM", "TABLE_NAME", "COLUMN_NAME"},
		"SELECT '', db, name, json_extract(c.value, '$.Name') FROM catalog, json_each(body, '$.Columns') c WHERE db"+matches+" AND name"+matches+
			" AND json_extract(c.value, '$.Name')"+matches+" ORDER BY db, name, c.key", database, table, column)
}

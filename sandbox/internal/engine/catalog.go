package engine

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/ncruces/go-sqlite3"

	"rewind/sandbox/internal/sql"
)

// Column of a table.
type Column struct {
	Name      string
	Type      Type
	Comment   string `json:",omitempty"`
	NotNull   bool   `json:",omitempty"`
	Default   string `json:",omitempty"` // as written
	Encoding  string `json:",omitempty"`
	Compress  string `json:",omitempty"`
	BlockSize string `json:",omitempty"`
	Field     int    `json:",omitempty"` // Iceberg's id of it
}

// Table is what the catalog knows of a table or a view.
type Table struct {
	Database, Name string
	External       bool
	View           string                 `json:",omitempty"` // the query of a view
	Columns        []Column               // partition columns last
	Partitions     int                    `json:",omitempty"` // how many of them partition the table
	Key            []string               `json:",omitempty"`
	Hash           []sql.KuduPartition    `json:",omitempty"`
	Spec           []sql.IcebergPartition `json:",omitempty"`
	Sort           []string               `json:",omitempty"`
	SortOrder      string                 `json:",omitempty"`
	Comment        string                 `json:",omitempty"`
	RowFormat      map[string]string      `json:",omitempty"`
	Serde          map[string]string      `json:",omitempty"`
	Format         string
	Location       string
	Properties     map[string]string `json:",omitempty"`
	UUID           string            `json:",omitempty"` // Iceberg's id of it
	LastField      int               `json:",omitempty"` // the last id that a column was given
	Versions       []version         `json:",omitempty"` // of an Iceberg table, oldest first
	Created        int64
	Stats          int64 // rows that COMPUTE STATS saw; -1 unknown
}

func (t *Table) isKudu() bool    { return t.Format == "KUDU" }
func (t *Table) isAvro() bool    { return t.Format == "AVRO" }
func (t *Table) isIceberg() bool { return t.Format == "ICEBERG" }

// qualified is db.name for messages.
func (t *Table) qualified() string { return t.Database + "." + t.Name }

func (t *Table) column(name string) int {
	return slices.IndexFunc(t.Columns, func(c Column) bool { return c.Name == name })
}

// purges tells whether dropping the table deletes what its location holds.
func (t *Table) purges() bool {
	return !t.External || strings.EqualFold(t.Properties["external.table.purge"], "true")
}

const catalogDDL = `
CREATE TABLE IF NOT EXISTS databases (name TEXT PRIMARY KEY, comment TEXT, location TEXT);
CREATE TABLE IF NOT EXISTS catalog (db TEXT, name TEXT, body TEXT, PRIMARY KEY (db, name));
CREATE TABLE IF NOT EXISTS stores (id INTEGER PRIMARY KEY, location TEXT UNIQUE, body TEXT);
`

// one runs a query of at most one row and gives its first column's text.
func one(c *sqlite3.Conn, query string, args ...any) (string, bool, error) {
	rows, err := all(c, 1, query, args...)
	if err != nil || len(rows) == 0 {
		return "", false, err
	}
	return rows[0][0], true, nil
}

// all runs a query of the catalog and gives its rows as text.
func all(c *sqlite3.Conn, columns int, query string, args ...any) (rows [][]string, err error) {
	s, err := prepare(c, query, args...)
	if err != nil {
		return nil, err
	}
	defer closing(s, &err)
	for s.Step() {
		row := make([]string, columns)
		for i := range row {
			row[i] = s.ColumnText(i)
		}
		rows = append(rows, row)
	}
	return rows, s.Err()
}

func execute(c *sqlite3.Conn, query string, args ...any) (err error) {
	s, err := prepare(c, query, args...)
	if err != nil {
		return err
	}
	defer closing(s, &err)
	return s.Exec()
}

// closing ends a statement, for defer.
func closing(s *sqlite3.Stmt, err *error) { *err = errors.Join(*err, s.Close()) }

func prepare(c *sqlite3.Conn, query string, args ...any) (*sqlite3.Stmt, error) {
	s, _, err := c.Prepare(query)
	if err != nil {
		return nil, fmt.Errorf("%w in %s", err, query)
	}
	for i, a := range args {
		switch a := a.(type) {
		case string:
			err = s.BindText(i+1, a)
		case int64:
			err = s.BindInt64(i+1, a)
		case int:
			err = s.BindInt(i+1, a)
		default:
			err = fmt.Errorf("argument %T", a)
		}
		if err != nil {
			return nil, errors.Join(err, s.Close())
		}
	}
	return s, nil
}

func databaseExists(c *sqlite3.Conn, name string) (bool, error) {
	_, ok, err := one(c, "SELECT name FROM databases WHERE name = ?", name)
	return ok, err
}

// findTable gives nil where there is none.
func findTable(c *sqlite3.Conn, database, name string) (*Table, error) {
	body, ok, err := one(c, "SELECT body FROM catalog WHERE db = ? AND name = ?", database, name)
	if err != nil || !ok {
		return nil, err
	}
	t := &Table{}
	return t, json.Unmarshal([]byte(body), t)
}

func saveTable(c *sqlite3.Conn, t *Table) error {
	t.identify()
	body, err := json.Marshal(t)
	if err != nil {
		return err
	}
	return execute(c, "INSERT OR REPLACE INTO catalog VALUES (?, ?, ?)", t.Database, t.Name, string(body))
}

func removeTable(c *sqlite3.Conn, t *Table) error {
	return execute(c, "DELETE FROM catalog WHERE db = ? AND name = ?", t.Database, t.Name)
}

package engine

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/ncruces/go-sqlite3"
)

// store is the rows that belong to one location: tables that share the
// location share the rows, as they would share files.
type store struct {
	ID       int64
	Location string
	Columns  map[string]int // name → number; a dropped column's name goes
	Next     int
	Key      []string   // of a Kudu table
	Schema   []Column   // of a Kudu table: what an external table over it finds
	Files    int        // marker files written so far
	Parts    [][]string `json:",omitempty"` // partitions that exist without rows
}

// table is the store's name in SQLite.
func (s *store) table() string { return fmt.Sprintf("s%d", s.ID) }

func (s *store) column(name string) string { return fmt.Sprintf("c%d", s.Columns[name]) }

func findStore(c *sqlite3.Conn, location string) (*store, error) {
	body, ok, err := one(c, "SELECT body FROM stores WHERE location = ?", location)
	if err != nil || !ok {
		return nil, err
	}
	s := &store{}
	return s, json.Unmarshal([]byte(body), s)
}

func saveStore(c *sqlite3.Conn, s *store) error {
	body, err := json.Marshal(s)
	if err != nil {
		return err
	}
	return execute(c, "UPDATE stores SET body = ?, location = ? WHERE id = ?", string(body), s.Location, s.ID)
}

// openStore finds or makes the store of a table's location and sees that it
// has the table's columns.
func openStore(c *sqlite3.Conn, t *Table) (*store, error) {
	s, err := findStore(c, t.Location)
	if err != nil {
		return nil, err
	}
	if s == nil {
		if s, err = newStore(c, t); err != nil {
			return nil, err
		}
	}
	err = s.addColumns(c, t.Columns)
	return s, err
}

func newStore(c *sqlite3.Conn, t *Table) (*store, error) {
	if err := execute(c, "INSERT INTO stores (location, body) VALUES (?, '{}')", t.Location); err != nil {
		return nil, err
	}
	s := &store{ID: c.LastInsertRowID(), Location: t.Location, Columns: map[string]int{}}
	if t.isKudu() {
		s.Key, s.Schema = t.Key, t.Columns
	}
	if err := execute(c, fmt.Sprintf("CREATE TABLE %s (_ INTEGER PRIMARY KEY)", s.table())); err != nil {
		return nil, err
	}
	if err := s.addColumns(c, t.Columns); err != nil {
		return nil, err
	}
	if len(s.Key) > 0 {
		names := make([]string, len(s.Key))
		for i, k := range s.Key {
			names[i] = s.column(k)
		}
		index := fmt.Sprintf("CREATE UNIQUE INDEX %s_key ON %s (%s)", s.table(), s.table(), strings.Join(names, ", "))
		if err := execute(c, index); err != nil {
			return nil, err
		}
	}
	return s, saveStore(c, s)
}

func (s *store) addColumns(c *sqlite3.Conn, columns []Column) error {
	added := false
	for _, column := range columns {
		if _, ok := s.Columns[column.Name]; ok {
			continue
		}
		added = true
		s.Columns[column.Name] = s.Next
		s.Next++
		if err := execute(c, fmt.Sprintf("ALTER TABLE %s ADD COLUMN %s", s.table(), s.column(column.Name))); err != nil {
			return err
		}
	}
	if !added {
		return nil
	}
	return saveStore(c, s)
}

func (s *store) drop(c *sqlite3.Conn) error {
	if err := execute(c, "DROP TABLE "+s.table()); err != nil {
		return err
	}
	return execute(c, "DELETE FROM stores WHERE id = ?", s.ID)
}

// localPath is the folder of a location, "" where there is none (Kudu).
func localPath(location string) string {
	if rest, ok := strings.CutPrefix(location, "file:"); ok {
		return filepath.Clean("/" + strings.TrimLeft(rest, "/"))
	}
	if strings.HasPrefix(location, "/") {
		return filepath.Clean(location)
	}
	return ""
}

// mark writes one small file into a table's folder, as an engine would write a
// part of the table: whoever looks at the folder sees what was touched.
func (s *store) mark(c *sqlite3.Conn, rows int64) error {
	dir := localPath(s.Location)
	if dir == "" {
		return nil
	}
	s.Files++
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	name := filepath.Join(dir, fmt.Sprintf("part-%05d.rows", s.Files))
	if err := os.WriteFile(name, fmt.Appendf(nil, "%d rows, kept in the stand-in's SQLite file as table %s\n", rows, s.table()), 0o644); err != nil {
		return err
	}
	return saveStore(c, s)
}

// unmark removes the marker files, and nothing else.
func (s *store) unmark() error {
	dir := localPath(s.Location)
	if dir == "" {
		return nil
	}
	names, err := filepath.Glob(filepath.Join(dir, "part-*.rows"))
	if err != nil {
		return err
	}
	for _, n := range names {
		if err := os.Remove(n); err != nil {
			return err
		}
	}
	return nil
}

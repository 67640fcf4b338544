package engine

import (
	"os"

	"rewind/sandbox/internal/sql"
)

func (w *writer) createView(s *sql.CreateView) error {
	database := s.Name.Database
	if database == "" {
		database = w.session.Database()
	}
	existing, err := findTable(w.conn, database, s.Name.Table)
	if err != nil {
		return err
	}
	if existing != nil && !s.Alter {
		if s.IfNotExists {
			return nil
		}
		return analysis("Table already exists: %s.%s", database, s.Name.Table)
	}
	r, err := w.analyzer().query(s.Query, nil)
	if err != nil {
		return err
	}
	t := &Table{Database: database, Name: s.Name.Table, View: s.Text, Comment: s.Comment, Format: "VIEW", Properties: map[string]string{}, Stats: -1}
	if len(s.Columns) > 0 && len(s.Columns) != len(r.columns) {
		return analysis("Column-definition list has %d columns, and the view definition query returns %d", len(s.Columns), len(r.columns))
	}
	for i, c := range r.columns {
		column := Column{Name: c.name, Type: c.typ}
		if len(s.Columns) > 0 {
			column.Name, column.Comment = s.Columns[i].Name, s.Columns[i].Comment
		}
		t.Columns = append(t.Columns, column)
	}
	w.say("View has been created.")
	return saveTable(w.conn, t)
}

func (w *writer) dropTable(s *sql.DropTable) error {
	t, err := w.table(s.Name)
	if err != nil {
		if s.IfExists {
			w.say("Table does not exist.")
			return nil
		}
		return err
	}
	if s.View != (t.View != "") {
		if s.View {
			return analysis("DROP VIEW not allowed on a table: %s", t.qualified())
		}
		return analysis("DROP TABLE not allowed on a view: %s", t.qualified())
	}
	w.say("Table has been dropped.")
	return w.remove(t)
}

// remove drops a table, and its rows and files where the table owns them.
func (w *writer) remove(t *Table) error {
	if err := removeTable(w.conn, t); err != nil || t.View != "" || !t.purges() {
		return err
	}
	// Folders in the table's folder go with it, whosever they are.
	locations, err := all(w.conn, 1, "SELECT location FROM stores WHERE location = ?1 OR substr(location, 1, length(?1) + 1) = ?1 || '/'", t.Location)
	if err != nil {
		return err
	}
	for _, l := range locations {
		st, err := findStore(w.conn, l[0])
		if err != nil {
			return err
		}
		if err := st.drop(w.conn); err != nil {
			return err
		}
	}
	if dir := localPath(t.Location); dir != "" {
		return os.RemoveAll(dir)
	}
	return nil
}

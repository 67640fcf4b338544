package engine

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"rewind/sandbox/internal/sql"
)

func (w *writer) alterTable(s *sql.AlterTable) error {
	t, err := w.table(s.Name)
	if err != nil {
		return err
	}
	if (t.View != "") != s.View {
		return analysis("ALTER TABLE and ALTER VIEW are not interchangeable: %s", t.qualified())
	}
	switch s.Action {
	case "rename":
		return w.rename(t, s)
	case "add columns":
		err = w.addColumns(t, s)
	case "replace columns":
		err = w.replaceColumns(t, s)
	case "drop column":
		err = w.dropColumn(t, s)
	case "change column":
		err = w.changeColumn(t, s)
	case "set properties":
		err = w.setProperties(t, s)
	case "unset properties":
		for k := range s.Properties {
			delete(t.Properties, k)
		}
	case "set serde":
		if t.Serde == nil {
			t.Serde = map[string]string{}
		}
		for k, v := range s.Properties {
			t.Serde[k] = v
		}
	case "set location":
		err = w.setLocation(t, s)
	case "set format":
		err = t.setFormat(s)
	case "set spec":
		err = t.setSpec(s)
	case "drop partition":
		err = w.dropPartition(t, s)
	case "set owner", "add partition", "recover partitions":
	default:
		err = analysis("ALTER TABLE … %s is not offered by the stand-in", strings.ToUpper(s.Action))
	}
	if err != nil {
		return err
	}
	if s.Action == "set properties" {
		w.say("Updated table.")
	} else {
		w.say("Table has been altered.")
	}
	return saveTable(w.conn, t)
}

// rename moves a managed table's folder with it, as Hive's metastore does.
func (w *writer) rename(t *Table, s *sql.AlterTable) error {
	database := s.Rename.Database
	if database == "" {
		database = w.session.Database()
	}
	ok, err := databaseExists(w.conn, database)
	if err != nil {
		return err
	}
	if !ok {
		return analysis("Database does not exist: %s", database)
	}
	existing, err := findTable(w.conn, database, s.Rename.Table)
	if err != nil {
		return err
	}
	if existing != nil {
		return analysis("Table/view already exists: %s.%s", database, s.Rename.Table)
	}
	if err := removeTable(w.conn, t); err != nil {
		return err
	}
	was := w.session.engine.defaultLocation(t.Database, t.Name)
	t.Database, t.Name = database, s.Rename.Table
	w.say("Renaming was successful.")
	switch {
	case t.View != "":
	case t.isKudu() && t.purges():
		err = w.move(t, "kudu:impala::"+t.qualified())
	case t.Location == was && !t.External:
		err = w.move(t, w.session.engine.defaultLocation(database, t.Name))
	}
	if err != nil {
		return err
	}
	return saveTable(w.conn, t)
}

// move takes the rows and the folder of a table to another location.
func (w *writer) move(t *Table, location string) error {
	taken, err := findStore(w.conn, location)
	if err != nil {
		return err
	}
	if taken != nil {
		return analysis("New location for this table already exists: %s", location)
	}
	st, err := findStore(w.conn, t.Location)
	if err != nil {
		return err
	}
	if from, to := localPath(t.Location), localPath(location); from != "" && to != "" {
		if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
			return err
		}
		if err := os.Rename(from, to); err != nil && !errors.Is(err, os.ErrNotExist) {
			return err
		}
	}
	t.Location = location
	if st == nil {
		return nil
	}
	st.Location = location
	return saveStore(w.conn, st)
}

func (w *writer) addColumns(t *Table, s *sql.AlterTable) error {
	var added []Column
	for _, def := range s.Columns {
		if t.column(def.Name) >= 0 {
			if s.IfExists {
				continue
			}
			return analysis("Column already exists: %s", def.Name)
		}
		fresh := &Table{}
		if err := fresh.add(def); err != nil {
			return err
		}
		added = append(added, fresh.Columns...)
	}
	t.Columns = slices.Insert(t.Columns, len(t.Columns)-t.Partitions, added...)
	return w.openAltered(t)
}

// openAltered gives the store the table's new columns.
func (w *writer) openAltered(t *Table) error {
	if t.isAvro() {
		return nil
	}
	st, err := openStore(w.conn, t)
	if err != nil || !t.isKudu() {
		return err
	}
	st.Schema = t.Columns
	return saveStore(w.conn, st)
}

func (w *writer) replaceColumns(t *Table, s *sql.AlterTable) error {
	if t.isKudu() || t.isIceberg() {
		return analysis("ALTER TABLE REPLACE COLUMNS is not supported on %s tables.", t.Format)
	}
	fresh := &Table{}
	for _, def := range s.Columns {
		if err := fresh.add(def); err != nil {
			return err
		}
	}
	t.Columns = append(fresh.Columns, t.Columns[len(t.Columns)-t.Partitions:]...)
	return w.openAltered(t)
}

// dropColumn forgets the column's values: a column added later under the name starts empty.
func (w *writer) dropColumn(t *Table, s *sql.AlterTable) error {
	i := t.column(s.Column)
	switch {
	case i < 0:
		return analysis("Column '%s' does not exist in table: %s", s.Column, t.qualified())
	case i >= len(t.Columns)-t.Partitions:
		return analysis("Cannot drop partition column: %s", s.Column)
	case slices.Contains(t.Key, s.Column):
		return &Error{"HY000", fmt.Sprintf("ImpalaRuntimeException: cannot remove a key column: %s", s.Column)}
	case len(t.Columns)-t.Partitions == 1:
		return analysis("Cannot drop column '%s' from %s. Tables must contain at least 1 column.", s.Column, t.qualified())
	}
	t.Columns = slices.Delete(slices.Clone(t.Columns), i, i+1)
	st, err := findStore(w.conn, t.Location)
	if err != nil || st == nil {
		return err
	}
	delete(st.Columns, s.Column)
	if t.isKudu() {
		st.Schema = t.Columns
	}
	return saveStore(w.conn, st)
}

// changeColumn renames a column, or gives it another type and converts what it holds.
func (w *writer) changeColumn(t *Table, s *sql.AlterTable) error {
	i := t.column(s.Column)
	if i < 0 {
		return analysis("Column '%s' does not exist in table: %s", s.Column, t.qualified())
	}
	fresh := &Table{}
	if err := fresh.add(s.Columns[0]); err != nil {
		return err
	}
	next := fresh.Columns[0]
	if j := t.column(next.Name); j >= 0 && j != i {
		return analysis("Column already exists: %s", next.Name)
	}
	was := t.Columns[i]
	if t.isKudu() && next.Type != was.Type {
		return analysis("Cannot change the type of a Kudu column using an ALTER TABLE CHANGE COLUMN statement: (%s vs %s)", was.Type, next.Type)
	}
	next.NotNull, next.Field = was.NotNull, was.Field
	t.Columns = slices.Clone(t.Columns)
	t.Columns[i] = next
	for k, name := range t.Key {
		if name == was.Name {
			t.Key[k] = next.Name
		}
	}
	st, err := findStore(w.conn, t.Location)
	if err != nil || st == nil {
		return err
	}
	return w.changeStored(t, st, was, next)
}

func (w *writer) changeStored(t *Table, st *store, was, next Column) error {
	if next.Name != was.Name {
		st.Columns[next.Name] = st.Columns[was.Name]
		delete(st.Columns, was.Name)
		for k, name := range st.Key {
			if name == was.Name {
				st.Key[k] = next.Name
			}
		}
	}
	if t.isKudu() {
		st.Schema = t.Columns
	}
	if next.Type != was.Type {
		a := w.analyzer()
		n, err := a.cast(node{typ: was.Type, sql: st.column(next.Name)}, next.Type)
		if err != nil {
			return err
		}
		if _, err := w.run(a, fmt.Sprintf("UPDATE %s SET %s = %s", st.table(), st.column(next.Name), n.sql)); err != nil {
			return err
		}
	}
	return saveStore(w.conn, st)
}

func (w *writer) setProperties(t *Table, s *sql.AlterTable) error {
	if t.Properties == nil {
		t.Properties = map[string]string{}
	}
	for k, v := range s.Properties {
		switch {
		case k == "EXTERNAL":
			t.External = strings.EqualFold(v, "true")
			continue
		case k == "kudu.table_name" && t.isKudu():
			if t.purges() {
				return analysis("Not allowed to set 'kudu.table_name' manually for synchronized Kudu tables.")
			}
			t.Location = "kudu:" + v
		}
		t.Properties[k] = v
	}
	return nil
}

func (w *writer) setLocation(t *Table, s *sql.AlterTable) error {
	dir := localPath(s.Location)
	if dir == "" || t.isKudu() {
		return analysis("ALTER TABLE SET LOCATION is not supported here: %s", s.Location)
	}
	t.Location = "file://" + filepath.ToSlash(dir)
	return w.openAltered(t)
}

func (w *writer) dropPartition(t *Table, s *sql.AlterTable) error {
	st, err := w.store(t, "altering")
	if err != nil {
		return err
	}
	a := w.analyzer()
	var conditions []string
	for _, p := range s.Partition {
		i := t.column(p.Column)
		if i < len(t.Columns)-t.Partitions || p.Value == nil {
			return analysis("Column '%s' is not a partition column in table: %s", p.Column, t.qualified())
		}
		n, err := a.expression(p.Value, nil)
		if err != nil {
			return err
		}
		if n, err = a.coerce(n, t.Columns[i].Type); err != nil {
			return err
		}
		conditions = append(conditions, st.column(p.Column)+" IS "+n.sql)
	}
	_, err = w.run(a, "DELETE FROM "+st.table()+" WHERE "+strings.Join(conditions, " AND "))
	return err
}

package engine

import (
	"fmt"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"rewind/sandbox/internal/sql"
)

func (w *writer) createTable(s *sql.CreateTable) error {
	t, err := w.define(s)
	if err != nil {
		return err
	}
	existing, err := findTable(w.conn, t.Database, t.Name)
	if err != nil {
		return err
	}
	if existing != nil {
		if s.IfNotExists {
			w.say("Table already exists.")
			return nil
		}
		return analysis("Table already exists: %s", t.qualified())
	}
	var r *relation
	a := w.analyzer()
	if s.Query != nil {
		if r, err = a.query(s.Query, nil); err != nil {
			return err
		}
		if err := defineFromQuery(t, s, r); err != nil {
			return err
		}
	}
	if err := w.validate(t, s); err != nil {
		return err
	}
	if err := w.place(t, s); err != nil {
		return err
	}
	if err := saveTable(w.conn, t); err != nil {
		return err
	}
	w.say("Table has been created.")
	if t.isAvro() {
		return nil
	}
	if _, err := openStore(w.conn, t); err != nil {
		return err
	}
	if s.Query == nil {
		return nil
	}
	return w.fill(t, s)
}

// fill inserts the rows of CREATE TABLE … AS SELECT.
func (w *writer) fill(t *Table, s *sql.CreateTable) error {
	insert := &sql.Insert{Table: sql.TableName{Database: t.Database, Table: t.Name}, Query: s.Query}
	for _, c := range t.Columns[len(t.Columns)-t.Partitions:] {
		insert.Partition = append(insert.Partition, sql.PartitionValue{Column: c.Name})
	}
	if err := w.insert(insert); err != nil {
		return err
	}
	w.say("Inserted %d row(s)", w.result.Modified)
	return nil
}

// define makes the table of what the statement says.
func (w *writer) define(s *sql.CreateTable) (*Table, error) {
	database := s.Name.Database
	if database == "" {
		database = w.session.Database()
	}
	ok, err := databaseExists(w.conn, database)
	if err != nil {
		return nil, err
	}
	if !ok {
		return nil, analysis("Database does not exist: %s", database)
	}
	t := &Table{Database: database, Name: s.Name.Table, External: s.External, Comment: s.Comment, Format: s.Format, Location: s.Location,
		RowFormat: s.RowFormat, Serde: s.Serde, Properties: maps.Clone(s.Properties), Hash: s.Hash, Spec: s.Spec, Sort: s.Sort,
		SortOrder: s.SortOrder, Created: w.analyzer().now.Unix(), Stats: -1}
	if t.Properties == nil {
		t.Properties = map[string]string{}
	}
	if s.LikeParquet != "" {
		return nil, analysis("CREATE TABLE LIKE PARQUET is not offered by the stand-in")
	}
	if s.Like != nil {
		return t, w.defineLike(t, s)
	}
	if t.Format == "" {
		t.Format = "TEXTFILE"
	}
	for _, c := range s.Columns {
		if err := t.add(c); err != nil {
			return nil, err
		}
		if c.PrimaryKey {
			t.Key = append(t.Key, c.Name)
		}
	}
	t.Key = append(t.Key, s.PrimaryKey...)
	if err := t.checkKey(s); err != nil {
		return nil, err
	}
	for _, c := range s.Partitions {
		if c.Type.Name == "" {
			if s.Query == nil {
				return nil, analysis("Partition column %s has no type", c.Name)
			}
			continue // a column of the query
		}
		if err := t.add(c); err != nil {
			return nil, err
		}
		t.Partitions++
	}
	return t, nil
}

// checkKey looks for a primary key's columns in the column list, before the partition columns are there, as Impala does.
func (t *Table) checkKey(s *sql.CreateTable) error {
	if t.isIceberg() && len(t.Key) > 0 && !s.NotEnforced {
		return analysis("Iceberg tables only support NOT ENFORCED primary keys.")
	}
	for _, name := range t.Key {
		if t.column(name) < 0 {
			return analysis("PRIMARY KEY column '%s' does not exist in the table", name)
		}
	}
	return nil
}

func (t *Table) add(c sql.ColumnDef) error {
	if t.column(c.Name) >= 0 {
		return analysis("Duplicate column name: %s", c.Name)
	}
	typ, err := columnType(c.Type)
	if err != nil {
		return err
	}
	column := Column{Name: c.Name, Type: typ, Comment: c.Comment, NotNull: c.NotNull, Encoding: c.Encoding, Compress: c.Compress}
	if c.Default != nil {
		column.Default = formatLiteral(c.Default)
	}
	if c.BlockSize != nil {
		column.BlockSize = sql.Format(c.BlockSize)
	}
	t.Columns = append(t.Columns, column)
	return nil
}

func (w *writer) defineLike(t *Table, s *sql.CreateTable) error {
	like, err := w.table(*s.Like)
	if err != nil {
		return err
	}
	if like.View != "" {
		return analysis("CREATE TABLE LIKE a view is not offered by the stand-in: %s", like.qualified())
	}
	if like.isKudu() && t.Format != "" && t.Format != "KUDU" || !like.isKudu() && t.Format == "KUDU" {
		return analysis("%s cannot be cloned into a %s table", like.qualified(), t.Format)
	}
	t.Columns, t.Partitions, t.Key, t.Hash, t.Spec = slices.Clone(like.Columns), like.Partitions, like.Key, like.Hash, like.Spec
	for i := range t.Columns {
		t.Columns[i].Field = 0
	}
	t.RowFormat, t.Serde = like.RowFormat, like.Serde
	if t.Format == "" {
		t.Format = like.Format
	}
	if t.Comment == "" {
		t.Comment = like.Comment
	}
	if len(t.Sort) == 0 {
		t.Sort = like.Sort
	}
	return nil
}

// defineFromQuery takes the columns from CREATE TABLE … AS SELECT.
func defineFromQuery(t *Table, s *sql.CreateTable, r *relation) error {
	if len(s.Columns) > 0 {
		return analysis("CREATE TABLE AS SELECT takes no column list")
	}
	for _, c := range r.columns {
		if t.column(c.name) >= 0 {
			return analysis("Duplicate column name: %s", c.name)
		}
		if c.typ.Kind == NullType {
			return analysis("Unable to infer the column type for %s", c.name)
		}
		t.Columns = append(t.Columns, Column{Name: c.name, Type: c.typ})
	}
	first := len(t.Columns) - len(s.Partitions)
	for i, p := range s.Partitions {
		if first < 0 || t.Columns[first+i].Name != p.Name {
			return analysis("Partition column name mismatch: %s", p.Name)
		}
	}
	t.Partitions = len(s.Partitions)
	return nil
}

// formats that the stand-in knows.
var formats = map[string]bool{"PARQUET": true, "TEXTFILE": true, "AVRO": true, "KUDU": true, "ICEBERG": true, "ORC": true, "RCFILE": true, "SEQUENCEFILE": true}

func (w *writer) validate(t *Table, s *sql.CreateTable) error {
	if !formats[t.Format] {
		return analysis("Unsupported file format: %s", t.Format)
	}
	if t.isAvro() {
		for i := range t.Columns {
			t.Columns[i].Type = avroType(t.Columns[i].Type)
		}
	}
	if !t.isKudu() {
		if len(t.Hash) > 0 {
			return analysis("Only Kudu tables can use the PARTITION BY clause.")
		}
		if len(t.Columns) == 0 {
			return analysis("Table requires at least 1 column")
		}
		return nil
	}
	if t.External && len(t.Columns) > 0 && !strings.EqualFold(t.Properties["external.table.purge"], "true") {
		return analysis("Columns cannot be specified with an external Kudu table.")
	}
	if t.External && len(t.Columns) == 0 {
		return nil
	}
	if t.Properties["kudu.table_name"] != "" {
		return analysis("Not allowed to set 'kudu.table_name' manually for synchronized Kudu tables.")
	}
	if s.Location != "" {
		return analysis("LOCATION cannot be specified for a Kudu table.")
	}
	if t.Partitions > 0 {
		return analysis("PARTITIONED BY cannot be used in Kudu tables.")
	}
	return validateKey(t)
}

func validateKey(t *Table) error {
	if len(t.Key) == 0 {
		return analysis("A primary key is required for a Kudu table.")
	}
	for i, k := range t.Key {
		j := t.column(k)
		if j != i {
			return analysis("Primary key columns in Kudu tables must be first and in the key's order: '%s'", k)
		}
		switch t.Columns[j].Type.Kind {
		case Boolean, Float, Double:
			return analysis("Type %s of primary key column %s is not supported by Kudu", t.Columns[j].Type, k)
		}
		t.Columns[j].NotNull = true
	}
	for _, c := range t.Columns {
		if c.Type.Kind == Char {
			return analysis("Kudu tables do not support type CHAR: column %s", c.Name)
		}
	}
	return nil
}

// place gives the table its location. Rows belong to the location, so tables
// that name the same one share them.
func (w *writer) place(t *Table, s *sql.CreateTable) error {
	if t.isKudu() {
		return w.placeKudu(t)
	}
	if w.session.engine.translate && !t.External {
		t.External = true
		t.Properties["TRANSLATED_TO_EXTERNAL"] = "TRUE"
		t.Properties["external.table.purge"] = "TRUE"
	}
	if t.Location == "" {
		t.Location = w.session.engine.defaultLocation(t.Database, t.Name)
	}
	dir := localPath(t.Location)
	if dir == "" || strings.HasPrefix(t.Location, "/") {
		if dir == "" {
			return analysis("The stand-in reads local folders only, not %s", t.Location)
		}
		t.Location = "file:" + dir
	}
	t.Location = "file://" + filepath.ToSlash(dir)
	if t.isAvro() && s.External && s.Location != "" {
		if _, err := os.Stat(dir); err != nil {
			return analysis("Path does not exist: %s", t.Location)
		}
		return nil
	}
	return os.MkdirAll(dir, 0o755)
}

// defaultLocation is where a managed table's files go.
func (e *Engine) defaultLocation(database, name string) string {
	dir := name
	if database != "default" {
		dir = path.Join(database+".db", name)
	}
	return "file://" + filepath.ToSlash(filepath.Join(e.warehouse, dir))
}

// placeKudu names the Kudu table; an external one without columns takes those
// of the Kudu table that exists.
func (w *writer) placeKudu(t *Table) error {
	name := t.Properties["kudu.table_name"]
	if name == "" {
		name = "impala::" + t.qualified()
	}
	t.Location = "kudu:" + name
	t.Properties["kudu.master_addresses"] = kuduMaster
	st, err := findStore(w.conn, t.Location)
	if err != nil {
		return err
	}
	if !t.External || len(t.Columns) > 0 {
		if st != nil {
			return &Error{"HY000", fmt.Sprintf("ImpalaRuntimeException: Error creating Kudu table '%s'\nCAUSED BY: NonRecoverableException: Table %s already exists with id", name, name)}
		}
		return nil
	}
	if st == nil {
		return analysis("Table does not exist in Kudu: '%s'", name)
	}
	t.Columns, t.Key = st.Schema, st.Key
	return nil
}

const kuduMaster = "127.0.0.1:7051"

func sortedKeys(m map[string]string) []string { return slices.Sorted(maps.Keys(m)) }

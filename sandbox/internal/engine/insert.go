package engine

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/ncruces/go-sqlite3"

	"rewind/sandbox/internal/sql"
)

// target is one column of a table with the analyzed value that goes into it.
type target struct {
	column Column
	value  node
	from   int // the query's column, or -1 for a constant
}

func (w *writer) insert(s *sql.Insert) error {
	t, err := w.table(s.Table)
	if err != nil {
		return err
	}
	verb := "INSERT"
	if s.Upsert {
		verb = "UPSERT"
		if !t.isKudu() {
			return analysis("UPSERT is only supported for Kudu tables")
		}
	}
	if s.Overwrite && t.isKudu() {
		return analysis("INSERT OVERWRITE not supported for Kudu tables.")
	}
	for _, c := range t.Columns {
		if c.Type.Kind == Complex {
			return analysis("Unable to INSERT into target table (%s) because the column '%s' has a complex type '%s' and Impala doesn't support inserting into tables containing complex type columns", t.qualified(), c.Name, c.Type)
		}
	}
	st, err := w.store(t, verb+" into")
	if err != nil {
		return err
	}
	a := w.analyzer()
	r, err := a.rawQuery(s.Query, nil)
	if err != nil {
		return err
	}
	targets, err := w.targets(a, t, s, r)
	if err != nil {
		return err
	}
	if err := w.insertRows(a, t, st, s, r, targets); err != nil {
		return err
	}
	if t.isKudu() {
		return nil
	}
	if err := w.written(t); err != nil {
		return err
	}
	return st.mark(w.conn, w.result.Modified)
}

// targets matches the query's columns with the table's, in order or by the
// column list, with the dynamic partition columns last.
func (w *writer) targets(a *analyzer, t *Table, s *sql.Insert, r *relation) ([]target, error) {
	static := map[string]node{}
	var dynamic []string
	for _, p := range s.Partition {
		i := t.column(p.Column)
		if i < len(t.Columns)-t.Partitions {
			return nil, analysis("Column '%s' is not a partition column", p.Column)
		}
		if p.Value == nil {
			dynamic = append(dynamic, p.Column)
			continue
		}
		n, err := a.expression(p.Value, nil)
		if err != nil {
			return nil, err
		}
		if static[p.Column], err = w.assign(a, t, n, t.Columns[i]); err != nil {
			return nil, err
		}
	}
	if t.Partitions > 0 && len(s.Partition) == 0 && s.Columns == nil && !t.isIceberg() {
		return nil, analysis("Not enough partition columns mentioned in query. Missing columns are: %s", t.Columns[len(t.Columns)-1].Name)
	}
	names := insertedColumns(t, s, static, dynamic)
	if len(names) != len(r.columns) {
		return nil, analysis("Target table '%s' has %d columns than the SELECT / VALUES clause and PARTITION clause return: %d and %d",
			t.qualified(), len(names), len(names), len(r.columns))
	}
	return w.match(a, t, names, static, r)
}

func insertedColumns(t *Table, s *sql.Insert, static map[string]node, dynamic []string) []string {
	if s.Columns != nil {
		return append(slices.Clone(s.Columns), dynamic...)
	}
	var names []string
	for i, c := range t.Columns {
		if _, ok := static[c.Name]; !ok && (i < len(t.Columns)-t.Partitions || len(dynamic) == 0) {
			names = append(names, c.Name)
		}
	}
	return append(names, dynamic...)
}

func (w *writer) match(a *analyzer, t *Table, names []string, static map[string]node, r *relation) ([]target, error) {
	for i, name := range names {
		if t.column(name) < 0 {
			return nil, analysis("Unknown column '%s' in column permutation", name)
		}
		if slices.Contains(names[:i], name) {
			return nil, analysis("Duplicate column '%s' in column permutation", name)
		}
	}
	targets := make([]target, len(t.Columns))
	for i, c := range t.Columns {
		targets[i] = target{column: c, from: -1}
		n, ok := static[c.Name]
		from := slices.Index(names, c.Name)
		var err error
		switch {
		case ok:
			targets[i].value = n
		case from >= 0:
			targets[i].from = from
			if r.values == nil { // VALUES are checked row by row
				targets[i].value, err = w.assign(a, t, node{typ: r.columns[from].typ, sql: fmt.Sprintf("c%d", from)}, c)
			}
		case slices.Contains(t.Key, c.Name):
			return nil, analysis("All primary key columns must be specified for INSERTing into Kudu tables. Missing columns are: %s", c.Name)
		case c.Default != "":
			targets[i].value, err = w.defaultOf(a, t, c)
		default:
			targets[i].value = literal(c.Type, null)
		}
		if err != nil {
			return nil, err
		}
	}
	return targets, nil
}

func (w *writer) defaultOf(a *analyzer, t *Table, c Column) (node, error) {
	q, err := sql.ParseQuery("SELECT " + c.Default)
	if err != nil {
		return node{}, err
	}
	n, err := a.expression(q.Body.(*sql.Select).Items[0].Expr, nil)
	if err != nil {
		return n, err
	}
	return w.assign(a, t, n, c)
}

// assign casts a value for a column as INSERT does: only where nothing can be lost.
func (w *writer) assign(a *analyzer, t *Table, n node, c Column) (node, error) {
	if !assignable(n, c.Type) {
		if n.typ.isText() && c.Type.isText() {
			return n, analysis("Possible loss of precision for target table '%s'.\nExpression '%s' (type: %s) would need to be cast to %s for column '%s'",
				t.qualified(), n.sql, n.typ, c.Type, c.Name)
		}
		if _, ok := convert(n.typ, c.Type); ok && n.typ.isNumeric() && c.Type.isNumeric() {
			return n, analysis("Possible loss of precision for target table '%s'.\nExpression '%s' (type: %s) would need to be cast to %s for column '%s'",
				t.qualified(), n.sql, n.typ, c.Type, c.Name)
		}
		return n, analysis("Target table '%s' is incompatible with source expressions.\nExpression '%s' (type: %s) is not compatible with column '%s' (type: %s)",
			t.qualified(), n.sql, n.typ, c.Name, c.Type)
	}
	n, err := a.coerce(n, c.Type)
	if err != nil || !t.isKudu() || c.Type.Kind != Timestamp {
		return n, err
	}
	return a.apply("micros", c.Type, strict(toMicros), n)
}

// toMicros rounds a timestamp as Kudu keeps it.
func toMicros(x []datum) (datum, error) {
	t := x[0].time()
	n := t.Nanosecond()
	return timestamp(t.Add(time.Duration((n+500)/1000*1000 - n))), nil
}

// insertRows runs the insert: VALUES are bound row by row, a query runs inside SQLite.
func (w *writer) insertRows(a *analyzer, t *Table, st *store, s *sql.Insert, r *relation, targets []target) error {
	columns := make([]string, len(targets))
	for i, g := range targets {
		columns[i] = st.column(g.column.Name)
	}
	into := fmt.Sprintf("INTO %s (%s) ", st.table(), strings.Join(columns, ", "))
	verb, conflict := "INSERT ", ""
	if t.isKudu() {
		verb, conflict = kuduVerb(s, st, targets)
	}
	if r.values != nil && constantRows(r.values) {
		return w.insertValues(a, t, st, s, r, targets, verb+into, conflict)
	}
	if r.values != nil {
		r.settle()
	}
	values := make([]node, len(targets))
	for i, g := range targets {
		if g.from >= 0 && g.value.sql == "" {
			var err error
			if g.value, err = w.assign(a, t, node{typ: r.columns[g.from].typ, sql: fmt.Sprintf("c%d", g.from)}, g.column); err != nil {
				return err
			}
		}
		values[i] = g.value
	}
	from := " FROM (" + r.sql + ") WHERE TRUE"
	if len(t.Key) > 0 {
		for _, k := range t.Key {
			from += " AND " + values[t.column(k)].sql + " IS NOT NULL" // Kudu rejects such a row with a warning
		}
	}
	if s.Overwrite {
		return w.overwrite(a, t, st, targets, values, into, from)
	}
	n, err := w.run(a, verb+into+"SELECT "+texts(values)+from+conflict)
	w.result.Modified = n
	return err
}

func constantRows(rows [][]node) bool {
	for _, row := range rows {
		for _, n := range row {
			if n.constant == nil {
				return false
			}
		}
	}
	return true
}

// kuduVerb: INSERT leaves rows that exist as they are, UPSERT replaces the
// columns that it names.
func kuduVerb(s *sql.Insert, st *store, targets []target) (verb, conflict string) {
	if !s.Upsert {
		return "INSERT OR IGNORE ", ""
	}
	var keys, sets []string
	for _, g := range targets {
		c := st.column(g.column.Name)
		if slices.Contains(st.Key, g.column.Name) {
			keys = append(keys, c)
		} else if g.from >= 0 {
			sets = append(sets, c+" = excluded."+c)
		}
	}
	conflict = " ON CONFLICT (" + strings.Join(keys, ", ") + ") DO "
	if len(sets) == 0 {
		return "INSERT ", conflict + "NOTHING"
	}
	return "INSERT ", conflict + "UPDATE SET " + strings.Join(sets, ", ")
}

func (w *writer) insertValues(a *analyzer, t *Table, st *store, s *sql.Insert, r *relation, targets []target, into, conflict string) (err error) {
	rows, err := w.valueRows(a, t, r, targets)
	if err != nil {
		return err
	}
	if s.Overwrite {
		if err := w.clearFor(t, st, targets, rows); err != nil {
			return err
		}
	}
	stmt, _, err := w.conn.Prepare(into + "VALUES (" + strings.TrimSuffix(strings.Repeat("?, ", len(targets)), ", ") + ")" + conflict)
	if err != nil {
		return err
	}
	defer closing(stmt, &err)
	for _, row := range rows {
		for i, d := range row {
			if err := bindDatum(stmt, i+1, targets[i].column.Type, d); err != nil {
				return err
			}
		}
		if err := stmt.Exec(); err != nil {
			return err
		}
		w.result.Modified += w.conn.Changes()
	}
	return nil
}

// valueRows are the rows of VALUES as they are stored.
func (w *writer) valueRows(a *analyzer, t *Table, r *relation, targets []target) ([][]datum, error) {
	rows := make([][]datum, 0, len(r.values))
	for _, row := range r.values {
		out := make([]datum, len(targets))
		for i, g := range targets {
			n := g.value
			if g.from >= 0 {
				var err error
				if n, err = w.assign(a, t, row[g.from], g.column); err != nil {
					return nil, err
				}
			}
			if n.constant == nil {
				return nil, analysis("DEFAULT of column %s is no constant", g.column.Name)
			}
			out[i] = *n.constant
		}
		if !keyHasNull(t, out) {
			rows = append(rows, out)
		}
	}
	return rows, nil
}

func keyHasNull(t *Table, row []datum) bool {
	return slices.ContainsFunc(t.Key, func(k string) bool { return row[t.column(k)].null })
}

func bindDatum(s *sqlite3.Stmt, i int, t Type, d datum) error {
	switch {
	case d.null:
		return s.BindNull(i)
	case t.storedAsInteger():
		return s.BindInt64(i, d.i)
	case len(d.b) == 0:
		return s.BindZeroBlob(i, 0)
	}
	return s.BindBlob(i, d.b)
}

// clearFor deletes what INSERT OVERWRITE replaces: the table, or the
// partitions into which the new rows go.
func (w *writer) clearFor(t *Table, st *store, targets []target, rows [][]datum) (err error) {
	if t.Partitions == 0 {
		return errors.Join(execute(w.conn, "DELETE FROM "+st.table()), st.unmark())
	}
	first := len(t.Columns) - t.Partitions
	var conditions []string
	for i := first; i < len(targets); i++ {
		conditions = append(conditions, fmt.Sprintf("%s IS ?", st.column(targets[i].column.Name)))
	}
	stmt, _, err := w.conn.Prepare("DELETE FROM " + st.table() + " WHERE " + strings.Join(conditions, " AND "))
	if err != nil {
		return err
	}
	defer closing(stmt, &err)
	for _, row := range rows {
		for i := first; i < len(targets); i++ {
			if err := bindDatum(stmt, i-first+1, targets[i].column.Type, row[i]); err != nil {
				return err
			}
		}
		if err := stmt.Exec(); err != nil {
			return err
		}
	}
	return nil
}

// overwrite computes the new rows first: the query may read the table that it replaces.
func (w *writer) overwrite(a *analyzer, t *Table, st *store, targets []target, values []node, into, from string) error {
	names := make([]string, len(values))
	selected := make([]string, len(values))
	for i, n := range values {
		names[i] = fmt.Sprintf("v%d", i)
		selected[i] = n.sql + " AS " + names[i]
	}
	if _, err := w.run(a, "CREATE TEMP TABLE overwriting AS SELECT "+strings.Join(selected, ", ")+from); err != nil {
		return err
	}
	clear := "DELETE FROM " + st.table()
	if t.Partitions > 0 {
		var equal []string
		for i := len(t.Columns) - t.Partitions; i < len(targets); i++ {
			equal = append(equal, fmt.Sprintf("o.%s IS %s.%s", names[i], st.table(), st.column(targets[i].column.Name)))
		}
		clear += " WHERE EXISTS (SELECT 1 FROM overwriting o WHERE " + strings.Join(equal, " AND ") + ")"
	} else if err := st.unmark(); err != nil {
		return err
	}
	if err := execute(w.conn, clear); err != nil {
		return err
	}
	if err := execute(w.conn, "INSERT "+into+"SELECT * FROM overwriting"); err != nil {
		return err
	}
	w.result.Modified = w.conn.Changes()
	return execute(w.conn, "DROP TABLE overwriting")
}

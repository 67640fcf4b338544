package engine

import (
	"fmt"
	"strings"

	"rewind/sandbox/internal/sql"
)

// from analyzes a FROM clause into SQLite's text; semi and anti joins become
// conditions for WHERE.
func (a *analyzer) from(refs []sql.TableRef, s *scope) (text string, filters []string, err error) {
	var b strings.Builder
	for i, ref := range refs {
		src, err := a.source(ref, s.parent)
		if err != nil {
			return "", nil, err
		}
		s.sources = append(s.sources, src)
		if i == 0 {
			b.WriteString(src.from)
			continue
		}
		if strings.HasSuffix(ref.Join, " semi") || strings.HasSuffix(ref.Join, " anti") {
			join, filter, err := a.semiJoin(ref, src, s)
			if err != nil {
				return "", nil, err
			}
			b.WriteString(join)
			filters = append(filters, filter)
			continue
		}
		on, err := a.on(ref, s)
		if err != nil {
			return "", nil, err
		}
		if (ref.Join == "left" || ref.Join == "right" || ref.Join == "full") && on == "" {
			return "", nil, analysis("%s OUTER JOIN requires an ON or USING clause.", strings.ToUpper(ref.Join))
		}
		b.WriteString(" " + strings.ToUpper(ref.Join) + " JOIN " + src.from)
		if on != "" {
			b.WriteString(" ON " + on)
		}
	}
	return b.String(), filters, nil
}

// on is the condition of a join, from ON or USING.
func (a *analyzer) on(ref sql.TableRef, s *scope) (string, error) {
	e := onExpression(ref, s)
	if e == nil {
		return "", nil
	}
	n, err := a.condition(e, &scope{sources: s.sources, parent: s.parent})
	return n.sql, err
}

func onExpression(ref sql.TableRef, s *scope) sql.Expr {
	e := ref.On
	for _, name := range ref.Using {
		right := s.sources[len(s.sources)-1]
		left := s.sources[len(s.sources)-2]
		equal := &sql.Binary{Op: "=", L: &sql.ColumnRef{Parts: []string{left.alias, name}}, R: &sql.ColumnRef{Parts: []string{right.alias, name}}}
		if e == nil {
			e = equal
		} else {
			e = &sql.Binary{Op: "and", L: e, R: equal}
		}
	}
	return e
}

// semiJoin joins the right side's distinct keys where the condition is made of
// equalities, so that SQLite can hash them; anything else becomes EXISTS.
func (a *analyzer) semiJoin(ref sql.TableRef, src *source, s *scope) (join, filter string, err error) {
	if strings.HasPrefix(ref.Join, "right") {
		return "", "", analysis("RIGHT SEMI and RIGHT ANTI JOIN are not offered by the stand-in")
	}
	anti := strings.HasSuffix(ref.Join, "anti")
	e := onExpression(ref, s)
	if e == nil {
		return "", "", analysis("%s JOIN requires an ON or USING clause.", strings.ToUpper(ref.Join))
	}
	in := &scope{sources: s.sources, parent: s.parent}
	self := uint64(1) << ((len(s.sources) - 1) % 64)
	var keys, equalities, rest []string
	simple := true
	alias := a.alias()
	for _, c := range conjuncts(e) {
		n, err := a.condition(c, in)
		if err != nil {
			return "", "", err
		}
		l, r, op, ok := a.sides(c, in, self)
		switch {
		case ok:
			equalities = append(equalities, fmt.Sprintf("%s %s %s.k%d", l, op, alias, len(keys)))
			keys = append(keys, fmt.Sprintf("%s AS k%d", r, len(keys)))
		case n.sources&^self == 0:
			rest = append(rest, n.sql)
		default:
			simple = false
		}
	}
	whole, err := a.condition(e, in)
	if err != nil {
		return "", "", err
	}
	src.hidden = true
	where := ""
	if len(rest) > 0 {
		where = " WHERE " + strings.Join(rest, " AND ")
	}
	if simple && len(keys) > 0 {
		view := fmt.Sprintf("(SELECT DISTINCT %s, 1 AS present FROM %s%s) AS %s ON %s", strings.Join(keys, ", "), src.from, where, alias, strings.Join(equalities, " AND "))
		if anti {
			return " LEFT JOIN " + view, alias + ".present IS NULL", nil
		}
		return " INNER JOIN " + view, "TRUE", nil
	}
	not := ""
	if anti {
		not = "NOT "
	}
	return "", fmt.Sprintf("%sEXISTS (SELECT 1 FROM %s WHERE %s)", not, src.from, whole.sql), nil
}

func conjuncts(e sql.Expr) []sql.Expr {
	if b, ok := e.(*sql.Binary); ok && b.Op == "and" {
		return append(conjuncts(b.L), conjuncts(b.R)...)
	}
	return []sql.Expr{e}
}

// sides splits an equality into the side that does not read the new table and
// the one that reads only it.
func (a *analyzer) sides(e sql.Expr, s *scope, self uint64) (left, right, op string, ok bool) {
	b, isBinary := e.(*sql.Binary)
	if !isBinary || b.Op != "=" && b.Op != "<=>" {
		return "", "", "", false
	}
	l, err := a.expression(b.L, s)
	if err != nil {
		return "", "", "", false
	}
	r, err := a.expression(b.R, s)
	if err != nil {
		return "", "", "", false
	}
	t, ok := commonType(l.typ, r.typ)
	if !ok || t.isFloat() || l.typ.Kind == Char || r.typ.Kind == Char {
		return "", "", "", false
	}
	if l.sources == self {
		l, r = r, l
	}
	if r.sources != self || l.sources&self != 0 {
		return "", "", "", false
	}
	if l, err = a.coerce(l, t); err != nil {
		return "", "", "", false
	}
	if r, err = a.coerce(r, t); err != nil {
		return "", "", "", false
	}
	op = "="
	if b.Op == "<=>" {
		op = "IS"
	}
	return l.sql, r.sql, op, true
}

// source analyzes one table, view or inline view.
func (a *analyzer) source(ref sql.TableRef, outer *scope) (*source, error) {
	alias := a.alias()
	if ref.Query != nil {
		r, err := a.query(ref.Query, nil)
		if err != nil {
			return nil, err
		}
		return inline(r, ref.Alias, alias), nil
	}
	if len(ref.Parts) == 1 {
		if src, err := a.commonSource(ref, alias); src != nil || err != nil {
			return src, err
		}
	}
	name, err := tableNameOf(ref.Parts)
	if err != nil {
		return nil, err
	}
	t, err := a.session.table(a.conn, name)
	if err != nil {
		return nil, err
	}
	if err := t.isAt(ref.Version); err != nil {
		return nil, err
	}
	src := &source{alias: ref.Alias, table: t}
	if ref.Alias == "" {
		src.alias, src.database = t.Name, t.Database
	}
	return src, a.tableSource(src, t, alias)
}

func tableNameOf(parts []string) (sql.TableName, error) {
	switch len(parts) {
	case 1:
		return sql.TableName{Table: parts[0]}, nil
	case 2:
		return sql.TableName{Database: parts[0], Table: parts[1]}, nil
	}
	return sql.TableName{}, analysis("Could not resolve table reference: '%s'", strings.Join(parts, "."))
}

// inline makes a query a source. A LIMIT that limits nothing keeps SQLite from
// computing the view's expressions again for each use.
func inline(r *relation, name, alias string) *source {
	text := r.sql
	if r.calls && !r.limited {
		text = "SELECT * FROM (" + text + ") LIMIT -1"
	}
	src := &source{alias: name, from: "(" + text + ") AS " + alias}
	for i, c := range r.columns {
		src.columns = append(src.columns, sourceColumn{c.name, c.typ, fmt.Sprintf("%s.c%d", alias, i)})
	}
	return src
}

func (a *analyzer) commonSource(ref sql.TableRef, alias string) (*source, error) {
	for i := len(a.common) - 1; i >= 0; i-- {
		c := a.common[i]
		if c.name != ref.Parts[0] {
			continue
		}
		kept := a.common
		a.common = a.common[:c.outer:c.outer]
		r, err := a.query(c.query, nil)
		a.common = kept
		if err != nil {
			return nil, err
		}
		for j := range c.names {
			if j < len(r.columns) {
				r.columns[j].name = c.names[j]
			}
		}
		name := ref.Alias
		if name == "" {
			name = c.name
		}
		return inline(r, name, alias), nil
	}
	return nil, nil
}

// tableSource reads a store, a view's query, or Avro files.
func (a *analyzer) tableSource(src *source, t *Table, alias string) error {
	if t.View != "" {
		q, err := sql.ParseQuery(t.View)
		if err != nil {
			return err
		}
		r, err := a.inDatabase(t.Database, q)
		if err != nil {
			return err
		}
		for i := range r.columns {
			r.columns[i].name = t.Columns[i].Name
		}
		view := inline(r, src.alias, alias)
		src.columns, src.from = view.columns, view.from
		return nil
	}
	if t.isAvro() {
		return a.avroSource(src, t, alias)
	}
	s, err := findStore(a.conn, t.Location)
	if err != nil {
		return err
	}
	if s == nil {
		return a.emptySource(src, t, alias)
	}
	src.from = s.table() + " AS " + alias
	for _, c := range t.Columns {
		if c.Type.Kind == Complex { // * leaves it out, as Impala's does
			continue
		}
		if _, ok := s.Columns[c.Name]; !ok {
			src.columns = append(src.columns, sourceColumn{c.Name, c.Type, "NULL"})
			continue
		}
		src.columns = append(src.columns, sourceColumn{c.Name, c.Type, alias + "." + s.column(c.Name)})
	}
	return nil
}

// emptySource stands for a location that holds nothing.
func (a *analyzer) emptySource(src *source, t *Table, alias string) error {
	parts := make([]string, len(t.Columns))
	for i, c := range t.Columns {
		parts[i] = fmt.Sprintf("NULL AS c%d", i)
		if c.Type.Kind == Complex {
			continue
		}
		src.columns = append(src.columns, sourceColumn{c.Name, c.Type, fmt.Sprintf("%s.c%d", alias, i)})
	}
	src.from = "(SELECT " + strings.Join(parts, ", ") + " WHERE 0) AS " + alias
	return nil
}

// inDatabase analyzes a view's query in the view's own database.
func (a *analyzer) inDatabase(database string, q *sql.Query) (*relation, error) {
	session, common := a.session, a.common
	defer func() { a.session, a.common = session, common }()
	a.session, a.common = &Session{engine: session.engine, database: database, User: session.User}, nil
	return a.query(q, nil)
}

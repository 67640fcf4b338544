package engine

import (
	"fmt"
	"slices"
	"strings"

	"rewind/sandbox/internal/sql"
)

// subject is the table that an UPDATE or DELETE changes, and the FROM clause around it.
type subject struct {
	table   *Table
	source  *source
	scope   *scope
	from    string
	filters []string
}

func (w *writer) subject(a *analyzer, target []string, refs []sql.TableRef) (*subject, error) {
	x := &subject{scope: &scope{}}
	var err error
	if x.from, x.filters, err = a.from(refs, x.scope); err != nil {
		return nil, err
	}
	for _, src := range x.scope.sources {
		if src.table == nil || !src.isNamed(target) {
			continue
		}
		if !src.table.isKudu() {
			return nil, analysis("Impala only supports modifying Kudu tables, but the following table is not a Kudu table: %s", src.table.qualified())
		}
		x.table, x.source = src.table, src
		return x, nil
	}
	return nil, analysis("'%s' is not a valid table alias or reference.", strings.Join(target, "."))
}

func (s *source) isNamed(target []string) bool {
	if len(target) == 1 {
		return s.alias == target[0]
	}
	return len(target) == 2 && s.table.Database == target[0] && s.table.Name == target[1]
}

func (w *writer) update(u *sql.Update) error {
	a := w.analyzer()
	x, err := w.subject(a, u.Target, u.From)
	if err != nil {
		return err
	}
	t := x.table
	st, err := w.store(t, "UPDATE")
	if err != nil {
		return err
	}
	var names, values []string
	for _, set := range u.Set {
		name := set.Column[len(set.Column)-1]
		i := t.column(name)
		if i < 0 {
			return analysis("Could not resolve column/field reference: '%s'", name)
		}
		if slices.Contains(t.Key, name) {
			return analysis("Key column '%s' in table '%s' cannot be updated.", name, t.qualified())
		}
		n, err := a.expression(set.Value, x.scope)
		if err != nil {
			return err
		}
		if n, err = w.assign(a, t, n, t.Columns[i]); err != nil {
			return err
		}
		values = append(values, fmt.Sprintf("%s AS v%d", n.sql, len(names)))
		names = append(names, fmt.Sprintf("%s = v%d", st.column(name), len(names)))
	}
	where, err := w.where(a, u.Where, x)
	if err != nil {
		return err
	}
	text := fmt.Sprintf("UPDATE %s SET %s FROM (SELECT %s AS id, %s FROM %s%s) AS changed WHERE %s._ = changed.id",
		st.table(), strings.Join(names, ", "), rowID(x.source), strings.Join(values, ", "), x.from, where, st.table())
	w.result.Modified, err = w.run(a, text)
	return err
}

func (w *writer) delete(d *sql.Delete) error {
	a := w.analyzer()
	x, err := w.subject(a, d.Target, d.From)
	if err != nil {
		return err
	}
	st, err := w.store(x.table, "DELETE")
	if err != nil {
		return err
	}
	where, err := w.where(a, d.Where, x)
	if err != nil {
		return err
	}
	text := fmt.Sprintf("DELETE FROM %s WHERE _ IN (SELECT %s FROM %s%s)", st.table(), rowID(x.source), x.from, where)
	w.result.Modified, err = w.run(a, text)
	return err
}

func (w *writer) where(a *analyzer, e sql.Expr, x *subject) (string, error) {
	filters := x.filters
	if e != nil {
		n, err := a.condition(e, x.scope)
		if err != nil {
			return "", err
		}
		filters = append(filters, n.sql)
	}
	if len(filters) == 0 {
		return "", nil
	}
	return " WHERE " + strings.Join(filters, " AND "), nil
}

// rowID is SQLite's number of a source's row.
func rowID(src *source) string {
	return src.from[strings.LastIndex(src.from, " ")+1:] + "._"
}

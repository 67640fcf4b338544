package engine

import (
	"fmt"
	"strings"

	"rewind/sandbox/internal/sql"
)

// changed resolves which table of FROM an UPDATE or DELETE changes.
func (w *writer) changed(a *analyzer, verb string, targetName []string, refs []sql.TableRef) (*Table, *source, *scope, string, []string, error) {
	s := &scope{}
	from, filters, err := a.from(refs, s)
	if err != nil {
		return nil, nil, nil, "", nil, err
	}
	for _, src := range s.sources {
		if src.table == nil || !(len(targetName) == 1 && src.alias == targetName[0] ||
			len(targetName) == 2 && src.table.Database == targetName[0] && src.table.Name == targetName[1]) {
			continue
		}
		if !src.table.isKudu() {
			return nil, nil, nil, "", nil, analysis("Impala only supports modifying Kudu tables, but the following table is not a Kudu table: %s", src.table.qualified())
		}
		return src.table, src, s, from, filters, nil
	}
	return nil, nil, nil, "", nil, analysis("'%s' is not a valid table alias or reference.", strings.Join(targetName, "."))
}

func (w *writer) update(u *sql.Update) error {
	a := w.analyzer()
	t, src, s, from, filters, err := w.changed(a, "UPDATE", u.Target, u.From)
	if err != nil {
		return err
	}
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
		for _, k := range t.Key {
			if k == name {
				return analysis("Key column '%s' in table '%s' cannot be updated.", name, t.qualified())
			}
		}
		n, err := a.expression(set.Value, s)
		if err != nil {
			return err
		}
		if n, err = w.assign(a, t, n, t.Columns[i]); err != nil {
			return err
		}
		values = append(values, fmt.Sprintf("%s AS v%d", n.sql, len(names)))
		names = append(names, fmt.Sprintf("%s = v%d", st.column(name), len(names)))
	}
	where, err := w.where(a, u.Where, s, filters)
	if err != nil {
		return err
	}
	id := rowID(src)
	text := fmt.Sprintf("UPDATE %s SET %s FROM (SELECT %s AS id, %s FROM %s%s) AS changed WHERE %s._ = changed.id",
		st.table(), strings.Join(names, ", "), id, strings.Join(values, ", "), from, where, st.table())
	w.result.Modified, err = w.run(a, text)
	return err
}

func (w *writer) delete(d *sql.Delete) error {
	a := w.analyzer()
	t, src, s, from, filters, err := w.changed(a, "DELETE", d.Target, d.From)
	if err != nil {
		return err
	}
	st, err := w.store(t, "DELETE")
	if err != nil {
		return err
	}
	where, err := w.where(a, d.Where, s, filters)
	if err != nil {
		return err
	}
	text := fmt.Sprintf("DELETE FROM %s WHERE _ IN (SELECT %s FROM %s%s)", st.table(), rowID(src), from, where)
	w.result.Modified, err = w.run(a, text)
	return err
}

func (w *writer) where(a *analyzer, e sql.Expr, s *scope, filters []string) (string, error) {
	if e != nil {
		n, err := a.condition(e, s)
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

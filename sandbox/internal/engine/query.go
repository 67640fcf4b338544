package engine

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"rewind/sandbox/internal/sql"
)

// relation is an analyzed query: its columns, and SQLite's text, whose
// columns are called c0, c1, …
type relation struct {
	columns []resultColumn
	sql     string
	values  [][]node // of VALUES alone
	calls   bool     // computes something with Go functions
	limited bool
}

type resultColumn struct {
	name string
	typ  Type
}

// query analyzes a query whose columns may refer to those of the queries around it.
func (a *analyzer) query(q *sql.Query, outer *scope) (*relation, error) {
	r, err := a.rawQuery(q, outer)
	if err == nil && r.values != nil {
		r.settle()
	}
	return r, err
}

// settle writes the rows of VALUES as text.
func (r *relation) settle() { r.sql, r.values = valuesText(r.values, len(r.columns)), nil }

// rawQuery leaves the rows of VALUES as they are, for INSERT.
func (a *analyzer) rawQuery(q *sql.Query, outer *scope) (*relation, error) {
	if a.depth++; a.depth > maxDepth {
		return nil, analysis("Query nested too deep")
	}
	defer func() { a.depth-- }()
	before := len(a.common)
	defer func() { a.common = a.common[:before] }()
	for _, c := range q.With {
		a.common = append(a.common, commonTable{c.Name, c.Query, c.Columns, len(a.common)})
	}
	r, order, err := a.body(q, outer)
	if err != nil {
		return nil, err
	}
	if len(order) > 0 {
		r.sql += " ORDER BY " + strings.Join(order, ", ")
	}
	return r, a.limit(r, q)
}

// body analyzes the query without LIMIT; order is what ORDER BY must say.
func (a *analyzer) body(q *sql.Query, outer *scope) (r *relation, order []string, err error) {
	if s, ok := q.Body.(*sql.Select); ok && !s.Distinct {
		return a.selectBody(s, q.Order, outer)
	}
	if r, err = a.unordered(q.Body, outer); err != nil || len(q.Order) == 0 {
		return r, nil, err
	}
	if r.values != nil {
		r.settle()
	}
	src := &source{}
	for i, c := range r.columns {
		src.columns = append(src.columns, sourceColumn{c.name, c.typ, "c" + strconv.Itoa(i)})
	}
	r.sql = "SELECT * FROM (" + r.sql + ")"
	order, err = a.order(q.Order, r, &scope{sources: []*source{src}}, nil)
	return r, order, err
}

func (a *analyzer) unordered(b sql.QueryBody, outer *scope) (*relation, error) {
	switch b := b.(type) {
	case *sql.Select:
		r, _, err := a.selectBody(b, nil, outer)
		return r, err
	case *sql.Values:
		return a.valuesBody(b)
	case *sql.SetOperation:
		return a.setOperation(b, outer)
	case *sql.Query:
		return a.query(b, outer)
	}
	return nil, analysis("unsupported query")
}

func (a *analyzer) limit(r *relation, q *sql.Query) error {
	for _, part := range []struct {
		word string
		e    sql.Expr
	}{{"LIMIT", q.Limit}, {"OFFSET", q.Offset}} {
		if part.e == nil {
			continue
		}
		n, err := a.expression(part.e, nil)
		if err != nil {
			return err
		}
		if n.constant == nil || !n.typ.isInteger() || n.constant.i < 0 {
			return analysis("%s expression must be a constant integer, not negative", part.word)
		}
		if r.values != nil {
			r.settle()
		}
		if part.word == "OFFSET" && q.Limit == nil {
			r.sql += " LIMIT -1"
		}
		r.sql += fmt.Sprintf(" %s %d", part.word, n.constant.i)
		r.limited = true
	}
	return nil
}

// order resolves ORDER BY: an ordinal, an alias of the select list, else an
// expression over the tables. A constant orders nothing.
func (a *analyzer) order(items []sql.OrderItem, r *relation, s *scope, outputs []node) ([]string, error) {
	var order []string
	for _, o := range items {
		n, err := a.orderExpression(o.Expr, r, s, outputs)
		if err != nil {
			return nil, err
		}
		if n.constant == nil {
			order = append(order, n.sql+direction(o))
		}
	}
	return order, nil
}

func (a *analyzer) orderExpression(e sql.Expr, r *relation, s *scope, outputs []node) (node, error) {
	output := func(i int) node {
		if outputs != nil {
			return outputs[i]
		}
		return node{typ: r.columns[i].typ, sql: "c" + strconv.Itoa(i)}
	}
	switch e := e.(type) {
	case *sql.Number:
		if i, err := strconv.Atoi(e.Text); err == nil {
			if i < 1 || i > len(r.columns) {
				return node{}, analysis("ORDER BY: ordinal exceeds the number of items in the SELECT list: %d", i)
			}
			return output(i - 1), nil
		}
	case *sql.ColumnRef:
		if len(e.Parts) == 1 {
			for i, c := range r.columns {
				if c.name == e.Parts[0] {
					return output(i), nil
				}
			}
		}
	}
	return a.expression(e, s)
}

func (a *analyzer) selectBody(q *sql.Select, orderItems []sql.OrderItem, outer *scope) (*relation, []string, error) {
	s := &scope{parent: outer, windows: true}
	from, filters, err := a.from(q.From, s)
	if err != nil {
		return nil, nil, err
	}
	if q.Where != nil {
		w, err := a.condition(q.Where, &scope{sources: s.sources, parent: outer})
		if err != nil {
			return nil, nil, err
		}
		filters = append(filters, w.sql)
	}
	group, err := a.group(q, s)
	if err != nil {
		return nil, nil, err
	}
	r, outputs, err := a.outputs(q.Items, s)
	if err != nil {
		return nil, nil, err
	}
	functions := len(a.functions)
	if r.sql, err = a.assemble(q, s, outputs, from, filters, group); err != nil {
		return nil, nil, err
	}
	r.calls = slices.ContainsFunc(outputs, func(n node) bool { return strings.Contains(n.sql, "(") }) || functions != len(a.functions)
	order, err := a.order(orderItems, r, s, outputs)
	return r, order, err
}

func (a *analyzer) assemble(q *sql.Select, s *scope, outputs []node, from string, filters, group []string) (string, error) {
	var b strings.Builder
	b.WriteString("SELECT ")
	if q.Distinct {
		b.WriteString("DISTINCT ")
	}
	for i, n := range outputs {
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString(n.sql + " AS c" + strconv.Itoa(i))
	}
	if from != "" {
		b.WriteString(" FROM " + from)
	}
	if len(filters) > 0 {
		b.WriteString(" WHERE " + strings.Join(filters, " AND "))
	}
	if len(group) > 0 {
		b.WriteString(" GROUP BY " + strings.Join(group, ", "))
	}
	if q.Having == nil {
		return b.String(), nil
	}
	h, err := a.condition(q.Having, s)
	if err != nil {
		return "", err
	}
	if len(group) == 0 { // SQLite wants a GROUP BY for HAVING; NULL is one group, but none over no rows
		return "SELECT * FROM (" + b.String() + ", " + h.sql + " AS having) WHERE having", analysis("HAVING without GROUP BY is not offered by the stand-in")
	}
	return b.String() + " HAVING " + h.sql, nil
}

// group analyzes GROUP BY; an ordinal or an alias stands for an output. From
// then on the scope is grouped.
func (a *analyzer) group(q *sql.Select, s *scope) ([]string, error) {
	if len(q.Group) == 0 && q.Having == nil && !slices.ContainsFunc(q.Items, func(i sql.SelectItem) bool { return hasAggregate(i.Expr) }) {
		return nil, nil
	}
	grouped := map[string]bool{}
	var group []string
	for _, e := range q.Group {
		n, err := a.groupExpression(e, q.Items, s)
		if err != nil {
			return nil, err
		}
		grouped[n.sql] = true
		if n.constant != nil {
			n.sql = "CAST(" + n.sql + " AS BLOB)" // a bare number would be an ordinal to SQLite
		}
		group = append(group, n.sql)
	}
	s.grouped = grouped
	return group, nil
}

func (a *analyzer) groupExpression(e sql.Expr, items []sql.SelectItem, s *scope) (node, error) {
	switch e := e.(type) {
	case *sql.Number:
		if i, err := strconv.Atoi(e.Text); err == nil {
			if i < 1 || i > len(items) || items[i-1].Star {
				return node{}, analysis("GROUP BY: ordinal exceeds the number of items in the SELECT list: %d", i)
			}
			return a.expression(items[i-1].Expr, s)
		}
	case *sql.ColumnRef:
		if len(e.Parts) == 1 {
			for _, i := range items {
				if i.Alias == e.Parts[0] {
					return a.expression(i.Expr, s)
				}
			}
		}
	}
	return a.expression(e, s)
}

// outputs analyzes the select list and expands its stars.
func (a *analyzer) outputs(items []sql.SelectItem, s *scope) (*relation, []node, error) {
	r := &relation{}
	var nodes []node
	for _, item := range items {
		if item.Star {
			n := len(nodes)
			for i, src := range s.sources {
				if src.hidden || !src.matches(item.Table) {
					continue
				}
				for _, c := range src.columns {
					if s.grouped != nil && !s.grouped[c.sql] {
						return nil, nil, analysis("select list expression not produced by aggregation output (missing from GROUP BY clause?): %s", c.name)
					}
					r.columns = append(r.columns, resultColumn{c.name, c.typ})
					nodes = append(nodes, node{typ: c.typ, sql: c.sql, sources: 1 << (i % 64)})
				}
			}
			if n == len(nodes) {
				return nil, nil, analysis("'*' expression in select list requires FROM clause.")
			}
			continue
		}
		n, err := a.expression(item.Expr, s)
		if err != nil {
			return nil, nil, err
		}
		r.columns = append(r.columns, resultColumn{outputName(item), n.typ})
		nodes = append(nodes, n)
	}
	return r, nodes, nil
}

func outputName(i sql.SelectItem) string {
	if i.Alias != "" {
		return strings.ToLower(i.Alias)
	}
	if c, ok := i.Expr.(*sql.ColumnRef); ok {
		return c.Parts[len(c.Parts)-1]
	}
	return sql.Format(i.Expr)
}

// valuesBody keeps constant rows as they are, for INSERT.
func (a *analyzer) valuesBody(v *sql.Values) (*relation, error) {
	r := &relation{}
	for i, row := range v.Rows {
		if i > 0 && len(row) != len(r.columns) {
			return nil, analysis("Values rows have different numbers of columns: %d and %d", len(r.columns), len(row))
		}
		nodes := make([]node, len(row))
		for j, item := range row {
			if item.Star {
				return nil, analysis("'*' is not allowed in VALUES")
			}
			n, err := a.expression(item.Expr, nil)
			if err != nil {
				return nil, err
			}
			nodes[j] = n
			if i == 0 {
				r.columns = append(r.columns, resultColumn{outputName(item), n.typ})
			}
		}
		r.values = append(r.values, nodes)
	}
	if err := a.unifyRows(r); err != nil {
		return nil, err
	}
	return r, nil
}

func (a *analyzer) unifyRows(r *relation) error {
	column := make([]node, len(r.values))
	for j := range r.columns {
		for i, row := range r.values {
			column[i] = row[j]
		}
		t, err := a.unify(column)
		if err != nil {
			return err
		}
		r.columns[j].typ = t
		for i, row := range r.values {
			row[j] = column[i]
		}
	}
	return nil
}

func valuesText(rows [][]node, columns int) string {
	var b strings.Builder
	b.WriteString("SELECT ")
	for j := range columns {
		if j > 0 {
			b.WriteString(", ")
		}
		fmt.Fprintf(&b, "column%d AS c%d", j+1, j)
	}
	b.WriteString(" FROM (VALUES ")
	for i, row := range rows {
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString("(" + texts(row) + ")")
	}
	b.WriteString(")")
	return b.String()
}

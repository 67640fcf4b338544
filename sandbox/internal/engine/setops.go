package engine

import (
	"fmt"
	"strings"

	"rewind/sandbox/internal/sql"
)

// setOperation brings all sides to common types. A chain of UNION ALL stays
// flat, anything else nests to the left.
func (a *analyzer) setOperation(o *sql.SetOperation, outer *scope) (*relation, error) {
	var sides []*relation
	for _, b := range leaves(o) {
		r, err := a.unordered(b, outer)
		if err != nil {
			return nil, err
		}
		if len(sides) > 0 && len(r.columns) != len(sides[0].columns) {
			return nil, analysis("Operands have unequal number of columns: %d column(s) and %d column(s)", len(sides[0].columns), len(r.columns))
		}
		if r.values != nil {
			r.settle()
		}
		sides = append(sides, r)
	}
	types := make([]Type, len(sides[0].columns))
	for i := range types {
		types[i] = Type{Kind: NullType}
		for _, r := range sides {
			t, ok := commonType(types[i], r.columns[i].typ)
			if !ok {
				return nil, analysis("Incompatible return types '%s' and '%s' of exprs in column %d", types[i], r.columns[i].typ, i+1)
			}
			types[i] = t
		}
	}
	parts := make([]string, len(sides))
	result := &relation{calls: true}
	for i, r := range sides {
		text, err := a.convertColumns(r, types)
		if err != nil {
			return nil, err
		}
		parts[i] = text
	}
	for i, t := range types {
		result.columns = append(result.columns, resultColumn{sides[0].columns[i].name, t})
	}
	result.sql = strings.Join(parts, " "+strings.ToUpper(o.Op)+" ")
	return result, nil
}

// leaves are the operands of one operator; only UNION ALL may be regrouped.
func leaves(o *sql.SetOperation) []sql.QueryBody {
	if l, ok := o.L.(*sql.SetOperation); ok && o.Op == "union all" && l.Op == o.Op {
		return append(leaves(l), o.R)
	}
	return []sql.QueryBody{o.L, o.R}
}

// convertColumns selects a relation's columns cast to types.
func (a *analyzer) convertColumns(r *relation, types []Type) (string, error) {
	parts := make([]string, len(types))
	for i, t := range types {
		n, err := a.coerce(node{typ: r.columns[i].typ, sql: fmt.Sprintf("c%d", i)}, t)
		if err != nil {
			return "", err
		}
		parts[i] = fmt.Sprintf("%s AS c%d", n.sql, i)
	}
	return "SELECT " + strings.Join(parts, ", ") + " FROM (" + r.sql + ")", nil
}

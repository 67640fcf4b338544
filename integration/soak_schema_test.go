//go:build integration

package integration

import (
	"math/rand/v2"
	"slices"
	"strings"
)

// soakTypes are the types of the soak's columns.
var soakTypes = []string{"INT", "BIGINT", "STRING", "DECIMAL(18,4)", "TIMESTAMP", "DATE", "DOUBLE", "BOOLEAN"}

// evolve makes one of soakChanges happen to the table, in the engine too.
func (o *oracle) evolve(change string, random *rand.Rand) {
	o.t.Helper()
	if change == "nothing" {
		return
	}
	before := slices.Clone(o.state.columns)
	o.change(random)
	at := random.IntN(len(o.state.columns))
	switch columns := o.state.columns; change {
	case "many rows":
		o.insert(len(o.state.rows) / 2)
	case "column added":
		if len(columns) < feedColumns-4 {
			o.add(soakTypes[random.IntN(len(soakTypes))])
		}
	case "column dropped":
		if len(columns) > 2 {
			o.dropped = append(o.dropped, columns[at])
			o.state.columns = slices.Delete(slices.Clone(columns), at, at+1)
		}
	case "dropped column added again": // its old values must not come back
		if n := len(o.dropped); n > 0 && len(columns) < feedColumns-4 && !slices.ContainsFunc(columns, func(c oracleColumn) bool { return c.name == o.dropped[n-1].name }) {
			o.addNamed(o.dropped[n-1].name, o.dropped[n-1].sql())
			o.dropped = o.dropped[:n-1]
		}
	case "column widened":
		o.state.columns = slices.Clone(columns)
		for i, c := range o.state.columns {
			if wider := map[string]string{"INT": "BIGINT", "DECIMAL(18,4)": "DECIMAL(30,4)"}[c.sql()]; wider != "" {
				o.state.columns[i].kinds = append(slices.Clone(c.kinds), kindSince{o.version, wider})
				break
			}
		}
	case "column of another type":
		o.state.columns = slices.Clone(columns)
		o.columns++
		o.state.columns[at] = oracleColumn{number: o.columns, name: columns[at].name, kinds: []kindSince{{o.version, otherType(columns[at].sql())}}}
	case "columns reordered":
		o.state.columns = slices.Clone(columns)
		random.Shuffle(len(columns), func(i, j int) {
			o.state.columns[i], o.state.columns[j] = o.state.columns[j], o.state.columns[i]
		})
	}
	if !slices.EqualFunc(before, o.state.columns, func(a, b oracleColumn) bool { return a.name == b.name && a.sql() == b.sql() }) {
		o.alter()
	}
	o.reach()
}

// otherType is one that the values of a type do not become by widening.
func otherType(sql string) string {
	if strings.HasPrefix(sql, "STRING") {
		return "BIGINT"
	}
	return "STRING"
}

//go:build integration

package integration

import (
	"context"
	"fmt"
	"maps"
	"math/big"
	"slices"
	"strconv"
	"strings"
	"time"
)

// lines reads a whole table with these columns, through nothing but the driver, as lines of the oracle's.
func (e *engine) lines(table string, types map[string]string) (all []string) {
	e.t.Helper()
	names := slices.Sorted(maps.Keys(types))
	var columns []string
	for _, name := range names {
		columns = append(columns, quote(name))
	}
	query := "SELECT " + strings.Join(columns, ", ") + " FROM " + table
	result, err := e.conn.QueryContext(context.Background(), query)
	if err != nil {
		e.t.Fatalf("%s\n%v", query, err)
	}
	defer result.Close()
	for result.Next() {
		values, targets := make([]any, len(names)), make([]any, len(names))
		for i := range values {
			targets[i] = &values[i]
		}
		if err := result.Scan(targets...); err != nil {
			e.t.Fatalf("%s\n%v", query, err)
		}
		row := map[string]*string{}
		for i, name := range names {
			row[name] = nil
			if values[i] != nil {
				text := canonical(types[name], values[i])
				row[name] = &text
			}
		}
		all = append(all, line(row))
	}
	if err := result.Err(); err != nil {
		e.t.Fatalf("%s\n%v", query, err)
	}
	slices.Sort(all)
	return all
}

// canonical writes a value that the driver or goavro gave as the oracle does.
func canonical(sql string, value any) string {
	switch v := value.(type) {
	case time.Time:
		if sql == "DATE" {
			return v.UTC().Format("2006-01-02")
		}
		return v.UTC().Format("2006-01-02 15:04:05.000000000")
	case float64:
		return strconv.FormatFloat(v, 'g', -1, 64)
	case *big.Rat:
		return v.FloatString(4)
	case []byte:
		return canonical(sql, string(v))
	case string:
		if strings.HasPrefix(sql, "DECIMAL") {
			if r, ok := new(big.Rat).SetString(v); ok {
				return r.FloatString(4)
			}
		}
		return v
	}
	return fmt.Sprint(value)
}

package impala

import (
	"strconv"
	"strings"

	"rewind/table"
)

// sourceAlias qualifies every column: an unqualified name in ORDER BY could mean a select alias.
const sourceAlias = "src"

// The statements without parts of their own.
func describeSQL(n table.Name) string          { return "DESCRIBE " + quoteTable(n) }
func describeFormattedSQL(n table.Name) string { return "DESCRIBE FORMATTED " + quoteTable(n) }
func showCreateSQL(n table.Name) string        { return "SHOW CREATE TABLE " + quoteTable(n) }
func showRangesSQL(n table.Name) string        { return "SHOW RANGE PARTITIONS " + quoteTable(n) }
func showStatsSQL(n table.Name) string         { return "SHOW TABLE STATS " + quoteTable(n) }
func refreshSQL(n table.Name) string           { return "REFRESH " + quoteTable(n) }
func computeStatsSQL(n table.Name) string      { return "COMPUTE STATS " + quoteTable(n) }
func truncateSQL(n table.Name) string          { return "TRUNCATE TABLE " + quoteTable(n) }
func dropSQL(n table.Name) string              { return "DROP TABLE IF EXISTS " + quoteTable(n) }

func renameSQL(from, to table.Name) string {
	return "ALTER TABLE " + quoteTable(from) + " RENAME TO " + quoteTable(to)
}

// keepFilesSQL turns a table into an external one without purge: dropping it then leaves its files alone.
func keepFilesSQL(n table.Name) string {
	return "ALTER TABLE " + quoteTable(n) + " SET TBLPROPERTIES ('EXTERNAL'='TRUE', 'external.table.purge'='FALSE')"
}

// anyRowSQL finds out whether a table has a row.
func anyRowSQL(n table.Name) string {
	return "SELECT 1 AS `one` FROM " + quoteTable(n) + " LIMIT 1"
}

const (
	versionSQL    = "SELECT version()"
	allOptionsSQL = "SET ALL"
)

// setSQL sets a session option. Numbers and booleans stand bare, everything else is quoted.
func setSQL(key, value string) string {
	if _, err := strconv.ParseInt(value, 10, 64); err == nil || value == "true" || value == "false" {
		return "SET " + key + "=" + value
	}
	return "SET " + key + "=" + quotePlain(value)
}

// scanSQL reads a table, in key order if ordered. Every column has a select alias that is no column's name: else an engine takes
// ORDER BY `c` for the selected expression called c.
func scanSQL(s *table.Schema, ordered bool) string { return scanRangeSQL(s, ordered, "", "") }

// scanRangeSQL is scanSQL of a version of an Iceberg table, and of the rows that a condition holds for; "" is neither.
func scanRangeSQL(s *table.Schema, ordered bool, version, condition string) string {
	prefix := aliasPrefix(s)
	var b strings.Builder
	b.WriteString("SELECT ")
	for i, c := range s.Columns {
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString(scanExpression(c) + " AS " + quoteName(prefix+strconv.Itoa(i)))
	}
	from := quoteTable(s.Table)
	if version != "" { // in a view of its own: where an alias stands beside the version is not documented
		from = "(SELECT * FROM " + from + " FOR SYSTEM_VERSION AS OF " + version + ")"
	}
	b.WriteString(" FROM " + from + " " + sourceAlias)
	if condition != "" {
		b.WriteString(" WHERE " + condition)
	}
	if !ordered || len(s.Key) == 0 {
		return b.String()
	}
	b.WriteString(" ORDER BY ")
	for i, id := range s.Key {
		c, _ := s.Column(id)
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString(orderExpression(c) + " ASC NULLS FIRST")
	}
	return b.String()
}

// scanExpression brings a column through the driver unaltered: it cannot read BINARY, and text that is not UTF-8 would not survive.
func scanExpression(c table.Column) string {
	column := sourceAlias + "." + quoteName(c.Name)
	switch {
	case c.Type.Kind == table.Binary, c.AsBytes && c.Type.Kind != table.String:
		return "base64encode(CAST(" + column + " AS STRING))"
	case c.AsBytes:
		return "base64encode(" + column + ")"
	}
	return column
}

// orderExpression orders a key column as its key bytes are ordered: CHAR without its padding.
func orderExpression(c table.Column) string {
	column := sourceAlias + "." + quoteName(c.Name)
	if c.Type.Kind == table.Char {
		return "rtrim(CAST(" + column + " AS STRING))"
	}
	return column
}

// historySQL lists an Iceberg table's versions: when each became the current one, and its id.
func historySQL(name table.Name) string { return "DESCRIBE HISTORY " + quoteTable(name) }

const clockSQL = "SELECT utc_timestamp()"

// fromSQL holds for the rows whose key is a bound, or comes behind it. NULLs come first.
func fromSQL(columns []table.Column, bound []table.Value) string {
	column, last := orderExpression(columns[0]), len(columns) == 1
	switch {
	case bound[0].Null && last:
		return "TRUE"
	case bound[0].Null:
		return "(" + column + " IS NOT NULL OR " + fromSQL(columns[1:], bound[1:]) + ")"
	case last:
		return column + " >= " + boundLiteral(columns[0], bound[0])
	}
	value := boundLiteral(columns[0], bound[0])
	return "(" + column + " > " + value + " OR " + column + " = " + value + " AND " + fromSQL(columns[1:], bound[1:]) + ")"
}

// belowSQL holds for the rows for which fromSQL does not.
func belowSQL(s *table.Schema, columns []table.Column, bound []table.Value) string {
	column, last := orderExpression(columns[0]), len(columns) == 1
	switch {
	case bound[0].Null && last:
		return "FALSE"
	case bound[0].Null:
		return "(" + column + " IS NULL AND " + belowSQL(s, columns[1:], bound[1:]) + ")"
	}
	value := boundLiteral(columns[0], bound[0])
	condition := column + " < " + value
	if !last {
		condition += " OR " + column + " = " + value + " AND " + belowSQL(s, columns[1:], bound[1:])
	}
	if !s.NotNull[columns[0].ID] {
		condition = column + " IS NULL OR " + condition
	} else if last {
		return condition
	}
	return "(" + condition + ")"
}

// boundLiteral is a bound as an expression of the type that the column is ordered as.
func boundLiteral(c table.Column, v table.Value) string {
	if c.Type.Kind == table.Char {
		c.Type = table.Type{Kind: table.String}
	}
	return string(appendLiteral(nil, c, v))
}

// aliasPrefix begins select aliases; no column's name begins with it.
func aliasPrefix(s *table.Schema) string {
	prefix := "v"
	for taken := true; taken; {
		taken = false
		for _, c := range s.Columns {
			if rest, found := strings.CutPrefix(c.Name, prefix); found && isDigits(rest) {
				prefix, taken = prefix+"_", true
			}
		}
	}
	return prefix
}

func isDigits(s string) bool {
	_, err := strconv.ParseUint(s, 10, 64)
	return err == nil
}

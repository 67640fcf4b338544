package impala

import (
	"strings"

	"rewind/table"
)

// noRowsSQL is the capture's statement without its rows: it is analysed, and allowed or not.
func noRowsSQL(s *table.Schema) string { return scanSQL(s, false) + " LIMIT 0" }

func countSQL(n table.Name, version string) string {
	sql := "SELECT count(*) AS `n` FROM " + quoteTable(n)
	if version != "" {
		sql += " FOR SYSTEM_VERSION AS OF " + version
	}
	return sql
}

func showTablesSQL(database string) string { return "SHOW TABLES IN " + quoteName(database) }

const showDatabasesSQL = "SHOW DATABASES"

// explainInsertSQL plans an INSERT into a table, of its own rows: the engine says whether it is allowed, and runs nothing.
func explainInsertSQL(name table.Name, t *target) string {
	var names, values []string
	for _, c := range t.columns {
		names = append(names, quoteName(c.Name))
		values = append(values, sourceAlias+"."+quoteName(c.Name))
	}
	names = names[:len(names)-len(t.partitions)] // those have a place of their own
	sql := "EXPLAIN INSERT INTO " + quoteTable(name) + " (" + strings.Join(names, ", ") + ")"
	if len(t.partitions) > 0 {
		sql += " PARTITION (" + quoteNames(t.partitions) + ")"
	}
	return sql + " SELECT " + strings.Join(values, ", ") + " FROM " + quoteTable(name) + " " + sourceAlias
}

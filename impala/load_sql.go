package impala

import (
	"slices"
	"strings"

	"rewind/table"
)

// stagingType is the type of a column in the external Avro table: Impala's Avro has no small integers, CHAR, VARCHAR or TIMESTAMP.
func stagingType(c table.Column) string {
	switch c.Type.Kind {
	case table.TinyInt, table.SmallInt:
		return "INT"
	case table.String, table.VarChar, table.Char:
		if c.AsBytes {
			return "BINARY"
		}
		return "STRING"
	case table.Timestamp:
		return "STRING"
	}
	return c.Type.String()
}

// createStagingSQL makes the external table over a staging folder. It never purges: its files are ours to remove.
func createStagingSQL(name table.Name, s *table.Schema, uri, restoreID string) string {
	var columns []string
	for _, c := range s.IDOrder() {
		columns = append(columns, quoteName(table.FieldName(c.Name))+" "+stagingType(c))
	}
	return "CREATE EXTERNAL TABLE " + quoteTable(name) + " (" + strings.Join(columns, ", ") + ") STORED AS AVRO LOCATION " +
		quotePlain(uri) + " TBLPROPERTIES ('external.table.purge'='FALSE', " + propertiesSQL([]property{{restoreProperty, restoreID}}) + ")"
}

// insertIntoSQL begins an INSERT into the target. Columns go by position: the target was created in this order.
func insertIntoSQL(into table.Name, t *target) string {
	sql := "INSERT INTO " + quoteTable(into)
	if len(t.partitions) > 0 {
		sql += " PARTITION (" + quoteNames(t.partitions) + ")"
	}
	return sql
}

// insertStagedSQL moves all rows from the staging table.
func insertStagedSQL(into, staging table.Name, t *target) string {
	var values []string
	for _, c := range t.columns {
		values = append(values, unstage(c))
	}
	return insertIntoSQL(into, t) + " SELECT " + strings.Join(values, ", ") + " FROM " + quoteTable(staging) + " " + sourceAlias
}

// unstage brings a staged column back to its own type.
func unstage(c table.Column) string {
	column := sourceAlias + "." + quoteName(table.FieldName(c.Name))
	if stagingType(c) == c.Type.String() {
		return column
	}
	if c.AsBytes && c.Type.Kind != table.String { // BINARY casts to STRING only
		column = "CAST(" + column + " AS STRING)"
	}
	return "CAST(" + column + " AS " + c.Type.String() + ")"
}

// Limits of one INSERT VALUES: Impala's are 16 MiB, 250,000 expressions (a value is up to three) and 512 KiB a row.
const (
	maxValuesBytes  = 4 << 20
	maxValuesFields = 60_000
	maxRowBytes     = 512 << 10
)

// appendRow appends one row of VALUES in the target's column order; positions say where each column stands in row.
func appendRow(dst []byte, t *target, positions []int, row []table.Value) []byte {
	dst = append(dst, '(')
	for i, c := range t.columns {
		if i > 0 {
			dst = append(dst, ", "...)
		}
		dst = appendLiteral(dst, c, row[positions[i]])
	}
	return append(dst, ')')
}

// positionsIn says where the target's columns stand in the schema's order.
func (t *target) positionsIn(s *table.Schema) []int {
	positions := make([]int, len(t.columns))
	for i, c := range t.columns {
		positions[i] = slices.IndexFunc(s.Columns, func(o table.Column) bool { return o.ID == c.ID })
	}
	return positions
}

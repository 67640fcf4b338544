package impala

import (
	"strings"

	"rewind/table"
)

// timestampForm is the fixed form of a TIMESTAMP in images and fingerprints.
const timestampForm = "'yyyy-MM-dd HH:mm:ss.SSSSSSSSS'"

// fingerprintField is one column's field of the image text, as package table computes it from an image.
func fingerprintField(t table.Type, column string) string {
	switch t.Kind {
	case table.Boolean:
		return "coalesce(CAST(CAST(" + column + " AS TINYINT) AS STRING), '')"
	case table.Float, table.Double:
		return "coalesce(CASE WHEN is_nan(" + column + ") THEN 'nan' ELSE CAST(murmur_hash(" + column + ") AS STRING) END, '')"
	case table.Timestamp:
		return "coalesce(from_timestamp(" + column + ", " + timestampForm + "), '')"
	case table.String:
		return lengthPrefixed(column)
	case table.VarChar, table.Binary:
		return lengthPrefixed("CAST(" + column + " AS STRING)")
	case table.Char:
		return lengthPrefixed("rtrim(CAST(" + column + " AS STRING))")
	default:
		return "coalesce(CAST(" + column + " AS STRING), '')"
	}
}

func lengthPrefixed(text string) string {
	return "coalesce(concat(CAST(bytes(" + text + ") AS STRING), ':', " + text + "), '')"
}

// digestSQL counts the rows and sums their two fingerprints.
func digestSQL(name table.Name, s *table.Schema) string {
	var b strings.Builder
	b.WriteString("SELECT count(*), coalesce(sum(murmur_hash(`image`)), 0), coalesce(sum(murmur_hash(fnv_hash(`image`))), 0) FROM (SELECT concat(")
	for _, c := range s.IDOrder() {
		b.WriteString(fingerprintField(c.Type, sourceAlias+"."+quoteName(c.Name)))
		b.WriteString(", ',', ")
	}
	return strings.TrimSuffix(b.String(), ", ") + ") AS `image` FROM " + quoteTable(name) + " " + sourceAlias + ") images"
}

// probe is one expression that the digest relies on, and what Impala answers.
type probe struct{ expression, answer string }

// probes ask for every function of the digest: Hive and Spark have other functions under these names, and an option such as
// UTF8_MODE may change one. Known answers come from a real impalad or from package table's own functions, whose vectors do.
func probes() []probe {
	hash := func(b []byte) string { return formatInt(table.MurmurHash(b)) }
	return []probe{
		{"CAST(murmur_hash('hello') AS STRING)", "2191231550387646743"},
		{"CAST(fnv_hash('hello') AS STRING)", "6414202926103426347"},
		{"CAST(murmur_hash(fnv_hash('hello')) AS STRING)", hash(littleEndian64(6414202926103426347))},
		{"CAST(murmur_hash(CAST(1 AS INT)) AS STRING)", "-780611581681153783"},
		{"CAST(murmur_hash(CAST('1.5E0' AS DOUBLE)) AS STRING)", hash(doubleBytes(1.5))},
		{"CAST(murmur_hash(CAST('1.5E0' AS FLOAT)) AS STRING)", hash(floatBytes(1.5))},
		{"CAST(murmur_hash(CAST('-0E0' AS DOUBLE)) AS STRING)", hash(doubleBytes(negativeZero()))},
		{"CASE WHEN is_nan(CAST('nan' AS DOUBLE)) THEN 'nan' ELSE 'number' END", "nan"},
		{"CAST(CAST(TRUE AS TINYINT) AS STRING)", "1"},
		{"CAST(CAST('-0.05' AS DECIMAL(4,2)) AS STRING)", "-0.05"},
		{"from_timestamp(CAST('1400-01-01 00:00:00.000000001' AS TIMESTAMP), " + timestampForm + ")", "1400-01-01 00:00:00.000000001"},
		{"CAST(CAST('0001-01-01' AS DATE) AS STRING)", "0001-01-01"},
		{"CAST(bytes('é') AS STRING)", "2"},
		{"CAST(bytes('\\000') AS STRING)", "1"},
		{"rtrim(CAST(CAST('ab' AS CHAR(4)) AS STRING))", "ab"},
		{"coalesce(concat('0:', CAST(NULL AS STRING)), '')", ""},
		{"CAST(sum(`x`) AS STRING)", "-2"},
	}
}

// probeSQL asks all probes in one statement.
func probeSQL() string {
	var expressions []string
	for _, p := range probes() {
		expressions = append(expressions, p.expression)
	}
	return "SELECT " + strings.Join(expressions, ", ") + " FROM (SELECT 9223372036854775807 AS `x` UNION ALL SELECT 9223372036854775807 AS `x`) two"
}

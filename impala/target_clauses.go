package impala

import (
	"strings"

	"rewind/table"
)

// The formats that Impala writes.
const (
	formatText    = "TEXTFILE"
	formatParquet = "PARQUET"
	formatKudu    = "KUDU"
	formatIceberg = "ICEBERG"
)

// format is the new table's: the old one's where Impala can write it, else Parquet.
func (t *target) format(d *ddl) string {
	switch d.format {
	case formatKudu, formatIceberg, formatParquet, formatText:
		return d.format
	case "", "TEXT":
		return formatText
	case "PARQUETFILE":
		return formatParquet
	}
	t.warn("Impala does not write %s: the new table is stored as PARQUET", d.format)
	return formatParquet
}

func (t *target) writePartitioning(b *strings.Builder, s *table.Schema, d *ddl, format string) {
	switch {
	case format == formatKudu:
		t.writeKuduPartitions(b, d)
	case format == formatIceberg:
		t.writeIcebergSpec(b, s, d)
	case len(t.partitions) > 0:
		var parts []string
		for _, name := range t.partitions {
			c, _ := s.ColumnNamed(name)
			parts = append(parts, columnSQL(c, d.column(name), format))
		}
		b.WriteString(" PARTITIONED BY (" + strings.Join(parts, ", ") + ")")
	}
}

func (t *target) writeKuduPartitions(b *strings.Builder, d *ddl) {
	var parts []string
	for _, k := range d.kuduPartitions {
		columns := ""
		if len(k.columns) > 0 {
			columns = " (" + quoteNames(k.columns) + ")"
		}
		switch {
		case !t.hasAll(k.columns):
			t.warn("a partitioning of the Kudu table names columns that were not captured: the new table is made without it")
		case k.hash && isDigits(k.buckets):
			parts = append(parts, "HASH"+columns+" PARTITIONS "+k.buckets)
		case !k.hash && !k.unknown && len(k.ranges) > 0:
			parts = append(parts, "RANGE"+columns+" ("+strings.Join(k.ranges, ", ")+")")
		default:
			t.warn("a partitioning of the Kudu table could not be read: the new table is made without it")
		}
	}
	if len(parts) > 0 {
		b.WriteString(" PARTITION BY " + strings.Join(parts, ", "))
	}
}

// icebergTransforms are Impala's; the value says whether one has a parameter.
var icebergTransforms = map[string]bool{"IDENTITY": false, "VOID": false, "YEAR": false, "MONTH": false, "DAY": false, "HOUR": false, "BUCKET": true, "TRUNCATE": true}

func (t *target) writeIcebergSpec(b *strings.Builder, s *table.Schema, d *ddl) {
	var parts []string
	fields := d.icebergSpec
	for _, p := range d.partitionedBy { // the older way of writing identity partitions
		fields = append(fields, icebergField{column: p.name})
	}
	for _, f := range fields {
		transform := strings.TrimSuffix(f.transform, "S") // YEARS, MONTHS, ...
		hasParameter, known := icebergTransforms[transform]
		_, found := s.ColumnNamed(f.column)
		switch {
		case f.transform == "" && found:
			parts = append(parts, quoteName(f.column))
		case !known || !found || hasParameter != isDigits(f.parameter):
			t.warn("the partition field %s(%s) could not be rebuilt: the new table is made without it", f.transform, f.column)
		case transform == "IDENTITY":
			parts = append(parts, quoteName(f.column))
		case hasParameter:
			parts = append(parts, transform+"("+f.parameter+", "+quoteName(f.column)+")")
		case transform != "VOID":
			parts = append(parts, transform+"("+quoteName(f.column)+")")
		}
	}
	if len(parts) > 0 {
		b.WriteString(" PARTITIONED BY SPEC (" + strings.Join(parts, ", ") + ")")
	}
}

func (t *target) writeSort(b *strings.Builder, s *table.Schema, d *ddl, format string) {
	if len(d.sortBy) == 0 || format == formatKudu {
		return
	}
	for _, name := range d.sortBy {
		if _, found := s.ColumnNamed(name); !found {
			t.warn("SORT BY names a column that was not captured: the new table is made without it")
			return
		}
	}
	order := ""
	if d.sortOrder == "ZORDER" {
		order = "ZORDER "
	}
	b.WriteString(" SORT BY " + order + "(" + quoteNames(d.sortBy) + ")")
}

func (t *target) writeRowFormat(b *strings.Builder, d *ddl, format string) {
	if format != formatText {
		return
	}
	if d.row.serde != "" && !strings.Contains(d.row.serde, "LazySimpleSerDe") {
		t.warn("Impala does not write the row format of %s: the new table has Impala's own", d.row.serde)
		return
	}
	for i, part := range []struct {
		words string
		text  *string
	}{{" FIELDS TERMINATED BY ", d.row.fields}, {" ESCAPED BY ", d.row.escaped}, {" LINES TERMINATED BY ", d.row.lines}} {
		if i == 0 && (d.row.fields != nil || d.row.escaped != nil || d.row.lines != nil) {
			b.WriteString(" ROW FORMAT DELIMITED")
		}
		if part.text != nil {
			b.WriteString(part.words + quoteString(*part.text))
		}
	}
	var kept []property
	for _, p := range d.serde {
		if key := strings.ToLower(p.key); !strings.HasPrefix(key, "avro.") && key != "path" {
			kept = append(kept, p)
		}
	}
	if len(kept) > 0 {
		b.WriteString(" WITH SERDEPROPERTIES (" + propertiesSQL(kept) + ")")
	}
}

func propertiesSQL(properties []property) string {
	parts := make([]string, len(properties))
	for i, p := range properties {
		parts[i] = quoteString(p.key) + "=" + quoteString(p.value)
	}
	return strings.Join(parts, ", ")
}

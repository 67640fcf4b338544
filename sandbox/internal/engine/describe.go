package engine

import (
	"maps"
	"strconv"
	"strings"
	"time"

	"github.com/ncruces/go-sqlite3"

	"rewind/sandbox/internal/sql"
)

func (s *Session) describe(st *sql.Describe) (result *Result, err error) {
	err = s.read(func(c *sqlite3.Conn) error {
		if st.Database {
			result, err = describeDatabase(c, st.Table.Database)
			return err
		}
		t, err := s.table(c, st.Table)
		if err != nil {
			return err
		}
		switch {
		case st.History:
			if !t.isIceberg() {
				return analysis("DESCRIBE HISTORY must specify an Iceberg table: %s", t.qualified())
			}
			result = describeHistory(t)
		case st.Formatted:
			result = describeFormatted(t)
		case t.isKudu():
			result = describeKudu(t)
		default:
			var values []string
			for _, col := range t.Columns {
				values = append(values, col.Name, strings.ToLower(col.Type.String()), col.Comment)
			}
			result = textRows([]string{"name", "type", "comment"}, values)
		}
		return nil
	})
	return result, err
}

func describeDatabase(c *sqlite3.Conn, name string) (*Result, error) {
	rows, err := all(c, 3, "SELECT name, location, comment FROM databases WHERE name = ?", name)
	if err != nil {
		return nil, err
	}
	if len(rows) == 0 {
		return nil, analysis("Database does not exist: %s", name)
	}
	return textRows([]string{"name", "location", "comment"}, rows[0]), nil
}

func describeKudu(t *Table) *Result {
	var values []string
	for _, c := range t.Columns {
		key := "false"
		for _, k := range t.Key {
			if k == c.Name {
				key = "true"
			}
		}
		unique := ""
		if key == "true" {
			unique = "true"
		}
		encoding, compression, block := c.Encoding, c.Compress, c.BlockSize
		if encoding == "" {
			encoding = "AUTO_ENCODING"
		}
		if compression == "" {
			compression = "DEFAULT_COMPRESSION"
		}
		if block == "" {
			block = "0"
		}
		values = append(values, c.Name, strings.ToLower(c.Type.String()), c.Comment, key, unique, strconv.FormatBool(!c.NotNull), c.Default, encoding, compression, block)
	}
	return textRows([]string{"name", "type", "comment", "primary_key", "key_unique", "nullable", "default_value", "encoding", "compression", "block_size"}, values)
}

// inputFormats are what Hive's metastore says of each format.
var inputFormats = map[string][3]string{
	"PARQUET":  {"org.apache.hadoop.hive.ql.io.parquet.serde.ParquetHiveSerDe", "org.apache.hadoop.hive.ql.io.parquet.MapredParquetInputFormat", "org.apache.hadoop.hive.ql.io.parquet.MapredParquetOutputFormat"},
	"TEXTFILE": {"org.apache.hadoop.hive.serde2.lazy.LazySimpleSerDe", "org.apache.hadoop.mapred.TextInputFormat", "org.apache.hadoop.hive.ql.io.HiveIgnoreKeyTextOutputFormat"},
	"AVRO":     {"org.apache.hadoop.hive.serde2.avro.AvroSerDe", "org.apache.hadoop.hive.ql.io.avro.AvroContainerInputFormat", "org.apache.hadoop.hive.ql.io.avro.AvroContainerOutputFormat"},
	"ORC":      {"org.apache.hadoop.hive.ql.io.orc.OrcSerde", "org.apache.hadoop.hive.ql.io.orc.OrcInputFormat", "org.apache.hadoop.hive.ql.io.orc.OrcOutputFormat"},
	"KUDU":     {"org.apache.hadoop.hive.kudu.KuduSerDe", "org.apache.hadoop.hive.kudu.KuduInputFormat", "org.apache.hadoop.hive.kudu.KuduOutputFormat"},
	"ICEBERG":  {"org.apache.iceberg.mr.hive.HiveIcebergSerDe", "org.apache.iceberg.mr.hive.HiveIcebergInputFormat", "org.apache.iceberg.mr.hive.HiveIcebergOutputFormat"},
}

// describeFormatted lists what Hive's metastore keeps, in its three columns.
func describeFormatted(t *Table) *Result {
	var values []string
	row := func(a, b, c string) { values = append(values, a, b, c) }
	first := len(t.Columns) - t.Partitions
	columns := func(list []Column) {
		row("# col_name            ", "data_type           ", "comment             ")
		for _, c := range list {
			row(c.Name, strings.ToLower(c.Type.String()), c.Comment)
		}
	}
	columns(t.Columns[:first])
	if t.Partitions > 0 {
		row("", "NULL", "NULL")
		row("# Partition Information", "NULL", "NULL")
		columns(t.Columns[first:])
	}
	row("", "NULL", "NULL")
	row("# Detailed Table Information", "NULL", "NULL")
	row("Database:           ", t.Database, "NULL")
	row("OwnerType:          ", "USER", "NULL")
	row("Owner:              ", "rewind", "NULL")
	row("CreateTime:         ", time.Unix(t.Created, 0).UTC().Format("Mon Jan 02 15:04:05 MST 2006"), "NULL")
	row("LastAccessTime:     ", "UNKNOWN", "NULL")
	row("Protect Mode:       ", "None", "NULL")
	row("Retention:          ", "0", "NULL")
	if t.View == "" && !t.isKudu() {
		row("Location:           ", t.Location, "NULL")
	}
	row("Table Type:         ", tableType(t), "NULL")
	row("Table Parameters:", "NULL", "NULL")
	if t.Comment != "" {
		row("", "comment             ", t.Comment)
	}
	if t.External {
		row("", "EXTERNAL            ", "TRUE")
	}
	shown := map[string]string{}
	maps.Copy(shown, t.Properties)
	maps.Copy(shown, t.icebergParameters())
	for _, k := range sortedKeys(shown) {
		row("", k, shown[k])
	}
	if t.View != "" {
		row("", "NULL", "NULL")
		row("# View Information", "NULL", "NULL")
		row("View Original Text: ", t.View, "NULL")
		row("View Expanded Text: ", t.View, "NULL")
		return describeRows(values)
	}
	f := inputFormats[t.Format]
	row("", "NULL", "NULL")
	row("# Storage Information", "NULL", "NULL")
	row("SerDe Library:      ", f[0], "NULL")
	row("InputFormat:        ", f[1], "NULL")
	row("OutputFormat:       ", f[2], "NULL")
	row("Compressed:         ", "No", "NULL")
	row("Sort Columns:       ", "["+strings.Join(t.Sort, ", ")+"]", "NULL")
	if len(t.Serde) > 0 {
		row("Storage Desc Params:", "NULL", "NULL")
		for _, k := range sortedKeys(t.Serde) {
			row("", k, t.Serde[k])
		}
	}
	return describeRows(values)
}

func tableType(t *Table) string {
	switch {
	case t.View != "":
		return "VIRTUAL_VIEW"
	case t.External:
		return "EXTERNAL_TABLE"
	}
	return "MANAGED_TABLE"
}

// describeRows turns the word NULL into the value, as the metastore's rows have it.
func describeRows(values []string) *Result {
	r := textRows([]string{"name", "type", "comment"}, values)
	for _, row := range r.Rows.fixed {
		for i := 1; i < len(row); i++ {
			if string(row[i].b) == "NULL" {
				row[i] = null
			}
		}
	}
	return r
}

package impala

import (
	"strings"

	"rewind/table"
)

// droppedProperties are never copied to a new table: they would tie it to the old one's files (or delete them), describe the old
// one's contents, or are the engine's own notes. In lower case; a name ending in a dot or dash is a prefix.
var droppedProperties = []string{
	// places and identities
	"external", "external.table.purge", "translated_to_external", "auto.purge", "storage_handler", "location",
	"kudu.table_name", "kudu.table_id", "kudu.cluster_id",
	"iceberg.catalog", "iceberg.catalog_location", "iceberg.table_identifier", "iceberg.mr.", "table_type", "uuid", "name",
	"metadata_location", "previous_metadata_location", "write.data.path", "write.metadata.path", "write.object-storage.",
	"write.folder-storage.", "write.location-provider.", "objcapabilities", "avro.schema.url", "avro.schema.literal",
	// what the old contents were
	"numrows", "numfiles", "numfileserasurecoded", "numpartitions", "totalsize", "rawdatasize", "column_stats_accurate", "stats_generated",
	"stats_generated_via_stats_task", "do_not_update_stats", "snapshot-count", "current-", "default-", "last-", "skip.header.line.count",
	"skip.footer.line.count",
	// notes of the engine
	"transient_lastddltime", "last_modified_time", "last_modified_by", "impala.", "catalogversion", "catalogserviceid", "bucketing_version", "comment",
	"sort.columns", "sort.order", "bucketing.", "spark.sql.",
	// what deletes partitions by itself
	"partition.retention.period", "discover.partitions",
	// ours
	"rewind.",
}

func isDropped(key string) bool {
	key = strings.ToLower(key)
	for _, d := range droppedProperties {
		if key == d || (strings.HasSuffix(d, ".") || strings.HasSuffix(d, "-")) && strings.HasPrefix(key, d) {
			return true
		}
	}
	return false
}

// keptProperties are the table's properties that mean the same on a new table.
func (t *target) keptProperties(d *ddl, format string) []property {
	var kept []property
	for _, p := range d.properties {
		if isDropped(p.key) {
			if strings.EqualFold(p.key, "partition.retention.period") {
				t.warn("the property partition.retention.period is not copied: it would delete restored partitions")
			}
			continue
		}
		key := strings.ToLower(p.key)
		if format == formatIceberg && (key == "write.format.default" || key == "iceberg.file_format") && !strings.EqualFold(p.value, "parquet") {
			t.warn("Impala does not write Iceberg data files in %s: the new table is stored in Parquet", p.value)
			continue
		}
		kept = append(kept, p)
	}
	return kept
}

// refuseTarget refuses what no new table can be made of.
func refuseTarget(name table.Name, d *ddl) error {
	refuse := func(reason, advice string) error {
		return &UnsupportedTableError{Table: name, Reason: reason, Advice: advice}
	}
	switch {
	case d.handler != "" && strings.Contains(strings.ToLower(d.handler), "hbase"):
		return refuse("an HBase table", "HBase has its own snapshots")
	case d.handler != "":
		return refuse("stored by "+d.handler, "only tables of files, Kudu and Iceberg tables can be protected")
	case d.isTrue("transactional") && !strings.EqualFold(d.property("transactional_properties"), "insert_only"):
		return refuse("a full-ACID table, which Impala cannot write", "restore needs a table that Impala can insert into")
	case d.nonUniqueKey:
		return refuse("a Kudu table whose primary key is not unique", "its rows cannot be told apart by key")
	}
	return nil
}

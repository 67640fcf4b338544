package engine

import (
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"strconv"
	"strings"

	"rewind/sandbox/internal/sql"
)

// Iceberg's Hive catalog keeps the table's schema, with the field ids that are never given again, and its uuid among the metastore's
// table parameters. Impala's SHOW CREATE TABLE hides them; DESCRIBE FORMATTED shows them, with Java's escapes.
const (
	icebergSchemaParameter = "current-schema"
	icebergUUIDParameter   = "uuid"
	icebergSchemaLimit     = 32672 // characters; a longer schema is not shown (iceberg.hive.table-property-max-size)
)

// identify gives an Iceberg table an id, and its new columns theirs.
func (t *Table) identify() {
	if !t.isIceberg() {
		return
	}
	if t.UUID == "" {
		var id [16]byte
		_, _ = rand.Read(id[:]) // never fails
		t.UUID = hex.EncodeToString(id[:])
	}
	for i := range t.Columns {
		if c := &t.Columns[i]; c.Field == 0 {
			t.LastField++
			c.Field = t.LastField
		}
	}
}

// icebergParameters are what its catalog keeps of a table; others than the Hive catalog keep nothing there.
func (t *Table) icebergParameters() map[string]string {
	if c := strings.ToLower(t.Properties["iceberg.catalog"]); !t.isIceberg() || c != "" && c != "hive.catalog" {
		return nil
	}
	type field struct {
		ID       int    `json:"id"`
		Name     string `json:"name"`
		Required bool   `json:"required"`
		Type     string `json:"type"`
	}
	schema := struct {
		Type     string  `json:"type"`
		SchemaID int     `json:"schema-id"`
		Fields   []field `json:"fields"`
	}{Type: "struct"}
	for _, c := range t.Columns {
		schema.Fields = append(schema.Fields, field{c.Field, c.Name, c.NotNull, strings.ToLower(c.Type.String())})
	}
	parameters := map[string]string{icebergUUIDParameter: t.UUID}
	if text, err := json.Marshal(schema); err == nil && len(text) <= icebergSchemaLimit {
		quoted := strconv.Quote(string(text))
		parameters[icebergSchemaParameter] = quoted[1 : len(quoted)-1]
	}
	return parameters
}

// setSpec gives an Iceberg table another partitioning, for what will be written.
func (t *Table) setSpec(s *sql.AlterTable) error {
	if !t.isIceberg() {
		return analysis("ALTER TABLE SET PARTITION SPEC is only supported for Iceberg tables: %s", t.qualified())
	}
	t.Spec = s.Spec
	return nil
}

// setFormat names another format for what will be written.
func (t *Table) setFormat(s *sql.AlterTable) error {
	switch {
	case t.isKudu(), t.isIceberg(), t.isAvro(), s.Format == "AVRO":
		return analysis("ALTER TABLE SET FILEFORMAT is not supported here: %s", t.qualified())
	case !formats[s.Format]:
		return analysis("Unsupported file format: %s", s.Format)
	}
	t.Format = s.Format
	return nil
}

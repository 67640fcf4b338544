package impala

import (
	"context"
	"encoding/json"
	"strings"

	"rewind/table"
)

// Table parameters in which Iceberg's Hive catalog shows what it knows: the schema as JSON, with the field ids that never change and
// are never given again, and the table's own id. The first is left out where the schema is longer than the catalog is set to show
// (iceberg.hive.table-property-max-size, 32672 characters unless set, 0 for never), and tables of other catalogs may lack both.
const (
	icebergSchemaParameter = "current-schema"
	icebergUUIDParameter   = "uuid"
)

// engineIDs reads the ids that an Iceberg table has for its columns. No other format tells any: Impala shows none of Kudu's.
func (s *session) engineIDs(ctx context.Context, name table.Name, d *ddl, schema *table.Schema) (table.EngineIDs, error) {
	if d.format != formatIceberg {
		return table.EngineIDs{}, nil
	}
	f, err := s.describeFormatted(ctx, name)
	if err != nil {
		return table.EngineIDs{}, err
	}
	if !f.exists {
		return table.EngineIDs{}, &NoTableError{name}
	}
	ids := icebergIDs(schema, f.parameters[icebergUUIDParameter], f.parameters[icebergSchemaParameter])
	if ids.Table == "" {
		s.db.o.Logger.Debug("impala: the Iceberg table does not show its field ids; its columns are known by name", "table", name)
	}
	return ids, nil
}

// icebergSchema is the part of Iceberg's schema that is needed.
type icebergSchema struct {
	Fields []struct {
		ID   int    `json:"id"`
		Name string `json:"name"`
	} `json:"fields"`
}

// icebergIDs takes the field ids of the schema's columns. What does not name each of them once is of another time, and worth nothing.
func icebergIDs(s *table.Schema, uuid, text string) table.EngineIDs {
	shown, ok := parseIcebergSchema(text)
	if uuid == "" || !ok {
		return table.EngineIDs{}
	}
	byName, given := map[string]int{}, map[int]bool{}
	for _, f := range shown.Fields {
		name := strings.ToLower(f.Name)
		if byName[name] != 0 || given[f.ID] || f.ID <= 0 {
			return table.EngineIDs{}
		}
		byName[name], given[f.ID] = f.ID, true
	}
	ids := table.EngineIDs{Table: uuid, Columns: make(map[int]int, len(s.Columns))}
	for _, c := range s.Columns {
		if byName[c.Name] == 0 {
			return table.EngineIDs{}
		}
		ids.Columns[c.ID] = byName[c.Name]
	}
	return ids
}

// parseIcebergSchema reads the JSON as it is, or with Java's escapes: DESCRIBE FORMATTED prints it so.
func parseIcebergSchema(text string) (shown icebergSchema, ok bool) {
	if json.Unmarshal([]byte(text), &shown) == nil {
		return shown, true
	}
	var plain string
	if json.Unmarshal([]byte(`"`+text+`"`), &plain) != nil {
		return shown, false
	}
	shown = icebergSchema{}
	return shown, json.Unmarshal([]byte(plain), &shown) == nil
}

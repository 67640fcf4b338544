package table

import (
	"bytes"
	"encoding/json"
	"fmt"
)

// Namespace is the Avro namespace of the row record, as of every message.
const Namespace = "rewind"

// maxSchemaBytes bounds the JSON that comes from outside.
const maxSchemaBytes = 16 << 20

// avroRecord is the row record as JSON. The attributes that begin with "rewind." carry what Avro has no word for.
type avroRecord struct {
	Type         string      `json:"type"`
	Name         string      `json:"name"`
	Namespace    string      `json:"namespace"`
	Fields       []avroField `json:"fields"`
	Table        string      `json:"rewind.table,omitempty"`
	Key          avroKey     `json:"rewind.key"`
	Order        []int       `json:"rewind.order"`
	NextColumnID int         `json:"rewind.next_column_id"`
	EngineTable  string      `json:"rewind.engine_table,omitempty"`
}

// avroKey is the key's column ids, or the whole row.
type avroKey struct {
	ids   []int
	whole bool
}

// MarshalJSON writes the ids, or ["*"] for the whole row.
func (k avroKey) MarshalJSON() ([]byte, error) {
	switch {
	case k.whole:
		return json.Marshal([]string{WholeRowName})
	case k.ids == nil:
		return []byte("[]"), nil
	}
	return json.Marshal(k.ids)
}

// UnmarshalJSON reads what MarshalJSON wrote.
func (k *avroKey) UnmarshalJSON(text []byte) error {
	var names []string
	if err := json.Unmarshal(text, &names); err == nil && len(names) == 1 && names[0] == WholeRowName {
		k.whole = true
		return nil
	}
	return json.Unmarshal(text, &k.ids)
}

type avroField struct {
	Name    string          `json:"name"`
	Type    json.RawMessage `json:"type"`
	Default *string         `json:"default"` // always null
	ID      int             `json:"rewind.id"`
	Column  string          `json:"rewind.name"`
	SQL     string          `json:"rewind.sql"`
	AsBytes bool            `json:"rewind.bytes,omitempty"`
	Engine  int             `json:"rewind.engine_id,omitempty"`
}

// AvroSchema is the row record's Avro schema as JSON: one field a column, in id order, each a union of null and its type, which
// keeps to what Impala's Avro reader accepts. Attributes ("rewind.id", "rewind.sql", "rewind.name", "rewind.bytes", "rewind.engine_id"
// on fields; "rewind.key", "rewind.order", "rewind.table", "rewind.next_column_id", "rewind.engine_table" on the record) carry the
// whole Schema: ParseAvroSchema brings it back.
func (s *Schema) AvroSchema() string {
	r := avroRecord{Type: "record", Name: s.RecordName(), Namespace: Namespace, Key: avroKey{s.Key, s.WholeRow}, NextColumnID: s.NextColumnID,
		EngineTable: s.Engine.Table}
	if s.Table != (Name{}) {
		r.Table = s.Table.String()
	}
	for _, c := range s.Columns {
		r.Order = append(r.Order, c.ID)
	}
	for _, c := range s.IDOrder() {
		r.Fields = append(r.Fields, avroField{Name: FieldName(c.Name), Type: json.RawMessage(`["null",` + c.avroType() + `]`),
			ID: c.ID, Column: c.Name, SQL: c.Type.String(), AsBytes: c.AsBytes, Engine: s.Engine.Columns[c.ID]})
	}
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(r); err != nil {
		panic(err) // strings and numbers only: it cannot fail
	}
	return string(bytes.TrimSpace(b.Bytes()))
}

// avroType is the Avro type of a column's values, as JSON.
func (c Column) avroType() string {
	if c.AsBytes {
		return `"bytes"`
	}
	switch c.Type.Kind {
	case Boolean:
		return `"boolean"`
	case TinyInt, SmallInt, Int:
		return `"int"`
	case BigInt:
		return `"long"`
	case Float:
		return `"float"`
	case Double:
		return `"double"`
	case Decimal:
		return fmt.Sprintf(`{"type":"bytes","logicalType":"decimal","precision":%d,"scale":%d}`, c.Type.Precision, c.Type.Scale)
	case Date:
		return `{"type":"int","logicalType":"date"}`
	case Binary:
		return `"bytes"`
	default: // text, and TIMESTAMP: Impala's Avro tables have no timestamp
		return `"string"`
	}
}

// ParseAvroSchema reads what AvroSchema wrote. What its Avro side says (names and types of the record and its fields) must be what
// its attributes give: bytes are read by the one and understood by the other.
func ParseAvroSchema(text string) (*Schema, error) {
	if len(text) > maxSchemaBytes {
		return nil, &SchemaError{Reason: fmt.Sprintf("%d bytes of JSON; at most %d are read", len(text), maxSchemaBytes)}
	}
	var r avroRecord
	if err := json.Unmarshal([]byte(text), &r); err != nil {
		return nil, fmt.Errorf("schema: %w", err)
	}
	s, err := r.schema()
	if err != nil {
		return nil, err
	}
	if err := s.Validate(); err != nil {
		return nil, err
	}
	if r.Type != "record" || r.Namespace != Namespace || r.Name != s.RecordName() {
		return nil, &SchemaError{Reason: fmt.Sprintf("record %q is not named by its own columns", r.Name)}
	}
	for i, c := range s.IDOrder() {
		var compact bytes.Buffer
		if err := json.Compact(&compact, r.Fields[i].Type); err != nil {
			return nil, fmt.Errorf("schema: %w", err)
		}
		if r.Fields[i].Name != FieldName(c.Name) || compact.String() != `["null",`+c.avroType()+`]` {
			return nil, &SchemaError{c.Name, "its Avro field does not fit its attributes"}
		}
	}
	return s, nil
}

// schema takes the attributes alone.
func (r *avroRecord) schema() (*Schema, error) {
	s := &Schema{NextColumnID: r.NextColumnID, WholeRow: r.Key.whole, Engine: EngineIDs{Table: r.EngineTable}}
	if len(r.Key.ids) > 0 {
		s.Key = r.Key.ids
	}
	if len(r.Fields) > maxColumns {
		return nil, &SchemaError{Reason: "too many columns"}
	}
	if r.Table != "" {
		name, err := ParseName(r.Table)
		if err != nil {
			return nil, err
		}
		s.Table = name
	}
	byID := make(map[int]Column, len(r.Fields))
	for _, f := range r.Fields {
		t, err := ParseType(f.SQL)
		if err != nil {
			return nil, err
		}
		byID[f.ID] = Column{f.ID, f.Column, t, f.AsBytes}
		if f.Engine != 0 {
			if s.Engine.Columns == nil {
				s.Engine.Columns = map[int]int{}
			}
			s.Engine.Columns[f.ID] = f.Engine
		}
	}
	if len(byID) != len(r.Fields) || len(r.Order) != len(r.Fields) {
		return nil, &SchemaError{Reason: "the order of columns does not name each once"}
	}
	for _, id := range r.Order {
		c, found := byID[id]
		if !found {
			return nil, &SchemaError{Reason: "the order of columns does not name each once"}
		}
		delete(byID, id)
		s.Columns = append(s.Columns, c)
	}
	return s, nil
}

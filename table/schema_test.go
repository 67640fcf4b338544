package table

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// everyType has a column of every type, ids out of the columns' order, and names that Avro refuses.
func everyType() *Schema {
	s := &Schema{Table: Name{"shop", "orders"}, Key: []int{5, 9}, NextColumnID: 40}
	for i, sql := range []string{"BOOLEAN", "TINYINT", "SMALLINT", "INT", "BIGINT", "FLOAT", "DOUBLE", "DECIMAL(38,6)", "STRING",
		"VARCHAR(20)", "CHAR(5)", "TIMESTAMP", "DATE", "BINARY", "DECIMAL(4,4)", "STRING"} {
		typ, err := ParseType(sql)
		if err != nil {
			panic(err)
		}
		s.Columns = append(s.Columns, Column{ID: 1 + (i*7)%16, Name: string(rune('a'+i)) + "-é", Type: typ, AsBytes: i == 15})
	}
	return s
}

func TestAvroSchemaRoundTrip(t *testing.T) {
	s := everyType()
	if err := s.Validate(); err != nil {
		t.Fatal(err)
	}
	got, err := ParseAvroSchema(s.AvroSchema())
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(s, got); diff != "" {
		t.Error(diff)
	}
	if got.Identity() != s.Identity() {
		t.Error("another identity after the round trip")
	}
}

// TestIdentityStays: record names stand in journals; this one is what it was and will be.
func TestIdentityStays(t *testing.T) {
	s := everyType()
	if got, want := s.RecordName(), "r_c489285d940c5af7"; got != want {
		t.Errorf("RecordName = %s, want %s", got, want)
	}
}

func TestIdentity(t *testing.T) {
	base := everyType().Identity()
	same := map[string]func(s *Schema){
		"table":          func(s *Schema) { s.Table = Name{"other", "name"} },
		"order":          func(s *Schema) { s.Columns[0], s.Columns[3] = s.Columns[3], s.Columns[0] },
		"next column id": func(s *Schema) { s.NextColumnID++ },
	}
	for name, change := range same {
		s := everyType()
		if change(s); s.Identity() != base {
			t.Errorf("%s is part of the identity", name)
		}
	}
	other := map[string]func(s *Schema){
		"id":        func(s *Schema) { s.Columns[0].ID = 30 },
		"name":      func(s *Schema) { s.Columns[0].Name = "z" },
		"type":      func(s *Schema) { s.Columns[7].Type.Scale = 5 },
		"bytes":     func(s *Schema) { s.Columns[15].AsBytes = false },
		"key":       func(s *Schema) { s.Key = []int{5} },
		"key order": func(s *Schema) { s.Key = []int{9, 5} },
	}
	for name, change := range other {
		s := everyType()
		if change(s); s.Identity() == base {
			t.Errorf("%s is not part of the identity", name)
		}
	}
}

func TestValidate(t *testing.T) {
	for name, change := range map[string]func(s *Schema){
		"no columns":           func(s *Schema) { s.Columns = nil },
		"an id twice":          func(s *Schema) { s.Columns[1].ID = s.Columns[0].ID },
		"a name twice":         func(s *Schema) { s.Columns[1].Name = s.Columns[0].Name },
		"an id of 0":           func(s *Schema) { s.Columns[0].ID = 0 },
		"an id not given yet":  func(s *Schema) { s.NextColumnID = 16 },
		"an empty name":        func(s *Schema) { s.Columns[0].Name = "" },
		"a name not in UTF-8":  func(s *Schema) { s.Columns[0].Name = "\xff" },
		"a number as bytes":    func(s *Schema) { s.Columns[3].AsBytes = true },
		"no type":              func(s *Schema) { s.Columns[0].Type = Type{} },
		"a scale too large":    func(s *Schema) { s.Columns[7].Type.Scale = 39 },
		"a key that is no id":  func(s *Schema) { s.Key = []int{39} },
		"a key column twice":   func(s *Schema) { s.Key = []int{5, 5} },
		"more than is allowed": func(s *Schema) { s.Columns = make([]Column, maxColumns+1) },
	} {
		s := everyType()
		change(s)
		var refused *SchemaError
		if err := s.Validate(); !errors.As(err, &refused) {
			t.Errorf("%s: got %v, want *SchemaError", name, err)
		}
	}
	for _, sql := range []string{"FLOAT", "DOUBLE"} {
		s := keyedBy(sql)
		var refused *KeyTypeError
		if err := s.Validate(); !errors.As(err, &refused) || refused.Column != "a" || refused.ExitCode() != 2 {
			t.Errorf("%s: got %v, want *KeyTypeError", sql, err)
		}
	}
}

func TestAvroSchemaThatIsNotOurs(t *testing.T) {
	s := everyType()
	text := s.AvroSchema()
	for name, change := range map[string][2]string{
		"another record":        {`"name":"r_`, `"name":"s_`},
		"another namespace":     {`"namespace":"rewind"`, `"namespace":"other"`},
		"another Avro type":     {`["null","boolean"]`, `["null","int"]`},
		"another SQL type":      {`"rewind.sql":"BOOLEAN"`, `"rewind.sql":"INT"`},
		"another field name":    {`"name":"x__a_2d_c3_a9"`, `"name":"a"`},
		"another column name":   {`"rewind.name":"a-é"`, `"rewind.name":"a"`},
		"another key":           {`"rewind.key":[5,9]`, `"rewind.key":[9]`},
		"an order that lacks":   {`"rewind.order":[1,`, `"rewind.order":[`},
		"an order that repeats": {`"rewind.order":[1,`, `"rewind.order":[8,`},
		"a next id too low":     {`"rewind.next_column_id":40`, `"rewind.next_column_id":4`},
		"a complex type":        {`"rewind.sql":"BOOLEAN"`, `"rewind.sql":"ARRAY<INT>"`},
		"a table without name":  {`"rewind.table":"shop.orders"`, `"rewind.table":"orders"`},
		"no JSON":               {`{"type":"record"`, `{"type":`},
	} {
		changed := strings.Replace(text, change[0], change[1], 1)
		if changed == text {
			t.Errorf("%s: %s does not stand in %s", name, change[0], text)
		}
		if _, err := ParseAvroSchema(changed); err == nil {
			t.Errorf("%s was accepted", name)
		}
	}
	if _, err := ParseAvroSchema(strings.Repeat(" ", maxSchemaBytes+1)); err == nil {
		t.Error("a schema beyond the limit was accepted")
	}
	indented := strings.NewReplacer(`,"`, ", \n \"", `{`, "{ ").Replace(text)
	if _, err := ParseAvroSchema(indented); err != nil {
		t.Errorf("the same with white space: %v", err)
	}
}

func TestWithIDs(t *testing.T) {
	columns := func(names ...string) (out []Column) {
		for i, name := range names {
			out = append(out, Column{ID: i + 1, Name: name, Type: Type{Kind: Int}})
		}
		return out
	}
	first := WithIDs(nil, &Schema{Table: Name{"d", "t"}, Columns: columns("a", "b", "c"), Key: []int{2, 1}})
	want := &Schema{Table: Name{"d", "t"}, Columns: columns("a", "b", "c"), Key: []int{2, 1}, NextColumnID: 4}
	if diff := cmp.Diff(want, first); diff != "" {
		t.Fatal(diff)
	}
	dropped := WithIDs(first, &Schema{Columns: columns("b", "a"), Key: []int{1, 2}}) // c dropped, the rest reordered
	if dropped.Columns[0].ID != 2 || dropped.Columns[1].ID != 1 || dropped.NextColumnID != 4 || dropped.Key[0] != 2 {
		t.Errorf("after a drop: %+v", dropped)
	}
	again := WithIDs(dropped, &Schema{Columns: columns("a", "c", "b"), Key: []int{1}}) // c added again
	if again.Columns[0].ID != 1 || again.Columns[1].ID != 4 || again.Columns[2].ID != 2 || again.NextColumnID != 5 {
		t.Errorf("a column that came back has its old id: %+v", again)
	}
	if err := again.Validate(); err != nil {
		t.Error(err)
	}
}

func TestColumnLookups(t *testing.T) {
	s := everyType()
	if c, found := s.ColumnNamed("b-é"); !found || c.ID != 8 {
		t.Errorf("ColumnNamed: %+v, %t", c, found)
	}
	if _, found := s.Column(33); found {
		t.Error("a column of an id that none has")
	}
	order := s.IDOrder()
	for i := 1; i < len(order); i++ {
		if order[i-1].ID >= order[i].ID {
			t.Fatalf("IDOrder: %d before %d", order[i-1].ID, order[i].ID)
		}
	}
	if key := s.KeyColumns(); len(key) != 2 || key[0].ID != 5 || key[1].ID != 9 {
		t.Errorf("KeyColumns: %+v", key)
	}
}

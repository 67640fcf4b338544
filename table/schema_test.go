package table

import (
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

package replay

import (
	"bytes"
	"maps"

	"rewind/table"
)

// rows of a table: images by key, under one schema.
type rows map[string][]byte

func digestOf(t fataler, s *table.Schema, all rows) table.Digest {
	t.Helper()
	codec, err := table.NewCodec(s)
	if err != nil {
		t.Fatalf("%v", err)
	}
	var d table.Digest
	for _, image := range all {
		f, err := codec.Fingerprint(image)
		if err != nil {
			t.Fatalf("%v", err)
		}
		d.Add(f)
	}
	return d
}

// ordersSchema has a composite key and as many further columns as are named.
func ordersSchema(columns ...table.Column) *table.Schema {
	s := &table.Schema{Table: orders, Key: []int{1, 2}, Columns: []table.Column{
		{ID: 1, Name: "order_id", Type: table.Type{Kind: table.BigInt}},
		{ID: 2, Name: "line", Type: table.Type{Kind: table.String}},
	}}
	s.Columns = append(s.Columns, columns...)
	for _, c := range s.Columns {
		s.NextColumnID = max(s.NextColumnID, c.ID+1)
	}
	return s
}

var itemColumn = table.Column{ID: 3, Name: "item", Type: table.Type{Kind: table.String}}

// row encodes one row; text "" is NULL.
func row(t fataler, s *table.Schema, texts ...string) (key string, image []byte) {
	t.Helper()
	codec, err := table.NewCodec(s)
	if err != nil {
		t.Fatalf("%v", err)
	}
	values := make([]table.Value, len(s.Columns))
	for i, c := range s.Columns {
		if i >= len(texts) || texts[i] == "" {
			values[i] = table.Value{Null: true}
			continue
		}
		if values[i], err = c.Type.Parse(texts[i]); err != nil {
			t.Fatalf("%v", err)
		}
	}
	k, err := codec.AppendKey(nil, values)
	if err != nil {
		t.Fatalf("%v", err)
	}
	image, err = codec.AppendImage(nil, values)
	if err != nil {
		t.Fatalf("%v", err)
	}
	return string(k), image
}

// rowsOf builds rows of texts.
func rowsOf(t fataler, s *table.Schema, texts ...[]string) rows {
	t.Helper()
	all := rows{}
	for _, r := range texts {
		k, image := row(t, s, r...)
		all[k] = image
	}
	return all
}

func sameRows(a, b rows) bool {
	return maps.EqualFunc(a, b, bytes.Equal)
}

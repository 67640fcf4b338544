package table

import (
	"bytes"
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// widened draws a type that every value of the given one fits, or the type itself.
func widened(t *rapid.T, typ Type) Type {
	if rapid.Bool().Draw(t, "stay") {
		return typ
	}
	switch typ.Kind {
	case TinyInt, SmallInt, Int:
		typ.Kind = Kind(rapid.IntRange(int(typ.Kind), int(BigInt)).Draw(t, "wider"))
	case Float:
		typ.Kind = Double
	case Decimal:
		whole := rapid.IntRange(typ.Precision-typ.Scale, 38-typ.Scale).Draw(t, "whole")
		scale := rapid.IntRange(typ.Scale, 38-whole).Draw(t, "scale")
		typ.Precision, typ.Scale = whole+scale, scale
	case VarChar:
		if rapid.Bool().Draw(t, "string") {
			return Type{Kind: String}
		}
		typ.Length = rapid.IntRange(typ.Length, maxVarChar).Draw(t, "longer")
	case Char:
		typ.Length = rapid.IntRange(typ.Length, maxChar).Draw(t, "longer")
	}
	return typ
}

// genWidening draws what may become of a schema without a new baseline.
func genWidening(s *Schema) *rapid.Generator[*Schema] {
	return rapid.Custom(func(t *rapid.T) *Schema {
		out := &Schema{Table: s.Table, Key: s.Key, NextColumnID: s.NextColumnID + 2}
		for _, c := range s.Columns {
			inKey := false
			for _, id := range s.Key {
				inKey = inKey || id == c.ID
			}
			if !inKey && rapid.IntRange(0, 3).Draw(t, "cut") == 0 {
				continue
			}
			c.Type = widened(t, c.Type)
			c.AsBytes = c.AsBytes || c.Type.isText() && rapid.IntRange(0, 5).Draw(t, "as bytes") == 0
			out.Columns = append(out.Columns, c)
		}
		for i := range rapid.IntRange(0, 2).Draw(t, "new") {
			out.Columns = append(out.Columns, Column{s.NextColumnID + i, "new" + string(rune('a'+i)), genType().Draw(t, "type"), false})
		}
		out.Columns = rapid.Permutation(out.Columns).Draw(t, "order")
		return out
	})
}

// TestProjectionKeepsTheRow: what the new schema's codec reads is the old row, and keys keep their order.
func TestProjectionKeepsTheRow(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		from := genSchema().Draw(t, "from")
		to := genWidening(from).Draw(t, "to")
		p, err := NewProjection(from, to)
		if err != nil {
			t.Fatal(err)
		}
		a, b := mustCodec(t, from), mustCodec(t, to)
		row := genRow(from).Draw(t, "row")
		image, err := p.AppendImage(nil, mustImage(t, a, row))
		if err != nil {
			t.Fatal(err)
		}
		got := make([]Value, len(to.Columns))
		if err := b.Decode(image, got); err != nil {
			t.Fatal(err)
		}
		for i, c := range to.Columns {
			old, found := from.Column(c.ID)
			if !found {
				if !got[i].Null {
					t.Fatalf("new column %s has a value", c.Name)
				}
				continue
			}
			want := a.keyless(row, c.ID)
			if old.Type.Kind == Decimal && !want.Null {
				want.Decimal, _ = want.Decimal.rescale(c.Type.Scale - old.Type.Scale)
			}
			if diff := cmp.Diff(want, got[i], equalValues); diff != "" {
				t.Fatalf("%s: %s", c.Name, diff)
			}
		}
		key, err := p.AppendKey(nil, mustKey(t, a, row))
		if want := mustKey(t, b, got); err != nil || !bytes.Equal(key, want) {
			t.Fatalf("key %x, %v; want %x", key, err, want)
		}
		if p.Identity() && !bytes.Equal(image, mustImage(t, a, row)) {
			t.Fatal("an identity changed the image")
		}
	})
}

// keyless is the row's value of the column with this id.
func (c *Codec) keyless(row []Value, id int) Value {
	for _, f := range c.fields {
		if f.column.ID == id {
			return row[f.position]
		}
	}
	return Value{}
}

func TestIncompatible(t *testing.T) {
	for _, test := range [][2]string{
		{"BIGINT", "INT"}, {"INT", "DOUBLE"}, {"DOUBLE", "FLOAT"}, {"INT", "STRING"}, {"STRING", "VARCHAR(10)"}, {"VARCHAR(10)", "VARCHAR(9)"},
		{"CHAR(5)", "STRING"}, {"CHAR(5)", "VARCHAR(5)"}, {"DECIMAL(10,2)", "DECIMAL(9,2)"}, {"DECIMAL(10,2)", "DECIMAL(10,1)"}, {"DECIMAL(10,2)", "DECIMAL(10,3)"},
		{"STRING", "BINARY"}, {"BINARY", "STRING"}, {"DATE", "TIMESTAMP"}, {"BOOLEAN", "TINYINT"}, {"INT", "DECIMAL(12,0)"}, {"DATE", "INT"},
	} {
		var refused *IncompatibleError
		if _, err := NewProjection(oneColumn(test[0]), oneColumn(test[1])); !errors.As(err, &refused) || refused.From != test[0] || refused.To != test[1] {
			t.Errorf("%s to %s: got %v, want *IncompatibleError", test[0], test[1], err)
		}
	}
	for _, test := range [][2]string{{"TINYINT", "BIGINT"}, {"DECIMAL(10,2)", "DECIMAL(11,2)"}, {"VARCHAR(3)", "STRING"}, {"DATE", "DATE"}} {
		if p, err := NewProjection(oneColumn(test[0]), oneColumn(test[1])); err != nil || !p.Identity() {
			t.Errorf("%s to %s moves bytes: %v", test[0], test[1], err)
		}
	}
	bytesColumn := oneColumn("STRING")
	bytesColumn.Columns[0].AsBytes = true
	var refused *IncompatibleError
	if _, err := NewProjection(bytesColumn, oneColumn("STRING")); !errors.As(err, &refused) {
		t.Errorf("bytes to text: got %v", err)
	}
	if p, err := NewProjection(oneColumn("STRING"), bytesColumn); err != nil || !p.Identity() {
		t.Errorf("text to bytes: %v", err)
	}
	if _, err := NewProjection(keyedBy("INT", "INT"), &Schema{Columns: keyedBy("INT", "INT").Columns, Key: []int{1}, NextColumnID: 3}); !errors.As(err, &refused) {
		t.Errorf("another key: got %v", err)
	}
}

func TestProjectionRefusesDamage(t *testing.T) {
	p, err := NewProjection(oneColumn("DECIMAL(4,2)"), oneColumn("DECIMAL(6,3)"))
	if err != nil {
		t.Fatal(err)
	}
	for _, image := range []string{"", "\x02", "\x02\x02", "\x02\x00", "\x00\x00", "\x02\x22\x01234567890123456", "\x04"} {
		if got, err := p.AppendImage(nil, []byte(image)); err == nil {
			t.Errorf("%x became %x", image, got)
		}
	}
}

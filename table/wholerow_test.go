package table

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// whole is the schema with the whole row for a key.
func whole(s *Schema) *Schema {
	out := *s
	out.Key, out.WholeRow = nil, true
	return &out
}

// genKept draws what may become of a schema while the keys of its whole rows stay: columns that come, types whose values are encoded
// as before.
func genKept(s *Schema) *rapid.Generator[*Schema] {
	return rapid.Custom(func(t *rapid.T) *Schema {
		out := &Schema{Table: s.Table, WholeRow: true, NextColumnID: s.NextColumnID + 2}
		for _, c := range s.Columns {
			wider := widened(t, c.Type)
			if conversionOf(c, Column{Type: wider, AsBytes: c.AsBytes}) == keep {
				c.Type = wider
			}
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

// TestWholeKeysStay: a column that comes, and a type that widens without another encoding, move no key; what a row is decides it, and
// nothing else.
func TestWholeKeysStay(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		from := whole(genSchema().Draw(t, "from"))
		to := genKept(from).Draw(t, "to")
		p, err := NewProjection(from, to)
		if err != nil {
			t.Fatal(err)
		}
		a, b := mustCodec(t, from), mustCodec(t, to)
		one, two := genRow(from).Draw(t, "one"), genRow(from).Draw(t, "two")
		key, image := mustKey(t, a, one), mustImage(t, a, one)
		if of, err := a.AppendKeyOf(nil, image); err != nil || !bytes.Equal(of, key) || len(key) != wholeKeyBytes || Ordinal(key) != 0 {
			t.Fatalf("the row's key is %x, its image's %x, %v", key, of, err)
		}
		if same := bytes.Equal(image, mustImage(t, a, two)); same != bytes.Equal(key, mustKey(t, a, two)) {
			t.Fatalf("the rows are the same: %t, and their keys are not alike in that", same)
		}
		SetOrdinal(key, 7)
		moved, err := p.AppendKey(nil, key)
		if err != nil || !bytes.Equal(moved, key) {
			t.Fatalf("key %x became %x, %v", key, moved, err)
		}
		projected, err := p.AppendImage(nil, image)
		if err != nil {
			t.Fatal(err)
		}
		if of, err := b.AppendKeyOf(nil, projected); err != nil || !b.KeyFits(moved, of) {
			t.Fatalf("the projected row has the key %x, its projected key is %x, %v", of, moved, err)
		}
	})
}

// TestWholeRowsNeedABaseline: what would move the keys of whole rows is refused, with what changed.
func TestWholeRowsNeedABaseline(t *testing.T) {
	dropped := whole(keyedBy("INT", "STRING"))
	dropped.Columns = dropped.Columns[:1]
	for name, test := range map[string]struct {
		from, to *Schema
		want     string
	}{
		"dropped":           {whole(keyedBy("INT", "STRING")), dropped, "the whole row, which is the key, changed from ["},
		"FLOAT to DOUBLE":   {whole(oneColumn("FLOAT")), whole(oneColumn("DOUBLE")), `column "c" of the whole row, which is the key, changed from FLOAT to DOUBLE`},
		"scale":             {whole(oneColumn("DECIMAL(5,2)")), whole(oneColumn("DECIMAL(6,3)")), "changed from DECIMAL(5,2) to DECIMAL(6,3)"},
		"to columns":        {whole(keyedBy("INT")), keyedBy("INT"), "the key changed from [*] to ["},
		"from columns":      {keyedBy("INT"), whole(keyedBy("INT")), "] to [*]"},
		"from no key":       {oneColumn("INT"), whole(oneColumn("INT")), "the key changed from [] to [*]"},
		"a type, as ever":   {whole(oneColumn("INT")), whole(oneColumn("STRING")), `column "c" changed from INT to STRING`},
		"narrower, as ever": {whole(oneColumn("BIGINT")), whole(oneColumn("INT")), `column "c" changed from BIGINT to INT`},
	} {
		var refused *IncompatibleError
		if _, err := NewProjection(test.from, test.to); !errors.As(err, &refused) || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestWholeKeyBytesStay: keys and record names stand in journals; these are what they were and will be.
func TestWholeKeyBytesStay(t *testing.T) {
	s := whole(everyType())
	if got, want := s.RecordName(), "r_6f77cfb58c56b117"; got != want {
		t.Errorf("RecordName = %s, want %s", got, want)
	}
	for _, test := range []struct{ sql, text, want string }{
		{"BIGINT", "-1", "50e58cbd6ada00a1070d80d6a76865f30000000000000000"},
		{"STRING", "é", "d5215c68c541b8fc8054090d806e04dd0000000000000000"},
		{"DOUBLE", "nan", "b6208a817740aa049d90c95f8d711d090000000000000000"},
		{"DOUBLE", "-0", "beb5e5f1c46b5d34e0eb6b8f285adfb60000000000000000"},
		{"DOUBLE", "0", "fa3f5392c40387fb428516d12156e7b60000000000000000"},
		{"STRING", "", "4d6ac5b7d1a1655cab94ac0ace7276c00000000000000000"},
		{"STRING", "NULL" /* of nothing */, "99aa06d3014798d86001c324468d497f0000000000000000"},
	} {
		c := mustCodec(t, whole(oneColumn(test.sql)))
		v, err := c.schema.Columns[0].Type.Parse(test.text)
		if err != nil {
			t.Fatal(err)
		}
		if test.text == "NULL" {
			v = Value{Null: true}
		}
		if got := fmt.Sprintf("%x", mustKey(t, c, []Value{v})); got != test.want {
			t.Errorf("%s %q: %s, want %s", test.sql, test.text, got, test.want)
		}
	}
}

func TestWholeRowSchema(t *testing.T) {
	s := whole(everyType())
	text := s.AvroSchema()
	if !strings.Contains(text, `"rewind.key":["*"]`) {
		t.Errorf("the schema does not say that the key is the whole row: %s", text)
	}
	got, err := ParseAvroSchema(text)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(s, got); diff != "" {
		t.Error(diff)
	}
	keyless := whole(everyType())
	keyless.WholeRow = false
	if s.Identity() == keyless.Identity() || s.Identity() == everyType().Identity() {
		t.Error("the whole row is no part of the identity")
	}
	both := everyType()
	both.WholeRow = true
	var refused *SchemaError
	if err := both.Validate(); !errors.As(err, &refused) {
		t.Errorf("a key of columns and the whole row: %v", err)
	}
	for _, key := range []string{`["*",1]`, `[1,"*"]`, `"*"`, `["a"]`, `["*","*"]`} {
		if _, err := ParseAvroSchema(strings.Replace(text, `["*"]`, key, 1)); err == nil {
			t.Errorf("rewind.key %s was taken", key)
		}
	}
	if next := WithIDs(s, whole(everyType())); !next.WholeRow {
		t.Error("WithIDs forgets that the key is the whole row")
	}
}

// TestWholeRowText: what FormatRow writes names the row, whatever its values.
func TestWholeRowText(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := whole(genSchema().Draw(t, "schema"))
		c := mustCodec(t, s)
		values := genRow(s).Draw(t, "row")
		key := mustKey(t, c, values)
		text := c.formatWhole(values)
		if parsed, err := c.ParseKey(text); err != nil || !bytes.Equal(parsed, key) {
			t.Fatalf("%s reads back as %x, %v; want %x", text, parsed, err, key)
		}
		SetOrdinal(key, rapid.Uint64().Draw(t, "ordinal"))
		if parsed, err := c.ParseKey(c.FormatKey(key)); err != nil || !bytes.Equal(parsed, key) {
			t.Fatalf("%s reads back as %x, %v; want %x", c.FormatKey(key), parsed, err, key)
		}
		if row := c.FormatRow(Row{Key: key, Image: mustImage(t, c, values)}); len(row) > maxRowText+100 || row == "" {
			t.Fatalf("a message shows %d bytes of a row: %q", len(row), row)
		}
	})
}

func TestWholeRowTextForms(t *testing.T) {
	c := mustCodec(t, whole(keyedBy("INT", "STRING", "DOUBLE")))
	names := c.schema.columnNames()
	row := []Value{{Int: 1}, {Bytes: []byte("x, y")}, {Null: true}}
	r := Row{mustKey(t, c, row), mustImage(t, c, row)}
	want := names[0] + `=1,` + names[1] + `="x, y"`
	if got := c.FormatRow(r); got != want {
		t.Errorf("FormatRow: %s, want %s", got, want)
	}
	SetOrdinal(r.Key, 2)
	if got := c.FormatRow(r); got != want+" (equal row 3)" {
		t.Errorf("FormatRow: %s", got)
	}
	if got := c.FormatRow(Row{Key: r.Key, Image: []byte("damaged")}); got != c.FormatKey(r.Key) || !strings.HasSuffix(got, "+2") || !strings.HasPrefix(got, "*=") {
		t.Errorf("FormatRow of what is none: %s", got)
	}
	if got := c.FormatKey([]byte("ab")); got != "0x6162" {
		t.Errorf("FormatKey of what is none: %s", got)
	}
	if _, err := c.DecodeKey(r.Key); err == nil {
		t.Error("the key of a whole row was decoded")
	}
	key := mustKey(t, c, []Value{{Int: 1}, {Null: true}, {Null: true}})
	for _, text := range []string{names[0] + "=1", names[0] + "=1," + names[2] + "=NULL", strings.ToUpper(names[0]) + "=1"} {
		if got, err := c.ParseKey(text); err != nil || !bytes.Equal(got, key) {
			t.Errorf("%s: %x, %v", text, got, err)
		}
	}
	for _, text := range []string{"", "1", "absent=1", names[0] + "=x", names[0] + "=1," + names[0] + "=1", "*=", "*=00", "*=" + strings.Repeat("0", 33), "*", "*=" + strings.Repeat("0", 32) + "+x"} {
		var refused *KeyTextError
		if _, err := c.ParseKey(text); !errors.As(err, &refused) || !strings.Contains(refused.Hint(), names[2]+"=…, every column that is not NULL") {
			t.Errorf("%q: %v", text, err)
		}
	}
}

func TestWholeKeyDoesNotAllocate(t *testing.T) {
	c := mustCodec(t, whole(fuzzSchema()))
	row := fuzzRow(c.schema, 1)
	image, buffer := mustImage(t, c, row), make([]byte, 0, 64)
	if _, err := c.AppendKey(buffer, row); err != nil {
		t.Fatal(err)
	}
	if n := testing.AllocsPerRun(100, func() {
		if _, err := c.AppendKeyOf(buffer, image); err != nil {
			t.Fatal(err)
		}
	}); n != 0 {
		t.Errorf("AppendKeyOf allocates %g times", n)
	}
}

// FuzzWholeRowKey: an image that is accepted is named by its text, and a text that is accepted by what is written for it.
func FuzzWholeRowKey(f *testing.F) {
	c := mustCodec(f, whole(fuzzSchema()))
	for seed := range 5 {
		row := fuzzRow(c.schema, seed)
		f.Add(mustImage(f, c, row), c.formatWhole(row))
	}
	f.Add(make([]byte, len(c.fields)), "*="+strings.Repeat("0f", rowHashBytes)+"+3")
	row := make([]Value, len(c.fields))
	f.Fuzz(func(t *testing.T, image []byte, text string) {
		if key, err := c.ParseKey(text); err == nil {
			if again, err := c.ParseKey(c.FormatKey(key)); err != nil || !bytes.Equal(again, key) {
				t.Fatalf("%q is %x, written %q, read again %x, %v", text, key, c.FormatKey(key), again, err)
			}
		}
		if c.Decode(image, row) != nil {
			return
		}
		key := mustKey(t, c, row)
		if parsed, err := c.ParseKey(c.formatWhole(row)); err != nil || !bytes.Equal(parsed, key) {
			t.Fatalf("%s reads back as %x, %v; want %x", c.formatWhole(row), parsed, err, key)
		}
	})
}

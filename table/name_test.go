package table

import (
	"encoding/json"
	"errors"
	"regexp"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestParseName(t *testing.T) {
	n, err := ParseName("Shop.Orders_2")
	if err != nil || n != (Name{"shop", "orders_2"}) || n.String() != "shop.orders_2" {
		t.Errorf("%v, %v", n, err)
	}
	if _, err := ParseName("a." + strings.Repeat("x", 198)); err != nil {
		t.Error(err)
	}
	for _, s := range []string{"", ".", "orders", "a.", ".b", "a.b.c", "a.b`", "a b.c", "a.b\n", "a.\xff", "a." + strings.Repeat("x", 600), "a." + strings.Repeat("x", 199), strings.Repeat("é", 34) + ".a"} {
		var refused *NameError
		if _, err := ParseName(s); !errors.As(err, &refused) {
			t.Errorf("ParseName(%q): got %v, want *NameError", s, err)
		}
	}
}

func TestFileNames(t *testing.T) {
	for n, want := range map[Name]string{
		{"shop", "orders_2"}: "shop.orders_2",
		{"..", "../etc"}:     "%2e%2e.%2e%2e%2fetc",
		{"Shop", "é%"}:       "%53hop.%c3%a9%25",
		{"con", "a:b\x00"}:   "con.a%3ab%00",
	} {
		if got := n.FileName(); got != want {
			t.Errorf("FileName(%q) = %s, want %s", n, got, want)
		}
	}
	part := rapid.StringMatching(`[a-z_%.A-Z/\\é0-9]{1,6}`)
	safe := regexp.MustCompile(`^([a-z0-9_]|%[0-9a-f]{2})+\.([a-z0-9_]|%[0-9a-f]{2})+$`)
	rapid.Check(t, func(t *rapid.T) {
		a, b := Name{part.Draw(t, "a"), part.Draw(t, "b")}, Name{part.Draw(t, "c"), part.Draw(t, "d")}
		if !safe.MatchString(a.FileName()) {
			t.Fatalf("%q is written %s", a, a.FileName())
		}
		if (a == b) != (a.FileName() == b.FileName()) {
			t.Fatalf("%q and %q share %s", a, b, a.FileName())
		}
	})
}

func TestFieldNames(t *testing.T) {
	for column, want := range map[string]string{
		"order_id": "order_id", "_": "_", "1a": "x__1a", "a-b": "x__a_2db", "é": "x___c3_a9", "A": "x___41", "x__": "x__x_5f_5f", "x_": "x_", "": "x__",
	} {
		if got := FieldName(column); got != want {
			t.Errorf("FieldName(%q) = %s, want %s", column, got, want)
		}
	}
	avro := regexp.MustCompile(`^[a-z_][a-z0-9_]*$`)
	column := rapid.OneOf(rapid.String(), rapid.StringMatching(`(x__|_2d|[a-zA-Z0-9_é-]){0,5}`))
	rapid.Check(t, func(t *rapid.T) {
		a, b := column.Draw(t, "a"), column.Draw(t, "b")
		if !avro.MatchString(FieldName(a)) {
			t.Fatalf("%q is no Avro name", FieldName(a))
		}
		if (a == b) != (FieldName(a) == FieldName(b)) {
			t.Fatalf("%q and %q share %s", a, b, FieldName(a))
		}
		if back, err := ColumnName(FieldName(a)); err != nil || back != a {
			t.Fatalf("%q comes back as %q, %v", a, back, err)
		}
	})
	for _, field := range []string{"1a", "a-b", "A", "x__a_", "x__a_2", "x__a_zz", "x__abc", "x__a_2D", "x__1_61", ""} {
		if c, err := ColumnName(field); err == nil {
			t.Errorf("ColumnName(%q) = %q", field, c)
		}
	}
}

func TestParseType(t *testing.T) {
	for sql, want := range map[string]string{
		"int": "INT", "INTEGER": "INT", "real": "DOUBLE", "decimal": "DECIMAL(9,0)", "decimal(10)": "DECIMAL(10,0)", "Decimal( 10 , 2 )": "DECIMAL(10,2)",
		"varchar(65535)": "VARCHAR(65535)", "char(255)": "CHAR(255)", " string ": "STRING", "timestamp": "TIMESTAMP", "date": "DATE", "binary": "BINARY",
		"boolean": "BOOLEAN", "tinyint": "TINYINT", "smallint": "SMALLINT", "bigint": "BIGINT", "float": "FLOAT", "double": "DOUBLE",
	} {
		got, err := ParseType(sql)
		if err != nil || got.String() != want {
			t.Errorf("ParseType(%s) = %s, %v; want %s", sql, got, err, want)
		}
		if again, err := ParseType(got.String()); err != nil || again != got {
			t.Errorf("%s reads back as %s, %v", got, again, err)
		}
	}
	for _, sql := range []string{
		"", "array<int>", "map<string,int>", "struct<a:int>", "interval_year_month", "timestamp with local time zone", "decimal(39,0)", "decimal(5,6)",
		"decimal(0)", "decimal(1,2,3)", "decimal(-1)", "varchar", "varchar(0)", "varchar(65536)", "char(256)", "char(1,2)", "int(3)", "varchar(3", "string()", "uniontype<int>",
	} {
		var refused *UnsupportedTypeError
		if got, err := ParseType(sql); !errors.As(err, &refused) || refused.SQL != sql || refused.ExitCode() != 2 {
			t.Errorf("ParseType(%s) = %s, %v; want *UnsupportedTypeError", sql, got, err)
		}
	}
}

func TestNameInJSON(t *testing.T) {
	type line struct{ Table Name }
	in := line{Name{"shop", "orders"}}
	text, err := json.Marshal(in)
	if err != nil || string(text) != `{"Table":"shop.orders"}` {
		t.Fatalf("%s %v", text, err)
	}
	var out line
	if err := json.Unmarshal(text, &out); err != nil || out != in {
		t.Errorf("%+v %v", out, err)
	}
	if err := json.Unmarshal([]byte(`{"Table":"orders"}`), &out); err == nil {
		t.Error("a name without a database was read")
	}
}

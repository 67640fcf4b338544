package table

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"math/big"
	"strings"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// compareValues is the table's order, written down independently of the keys.
func compareValues(typ Type, a, b Value) int {
	if a.Null || b.Null {
		switch {
		case a.Null && b.Null:
			return 0
		case a.Null:
			return -1
		default:
			return 1
		}
	}
	switch typ.Kind {
	case Boolean, TinyInt, SmallInt, Int, BigInt, Date:
		return cmp.Compare(a.Int, b.Int)
	case Decimal:
		x, _ := new(big.Int).SetString(a.Decimal.String(), 10)
		y, _ := new(big.Int).SetString(b.Decimal.String(), 10)
		return x.Cmp(y)
	default:
		return cmp.Compare(string(a.Bytes), string(b.Bytes))
	}
}

func compareRows(s *Schema, a, b []Value) int {
	for _, id := range s.Key {
		for i, c := range s.Columns {
			if c.ID == id {
				if n := compareValues(c.Type, a[i], b[i]); n != 0 {
					return n
				}
			}
		}
	}
	return 0
}

func mustKey(t interface{ Fatal(...any) }, c *Codec, row []Value) []byte {
	key, err := c.AppendKey(nil, row)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func TestKeyOrderIsTheTables(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := genSchema().Draw(t, "schema")
		c := mustCodec(t, s)
		a, b := genRow(s).Draw(t, "a"), genRow(s).Draw(t, "b")
		for i := range a { // rows that share a prefix say more
			if rapid.Bool().Draw(t, "same") {
				b[i] = a[i]
			}
		}
		if got, want := bytes.Compare(mustKey(t, c, a), mustKey(t, c, b)), compareRows(s, a, b); got != want {
			t.Fatalf("keys compare as %d, rows as %d", got, want)
		}
	})
}

func TestKeyRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := genSchema().Draw(t, "schema")
		c, row := mustCodec(t, s), genRow(s).Draw(t, "row")
		key := mustKey(t, c, row)
		values, err := c.DecodeKey(key)
		if err != nil {
			t.Fatal(err)
		}
		for i, f := range c.key {
			if diff := gocmp.Diff(row[f.position], values[i], equalValues); diff != "" {
				t.Fatal(diff)
			}
		}
		ofImage, err := c.AppendKeyOf(nil, mustImage(t, c, row))
		if err != nil || !bytes.Equal(ofImage, key) {
			t.Fatalf("the image's key is %x, %v; the row's %x", ofImage, err, key)
		}
		for n := range key {
			if _, err := c.DecodeKey(key[:n]); err == nil {
				t.Fatalf("a key cut at %d of %d bytes was accepted", n, len(key))
			}
		}
		if back, err := c.ParseKey(c.FormatKey(key)); err != nil || !bytes.Equal(back, key) {
			t.Fatalf("%s reads back as %x, %v; want %x", c.FormatKey(key), back, err, key)
		}
	})
}

func keyedBy(sqls ...string) *Schema {
	s := &Schema{NextColumnID: len(sqls) + 1}
	for i, sql := range sqls {
		typ, err := ParseType(sql)
		if err != nil {
			panic(err)
		}
		s.Columns = append(s.Columns, Column{i + 1, string(rune('a' + i)), typ, false})
		s.Key = append(s.Key, i+1)
	}
	return s
}

func TestFormatAndParseKey(t *testing.T) {
	c := mustCodec(t, keyedBy("BIGINT", "STRING"))
	row := func(n int64, s string) []Value { return []Value{{Int: n}, {Bytes: []byte(s)}} }
	for _, test := range []struct {
		row  []Value
		want string
	}{
		{row(42, "abc"), "a=42,b=abc"},
		{row(-1, ""), `a=-1,b=""`},
		{row(0, "a,b=c"), `a=0,b="a,b=c"`},
		{row(0, "NULL"), `a=0,b="NULL"`},
		{[]Value{{Null: true}, {Null: true}}, "a=NULL,b=NULL"},
		{row(0, "x\x00\ny"), `a=0,b="x\x00\ny"`},
		{row(0, "Zürich"), "a=0,b=Zürich"},
	} {
		key := mustKey(t, c, test.row)
		if got := c.FormatKey(key); got != test.want {
			t.Errorf("FormatKey = %s, want %s", got, test.want)
		}
		if back, err := c.ParseKey(test.want); err != nil || !bytes.Equal(back, key) {
			t.Errorf("ParseKey(%s) = %x, %v; want %x", test.want, back, err, key)
		}
	}
	if got := c.FormatKey([]byte{9, 1}); got != "0x0901" {
		t.Errorf("bytes that are no key: %s", got)
	}
	if key, err := c.ParseKey("B=x,A=1"); err != nil || !bytes.Equal(key, mustKey(t, c, row(1, "x"))) {
		t.Errorf("columns in another order and case: %x, %v", key, err)
	}
	for _, text := range []string{"", "a=1", "a=1,b=x,a=2", "a=1,c=2", "a=x,b=y", `a=1,b="x`, `a=1,b="x"y`, "1", "a=1,b=x,", "a=99999999999999999999,b=x"} {
		var refused *KeyTextError
		if _, err := c.ParseKey(text); !errors.As(err, &refused) {
			t.Errorf("ParseKey(%s): got %v, want *KeyTextError", text, err)
		}
	}
	if _, err := c.ParseKey("42"); err == nil || !strings.Contains(err.Error(), `"42" does not say which column it is of`) {
		t.Errorf("a value alone where the key has two columns: %v", err)
	}
	single := mustCodec(t, keyedBy("DATE"))
	if key, err := single.ParseKey("2024-02-29"); err != nil || single.FormatKey(key) != "a=2024-02-29" {
		t.Errorf("the value alone: %v", err)
	}
}

func TestDecodeKeyRefuses(t *testing.T) {
	for _, test := range []struct{ name, sql, key string }{
		{"nothing", "INT", ""},
		{"another mark", "INT", "\x02"},
		{"cut", "INT", "\x01\x80\x00"},
		{"out of range", "TINYINT", "\x01\x80\x00\x00\x00\x00\x00\x01\x00"},
		{"a boolean of 2", "BOOLEAN", "\x01\x02"},
		{"trailing", "BOOLEAN", "\x01\x01\x00"},
		{"no terminator", "STRING", "\x01abc"},
		{"half a terminator", "STRING", "\x01abc\x00"},
		{"an unknown escape", "STRING", "\x01abc\x00\x02"},
		{"not UTF-8", "STRING", "\x01\xff\x00\x01"},
		{"trailing spaces", "CHAR(4)", "\x01a \x00\x01"},
		{"no timestamp", "TIMESTAMP", "\x012020-02-30 00:00:00.000000000"},
		{"too many digits", "DECIMAL(1,0)", "\x01\x80\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x0a"},
	} {
		c := mustCodec(t, keyedBy(test.sql))
		var refused *KeyError
		if _, err := c.DecodeKey([]byte(test.key)); !errors.As(err, &refused) {
			t.Errorf("%s: got %v, want *KeyError", test.name, err)
		}
	}
}

// TestKeyBytesStay: keys stand in journals; these bytes are what they were and will be.
func TestKeyBytesStay(t *testing.T) {
	for _, test := range []struct {
		sql, text, want string
	}{
		{"BOOLEAN", "true", "0101"},
		{"TINYINT", "-1", "017fffffffffffffff"},
		{"BIGINT", "-1", "017fffffffffffffff"},
		{"INT", "258", "018000000000000102"},
		{"DECIMAL(5,2)", "-0.01", "017fffffffffffffffffffffffffffffff"},
		{"DECIMAL(38,2)", "2.56", "0180000000000000000000000000000100"},
		{"STRING", "a\x00b", "016100ff620001"},
		{"VARCHAR(9)", "", "010001"},
		{"CHAR(9)", "a  ", "01610001"},
		{"DATE", "1970-01-02", "018000000000000001"},
		{"TIMESTAMP", "1970-01-01 00:00:00", "01313937302d30312d30312030303a30303a30302e303030303030303030"},
		{"BINARY", "AP8=", "0100ffff0001"},
	} {
		c := mustCodec(t, keyedBy(test.sql))
		v, err := c.schema.Columns[0].Type.Parse(test.text)
		if err != nil {
			t.Fatal(err)
		}
		if got := fmt.Sprintf("%x", mustKey(t, c, []Value{v})); got != test.want {
			t.Errorf("%s %q: %s, want %s", test.sql, test.text, got, test.want)
		}
	}
}

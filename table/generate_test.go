package table

import (
	"fmt"
	"math"
	"strings"

	"pgregory.net/rapid"
)

// genType draws any type, genKeyType one that can stand in a key.
func genType() *rapid.Generator[Type] {
	return rapid.Custom(func(t *rapid.T) Type {
		typ := Type{Kind: Kind(rapid.IntRange(int(Boolean), int(Binary)).Draw(t, "kind"))}
		switch typ.Kind {
		case Decimal:
			typ.Precision = rapid.IntRange(1, maxPrecision).Draw(t, "precision")
			typ.Scale = rapid.IntRange(0, typ.Precision).Draw(t, "scale")
		case VarChar:
			typ.Length = rapid.IntRange(1, maxVarChar).Draw(t, "length")
		case Char:
			typ.Length = rapid.IntRange(1, maxChar).Draw(t, "length")
		}
		return typ
	})
}

func genKeyType() *rapid.Generator[Type] {
	return genType().Filter(func(t Type) bool { return t.Kind != Float && t.Kind != Double })
}

// genSchema draws a schema of up to 12 columns whose ids have gaps and are not in the columns' order, with a key.
func genSchema() *rapid.Generator[*Schema] {
	return rapid.Custom(func(t *rapid.T) *Schema {
		n := rapid.IntRange(1, 12).Draw(t, "columns")
		ids := rapid.Permutation([]int{1, 2, 3, 5, 6, 8, 9, 10, 13, 14, 15, 17}).Draw(t, "ids")
		s := &Schema{Table: Name{"db", "t"}, NextColumnID: rapid.IntRange(18, 30).Draw(t, "next")}
		for i := range n {
			typ := genType().Draw(t, "type")
			if i == 0 {
				typ = genKeyType().Draw(t, "key type")
			}
			asBytes := typ.isText() && rapid.IntRange(0, 4).Draw(t, "as bytes") == 0
			s.Columns = append(s.Columns, Column{ids[i], fmt.Sprintf("c%d", i), typ, asBytes})
			if i == 0 || typ.Kind != Float && typ.Kind != Double && rapid.IntRange(0, 3).Draw(t, "in key") == 0 {
				s.Key = append(s.Key, ids[i])
			}
		}
		return s
	})
}

// genValue draws a value of a column, NULL and the type's limits more often than chance.
func genValue(c Column) *rapid.Generator[Value] {
	return rapid.Custom(func(t *rapid.T) Value {
		if rapid.IntRange(0, 5).Draw(t, "null") == 0 {
			return Value{Null: true}
		}
		switch c.Type.Kind {
		case Boolean:
			return Value{Int: rapid.Int64Range(0, 1).Draw(t, "boolean")}
		case TinyInt, SmallInt, Int, BigInt:
			shift := 64 - c.Type.intBits()
			return Value{Int: rapid.Int64().Draw(t, "integer") << shift >> shift}
		case Date:
			return Value{Int: rapid.Int64Range(minDay, maxDay).Draw(t, "day")}
		case Float:
			return Value{Float: float64(genFloat32().Draw(t, "float"))}
		case Double:
			return Value{Float: genFloat64().Draw(t, "double")}
		case Decimal:
			return Value{Decimal: genDecimal(c.Type.Precision).Draw(t, "decimal")}
		case Timestamp:
			return Value{Bytes: genTimestamp().Draw(t, "timestamp")}
		case Binary:
			return Value{Bytes: genBytes().Draw(t, "binary")}
		case Char:
			return Value{Bytes: []byte(strings.TrimRight(genText().Draw(t, "char"), " "))}
		}
		if c.AsBytes {
			return Value{Bytes: genBytes().Draw(t, "text bytes")}
		}
		return Value{Bytes: []byte(genText().Draw(t, "text"))}
	})
}

func genRow(s *Schema) *rapid.Generator[[]Value] {
	return rapid.Custom(func(t *rapid.T) []Value {
		row := make([]Value, len(s.Columns))
		for i, c := range s.Columns {
			row[i] = genValue(c).Draw(t, c.Name)
		}
		return row
	})
}

func genFloat32() *rapid.Generator[float32] {
	special := []float32{0, float32(math.Copysign(0, -1)), float32(math.Inf(1)), float32(math.Inf(-1)), float32(math.NaN()), 1.1}
	return rapid.OneOf(rapid.Float32(), rapid.SampledFrom(special))
}

func genFloat64() *rapid.Generator[float64] {
	special := []float64{0, math.Copysign(0, -1), math.Inf(1), math.Inf(-1), math.NaN(), math.Float64frombits(0x7FF0000000000001)}
	return rapid.OneOf(rapid.Float64(), rapid.SampledFrom(special))
}

// genText draws text made to break things: NUL, quotes, backslashes, what drivers rewrite, wide characters, shared prefixes.
func genText() *rapid.Generator[string] {
	awkward := []string{"", "\x00", "\x00\xff"[:1], "a", "ab", "a\x00", "a\x00b", "a\x01", "it's", `\`, `\'`, "?", "$1", "@p1", "\n", "😀", "é", "NULL", "a,b=c", " x", "x ", "\u007f", "\uffff"}
	return rapid.OneOf(rapid.String(), rapid.SampledFrom(awkward),
		rapid.Map(rapid.SliceOfN(rapid.SampledFrom(awkward), 0, 4), func(s []string) string { return strings.Join(s, "") }))
}

func genBytes() *rapid.Generator[[]byte] {
	return rapid.OneOf(rapid.SliceOfN(rapid.Byte(), 0, 20), rapid.SliceOfN(rapid.SampledFrom([]byte{0, 1, 0xff, 'a'}), 0, 5))
}

// genDecimal draws an unscaled value of up to this many digits, by digits, so that every length is as likely.
func genDecimal(precision int) *rapid.Generator[Int128] {
	return rapid.Custom(func(t *rapid.T) Int128 {
		digits := rapid.StringOfN(rapid.RuneFrom([]rune("0123456789")), 1, precision, -1).Draw(t, "digits")
		if rapid.Bool().Draw(t, "negative") {
			digits = "-" + digits
		}
		d, ok := parseDecimal(digits, 0)
		if !ok {
			t.Fatalf("%s does not parse", digits)
		}
		return d
	})
}

func genTimestamp() *rapid.Generator[[]byte] {
	return rapid.Custom(func(t *rapid.T) []byte {
		day := rapid.Int64Range(dayOf(minTimestampYear, 1, 1), maxDay).Draw(t, "day")
		second := rapid.IntRange(0, 86399).Draw(t, "second")
		nano := rapid.IntRange(0, 999_999_999).Draw(t, "nanosecond")
		return fmt.Appendf(appendDate(nil, day), " %02d:%02d:%02d.%09d", second/3600, second/60%60, second%60, nano)
	})
}

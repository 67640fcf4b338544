package impala

import (
	"encoding/base64"
	"fmt"
	"math"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"

	"rewind/table"
)

// readLiteral is an oracle: Impala's rules for string literals (Hive's unescapeSQLString), written apart from the lexer.
func readLiteral(literal string) (string, error) {
	if len(literal) < 2 || literal[0] != '\'' {
		return "", fmt.Errorf("no literal: %q", literal)
	}
	var out strings.Builder
	for i := 1; i < len(literal); i++ {
		c := literal[i]
		if c == '\'' {
			if i != len(literal)-1 {
				return "", fmt.Errorf("the literal ends at byte %d of %d: %q", i, len(literal), literal)
			}
			return out.String(), nil
		}
		if c != '\\' {
			out.WriteByte(c)
			continue
		}
		rest := literal[i+1:]
		if len(rest) >= 3 && strings.IndexByte("01", rest[0]) >= 0 && strings.IndexByte("01234567", rest[1]) >= 0 && strings.IndexByte("01234567", rest[2]) >= 0 {
			n, err := strconv.ParseUint(rest[:3], 8, 8)
			if err != nil {
				return "", err
			}
			out.WriteByte(byte(n))
			i += 3
			continue
		}
		if rest == "" {
			return "", fmt.Errorf("a backslash ends %q", literal)
		}
		switch rest[0] {
		case 'n':
			out.WriteByte('\n')
		case '\'', '\\':
			out.WriteByte(rest[0])
		default:
			return "", fmt.Errorf("an escape that the escaper never writes: %q", rest[:1])
		}
		i++
	}
	return "", fmt.Errorf("the literal does not end: %q", literal)
}

func checkLiteral(t *testing.T, text string) {
	t.Helper()
	literal := quoteString(text)
	got, err := readLiteral(literal)
	if err != nil || got != text {
		t.Errorf("%q became %s, which reads as %q: %v", text, literal, got, err)
	}
	if strings.ContainsAny(literal, "?$@;`\x00\n\r") {
		t.Errorf("%q became %q, which somebody on the way rewrites", text, literal)
	}
	tokens, err := lex(literal, false)
	if err != nil || len(tokens) != 1 || tokens[0].text != text {
		t.Errorf("the lexer reads %s as %v: %v", literal, tokens, err)
	}
}

func TestStringLiteral(t *testing.T) {
	for _, text := range []string{"", "it's", `it''s`, `\`, `\\'`, "?", "$1", "@p1", "\x00", "\x0012", "\n\r\t\x1a\x7f", `\n`, `%_\%`, "é😀", "';--", "`"} {
		checkLiteral(t, text)
	}
}

func FuzzStringLiteral(f *testing.F) {
	f.Add("it's $1 @p1 \\ ? ; \x00 é😀")
	f.Fuzz(func(t *testing.T, text string) {
		if utf8.ValidString(text) {
			checkLiteral(t, text)
		}
	})
}

// asImpalaLexes is the scanner's rule for string literals.
var asImpalaLexes = regexp.MustCompile(`(?s)^('(\\.|[^\\'])*'|"(\\.|[^\\"])*")$`)

// FuzzComment: a comment is one literal, whatever is in it, and itself where nothing must be escaped.
func FuzzComment(f *testing.F) {
	for _, seed := range []string{"it's", `it\'s`, `both ' and "`, `ends in \`, `\\`, "what?", `\?`, `'"\`} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		literal := quoteComment(text)
		if !utf8.ValidString(text) {
			return
		}
		if !asImpalaLexes.MatchString(literal) || strings.Contains(literal, "?") {
			t.Errorf("%q became %s", text, literal)
		}
		for _, quote := range []string{"'", `"`} {
			if plain := quote + text + quote; asImpalaLexes.MatchString(plain) && !strings.Contains(text, "?") && literal[1:len(literal)-1] != text {
				t.Errorf("%q became %s", text, literal)
			}
		}
	})
}

func FuzzBytesExpression(f *testing.F) {
	f.Add([]byte{0, 0xff, '\''})
	f.Fuzz(func(t *testing.T, b []byte) {
		expression := bytesExpression(b)
		inner, found := strings.CutPrefix(expression, "base64decode('")
		got, err := base64.StdEncoding.DecodeString(strings.TrimSuffix(inner, "')"))
		if len(b) == 0 {
			if expression != "''" {
				t.Errorf("no bytes became %s", expression)
			}
		} else if !found || err != nil || string(got) != string(b) {
			t.Errorf("%x became %s", b, expression)
		}
	})
}

func FuzzFloatText(f *testing.F) {
	for _, seed := range []float64{0, math.Copysign(0, -1), 1.1, math.MaxFloat64, math.SmallestNonzeroFloat64, math.Inf(-1), math.NaN()} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, want float64) {
		text := floatText(want)
		got, err := strconv.ParseFloat(text, 64)
		if err != nil || math.Float64bits(got) != math.Float64bits(want) && want == want {
			t.Errorf("%x became %s, which reads as %x", math.Float64bits(want), text, math.Float64bits(got))
		}
		if want == want && !math.IsInf(want, 0) && !strings.Contains(text, "E") {
			t.Errorf("%s is not in scientific notation", text)
		}
		narrow := float32(want) // a FLOAT column's value, rounded once more by the engine's cast
		again, err := strconv.ParseFloat(floatText(float64(narrow)), 64)
		if want == want && (err != nil && !math.IsInf(float64(narrow), 0) || math.Float32bits(float32(again)) != math.Float32bits(narrow)) {
			t.Errorf("FLOAT %x did not come back", math.Float32bits(narrow))
		}
	})
}

func TestTypedLiterals(t *testing.T) {
	decimal := table.Type{Kind: table.Decimal, Precision: 5, Scale: 2}
	for _, c := range []struct {
		column table.Column
		value  table.Value
		want   string
	}{
		{column(1, "a", decimal), table.Value{Decimal: table.Int128{Hi: -1, Lo: math.MaxUint64 - 4}}, "CAST('-0.05' AS DECIMAL(5,2))"},
		{column(1, "a", table.Type{Kind: table.BigInt}), table.Value{Int: math.MinInt64}, "CAST('-9223372036854775808' AS BIGINT)"},
		{column(1, "a", table.Type{Kind: table.Boolean}), table.Value{}, "FALSE"},
		{column(1, "a", table.Type{Kind: table.Float}), table.Value{Float: float64(float32(1.1))}, "CAST('1.100000023841858E+00' AS FLOAT)"},
		{column(1, "a", table.Type{Kind: table.Double}), table.Value{Float: math.Inf(1)}, "CAST('inf' AS DOUBLE)"},
		{column(1, "a", table.Type{Kind: table.Char, Length: 3}), table.Value{Bytes: []byte("a?")}, `CAST('a\077' AS CHAR(3))`},
		{column(1, "a", table.Type{Kind: table.Binary}), table.Value{}, "CAST('' AS BINARY)"},
		{table.Column{ID: 1, Name: "a", Type: table.Type{Kind: table.VarChar, Length: 4}, AsBytes: true}, table.Value{Bytes: []byte{0xff}}, "CAST(base64decode('/w==') AS VARCHAR(4))"},
		{column(1, "a", decimal), table.Value{Null: true}, "CAST(NULL AS DECIMAL(5,2))"},
	} {
		if got := string(appendLiteral(nil, c.column, c.value)); got != c.want {
			t.Errorf("%s: %s, want %s", c.column.Type, got, c.want)
		}
	}
}

func TestIdentifiersThatCannotBeQuoted(t *testing.T) {
	for _, name := range []string{"", "a`b", "a?", `a\b`, "a\nb", "\xff"} {
		if checkIdentifier(name) == nil {
			t.Errorf("%q was accepted", name)
		}
	}
	for _, name := range []string{"a", "1st-é", "a b", "select", "$1", "@p1", "a'b"} {
		if err := checkIdentifier(name); err != nil {
			t.Errorf("%q: %v", name, err)
		}
	}
}

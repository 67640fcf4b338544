package impala

import (
	"encoding/base64"
	"fmt"
	"math"
	"strconv"
	"strings"
	"unicode/utf8"

	"rewind/table"
)

// checkIdentifier refuses a name that cannot stand between backquotes.
// A question mark cannot: the driver rewrites each one in a statement's text, and identifiers have no escapes.
func checkIdentifier(name string) error {
	if name == "" || !utf8.ValidString(name) || strings.ContainsAny(name, "`\\?") || strings.ContainsFunc(name, isControl) {
		return &NameError{Name: name}
	}
	return nil
}

func isControl(r rune) bool { return r < ' ' || r == 0x7f }

// quoteName backquotes an identifier that checkIdentifier accepts.
func quoteName(name string) string { return "`" + name + "`" }

func quoteTable(n table.Name) string { return quoteName(n.Database) + "." + quoteName(n.Table) }

func quoteNames(names []string) string {
	quoted := make([]string, len(names))
	for i, n := range names {
		quoted[i] = quoteName(n)
	}
	return strings.Join(quoted, ", ")
}

// appendString appends a STRING literal. Impala takes a doubled quote for the end of one literal and the start of another, so a quote is \', and
// every byte that somebody on the way reads (the driver's ? and @p1, a shell's or a pattern's $, a script's ;) is an octal escape.
// NUL is \000 in full: \0 would swallow two digits behind it.
func appendString(dst []byte, text string) []byte {
	dst = append(dst, '\'')
	for i := range len(text) {
		switch c := text[i]; {
		case c == '\'' || c == '\\':
			dst = append(dst, '\\', c)
		case c == '\n':
			dst = append(dst, '\\', 'n')
		case c < ' ' || c == 0x7f || c == '?' || c == '$' || c == '@' || c == ';' || c == '`':
			dst = append(dst, '\\', '0'+c>>6, '0'+c>>3&7, '0'+c&7)
		default:
			dst = append(dst, c)
		}
	}
	return append(dst, '\'')
}

func quoteString(text string) string { return string(appendString(nil, text)) }

// quotePlain writes a literal of SET or LOCATION, which Impala takes as it stands: it reads no escapes there. checkPlain says what can.
func quotePlain(text string) string { return "'" + text + "'" }

// checkPlain refuses what cannot stand between quotes without an escape.
func checkPlain(setting, text string) error {
	for _, r := range text { // the text itself is not shown: it may be a secret
		if strings.ContainsRune("'\"\\?", r) || isControl(r) {
			return &ConfigError{setting, fmt.Sprintf("it holds %q, which cannot be sent: Impala reads no escapes here, so that quotes, \\, ? and control characters have no place", r)}
		}
	}
	return nil
}

// quoteComment writes the literal of a comment, which Impala takes as it stands, too: between those quotes that need the fewest
// backslashes, for they would stay in it. A question mark cannot be sent but as an escape.
func quoteComment(text string) string {
	single, double := escapeQuotes(text, '\''), escapeQuotes(text, '"')
	if len(double) < len(single) {
		return `"` + double + `"`
	}
	return "'" + single + "'"
}

// escapeQuotes puts a backslash before each quote that has none, and behind one at the end that would escape the literal's own quote.
func escapeQuotes(text string, quote byte) string {
	var b strings.Builder
	for at := 0; at < len(text); at++ {
		switch c := text[at]; {
		case c == '\\' && at+1 < len(text) && text[at+1] != '?':
			b.WriteByte(c)
			at++
			b.WriteByte(text[at])
		case c == '\\':
			b.WriteString(`\\`)
		case c == quote:
			b.Write([]byte{'\\', c})
		case c == '?':
			b.WriteString(`\077`)
		default:
			b.WriteByte(c)
		}
	}
	return b.String()
}

// appendLiteral appends a value as an expression of exactly the column's type.
func appendLiteral(dst []byte, c table.Column, v table.Value) []byte {
	if v.Null {
		return appendCast(dst, "NULL", c.Type)
	}
	switch c.Type.Kind {
	case table.Boolean:
		if v.Int != 0 {
			return append(dst, "TRUE"...)
		}
		return append(dst, "FALSE"...)
	case table.TinyInt, table.SmallInt, table.Int, table.BigInt:
		if v.Int == math.MinInt64 { // its digits alone are no BIGINT
			return appendCast(dst, quoteString(strconv.FormatInt(v.Int, 10)), c.Type)
		}
		return appendCast(dst, strconv.FormatInt(v.Int, 10), c.Type)
	case table.Float, table.Double:
		return appendCast(dst, quoteString(floatText(v.Float)), c.Type)
	case table.Binary:
		return appendCast(dst, bytesExpression(v.Bytes), c.Type)
	case table.String, table.VarChar, table.Char:
		text := bytesExpression(v.Bytes)
		if !c.AsBytes {
			text = quoteString(string(v.Bytes))
		}
		if c.Type.Kind == table.String {
			return append(dst, text...)
		}
		return appendCast(dst, text, c.Type)
	default:
		return appendCast(dst, quoteString(c.Type.Format(v)), c.Type)
	}
}

func appendCast(dst []byte, expression string, t table.Type) []byte {
	return fmt.Appendf(dst, "CAST(%s AS %s)", expression, t)
}

// bytesExpression is a STRING of any bytes: literals hold text only.
func bytesExpression(b []byte) string {
	if len(b) == 0 {
		return "''"
	}
	return "base64decode('" + base64.StdEncoding.EncodeToString(b) + "')"
}

// floatText is a number that every version of Impala reads back to the same bits: in scientific notation, because older ones read
// only that with strtod and all else approximately; a FLOAT in the digits of its double, so that it is rounded only once.
func floatText(f float64) string {
	switch {
	case math.IsNaN(f):
		return "nan"
	case math.IsInf(f, 1):
		return "inf"
	case math.IsInf(f, -1):
		return "-inf"
	}
	return strconv.FormatFloat(f, 'E', -1, 64)
}

package table

import (
	"encoding/hex"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// nullText is a NULL in a key's text; a text that reads so is quoted.
const nullText = "NULL"

// FormatKey writes a key for people: order_id=42,line=1. Texts are quoted where they would not read back; ParseKey reads it. Bytes
// that are no key of this schema are written as 0x and hex digits: a message about them must not fail as well. Of a whole row the key
// knows the hash alone; FormatRow says more.
func (c *Codec) FormatKey(key []byte) string {
	if c.schema.WholeRow && len(key) == wholeKeyBytes {
		return formatHash(key)
	}
	values, err := c.DecodeKey(key)
	if err != nil {
		return "0x" + hex.EncodeToString(key)
	}
	var b strings.Builder
	for i, v := range values {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteString(keyWordText(c.key[i].column, v))
	}
	return b.String()
}

// keyWordText is column=value.
func keyWordText(column Column, v Value) string {
	text := column.Type.Format(v)
	if !v.Null && (column.Type.isText() || column.Type.Kind == Timestamp) {
		text = quoteWord(text)
	}
	return quoteWord(column.Name) + "=" + text
}

// quoteWord quotes, as Go does, what would not read back as one word.
func quoteWord(s string) string {
	plain := s != "" && s != nullText && utf8.ValidString(s) && !strings.ContainsFunc(s, func(r rune) bool {
		return !unicode.IsLetter(r) && !unicode.IsDigit(r) && !strings.ContainsRune("_-.:/@+", r)
	})
	if plain {
		return s
	}
	return strconv.Quote(s)
}

// KeyTextError is a text that names no key of its table.
type KeyTextError struct {
	Text   string
	Form   string // the key's columns, as they must be named
	Reason string
}

// Error says what is wrong.
func (e *KeyTextError) Error() string { return fmt.Sprintf("key %q: %s", e.Text, e.Reason) }

// Hint shows the form.
func (e *KeyTextError) Hint() string { return "write it as " + e.Form + "; NULL stands for itself" }

// form is how a key must be written.
func (c *Codec) form() string {
	const most = 8 // of the columns of a whole row
	var words []string
	for i, f := range c.named() {
		if c.schema.WholeRow && i == most {
			words = append(words, "…")
			break
		}
		words = append(words, f.column.Name+"=…")
	}
	text := strings.Join(words, ",")
	if c.schema.WholeRow {
		text += ", every column that is not NULL"
	}
	return text
}

// named is the columns that a key's text may name: of a whole row all, in the table's order.
func (c *Codec) named() []field {
	if !c.schema.WholeRow {
		return c.key
	}
	all := make([]field, len(c.fields))
	for _, f := range c.fields {
		all[f.position] = f
	}
	return all
}

// ExitCode is that of wrong usage.
func (e *KeyTextError) ExitCode() int { return 2 }

// ParseKey reads a key as people write it: column=value for every key column, in any order, between commas. A value that holds a
// comma, or is the text NULL, stands in double quotes with Go's escapes; the value alone is enough where the key is one column. Of a
// whole row every column that is not NULL is named, or its hash, as FormatKey writes it.
func (c *Codec) ParseKey(text string) ([]byte, error) {
	fail := func(reason string) ([]byte, error) { return nil, &KeyTextError{text, c.form(), reason} }
	words, err := splitKey(text)
	if err != nil {
		return fail(err.Error())
	}
	columns := c.named()
	if c.schema.WholeRow && len(words) == 1 && words[0].name == WholeRowName {
		if key, ok := parseHash(words[0].text); ok {
			return key, nil
		}
		return fail("behind *= stand 32 hex digits, and + and a number behind them for a row that equals others")
	}
	if len(columns) == 1 && len(words) == 1 && !words[0].named {
		words[0].name = columns[0].column.Name
	}
	row := make([]Value, len(c.fields))
	for i := range row {
		row[i].Null = true
	}
	given := make(map[string]bool, len(words))
	for _, w := range words {
		column, found := c.schema.ColumnNamed(w.name)
		if !found {
			column, found = c.schema.ColumnNamed(strings.ToLower(w.name))
		}
		f := fieldOf(columns, column.ID)
		if !w.named && w.name == "" {
			return fail(fmt.Sprintf("%q does not say which column it is of", w.text))
		}
		if !found || f == nil {
			return fail(fmt.Sprintf("%q is no %scolumn", w.name, c.keyWord()))
		}
		if given[column.Name] {
			return fail(fmt.Sprintf("%q is given twice", column.Name))
		}
		given[column.Name] = true
		if row[f.position], err = w.value(column.Type); err != nil {
			return fail(fmt.Sprintf("%s: %v", column.Name, err))
		}
	}
	if len(given) != len(columns) && !c.schema.WholeRow {
		return fail("it does not name every key column")
	}
	key, err := c.AppendKey(nil, row)
	if err != nil {
		return fail(err.Error())
	}
	return key, nil
}

// keyWord says of what sort the columns are that a key's text names.
func (c *Codec) keyWord() string {
	if c.schema.WholeRow {
		return ""
	}
	return "key "
}

func fieldOf(fields []field, id int) *field {
	for i := range fields {
		if fields[i].column.ID == id {
			return &fields[i]
		}
	}
	return nil
}

// keyWord is one column=value of a key's text.
type keyWord struct {
	name, text    string
	named, quoted bool
}

func (w keyWord) value(t Type) (Value, error) {
	if w.text == nullText && !w.quoted {
		return Value{Null: true}, nil
	}
	return t.Parse(w.text)
}

var errKeyQuote = errors.New("a quote is not closed, or something follows it")

// splitKey splits a key's text into its words.
func splitKey(text string) (words []keyWord, err error) {
	for rest := text; ; {
		var w keyWord
		var first, second string
		var quoted bool
		if first, quoted, rest, err = nextWord(rest, ",="); err != nil {
			return nil, err
		}
		w = keyWord{text: first, quoted: quoted}
		if after, found := strings.CutPrefix(rest, "="); found {
			if second, quoted, rest, err = nextWord(after, ","); err != nil {
				return nil, err
			}
			w = keyWord{first, second, true, quoted}
		}
		words = append(words, w)
		if rest == "" {
			return words, nil
		}
		rest = rest[1:] // the comma
	}
}

// nextWord reads up to one of the stops, or one quoted text in front of one.
func nextWord(s, stops string) (word string, quoted bool, rest string, err error) {
	if strings.HasPrefix(s, `"`) {
		prefix, err := strconv.QuotedPrefix(s)
		if err != nil {
			return "", false, "", errKeyQuote
		}
		rest = s[len(prefix):]
		if rest != "" && !strings.ContainsRune(stops, rune(rest[0])) {
			return "", false, "", errKeyQuote
		}
		word, err = strconv.Unquote(prefix)
		return word, true, rest, err
	}
	if i := strings.IndexAny(s, stops); i >= 0 {
		return s[:i], false, s[i:], nil
	}
	return s, false, "", nil
}

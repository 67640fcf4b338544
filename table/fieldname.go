package table

import (
	"encoding/hex"
	"fmt"
	"strings"
)

// escapedPrefix begins every field name that is not the column's own.
const escapedPrefix = "x__"

// FieldName maps a column's name to an Avro name, reversibly and in lower case. A name of lower-case letters, digits and
// underscores that does not begin with a digit stands for itself; any other becomes x__ followed by its letters and digits, every
// other byte as _ and two hex digits: `a-b` is x__a_2db, `1a` is x__1a. A name that begins with x__ itself is written that way too.
func FieldName(column string) string {
	if isPlainName(column) && !strings.HasPrefix(column, escapedPrefix) {
		return column
	}
	b := []byte(escapedPrefix)
	for i := range len(column) {
		if c := column[i]; isNameByte(c) && c != '_' {
			b = append(b, c)
		} else {
			b = append(b, '_')
			b = hex.AppendEncode(b, []byte{c})
		}
	}
	return string(b)
}

// ColumnName is FieldName's inverse; it refuses what FieldName never writes.
func ColumnName(field string) (string, error) {
	escaped, found := strings.CutPrefix(field, escapedPrefix)
	if !found {
		if !isPlainName(field) {
			return "", fmt.Errorf("field name %q: not one that a column's name maps to", field)
		}
		return field, nil
	}
	var column []byte
	for rest := escaped; rest != ""; {
		if rest[0] != '_' {
			column, rest = append(column, rest[0]), rest[1:]
			continue
		}
		if len(rest) < 3 {
			return "", fmt.Errorf("field name %q: cut in the middle of an escape", field)
		}
		decoded, err := hex.AppendDecode(column, []byte(rest[1:3]))
		if err != nil {
			return "", fmt.Errorf("field name %q: %w", field, err)
		}
		column, rest = decoded, rest[3:]
	}
	if FieldName(string(column)) != field {
		return "", fmt.Errorf("field name %q: not the way in which %q is written", field, column)
	}
	return string(column), nil
}

func isPlainName(name string) bool {
	for i := range len(name) {
		if !isNameByte(name[i]) {
			return false
		}
	}
	return name != "" && (name[0] < '0' || name[0] > '9')
}

package table

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/zeebo/xxh3"
)

// A table without a key has the whole row for one (Schema.WholeRow): 16 bytes XXH3-128 of the row, then 8 bytes big-endian ordinal,
// 0, 1, 2, … among the rows of one hash, in the order of their images. What is hashed is, of every column in id order that is not
// NULL, its id and its value as the image holds it: a column that comes, and is NULL in the rows that were there, moves no key.
// Rows whose hashes collide have different ordinals, so that no two rows share a key even then.
const (
	rowHashBytes  = 16
	wholeKeyBytes = rowHashBytes + 8
)

// WholeRowName stands for the whole row where a key's columns are named.
const WholeRowName = "*"

// appendRowKey appends the key of a row whose values stand in Schema.Columns order; its ordinal is 0.
func (c *Codec) appendRowKey(dst []byte, row []Value) ([]byte, error) {
	hashed := c.scratch[:0]
	var err error
	for i := range c.fields {
		f := &c.fields[i]
		v := &row[f.position]
		if v.Null {
			continue
		}
		hashed = binary.AppendUvarint(hashed, uint64(f.column.ID))
		if hashed, err = f.appendValue(hashed, v); err != nil {
			return dst, err
		}
	}
	c.scratch = hashed
	sum := xxh3.Hash128(hashed)
	dst = binary.BigEndian.AppendUint64(dst, sum.Hi)
	dst = binary.BigEndian.AppendUint64(dst, sum.Lo)
	return binary.BigEndian.AppendUint64(dst, 0), nil
}

// SetOrdinal makes the key of a whole row that of the row which comes behind n others of its hash.
func SetOrdinal(key []byte, n uint64) { binary.BigEndian.PutUint64(key[rowHashBytes:], n) }

// Ordinal is how many rows of its hash come before the row with this key of a whole row.
func Ordinal(key []byte) uint64 { return binary.BigEndian.Uint64(key[rowHashBytes:]) }

// KeyFits says whether a row whose key, computed from its image, is computed can stand under key: it is that key, or, of whole rows,
// one of the same hash.
func (c *Codec) KeyFits(key, computed []byte) bool {
	if !c.schema.WholeRow {
		return bytes.Equal(key, computed)
	}
	return len(key) == wholeKeyBytes && len(computed) == wholeKeyBytes && bytes.Equal(key[:rowHashBytes], computed[:rowHashBytes])
}

// maxRowText bounds a row in a message.
const maxRowText = 400

// FormatRow writes a row's key for people: as FormatKey does, or, where the key is the whole row, as the columns that are not NULL,
// cut where they are long.
func (c *Codec) FormatRow(row Row) string {
	if !c.schema.WholeRow || len(row.Key) != wholeKeyBytes || c.Decode(row.Image, c.row) != nil {
		return c.FormatKey(row.Key)
	}
	text := c.formatWhole(c.row)
	if len(text) > maxRowText {
		text = strings.ToValidUTF8(text[:maxRowText], "") + "…"
	}
	if n := Ordinal(row.Key); n > 0 {
		text += fmt.Sprintf(" (equal row %d)", n+1)
	}
	return text
}

// formatWhole writes the columns that are not NULL; parseWhole reads it.
func (c *Codec) formatWhole(row []Value) string {
	var words []string
	for i, column := range c.schema.Columns {
		if !row[i].Null {
			words = append(words, keyWordText(column, row[i]))
		}
	}
	if len(words) == 0 { // one that is NULL stands for all
		return keyWordText(c.schema.Columns[0], Value{Null: true})
	}
	return strings.Join(words, ",")
}

// formatHash writes the key of a whole row of which the values are not at hand: *=hash, and +n behind it for the row with ordinal n.
func formatHash(key []byte) string {
	text := WholeRowName + "=" + hex.EncodeToString(key[:rowHashBytes])
	if n := Ordinal(key); n > 0 {
		text += "+" + strconv.FormatUint(n, 10)
	}
	return text
}

// parseHash reads what formatHash wrote.
func parseHash(text string) (key []byte, ok bool) {
	digits, ordinal, counted := strings.Cut(text, "+")
	hash, err := hex.DecodeString(digits)
	if err != nil || len(hash) != rowHashBytes {
		return nil, false
	}
	var n uint64
	if counted {
		if n, err = strconv.ParseUint(ordinal, 10, 64); err != nil {
			return nil, false
		}
	}
	return binary.BigEndian.AppendUint64(hash, n), true
}

// KeyNames is the key's columns by name, in key order; "*" alone where it is the whole row.
func (s *Schema) KeyNames() []string {
	if s.WholeRow {
		return []string{WholeRowName}
	}
	var names []string
	for _, c := range s.KeyColumns() {
		names = append(names, c.Name)
	}
	return names
}

// columnNames is all columns by name, in the table's order.
func (s *Schema) columnNames() []string {
	var names []string
	for _, c := range s.Columns {
		names = append(names, c.Name)
	}
	return names
}

// checkWholeKeys refuses a projection that moves the keys of whole rows: a column that went, or whose values are encoded otherwise.
func (p *Projection) checkWholeKeys(from, to *Schema) error {
	if !to.WholeRow {
		return nil
	}
	for _, c := range p.columns {
		switch c.conversion {
		case cut:
			return &IncompatibleError{"the whole row, which is the key,", fmt.Sprint(from.columnNames()), fmt.Sprint(to.columnNames())}
		case widen, rescale:
			return &IncompatibleError{fmt.Sprintf("column %q of the whole row, which is the key,", c.to.column.Name),
				describe(c.from.column), describe(c.to.column)}
		}
	}
	return nil
}

// sameKey says whether two schemas have the same columns for a key.
func sameKey(a, b *Schema) bool { return a.WholeRow == b.WholeRow && slices.Equal(a.Key, b.Key) }

// WithoutOrdinal is the part of a whole row's key that rows which equal each other share.
func WithoutOrdinal(key []byte) []byte { return key[:min(len(key), rowHashBytes)] }

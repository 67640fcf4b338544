package impala

import (
	"context"
	"database/sql"
	"encoding/base64"
	"errors"
	"fmt"
	"iter"
	"time"

	"rewind/table"
)

// errStop ends a scan whose reader wants no more.
var errStop = errors.New("the reader stopped")

// Rows reads the table as rows of the schema: in key order if ordered; else, and where the key is the whole row, as the engine
// gives them, those of whole rows all with ordinal 0. A row is valid until the next step. A cancelled context, or a reader that stops,
// ends the server's query.
func (db *DB) Rows(ctx context.Context, s *table.Schema, ordered bool) iter.Seq2[table.Row, error] {
	return func(yield func(table.Row, error) bool) {
		err := db.once(ctx, s.Table, false, func(session *session) error {
			return session.scan(ctx, s, ordered, func(r table.Row) bool { return yield(r, nil) })
		})
		if err != nil && !errors.Is(err, errStop) {
			yield(table.Row{}, err)
		}
	}
}

// scan reads a table and gives each row to each, until it says false.
func (s *session) scan(ctx context.Context, schema *table.Schema, ordered bool, each func(table.Row) bool) error {
	for _, c := range schema.Columns {
		if err := checkIdentifier(c.Name); err != nil {
			return err
		}
	}
	reader, err := newRowReader(schema)
	if err != nil {
		return err
	}
	fits := func(types []*sql.ColumnType) error { return checkTypes(schema, types) }
	err = s.queryTyped(ctx, scanSQL(schema, ordered), fits, func(_ []string, values []any) error {
		row, err := reader.read(values)
		if err != nil {
			return err
		}
		if !each(row) {
			return errStop
		}
		return nil
	})
	if isMissing(err) {
		return &NoTableError{schema.Table}
	}
	return err
}

// rowReader turns the driver's values into rows, without memory of its own for each.
type rowReader struct {
	schema *table.Schema
	codec  *table.Codec
	values []table.Value
	bytes  []byte // what the values' Bytes lie in
	row    table.Row
}

func newRowReader(s *table.Schema) (*rowReader, error) {
	codec, err := table.NewCodec(s)
	if err != nil {
		return nil, err
	}
	return &rowReader{schema: s, codec: codec, values: make([]table.Value, len(s.Columns))}, nil
}

func (r *rowReader) read(values []any) (table.Row, error) {
	if len(values) != len(r.values) {
		return table.Row{}, &ResultTypeError{Table: r.schema.Table, What: fmt.Sprintf("%d columns answered, %d asked for", len(values), len(r.values))}
	}
	r.bytes = r.bytes[:0]
	for i, v := range values {
		c := &r.schema.Columns[i]
		value, err := r.value(c, v)
		if err == nil && value.Null && r.schema.NotNull[c.ID] {
			err = fmt.Errorf("column %q: NULL, which the table does not allow there", c.Name)
		}
		if err != nil {
			return table.Row{}, r.failed(values, err)
		}
		r.values[i] = value
	}
	var err error
	if r.row.Image, err = r.codec.AppendImage(r.row.Image[:0], r.values); err != nil {
		return table.Row{}, r.failed(values, err)
	}
	if r.row.Key, err = r.codec.AppendKey(r.row.Key[:0], r.values); err != nil {
		return table.Row{}, r.failed(values, err)
	}
	return r.row, nil
}

// columnsShown is how many columns of a row without a key a message shows.
const columnsShown = 8

// failed names the row whose value cannot be carried.
func (r *rowReader) failed(values []any, err error) error {
	named := r.schema.KeyColumns()
	if r.schema.WholeRow {
		named = r.schema.Columns[:min(len(r.schema.Columns), columnsShown)]
	}
	key := ""
	for _, column := range named {
		for i, c := range r.schema.Columns {
			if c.ID == column.ID {
				key += fmt.Sprintf(",%s=%.80q", c.Name, textOf(values[i]))
			}
		}
	}
	if key == "" {
		key = ",?"
	}
	return &RowError{Table: r.schema.Table, Key: key[1:], Err: err}
}

// value is one column of a row. The driver's Go type must fit the column's: a table that was altered since it was described would
// otherwise be read as something else.
func (r *rowReader) value(c *table.Column, v any) (table.Value, error) {
	kind := c.Type.Kind
	isInteger := kind >= table.TinyInt && kind <= table.BigInt
	switch v := v.(type) {
	case nil:
		return table.Value{Null: true}, nil
	case string:
		return r.text(c, v)
	case int64:
		if isInteger {
			return table.Value{Int: v}, nil
		}
	case int32:
		if isInteger {
			return table.Value{Int: int64(v)}, nil
		}
	case int16:
		if isInteger {
			return table.Value{Int: int64(v)}, nil
		}
	case int8:
		if isInteger {
			return table.Value{Int: int64(v)}, nil
		}
	case bool:
		if kind == table.Boolean {
			return table.Value{Int: oneIf(v)}, nil
		}
	case float64:
		if kind == table.Float { // widened by Impala, or read from its digits: either way the nearest FLOAT is the column's
			return table.Value{Float: float64(float32(v))}, nil
		}
		if kind == table.Double {
			return table.Value{Float: v}, nil
		}
	case time.Time:
		if year := v.Year(); year < 0 || year > 9999 { // its digits would be those of another year
			return table.Value{}, fmt.Errorf("column %q: the year %d is outside of Impala's", c.Name, year)
		}
		if kind == table.Timestamp {
			return table.Value{Bytes: r.keep(func(b []byte) []byte { return appendTimestamp(b, v) })}, nil
		}
	}
	return table.Value{}, fmt.Errorf("column %q: %s expected, the driver answered with a %T", c.Name, c.Type, v)
}

func oneIf(b bool) int64 {
	if b {
		return 1
	}
	return 0
}

func (r *rowReader) text(c *table.Column, v string) (table.Value, error) {
	switch {
	case c.AsBytes, c.Type.Kind == table.Binary:
		var err error
		value := table.Value{Bytes: r.keep(func(b []byte) []byte {
			b, err = base64.StdEncoding.AppendDecode(b, []byte(v))
			return b
		})}
		if err != nil {
			err = fmt.Errorf("column %q: %w", c.Name, err)
		}
		return value, err
	case c.Type.Kind == table.String, c.Type.Kind == table.VarChar, c.Type.Kind == table.Char: // the codec cuts CHAR's padding
		return table.Value{Bytes: r.keep(func(b []byte) []byte { return append(b, v...) })}, nil
	}
	return c.Type.Parse(v)
}

// keep appends to the row's bytes and gives what was appended. Growing moves later values only: earlier ones stay where they are.
func (r *rowReader) keep(appendTo func([]byte) []byte) []byte {
	start := len(r.bytes)
	r.bytes = appendTo(r.bytes)
	return r.bytes[start:len(r.bytes):len(r.bytes)]
}

// appendTimestamp writes the fixed form yyyy-MM-dd HH:mm:ss.SSSSSSSSS, much faster than time.Format.
func appendTimestamp(b []byte, t time.Time) []byte {
	year, month, day := t.Date()
	hour, minute, second := t.Clock()
	b = appendDigits(b, year, 4)
	b = appendDigits(append(b, '-'), int(month), 2)
	b = appendDigits(append(b, '-'), day, 2)
	b = appendDigits(append(b, ' '), hour, 2)
	b = appendDigits(append(b, ':'), minute, 2)
	b = appendDigits(append(b, ':'), second, 2)
	return appendDigits(append(b, '.'), t.Nanosecond(), 9)
}

// appendDigits writes the last digits of a number, as many as the width says.
func appendDigits(b []byte, n, width int) []byte {
	var digits [nanosecondDigits]byte
	for i := width - 1; i >= 0; i-- {
		digits[i] = byte('0' + n%10)
		n /= 10
	}
	return append(b, digits[:width]...)
}

// nanosecondDigits is the most that a timestamp has in one piece.
const nanosecondDigits = 9

// textOf is a driver's value for people and for answers that are text.
func textOf(v any) string {
	switch v := v.(type) {
	case nil:
		return ""
	case string:
		return v
	case time.Time:
		return string(appendTimestamp(nil, v))
	}
	return fmt.Sprint(v)
}

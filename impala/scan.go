package impala

import (
	"context"
	"database/sql/driver"
	"encoding/base64"
	"errors"
	"fmt"
	"iter"
	"time"

	"rewind/ballast"
	"rewind/table"
)

// scanBallast: the driver makes an object of every value, beside a heap of a few megabytes; collecting them was an eighth of a scan's CPU.
// Twice as much gives no more.
const scanBallast = 8 << 20

// errStop ends a scan whose reader wants no more.
var errStop = errors.New("the reader stopped")

// Rows reads the table as rows of the schema: in key order if ordered; else, and where the key is the whole row, as the engine
// gives them, those of whole rows all with ordinal 0. A row is valid until the next step. A cancelled context, or a reader that stops,
// ends the server's query.
func (db *DB) Rows(ctx context.Context, s *table.Schema, ordered bool) iter.Seq2[table.Row, error] {
	return db.rows(ctx, s, ordered, nil)
}

// rows is Rows, or a range of them.
func (db *DB) rows(ctx context.Context, s *table.Schema, ordered bool, only *keyRange) iter.Seq2[table.Row, error] {
	return func(yield func(table.Row, error) bool) {
		err := db.once(ctx, s.Table, false, func(session *session) error {
			return session.scan(ctx, s, ordered, only, func(r table.Row) bool { return yield(r, nil) })
		})
		if err != nil && !errors.Is(err, errStop) {
			yield(table.Row{}, err)
		}
	}
}

// scan reads a table and gives each row to each, until it says false.
func (s *session) scan(ctx context.Context, schema *table.Schema, ordered bool, only *keyRange, each func(table.Row) bool) error {
	ballast.Hold(scanBallast)
	for _, c := range schema.Columns {
		if err := checkIdentifier(c.Name); err != nil {
			return err
		}
	}
	reader, err := newRowReader(schema)
	if err != nil {
		return err
	}
	statement := scanSQL(schema, ordered)
	if only != nil {
		if statement, err = s.pinned(ctx, schema, reader.codec, ordered, only); err != nil {
			return err
		}
	}
	err = s.read(ctx, statement, func(r *result) (one, other batch, err error) {
		of := func() batch {
			return &encodedRows{reader: reader, values: make([]driver.Value, len(r.names)), each: each}
		}
		return of(), of(), checkTypes(schema, r.types)
	})
	if isMissing(err) {
		return &NoTableError{schema.Table}
	}
	return err
}

// encodedRows is a batch of a table's rows: encoded where they are read, while the driver's values are at hand.
type encodedRows struct {
	reader *rowReader // of both batches: they are never filled at once
	values []driver.Value
	bytes  []byte // images and keys
	ends   []int  // of each image and each key
	each   func(table.Row) bool
	failed error // of the row behind these
}

func (e *encodedRows) fill(rows driver.Rows, most int) (end bool, err error) {
	e.bytes, e.ends, e.failed = e.bytes[:0], e.ends[:0], nil
	for len(e.ends) < 2*most && len(e.bytes) < batchBytes {
		if err := rows.Next(e.values); err != nil {
			return ended(err)
		}
		if !e.add() {
			return true, nil
		}
	}
	return false, nil
}

// add encodes the driver's values; false where they cannot be.
func (e *encodedRows) add() bool {
	bytes, image, err := e.reader.appendRow(e.bytes, e.values)
	if e.failed = err; err != nil {
		return false
	}
	e.bytes, e.ends = bytes, append(e.ends, image, len(bytes))
	return true
}

func (e *encodedRows) drain() error {
	for i, from := 0, 0; i < len(e.ends); i += 2 {
		image, key := e.ends[i], e.ends[i+1]
		if !e.each(table.Row{Key: e.bytes[image:key:key], Image: e.bytes[from:image:image]}) {
			return errStop
		}
		from = key
	}
	return e.failed
}

// rowReader turns the driver's values into rows, without memory of its own for each.
type rowReader struct {
	schema  *table.Schema
	codec   *table.Codec
	columns []scanColumn
	values  []table.Value
	bytes   []byte // what the values' Bytes lie in
}

// scanColumn is what of a column is asked for every value.
type scanColumn struct {
	*table.Column
	kind    table.Kind
	encoded bool // as base64
	isText  bool // carried as it comes
	notNull bool
}

func newRowReader(s *table.Schema) (*rowReader, error) {
	codec, err := table.NewCodec(s)
	if err != nil {
		return nil, err
	}
	r := &rowReader{schema: s, codec: codec, values: make([]table.Value, len(s.Columns)), columns: make([]scanColumn, len(s.Columns))}
	for i := range r.columns {
		c := &s.Columns[i]
		kind := c.Type.Kind
		encoded := c.AsBytes || kind == table.Binary
		r.columns[i] = scanColumn{
			Column: c, kind: kind, encoded: encoded, notNull: s.NotNull[c.ID],
			isText: !encoded && (kind == table.String || kind == table.VarChar || kind == table.Char), // the codec cuts CHAR's padding
		}
	}
	return r, nil
}

// appendRow appends a row's image, and behind where that ends its key.
func (r *rowReader) appendRow(dst []byte, values []driver.Value) (row []byte, image int, err error) {
	if len(values) != len(r.values) {
		return dst, 0, &ResultTypeError{Table: r.schema.Table, What: fmt.Sprintf("%d columns answered, %d asked for", len(values), len(r.values))}
	}
	r.bytes = r.bytes[:0]
	for i, v := range values {
		if err := r.set(&r.values[i], &r.columns[i], v); err != nil {
			return dst, 0, r.failed(values, err)
		}
	}
	if row, err = r.codec.AppendImage(dst, r.values); err != nil {
		return dst, 0, r.failed(values, err)
	}
	image = len(row)
	if row, err = r.codec.AppendKey(row, r.values); err != nil {
		return dst, 0, r.failed(values, err)
	}
	return row, image, nil
}

// columnsShown is how many columns of a row without a key a message shows.
const columnsShown = 8

// failed names the row whose value cannot be carried.
func (r *rowReader) failed(values []driver.Value, err error) error {
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

// set is one column of a row: of the value it sets what counts for the column's type, and nothing else is ever set. The driver's Go type
// must fit the column's: a table that was altered since it was described would otherwise be read as something else.
func (r *rowReader) set(to *table.Value, c *scanColumn, v driver.Value) error {
	to.Null = false
	fits := false
	switch v := v.(type) {
	case string:
		return r.text(to, c, v)
	case int64:
		to.Int, fits = v, c.isInteger()
	case int32:
		to.Int, fits = int64(v), c.isInteger()
	case int16:
		to.Int, fits = int64(v), c.isInteger()
	case int8:
		to.Int, fits = int64(v), c.isInteger()
	case bool:
		to.Int, fits = oneIf(v), c.kind == table.Boolean
	case float64:
		to.Float, fits = v, c.kind == table.Double
		if c.kind == table.Float { // widened by Impala, or read from its digits: either way the nearest FLOAT is the column's
			to.Float, fits = float64(float32(v)), true
		}
	case time.Time:
		year, month, day := v.Date()
		if year < 0 || year > 9999 { // its digits would be those of another year
			return fmt.Errorf("column %q: the year %d is outside of Impala's", c.Name, year)
		}
		start := len(r.bytes)
		r.bytes = appendClock(appendDate(r.bytes, year, int(month), day), v)
		to.Bytes, fits = r.bytes[start:len(r.bytes):len(r.bytes)], c.kind == table.Timestamp
	case nil:
		*to, fits = table.Value{Null: true}, true
		if c.notNull {
			return fmt.Errorf("column %q: NULL, which the table does not allow there", c.Name)
		}
	}
	if !fits {
		return fmt.Errorf("column %q: %s expected, the driver answered with a %T", c.Name, c.Type, v)
	}
	return nil
}

func (c *scanColumn) isInteger() bool { return c.kind >= table.TinyInt && c.kind <= table.BigInt }

func oneIf(b bool) int64 {
	if b {
		return 1
	}
	return 0
}

// text is a value that came as text. The row's bytes may move when they grow: values that were set before stay where they are.
func (r *rowReader) text(to *table.Value, c *scanColumn, v string) (err error) {
	start := len(r.bytes)
	switch {
	case c.isText:
		r.bytes = append(r.bytes, v...)
	case c.encoded:
		if r.bytes, err = base64.StdEncoding.AppendDecode(r.bytes, []byte(v)); err != nil {
			return fmt.Errorf("column %q: %w", c.Name, err)
		}
	default:
		*to, err = c.Type.Parse(v)
		return err
	}
	to.Bytes = r.bytes[start:len(r.bytes):len(r.bytes)]
	return nil
}

// appendDate and appendClock write the fixed form yyyy-MM-dd HH:mm:ss.SSSSSSSSS, much faster than time.Format.
func appendDate(b []byte, year, month, day int) []byte {
	b = appendPair(appendPair(b, year/100), year%100)
	b = appendPair(append(b, '-'), month)
	return appendPair(append(b, '-'), day)
}

func appendClock(b []byte, t time.Time) []byte {
	hour, minute, second := t.Clock()
	nanoseconds := t.Nanosecond()
	b = appendPair(append(b, ' '), hour)
	b = appendPair(append(b, ':'), minute)
	b = appendPair(append(b, ':'), second)
	b = append(b, '.', byte('0'+nanoseconds/100_000_000))
	b = appendPair(appendPair(b, nanoseconds/1_000_000%100), nanoseconds/10_000%100)
	return appendPair(appendPair(b, nanoseconds/100%100), nanoseconds%100)
}

func appendTimestamp(b []byte, t time.Time) []byte {
	year, month, day := t.Date()
	return appendClock(appendDate(b, year, int(month), day), t)
}

// appendPair writes a number below 100.
func appendPair(b []byte, n int) []byte { return append(b, byte('0'+n/10), byte('0'+n%10)) }

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

package impala

import (
	"bytes"
	"database/sql/driver"
	"math"
	"testing"
	"time"
	"unicode/utf8"

	"rewind/table"
)

// answeredTypes are the columns of the fuzzed rows: every type, and text that is carried as bytes.
func answeredTypes() *table.Schema {
	s := &table.Schema{Table: table.Name{Database: "shop", Table: "a"}, NextColumnID: 1}
	for _, sql := range []string{"BOOLEAN", "TINYINT", "SMALLINT", "INT", "BIGINT", "FLOAT", "DOUBLE", "DECIMAL(38,7)",
		"STRING", "VARCHAR(5)", "CHAR(5)", "TIMESTAMP", "DATE", "BINARY", "STRING"} {
		t, err := table.ParseType(sql)
		if err != nil {
			panic(err)
		}
		s.Columns = append(s.Columns, table.Column{ID: s.NextColumnID, Name: "c" + formatInt(int64(s.NextColumnID)), Type: t})
		s.NextColumnID++
	}
	s.Columns[len(s.Columns)-1].AsBytes = true
	return s
}

// answered is one of the Go types that the driver answers with.
func answered(kind uint8, n int64, f float64, text string) any {
	switch kind % 9 {
	case 0:
		return nil
	case 1:
		return n&1 == 1
	case 2:
		return int8(n)
	case 3:
		return int16(n)
	case 4:
		return int32(n)
	case 5:
		return n
	case 6:
		return f
	case 7:
		return text
	}
	return time.Unix(n>>20, n&(1<<20-1)).UTC()
}

// FuzzAnswer takes any value of the driver for a column of any type: what is accepted is the value that was answered, and an image
// that can be read again.
func FuzzAnswer(f *testing.F) {
	f.Add(uint8(0), uint8(0), int64(1), 0.0, "")
	for i, text := range []string{"", "1.5", "-0.0000001", "AP8=", "2024-02-29", "2024-02-29 01:02:03.000000004", "é", "\xff", "abc   ", "99999999999999999999999999999999.9999999"} {
		f.Add(uint8(i+5), uint8(7), int64(0), 0.0, text)
	}
	f.Add(uint8(11), uint8(8), int64(253402300799)<<20, 0.0, "")
	f.Add(uint8(11), uint8(8), int64(300748377600)<<20, 0.0, "") // the year 11500
	f.Add(uint8(5), uint8(6), int64(0), math.NaN(), "")
	s := answeredTypes()
	reader, err := newRowReader(s)
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, column, kind uint8, n int64, double float64, text string) {
		at := int(column) % len(s.Columns)
		values := make([]driver.Value, len(s.Columns))
		values[at] = answered(kind, n, double, text)
		row, err := readRow(reader, values)
		if err != nil {
			return
		}
		back := make([]table.Value, len(s.Columns))
		if err := reader.codec.Decode(row.Image, back); err != nil {
			t.Fatalf("%s from %T %v: an image that cannot be read: %v", s.Columns[at].Type, values[at], values[at], err)
		}
		for i := range back {
			if (i != at || values[at] == nil) != back[i].Null {
				t.Fatalf("column %d: NULL is %t", i, back[i].Null)
			}
		}
		checkAnswered(t, s.Columns[at], values[at], back[at])
	})
}

// checkAnswered compares what the image holds with what was answered, where the two can be compared directly.
func checkAnswered(t *testing.T, c table.Column, v any, have table.Value) {
	t.Helper()
	switch v := v.(type) {
	case time.Time:
		if v.Year() < 1400 || v.Year() > 9999 {
			t.Fatalf("a time outside Impala's range was taken: %v as %s", v, have.Bytes)
		}
		if got := string(have.Bytes); got != v.Format("2006-01-02 15:04:05.000000000") {
			t.Fatalf("%v became %s", v, got)
		}
	case string:
		if isText := c.Type.Kind == table.String || c.Type.Kind == table.VarChar; isText && !c.AsBytes {
			if !utf8.ValidString(v) || !bytes.Equal(have.Bytes, []byte(v)) {
				t.Fatalf("%q became %q", v, have.Bytes)
			}
		}
	case float64:
		if c.Type.Kind == table.Double && math.Float64bits(v) != math.Float64bits(have.Float) && !math.IsNaN(v) {
			t.Fatalf("%v became %v", v, have.Float)
		}
	case int64:
		if have.Int != v {
			t.Fatalf("%d became %d", v, have.Int)
		}
	}
}

package impala

import (
	"database/sql/driver"
	"errors"
	"math"
	"strings"
	"testing"
	"time"

	"rewind/table"
)

// TestDriverValues holds what the driver gives for each type: TINYINT int8, SMALLINT int16, INT int32, BIGINT int64, FLOAT and DOUBLE
// float64, DECIMAL, DATE and text string, TIMESTAMP time.Time in UTC, BOOLEAN bool, BINARY (through base64encode) string.
func TestDriverValues(t *testing.T) {
	columns := everyType()
	s := &table.Schema{Table: ordersName, Columns: columns, Key: []int{1, 2}, NextColumnID: len(columns) + 1}
	reader, err := newRowReader(s)
	if err != nil {
		t.Fatal(err)
	}
	at := time.Date(1400, 1, 1, 23, 59, 58, 7, time.UTC)
	row, err := readRow(reader, []driver.Value{"e ", int64(math.MinInt64), true, int8(-128), int16(-32768), int32(7), 1.100000023841858, math.Copysign(0, -1),
		"-0.05", "v", "it's ?\x00😀", "/wA=", at, "0001-01-01", "AP8="})
	if err != nil {
		t.Fatal(err)
	}
	got := make([]table.Value, len(columns))
	if err := reader.codec.Decode(row.Image, got); err != nil {
		t.Fatal(err)
	}
	var texts []string
	for i, c := range columns {
		texts = append(texts, c.Type.Format(got[i]))
	}
	want := "e|-9223372036854775808|true|-128|-32768|7|1.1|-0|-0.0500000000|v|it's ?\x00😀|\xff\x00|1400-01-01 23:59:58.000000007|0001-01-01|AP8="
	if joined := strings.Join(texts, "|"); joined != want {
		t.Errorf("got  %q\nwant %q", joined, want)
	}
	nulls, err := readRow(reader, make([]driver.Value, len(columns)))
	if err != nil {
		t.Fatal(err)
	}
	if err := reader.codec.Decode(nulls.Image, got); err != nil || !got[0].Null || !got[14].Null {
		t.Errorf("NULLs: %v, %+v", err, got)
	}
}

// readRow is a row by itself.
func readRow(r *rowReader, values []driver.Value) (table.Row, error) {
	b, image, err := r.appendRow(nil, values)
	if err != nil {
		return table.Row{}, err
	}
	return table.Row{Key: b[image:], Image: b[:image]}, nil
}

func TestDriverValuesThatDoNotFit(t *testing.T) {
	s := &table.Schema{Table: ordersName, Columns: []table.Column{column(1, "id", table.Type{Kind: table.BigInt}), column(2, "note", table.Type{Kind: table.String})},
		Key: []int{1}, NextColumnID: 3}
	reader, err := newRowReader(s)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		values  []driver.Value
		message string
		code    int
	}{
		{[]driver.Value{int64(42), "\xff\xfe"}, "row id=\"42\"", 2},
		{[]driver.Value{int64(42), int64(1)}, "STRING expected", 6},
		{[]driver.Value{1.5, "a"}, "BIGINT expected", 6},
		{[]driver.Value{[]byte("1"), "a"}, "[]uint8", 6},
		{[]driver.Value{"4x", "a"}, "BIGINT", 6},
	} {
		_, err := readRow(reader, c.values)
		var rowError *RowError
		if !errors.As(err, &rowError) || !strings.Contains(err.Error(), c.message) || rowError.ExitCode() != c.code {
			t.Errorf("%v: %v", c.values, err)
		}
	}
	_, err = readRow(reader, []driver.Value{int64(42), "\xff"})
	var hint interface{ Hint() string }
	if !errors.As(err, &hint) || !strings.Contains(hint.Hint(), "bytes: [note]") {
		t.Errorf("no hint that names the setting: %v", err)
	}
}

func TestAppendTimestamp(t *testing.T) {
	for _, want := range []string{"1400-01-01 00:00:00.000000000", "9999-12-31 23:59:59.999999999", "2024-02-29 12:30:00.000001000"} {
		at, err := time.Parse("2006-01-02 15:04:05.999999999", want)
		if err != nil {
			t.Fatal(err)
		}
		if got := string(appendTimestamp(nil, at)); got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
}

func TestAliasesAreNoColumns(t *testing.T) {
	s := &table.Schema{Table: ordersName, Columns: []table.Column{column(1, "v0", table.Type{Kind: table.Int}), column(2, "v_1", table.Type{Kind: table.Int}),
		column(3, "v__x", table.Type{Kind: table.Int})}, Key: []int{1}, NextColumnID: 4}
	if got := aliasPrefix(s); got != "v__" {
		t.Errorf("prefix %q", got)
	}
}

func BenchmarkReadRow(b *testing.B) {
	columns := everyType()
	reader, err := newRowReader(&table.Schema{Table: ordersName, Columns: columns, Key: []int{1, 2}, NextColumnID: len(columns) + 1})
	if err != nil {
		b.Fatal(err)
	}
	values := []driver.Value{"eu", int64(1), true, int8(1), int16(1), int32(7), 1.5, 2.5, "1234.5000000000", "label", "some note", "AAEC", time.Unix(1_700_000_000, 5).UTC(), "2024-01-01", "AP8="}
	b.ReportAllocs()
	var row []byte
	for b.Loop() {
		if row, _, err = reader.appendRow(row[:0], values); err != nil {
			b.Fatal(err)
		}
	}
}

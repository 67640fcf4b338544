//go:build integration

package integration

import (
	"fmt"
	"math"
	"math/big"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/linkedin/goavro/v2"
)

// column is one column of the table of every type: how Hive declares it, how a container file carries it there, and its values.
type column struct {
	name, sql, avro string
	value           func(r *rand.Rand) any
}

// everyType has every scalar type that Hive can hold, under names that need care.
var everyType = []column{
	{"region", "CHAR(4)", "string", nil}, // the key; see keyOf
	{"id", "BIGINT", "long", nil},
	{"flag", "BOOLEAN", "boolean", func(r *rand.Rand) any { return r.IntN(2) == 1 }},
	{"tiny", "TINYINT", "int", func(r *rand.Rand) any { return int32(pick(r, math.MinInt8, math.MaxInt8, r.Int64N(256)-128)) }},
	{"small", "SMALLINT", "int", func(r *rand.Rand) any { return int32(pick(r, math.MinInt16, math.MaxInt16, r.Int64N(1<<16)-1<<15)) }},
	{"1st", "INT", "int", func(r *rand.Rand) any { return int32(pick(r, math.MinInt32, math.MaxInt32, int64(int32(r.Uint32())))) }},
	{"order", "BIGINT", "long", func(r *rand.Rand) any { return pick(r, math.MinInt64, math.MaxInt64, int64(r.Uint64())) }},
	{"single", "FLOAT", "float", func(r *rand.Rand) any { return randomFloat(r) }},
	{"double", "DOUBLE", "double", func(r *rand.Rand) any { return randomDouble(r) }},
	{"amount", "DECIMAL(38,10)", "string", func(r *rand.Rand) any { return randomDecimal(r, 38, 10) }},
	{"price", "DECIMAL(9,2)", "string", func(r *rand.Rand) any { return randomDecimal(r, 9, 2) }},
	{"share", "DECIMAL(38,38)", "string", func(r *rand.Rand) any { return randomDecimal(r, 38, 38) }},
	{"note", "STRING", "string", func(r *rand.Rand) any { return randomText(r, 200) }},
	{"label", "VARCHAR(20)", "string", func(r *rand.Rand) any { return randomText(r, 20) }},
	{"code", "CHAR(8)", "string", func(r *rand.Rand) any { return strings.TrimRight(randomText(r, 8), " ") }},
	{"at", "TIMESTAMP", "string", func(r *rand.Rand) any { return randomTimestamp(r) }},
	{"date", "DATE", "string", func(r *rand.Rand) any { return randomDate(r) }},
	{"raw", "BINARY", "bytes", func(r *rand.Rand) any { return randomBytes(r) }},
}

var everyTypeKey = []string{"region", "id"}

func pick[T any](r *rand.Rand, low, high, other T) T {
	switch r.IntN(20) {
	case 0:
		return low
	case 1:
		return high
	}
	return other
}

func randomFloat(r *rand.Rand) float32 {
	special := []float32{
		float32(math.NaN()), float32(math.Inf(1)), float32(math.Inf(-1)), float32(math.Copysign(0, -1)), 0, 1.1,
		math.MaxFloat32, math.SmallestNonzeroFloat32, 16777217,
	}
	if i := r.IntN(4 * len(special)); i < len(special) {
		return special[i]
	}
	return math.Float32frombits(r.Uint32()&^(0xff<<23) | (r.Uint32()%254+1)<<23) // finite, every exponent
}

func randomDouble(r *rand.Rand) float64 {
	special := []float64{
		math.NaN(), math.Inf(1), math.Inf(-1), math.Copysign(0, -1), 0, 0.1, math.MaxFloat64, math.SmallestNonzeroFloat64, 1 << 53,
	}
	if i := r.IntN(4 * len(special)); i < len(special) {
		return special[i]
	}
	return math.Float64frombits(r.Uint64()&^(0x7ff<<52) | (r.Uint64()%2046+1)<<52)
}

// randomDecimal is a number of up to precision digits, as text with all digits of its scale.
func randomDecimal(r *rand.Rand, precision, scale int) string {
	limit := new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(precision)), nil)
	digits := r.IntN(precision + 1)
	n := new(big.Int)
	switch {
	case r.IntN(15) == 0:
		n.Sub(limit, big.NewInt(1)) // the largest
	default:
		for range digits {
			n.Add(n.Mul(n, big.NewInt(10)), big.NewInt(r.Int64N(10)))
		}
	}
	text := fmt.Sprintf("%0*s", scale+1, n.String())
	text = text[:len(text)-scale] + "." + text[len(text)-scale:]
	if r.IntN(2) == 0 && n.Sign() != 0 {
		return "-" + text
	}
	return text
}

var specialTexts = []string{
	"", " ", "  both ", "NULL", `\N`, "it's", `"`, `\`, `a\b`, `\'`, "?", "x?y", "$1", "@p1", ":x", "%s", "`", ";", "--", "/*", "\n", "\r\n", "\t",
	"\x00", "a\x00b", "\x01", "\x7f", "é", "e\u0301", "\u2028", "😀", "👩‍👩‍👧", "ß", "日本", "\ufffd", "\ufeff", "true", "-0",
}

var specialRunes = []rune("äßñ漢🙂'\"\\?$\n")

func randomText(r *rand.Rand, limit int) string {
	if i := r.IntN(4 * len(specialTexts)); i < len(specialTexts) && len([]rune(specialTexts[i])) <= limit {
		return specialTexts[i]
	}
	var text []rune
	for range r.IntN(limit + 1) {
		switch r.IntN(12) {
		case 0:
			text = append(text, specialRunes[r.IntN(len(specialRunes))])
		default:
			text = append(text, rune('a'+r.IntN(26)))
		}
	}
	return string(text)
}

// randomTimestamp is in the years 1400 to 9999, with nanoseconds.
func randomTimestamp(r *rand.Rand) string {
	special := []string{
		"1400-01-01 00:00:00.000000000", "9999-12-31 23:59:59.999999999", "1969-12-31 23:59:59.999999999", "1970-01-01 00:00:00.000000001",
		"1677-09-21 00:12:43.145224192", "2262-04-11 23:47:16.854775808", "1582-10-15 00:00:00.000000000", "1582-10-04 12:00:00.123456789",
	}
	if i := r.IntN(6 * len(special)); i < len(special) {
		return special[i]
	}
	fraction := []int{0, r.IntN(1000) * 1e6, r.IntN(1e6) * 1e3, r.IntN(1e9)}[r.IntN(4)]
	return fmt.Sprintf("%04d-%02d-%02d %02d:%02d:%02d.%09d", 1400+r.IntN(8600), 1+r.IntN(9), 1+r.IntN(28), r.IntN(24), r.IntN(60), r.IntN(60), fraction)
}

// randomDate leaves out 5 to 14 October 1582, which Hive cannot write.
func randomDate(r *rand.Rand) string {
	special := []string{"0001-01-01", "1400-01-01", "1582-10-04", "1582-10-15", "1969-12-31", "1970-01-01", "2000-02-29", "9999-12-31"}
	if i := r.IntN(6 * len(special)); i < len(special) {
		return special[i]
	}
	return fmt.Sprintf("%04d-%02d-%02d", 1+r.IntN(9999), 1+r.IntN(9), 1+r.IntN(28))
}

func randomBytes(r *rand.Rand) []byte {
	b := make([]byte, r.IntN(40))
	for i := range b {
		b[i] = byte(r.Uint32())
	}
	return b
}

// keyOf is the key of the n-th row: an optional short text and a number.
func keyOf(n int) (region any, id int64) {
	regions := []any{nil, "", "eu", "us", "é😀", "zzzz", "eu w"}
	switch n {
	case 0:
		return "eu", math.MinInt64
	case 1:
		return "eu", math.MaxInt64
	}
	return regions[n%len(regions)], int64(n/3)*7919 - 100_000_000
}

// rowOf is the n-th row in one of its versions.
func rowOf(seed uint64, n, version int) map[string]any {
	r := rand.New(rand.NewPCG(seed^uint64(n), uint64(version)))
	region, id := keyOf(n)
	row := map[string]any{"region": optional("string", region), "id": optional("long", id)}
	for _, c := range everyType[2:] {
		if r.IntN(12) == 0 {
			row[avroName(c.name)] = nil
			continue
		}
		row[avroName(c.name)] = optional(c.avro, c.value(r))
	}
	return row
}

func optional(branch string, value any) any {
	if value == nil {
		return nil
	}
	return goavro.Union(branch, value)
}

// avroName is a name that Avro takes: the file's columns are matched by it.
func avroName(column string) string { return "c_" + column }

// writeRows writes the rows of a moment into a container file in a folder of its own, through goavro, and makes an external table of it.
func writeRows(t *testing.T, e *engine, table, dir string, seed uint64, moment []int) {
	t.Helper()
	var fields, columns []string
	for _, c := range everyType {
		name := avroName(c.name)
		if c.name == "region" || c.name == "id" {
			name = c.name
		}
		fields = append(fields, fmt.Sprintf(`{"name":%q,"type":["null",%q]}`, name, c.avro))
		columns = append(columns, quote(name)+" "+map[string]string{
			"string": "STRING", "long": "BIGINT", "int": "INT", "boolean": "BOOLEAN", "float": "FLOAT", "double": "DOUBLE", "bytes": "BINARY",
		}[c.avro])
	}
	writeContainer(t, filepath.Join(dir, "rows.avro"), `{"type":"record","name":"row","fields":[`+strings.Join(fields, ",")+`]}`, func(add func(any)) {
		for n, version := range moment {
			if version > 0 {
				add(rowOf(seed, n, version))
			}
		}
	})
	e.exec("CREATE EXTERNAL TABLE " + table + " (" + strings.Join(columns, ", ") + ") STORED AS AVRO LOCATION 'file://" + dir + "'")
}

// writeContainer writes a container file through goavro.
func writeContainer(t *testing.T, path, schema string, rows func(add func(any))) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	w, err := goavro.NewOCFWriter(goavro.OCFConfig{W: f, Schema: schema, CompressionName: goavro.CompressionSnappyLabel})
	if err != nil {
		t.Fatal(err)
	}
	var batch []any
	flush := func() {
		if err := w.Append(batch); err != nil {
			t.Fatal(err)
		}
		batch = batch[:0]
	}
	rows(func(row any) {
		if batch = append(batch, row); len(batch) == 2000 {
			flush()
		}
	})
	flush()
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
}

// moments are the versions of every row at the four snapshots; 0 where it does not exist.
func moments(seed uint64, rows int) [][]int {
	inserted := rows / 60
	all := make([][]int, 4)
	for i := range all {
		all[i] = make([]int, rows+2*inserted)
	}
	r := rand.New(rand.NewPCG(seed, 0))
	for n := range all[0] {
		draw := r.IntN(100)
		// First: everything new.
		if n < rows {
			all[0][n] = 1
		}
		// Second: some updated, some deleted, some inserted.
		switch {
		case n >= rows && n < rows+inserted:
			all[1][n] = 1
		case n < rows && draw == 0:
		case n < rows && draw <= 5:
			all[1][n] = 2
		default:
			all[1][n] = all[0][n]
		}
		// Third: a total rewrite; some deleted, some inserted, some of the deleted back again.
		switch {
		case all[1][n] > 0 && draw != 10, n >= rows+inserted, n < rows && all[1][n] == 0 && n%2 == 0:
			all[2][n] = 3
		}
		// Fourth: without any change.
		all[3][n] = all[2][n]
	}
	return all
}

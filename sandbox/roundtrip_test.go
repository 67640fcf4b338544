package sandbox_test

import (
	"database/sql"
	"encoding/base64"
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"rewind/sandbox"
)

// quoted writes a literal that survives both the driver, which rewrites every
// question mark, and Impala's escapes.
func quoted(s string) string {
	return "'" + strings.NewReplacer(`\`, `\\`, `'`, `\'`, "?", `\077`, "\x00", `\000`).Replace(s) + "'"
}

// kinds are Impala's types with a generator of values: the SQL that makes one,
// and what the driver must give back.
var kinds = []struct {
	typ  string
	draw func(*rapid.T) (sql string, want any)
}{
	{"BOOLEAN", func(t *rapid.T) (string, any) { b := rapid.Bool().Draw(t, "b"); return fmt.Sprint(b), b }},
	{"TINYINT", func(t *rapid.T) (string, any) { i := rapid.Int8().Draw(t, "i"); return fmt.Sprint(i), i }},
	{"SMALLINT", func(t *rapid.T) (string, any) { i := rapid.Int16().Draw(t, "i"); return fmt.Sprint(i), i }},
	{"INT", func(t *rapid.T) (string, any) { i := rapid.Int32().Draw(t, "i"); return fmt.Sprint(i), i }},
	{"BIGINT", func(t *rapid.T) (string, any) { i := rapid.Int64().Draw(t, "i"); return fmt.Sprint(i), i }},
	{"FLOAT", func(t *rapid.T) (string, any) {
		f := float64(math.Float32frombits(rapid.Uint32().Draw(t, "bits")))
		return floatLiteral(f, "FLOAT"), f
	}},
	{"DOUBLE", func(t *rapid.T) (string, any) {
		f := math.Float64frombits(rapid.Uint64().Draw(t, "bits"))
		return floatLiteral(f, "DOUBLE"), f
	}},
	{"DECIMAL(38,10)", func(t *rapid.T) (string, any) {
		s := rapid.StringMatching(`-?(0|[1-9][0-9]{0,27})\.[0-9]{10}`).Draw(t, "d")
		if strings.Trim(s, "-0.") == "" {
			s = "0.0000000000"
		}
		return "CAST('" + s + "' AS DECIMAL(38,10))", s
	}},
	{"STRING", func(t *rapid.T) (string, any) {
		s := string(rapid.SliceOf(rapid.Byte()).Draw(t, "s"))
		return quoted(s), s
	}},
	{"VARCHAR(9)", func(t *rapid.T) (string, any) {
		s := rapid.StringN(0, 9, 9).Draw(t, "s")
		return "CAST(" + quoted(s) + " AS VARCHAR(9))", s
	}},
	{"CHAR(9)", func(t *rapid.T) (string, any) {
		s := rapid.StringN(0, 9, 9).Draw(t, "s")
		return "CAST(" + quoted(s) + " AS CHAR(9))", s + strings.Repeat(" ", 9-len(s))
	}},
	{"TIMESTAMP", func(t *rapid.T) (string, any) {
		seconds := rapid.Int64Range(time.Date(1400, 1, 1, 0, 0, 0, 0, time.UTC).Unix(), time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC).Unix()).Draw(t, "seconds")
		at := time.Unix(seconds, rapid.Int64Range(0, 999_999_999).Draw(t, "nanos")).UTC()
		return "CAST('" + at.Format("2006-01-02 15:04:05.000000000") + "' AS TIMESTAMP)", at
	}},
	{"DATE", func(t *rapid.T) (string, any) {
		days := rapid.Int64Range(-719162, 2932896).Draw(t, "days")
		s := time.Unix(days*86400, 0).UTC().Format("2006-01-02")
		return "CAST('" + s + "' AS DATE)", s
	}},
	{"BINARY", func(t *rapid.T) (string, any) {
		b := rapid.SliceOf(rapid.Byte()).Draw(t, "b")
		return "CAST(base64decode('" + base64.StdEncoding.EncodeToString(b) + "') AS BINARY)", base64.StdEncoding.EncodeToString(b)
	}},
}

func floatLiteral(f float64, typ string) string {
	switch {
	case math.IsNaN(f):
		return "CAST('nan' AS " + typ + ")"
	case math.IsInf(f, 0):
		return fmt.Sprintf("CAST('%v' AS %s)", f, typ)
	}
	return fmt.Sprintf("CAST('%v' AS %s)", f, typ)
}

func same(a, b any) bool {
	x, ok := a.(float64)
	y, ok2 := b.(float64)
	if ok && ok2 {
		return math.IsNaN(x) && math.IsNaN(y) || math.Float64bits(x) == math.Float64bits(y)
	}
	if t, ok := a.(time.Time); ok {
		return t.Equal(b.(time.Time))
	}
	return a == b
}

func TestEveryTypeComesBackAsItWent(t *testing.T) {
	_, db := start(t, sandbox.ImpalaOptions{})
	columns, selects := []string{"id BIGINT"}, []string{"id"}
	for i, k := range kinds {
		columns = append(columns, fmt.Sprintf("c%d %s", i, k.typ))
		if k.typ == "BINARY" {
			selects = append(selects, fmt.Sprintf("base64encode(c%d)", i))
		} else {
			selects = append(selects, fmt.Sprintf("c%d", i))
		}
	}
	exec(t, db, "CREATE TABLE every ("+strings.Join(columns, ", ")+") STORED AS PARQUET")
	id := int64(0)
	rapid.Check(t, func(r *rapid.T) {
		id++
		literals, want := []string{fmt.Sprint(id)}, []any{id}
		for _, k := range kinds {
			if rapid.IntRange(0, 9).Draw(r, "null") == 0 {
				literals, want = append(literals, "NULL"), append(want, nil)
				continue
			}
			l, w := k.draw(r)
			literals, want = append(literals, l), append(want, w)
		}
		if _, err := db.Exec("INSERT INTO every VALUES (" + strings.Join(literals, ", ") + ")"); err != nil {
			r.Fatal(err)
		}
		got := one(r, db, fmt.Sprintf("SELECT %s FROM every WHERE id = %d", strings.Join(selects, ", "), id), len(want))
		for i := range want {
			if !same(got[i], want[i]) {
				r.Fatalf("%s: %s came back as %v (%T)", columns[i], literals[i], got[i], got[i])
			}
		}
	})
}

func one(t interface{ Fatal(...any) }, db *sql.DB, query string, n int) []any {
	rows, err := db.Query(query)
	if err != nil {
		t.Fatal(query, err)
	}
	defer rows.Close()
	values, into := make([]any, n), make([]any, n)
	for i := range into {
		into[i] = &values[i]
	}
	if !rows.Next() {
		t.Fatal(query, "no row", rows.Err())
	}
	if err := rows.Scan(into...); err != nil {
		t.Fatal(query, err)
	}
	return values
}

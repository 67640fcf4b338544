package engine

import (
	"errors"
	"strings"
	"testing"
)

// No statement may break the engine: it is executed, or refused with an error of Impala's kind.
func FuzzExecute(f *testing.F) {
	for _, e := range expressions {
		f.Add("SELECT " + e.sql)
	}
	f.Add("SELECT k, row_number() OVER (PARTITION BY v ORDER BY k) FROM a JOIN a b USING (k) GROUP BY 1, k HAVING max(v) > 'a'")
	f.Add("INSERT INTO a SELECT CAST(k + 1 AS INT), v FROM a UNION ALL VALUES (CAST(9 AS INT), NULL)")
	f.Add("UPSERT INTO u VALUES (1, 'x')")
	f.Fuzz(func(t *testing.T, statement string) {
		if strings.Contains(strings.ToLower(statement), "location") { // would write where it says
			return
		}
		_, s := open(t, Options{})
		must(t, s, "CREATE TABLE a (k INT, v STRING)", "INSERT INTO a VALUES (1, 'x'), (2, NULL)",
			"CREATE TABLE u (k INT PRIMARY KEY, v STRING) STORED AS KUDU")
		_, _, err := run(s, statement)
		var known *Error
		if err != nil && !errors.As(err, &known) {
			t.Fatalf("%s\n%v", statement, err)
		}
	})
}

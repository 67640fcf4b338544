package main

import (
	"fmt"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"

	"rewind/replay"
	"rewind/sandbox"
)

// isScan says whether a statement is a capture's reading of shop.t.
func isScan(statement string) bool {
	return strings.HasPrefix(statement, "SELECT src.") && strings.Contains(statement, "`shop`.`t`")
}

// meanwhile runs a command during which the table is altered just before its scans, once for each list of statements, past rewind.
func (r *rig) meanwhile(t *testing.T, alters [][]string, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var scans atomic.Int32
	fault := func(statement string) (error, error) {
		if n := int(scans.Load()); isScan(statement) && n < len(alters) {
			scans.Add(1)
			for _, a := range alters[n] {
				if _, err := r.db.ExecContext(t.Context(), a); err != nil {
					return err, nil
				}
			}
		}
		return nil, nil
	}
	r.while(func() { r.fault = fault }, func() { code, stdout, stderr = runCommand(t.Context(), append(args, "--config", r.config)...) })
	return code, stdout, stderr
}

// TestTableAlteredWhileItIsRead alters a table between its description and its scan, in ways that a scan notices and in ways that it does not:
// the capture reads again, says so, and the restore point is of one schema, with its rows.
func TestTableAlteredWhileItIsRead(t *testing.T) {
	noLeaks(t)
	cases := map[string]struct {
		create string
		alters []string
		what   string // as produce tells it
	}{
		"widened":             {parquet, []string{"ALTER TABLE shop.t CHANGE COLUMN qty qty BIGINT"}, `column "qty" was INT and is BIGINT`},
		"added":               {parquet, []string{"ALTER TABLE shop.t ADD COLUMNS (city STRING)"}, `column "city" is new`},
		"dropped":             {iceberg, []string{"ALTER TABLE shop.t DROP COLUMN qty"}, `column "qty" is gone`},
		"renamed":             {iceberg, []string{"ALTER TABLE shop.t CHANGE COLUMN name called STRING"}, `column "name" is gone`},
		"dropped and added":   {iceberg, []string{"ALTER TABLE shop.t DROP COLUMN qty", "ALTER TABLE shop.t ADD COLUMNS (qty INT)"}, `column "qty" is another one`},
		"reordered":           {parquet, []string{"ALTER TABLE shop.t REPLACE COLUMNS (qty INT, id INT, name STRING)"}, "its columns stand in another order"},
		"file format":         {parquet, []string{"ALTER TABLE shop.t SET FILEFORMAT TEXTFILE"}, "its definition is another"},
		"recreated otherwise": {parquet, []string{"DROP TABLE shop.t", "CREATE TABLE shop.t (id INT, name STRING, qty STRING) STORED AS PARQUET", "INSERT INTO shop.t VALUES (1, 'x', 'y')"}, `column "qty" was INT and is STRING`},
	}
	for name, c := range cases {
		t.Run(strings.ReplaceAll(name, " ", "-"), func(t *testing.T) {
			t.Parallel()
			r := newRig(t, keyID, "")
			r.sql(t, c.create, "INSERT INTO shop.t VALUES "+three)
			before := r.look(t, "shop.t")
			one := r.capture(t)
			code, stdout, stderr := r.meanwhile(t, [][]string{c.alters}, "produce")
			if code != exitOK || !strings.Contains(stdout, "read twice, for it was altered meanwhile: "+c.what) {
				t.Fatalf("exit code %d\n%s%s", code, stdout, stderr)
			}
			must(t, "consume", "--until-caught-up", "--config", r.config)
			ids := r.points(t)
			r.restored(t, "shop.t", one.Snapshot, before)
			r.restored(t, "shop.t", ids[len(ids)-1], r.look(t, "shop.t"))
			if next := r.capture(t); len(ids) != 2 || next.Counts != (replay.Counts{}) || next.Reread != "" {
				t.Errorf("%d restore points; the next capture: %+v", len(ids), next)
			}
		})
	}
	t.Logf("counted: %d ways of altering a table while it is read", len(cases))
}

// TestTableThatIsAlteredAgainAndAgain: what is not the same twice in a row is refused, and what is gone is gone. Nothing is published.
func TestTableThatIsAlteredAgainAndAgain(t *testing.T) {
	noLeaks(t)
	r := newRig(t, keyID, "")
	r.sql(t, parquet, "INSERT INTO shop.t VALUES "+three)
	r.capture(t)
	code, _, stderr := r.meanwhile(t, [][]string{
		{"ALTER TABLE shop.t ADD COLUMNS (a INT)"}, {"ALTER TABLE shop.t ADD COLUMNS (b INT)"},
	}, "produce")
	if code != exitRefused || !strings.Contains(stderr, "shop.t was altered while it was read, twice in a row: column \"b\" is new") ||
		!strings.Contains(stderr, "hint: nothing was published") {
		t.Errorf("altered twice: exit code %d, %s", code, stderr)
	}
	code, _, stderr = r.meanwhile(t, [][]string{{"DROP TABLE shop.t"}}, "produce")
	if code != exitNothing || !strings.Contains(stderr, "no such table: shop.t") {
		t.Errorf("dropped: exit code %d, %s", code, stderr)
	}
	must(t, "consume", "--until-caught-up", "--config", r.config)
	if ids := r.points(t); len(ids) != 1 {
		t.Errorf("%d restore points", len(ids))
	}
	r.sql(t, parquet, "INSERT INTO shop.t VALUES "+three)
	r.configure(t, keyID, "")
	if next := r.capture(t); next.Baseline != "" || next.Counts != (replay.Counts{}) {
		t.Errorf("made again: %+v", next)
	}
}

// TestAlteredThereAndBack: the table is another one for the length of the scan alone, so that its descriptions before and behind agree. The
// result's own types tell.
func TestAlteredThereAndBack(t *testing.T) {
	noLeaks(t)
	r := newRig(t, keyID, "")
	r.sql(t, "CREATE TABLE shop.t (id INT, qty INT) STORED AS PARQUET", "INSERT INTO shop.t VALUES (1, 10)")
	r.capture(t)
	code, stderr := 0, ""
	r.while(func() {
		r.rewrite = func(statement string) string {
			if isScan(statement) {
				return strings.Replace(statement, "src.`qty`", "CAST(src.`qty` AS BIGINT)", 1)
			}
			return statement
		}
	}, func() { code, _, stderr = runCommand(t.Context(), "produce", "--config", r.config) })
	if code != exitRefused || !strings.Contains(stderr, `column "qty" is BIGINT in the result, and was INT`) {
		t.Errorf("exit code %d, %s", code, stderr)
	}
	must(t, "consume", "--until-caught-up", "--config", r.config)
	if ids := r.points(t); len(ids) != 1 {
		t.Errorf("%d restore points", len(ids))
	}
	r.capture(t)
}

// TestRowsThatDoNotFit lets the engine answer a scan with rows that cannot be the table's. Each ends the capture with an error that names what
// is wrong, and a code; nothing becomes a restore point, and the next capture goes right.
func TestRowsThatDoNotFit(t *testing.T) {
	noLeaks(t)
	r := newRig(t, "  - {name: shop.t}\n", "")
	r.sql(t, "CREATE TABLE shop.t (id INT PRIMARY KEY, name STRING NOT NULL, d DECIMAL(4,1)) STORED AS KUDU", "INSERT INTO shop.t VALUES (1, 'Alice', 1.5), (2, 'Bob', NULL)")
	r.capture(t)
	had := len(r.points(t))
	const from = " FROM `shop`.`t` src"
	cases := map[string]struct {
		instead string
		code    int
		says    string
	}{
		"too few columns":     {"SELECT src.id, src.name" + from, exitRefused, "2 columns answered, 3 asked for"},
		"too many columns":    {"SELECT src.id, src.name, src.d, 1" + from, exitRefused, "4 columns answered, 3 asked for"},
		"another type":        {"SELECT src.id, src.d, src.d" + from, exitRefused, `column "name" is DECIMAL(4,1) in the result, and was STRING`},
		"another scale":       {"SELECT src.id, src.name, CAST(src.d AS DECIMAL(6,2))" + from, exitRefused, `column "d" is DECIMAL(6,2) in the result, and was DECIMAL(4,1)`},
		"NULL where not null": {"SELECT src.id, CAST(NULL AS STRING), src.d" + from, exitRefused, `column "name": NULL, which the table does not allow there`},
		"NULL in the key":     {"SELECT CAST(NULL AS INT), src.name, src.d" + from, exitRefused, `column "id": NULL, which the table does not allow there`},
		"text not UTF-8":      {"SELECT src.id, base64decode('/w=='), src.d" + from, exitUsage, "UTF-8"},
		"wrong order":         {"SELECT src.id, src.name, src.d" + from + " ORDER BY src.id DESC", exitRefused, "not in key order"},
		"a key twice":         {"SELECT CAST(1 AS INT), src.name, src.d" + from, exitRefused, "two rows have the key id=1"},
	}
	for name, c := range cases {
		code, stderr := 0, ""
		r.while(func() {
			r.rewrite = func(statement string) string {
				if isScan(statement) {
					return c.instead
				}
				return statement
			}
		}, func() { code, _, stderr = runCommand(t.Context(), "produce", "--config", r.config) })
		if code != c.code || !strings.Contains(stderr, c.says) || !strings.Contains(stderr, "hint: ") {
			t.Errorf("%s: exit code %d, want %d\n%s", name, code, c.code, stderr)
		}
	}
	must(t, "consume", "--until-caught-up", "--config", r.config)
	if ids := r.points(t); len(ids) != had {
		t.Errorf("%d restore points, were %d", len(ids), had)
	}
	next := r.capture(t)
	if diff := cmp.Diff(r.look(t, "shop.t").Rows, r.fold(t, shopT, next.Snapshot)); diff != "" {
		t.Errorf("the next capture\n%s", diff)
	}
	t.Logf("counted: %d results that do not fit the table", len(cases))
}

// TestResultsThatBreakOff: a scan of many small and empty batches, each of which in turn is an error, is cut off, or lacks a column.
func TestResultsThatBreakOff(t *testing.T) {
	noLeaks(t)
	r := newRigWith(t, keyID, "", sandbox.ImpalaOptions{BatchRows: 2, EmptyBatches: 1})
	r.sql(t, parquet, "INSERT INTO shop.t VALUES "+three+", (4, 'd', 4), (5, 'e', 5), (6, 'f', 6), (7, 'g', 7)")
	r.capture(t)
	had, tried := len(r.points(t)), 0
	for how, code := range map[sandbox.CallFault]int{sandbox.CallRefused: exitFailed, sandbox.CallCut: exitUnreachable, sandbox.CallShort: exitFailed} {
		for k := 1; ; k++ {
			scanning, seen, got, stderr := false, 0, 0, ""
			r.while(func() {
				r.rewrite = func(statement string) string {
					r.mu.Lock()
					scanning = isScan(statement)
					r.mu.Unlock()
					return statement
				}
				r.call = func(c sandbox.Call) sandbox.CallFault {
					if !scanning || c.Name != "FetchResults" {
						return 0
					}
					if seen++; seen != k {
						return 0
					}
					return how
				}
			}, func() { got, _, stderr = runCommand(t.Context(), "produce", "--config", r.config) })
			if seen < k {
				break
			}
			tried++
			if how == sandbox.CallShort && k%2 == 1 { // an empty batch that lacks a column lacks nothing
				if got != exitOK {
					t.Errorf("an empty batch %d: exit code %d, %s", k, got, stderr)
				}
				had++
			} else if got != code {
				t.Errorf("fault %d in batch %d: exit code %d, want %d, %s", how, k, got, code, stderr)
			}
			must(t, "consume", "--until-caught-up", "--config", r.config)
			if n := len(r.points(t)); n != had {
				t.Fatalf("fault %d in batch %d: %d restore points, were %d", how, k, n, had)
			}
		}
		had++ // the capture that no fault came to
		must(t, "consume", "--until-caught-up", "--config", r.config)
	}
	next := r.capture(t)
	if diff := cmp.Diff(r.look(t, "shop.t").Rows, r.fold(t, shopT, next.Snapshot)); diff != "" {
		t.Errorf("the next capture\n%s", diff)
	}
	t.Logf("counted: %d batches of a result that broke off", tried)
}

// TestSessionsThatExpire: a session that has expired at each statement of a capture in turn.
func TestSessionsThatExpire(t *testing.T) {
	noLeaks(t)
	r := newRig(t, keyID, "")
	r.sql(t, parquet, "INSERT INTO shop.t VALUES "+three)
	r.capture(t)
	tried := 0
	for k := 1; ; k++ {
		seen, code, stderr := 0, 0, ""
		fault := func(string) (error, error) {
			if seen++; seen == k {
				return fmt.Errorf("Client session expired due to more than 1800s of inactivity (last activity was at: k)"), nil
			}
			return nil, nil
		}
		had := len(r.points(t))
		r.while(func() { r.fault = fault }, func() { code, _, stderr = runCommand(t.Context(), "produce", "--config", r.config) })
		if code != exitOK && (code != exitUnreachable || !strings.Contains(stderr, "session expired")) {
			t.Errorf("statement %d: exit code %d, %s", k, code, stderr)
		}
		must(t, "consume", "--until-caught-up", "--config", r.config)
		if got := len(r.points(t)); got != had+oneIf(code == exitOK) {
			t.Errorf("statement %d: exit code %d, %d restore points, were %d", k, code, got, had)
		}
		if seen < k {
			break
		}
		tried++
	}
	must(t, "verify", "--config", r.config)
	t.Logf("counted: %d statements of a capture whose session had expired", tried)
}

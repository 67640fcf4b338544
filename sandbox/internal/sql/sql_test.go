package sql

import (
	"errors"
	"strings"
	"testing"
)

func TestLiterals(t *testing.T) {
	for literal, want := range map[string]string{
		`''`:             "",
		`'a"b'`:          `a"b`,
		`"a'b"`:          `a'b`,
		`'it\'s'`:        "it's",
		`'\\'`:           `\`,
		`'\0\b\n\r\t\Z'`: "\x00\b\n\r\t\x1A",
		`'\077\177\101'`: "?\x7FA",
		`'\000'`:         "\x00", // not NUL and two zeros
		`'\00000'`:       "\x0000",
		`'\377'`:         "377", // no octal escape beyond \177
		`'\u00e9\u20AC'`: "é€",
		`'\ud83d\ude00'`: "😀",
		`'\%\_'`:         `\%\_`,
		`'\q'`:           "q",
		"'line\nbreak😀'": "line\nbreak😀",
	} {
		tokens, err := lex(literal)
		if err != nil || len(tokens) != 2 || tokens[0].kind != tokenString || tokens[0].text != want {
			t.Errorf("%s is %+v (%v), want %q", literal, tokens, err, want)
		}
	}
}

func TestDoubledQuoteIsNoEscape(t *testing.T) {
	s, err := Parse(`SELECT 'it''s'`)
	if err != nil {
		t.Fatal(err)
	}
	item := s.(*SelectStatement).Query.Body.(*Select).Items[0]
	if item.Expr.(*String).Value != "it" || item.Alias != "s" {
		t.Errorf("%+v", item)
	}
}

func TestCommentsAndNames(t *testing.T) {
	s, err := Parse("-- one ' line\nSELECT /* two */ STRAIGHT_JOIN `Files`, 1a, x.`b c` /* +SHUFFLE */ FROM `d`.T # three\n;")
	if err != nil {
		t.Fatal(err)
	}
	q := s.(*SelectStatement).Query.Body.(*Select)
	var names []string
	for _, i := range q.Items {
		names = append(names, Format(i.Expr))
	}
	if got := strings.Join(append(names, q.From[0].Parts...), " "); got != "files 1a x.b c d t" {
		t.Error(got)
	}
}

func TestPrecedence(t *testing.T) {
	for text, want := range map[string]string{
		"a or b and not c = 1 + 2 * 3": "a or(b and(not(c =(1 +(2 * 3)))))",
		"a - b - c":                    "(a - b)- c",
		"not a is null":                "not(a is null)",
		"a between 1 and 2 and b":      "(a between 1 and 2)and b",
		"a in (1) or b not like 'x'":   "(expression)or(not(b like 'x'))",
	} {
		s, err := Parse("SELECT " + text)
		if err != nil {
			t.Fatal(text, err)
		}
		if got := grouped(s.(*SelectStatement).Query.Body.(*Select).Items[0].Expr); got != want {
			t.Errorf("%s is read as %s, want %s", text, got, want)
		}
	}
}

// grouped writes an expression with the parentheses of its tree.
func grouped(e Expr) string {
	inner := func(e Expr) string {
		switch e.(type) {
		case *ColumnRef, *Number, *String:
			return Format(e)
		}
		return "(" + grouped(e) + ")"
	}
	switch e := e.(type) {
	case *Binary:
		return tight(inner(e.L) + " " + e.Op + " " + inner(e.R))
	case *Unary:
		return tight(e.Op + " " + inner(e.X))
	case *IsNull:
		return Format(e)
	}
	return Format(e)
}

func tight(s string) string {
	return strings.NewReplacer(") ", ")", " (", "(").Replace(s)
}

func TestSyntaxErrorsShowThePlace(t *testing.T) {
	_, err := Parse("SELECT 1\nFROM date")
	var syntax *SyntaxError
	if !errors.As(err, &syntax) || !strings.Contains(err.Error(), "Syntax error in line 2:\nFROM date\n     ^\nEncountered: a reserved word: date") {
		t.Error(err)
	}
}

func TestSplit(t *testing.T) {
	parts, err := Split("SELECT ';' ; -- no; end\nSET a=1;;")
	if err != nil || strings.Join(parts, "|") != "SELECT ';'|SET a=1" {
		t.Errorf("%q %v", parts, err)
	}
}

func TestRangePartitions(t *testing.T) {
	got := RangePartitions("(PARTITION VALUES < 10, PARTITION (1, 2) <= VALUES < (3, 4), PARTITION VALUE = 'a,b')")
	if strings.Join(got, ";") != "VALUES < 10;(1, 2) <= VALUES < (3, 4);VALUE = 'a,b'" {
		t.Errorf("%q", got)
	}
}

func TestNestingIsLimited(t *testing.T) {
	for _, s := range []string{
		"SELECT " + strings.Repeat("(", 100_000), "SELECT " + strings.Repeat("not ", 100_000) + "a", "SELECT " + strings.Repeat("- ", 100_000) + "1",
		strings.Repeat("(", 100_000) + "SELECT 1", "SELECT * FROM " + strings.Repeat("(SELECT * FROM ", 10_000),
	} {
		if _, err := Parse(s); err == nil {
			t.Error("deep nesting was accepted")
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{
		"SELECT a.b, count(*) c FROM t AS a LEFT ANTI JOIN (SELECT 1) x ON a.k <=> x.k WHERE a IN (1,2) GROUP BY 1 HAVING true ORDER BY 1 DESC NULLS LAST LIMIT 1 OFFSET 2",
		"CREATE TABLE t (a INT PRIMARY KEY, b DECIMAL(3,2) DEFAULT -1.5 COMMENT 'x') PARTITION BY HASH (a) PARTITIONS 2, RANGE (a) (PARTITION VALUES < 1) STORED AS KUDU",
		"INSERT OVERWRITE t PARTITION (p=1, q) VALUES ('it\\'s', \"x\", 1e5, CAST(NULL AS STRING))", "SET mem_limit=-1.5gb", "ALTER TABLE a.b RENAME TO c.d",
		"SHOW CREATE TABLE `x y`", "UPDATE t SET a = 1 FROM t JOIN u USING (k)", "EXPLAIN UPSERT INTO t SELECT CASE WHEN a THEN 1 END, INTERVAL 1 DAY + b",
		"CREATE TABLE i (a INT) PARTITIONED BY SPEC (BUCKET(3, a), a) STORED AS ICEBERG", "select \\", "'\\", "\"\\u12", "/*", "`", "1e", "VALUES ((1",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		statement, err := Parse(s)
		if err != nil {
			var syntax *SyntaxError
			if !errors.As(err, &syntax) || err.Error() == "" {
				t.Fatalf("%T %v", err, err)
			}
			return
		}
		if statement == nil {
			t.Fatal("no statement and no error")
		}
		if _, err := Split(s); err != nil {
			t.Fatal(err)
		}
	})
}

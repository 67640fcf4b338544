package main

import (
	"errors"
	"regexp"
	"strings"
)

// calls are Impala's functions that Hive has under another name or with other arguments: what opens and what closes the call there.
var calls = map[string][2]string{
	"base64encode":   {"base64(CAST(", " AS BINARY))"},
	"base64decode":   {"CAST(unbase64(", ") AS STRING)"},
	"from_timestamp": {"date_format(", ")"},
	"bytes":          {"octet_length(", ")"},
}

// literals are texts that Impala casts to numbers and Hive writes in another way.
var literals = []struct {
	impala *regexp.Regexp
	hive   string
}{
	{regexp.MustCompile(`(?i)'\+?nan'(\s+AS\s+(?:DOUBLE|FLOAT)\b)`), `'NaN'$1`},
	{regexp.MustCompile(`(?i)'\+?inf(?:inity)?'(\s+AS\s+(?:DOUBLE|FLOAT)\b)`), `'Infinity'$1`},
	{regexp.MustCompile(`(?i)'-inf(?:inity)?'(\s+AS\s+(?:DOUBLE|FLOAT)\b)`), `'-Infinity'$1`},
}

// forms are statements and parts of them that Hive writes in another way; they match whole quoted texts or none.
var forms = []struct {
	impala *regexp.Regexp
	hive   string
}{
	// Impala encodes BINARY and VARCHAR as STRING, which there is any bytes, and in Hive only UTF-8.
	{regexp.MustCompile("(?i)\\bbase64encode\\(CAST\\(((?:[A-Za-z0-9_]+\\.)?`[^`]+`) AS STRING\\)\\)"), "base64encode($1)"},
	{regexp.MustCompile(`(?i)\bCAST\(base64decode\(('[^']*')\) AS BINARY\)`), "unbase64($1)"},
	{regexp.MustCompile(`(?is)^\s*COMPUTE\s+(?:INCREMENTAL\s+)?STATS\s+([^\s;]+).*$`), "ANALYZE TABLE $1 COMPUTE STATISTICS"},
	// Impala truncates external tables, too.
	{regexp.MustCompile(`(?is)^\s*TRUNCATE\s+(?:TABLE\s+)?(?:IF\s+EXISTS\s+)?([^\s;]+)\s*$`), "TRUNCATE TABLE $1 FORCE"},
	{regexp.MustCompile(`(?is)^(CREATE (?:EXTERNAL )?TABLE .*?, PRIMARY KEY \([^()]*\))\)`), "$1 DISABLE NOVALIDATE)"},
	// Hive has no SORT BY; there a table's comment comes before its partitions, and the delimiters are said once.
	{regexp.MustCompile(`(?is)^(CREATE (?:EXTERNAL )?TABLE .*?) SORT BY (?:ZORDER |LEXICAL )?\([^()]*\)`), "$1"},
	{regexp.MustCompile(`(?is)^(CREATE (?:EXTERNAL )?TABLE .*?)( PARTITIONED BY \((?:[^()']|` + literal + `|\([^()]*\))*\))( COMMENT ` + literal + `)`), "$1$3$2"},
	{regexp.MustCompile(`(?is)^(CREATE (?:EXTERNAL )?TABLE .* ROW FORMAT DELIMITED.*?) WITH SERDEPROPERTIES \((?:[^()']|` + literal + `)*\)`), "$1"},
}

// toHive writes a statement in Hive's dialect.
func toHive(sql string) string {
	for _, f := range forms {
		sql = f.impala.ReplaceAllString(sql, f.hive)
	}
	for _, l := range literals {
		sql = l.impala.ReplaceAllString(sql, l.hive)
	}
	return toHiveCalls(sql)
}

// toHiveCalls replaces calls of Impala's functions, also inside each other's arguments, but not inside quotes.
func toHiveCalls(sql string) string {
	var out strings.Builder
	var open []string // how each open parenthesis is closed
	for _, part := range quotes(sql) {
		if quoted(part) {
			out.WriteString(part)
			continue
		}
		begin := 0
		for i := range len(part) {
			switch part[i] {
			case '(':
				before, call := callAt(part[begin:i])
				out.WriteString(before + call[0])
				open = append(open, call[1])
				begin = i + 1
			case ')':
				out.WriteString(part[begin:i])
				closing := ")"
				if len(open) > 0 {
					closing, open = open[len(open)-1], open[:len(open)-1]
				}
				out.WriteString(closing)
				begin = i + 1
			}
		}
		out.WriteString(part[begin:])
	}
	return out.String()
}

// callAt looks at what stands before an opening parenthesis: the text before the call, and how the call opens and closes in Hive.
func callAt(text string) (before string, call [2]string) {
	at := len(text)
	for at > 0 && isWord(text[at-1]) {
		at--
	}
	if known, is := calls[strings.ToLower(text[at:])]; is {
		return text[:at], known
	}
	return text, [2]string{"(", ")"}
}

func isWord(c byte) bool {
	return c == '_' || c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
}

// quotes cuts a statement into what is quoted, quotes included, and what is not.
func quotes(sql string) (parts []string) {
	begin := 0
	for i := 0; i < len(sql); i++ {
		if !isQuote(sql[i]) {
			continue
		}
		end := i + 1
		for end < len(sql) && sql[end] != sql[i] {
			if sql[end] == '\\' && sql[i] != '`' {
				end++
			}
			end++
		}
		end = min(end+1, len(sql))
		parts = append(parts, sql[begin:i], sql[i:end])
		begin, i = end, end-1
	}
	return append(parts, sql[begin:])
}

func isQuote(c byte) bool { return c == '\'' || c == '"' || c == '`' }

func quoted(part string) bool { return part != "" && isQuote(part[0]) }

var tableNotFound = regexp.MustCompile(`(?i)Table not found:? '?([^\s']+)`)

// impalaError says what Hive says in Impala's words where programs look at them.
func impalaError(hive string) error {
	if m := tableNotFound.FindStringSubmatch(hive); m != nil {
		return errors.New("AnalysisException: Could not resolve path: '" + m[1] + "' (" + hive + ")")
	}
	return errors.New(hive)
}

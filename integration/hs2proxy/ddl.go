package main

import (
	"context"
	"errors"
	"regexp"
	"strings"

	hs "github.com/beltran/gohive/hiveserver"
)

// createTable is SHOW CREATE TABLE as Impala answers it: one row with the whole text.
// Hive escapes semicolons, Impala does not.
func (p *proxy) createTable(ctx context.Context, session *hs.TSessionHandle, table string) (string, error) {
	lines, err := p.rows(ctx, session, "SHOW CREATE TABLE "+table)
	if err != nil {
		return "", err
	}
	var text []string
	for _, line := range lines {
		text = append(text, line[0])
	}
	return impalaDDL(strings.ReplaceAll(strings.Join(text, "\n"), `\;`, ";"))
}

// formats are the storage formats by their input format class.
var formats = map[string]string{
	"org.apache.hadoop.hive.ql.io.parquet.MapredParquetInputFormat": "PARQUET",
	"org.apache.hadoop.hive.ql.io.orc.OrcInputFormat":               "ORC",
	"org.apache.hadoop.hive.ql.io.avro.AvroContainerInputFormat":    "AVRO",
	"org.apache.hadoop.mapred.TextInputFormat":                      "TEXTFILE",
	"org.apache.hadoop.mapred.SequenceFileInputFormat":              "SEQUENCEFILE",
	"org.apache.hadoop.hive.ql.io.RCFileInputFormat":                "RCFILE",
}

const literal = `'(?:[^'\\]|\\.)*'`

var (
	ddlHead       = regexp.MustCompile("(?s)^CREATE (EXTERNAL )?TABLE `?([^`.\\s]+)`?\\.?`?([^`\\s(]*)`?\\s*\\(")
	ddlColumn     = regexp.MustCompile("(?s)^\\s*`([^`]+)` (.*?)( COMMENT " + literal + ")?$")
	ddlComment    = regexp.MustCompile(`(?s)^\s*COMMENT (` + literal + `)`)
	ddlPartition  = regexp.MustCompile(`(?s)^\s*PARTITIONED BY \(`)
	ddlSerde      = regexp.MustCompile(`(?s)^\s*ROW FORMAT SERDE\s+` + literal)
	ddlProperties = regexp.MustCompile(`(?s)^\s*WITH SERDEPROPERTIES \(`)
	ddlFormat     = regexp.MustCompile(`(?s)^\s*STORED AS INPUTFORMAT\s+'([^']+)'\s+OUTPUTFORMAT\s+'[^']+'`)
	ddlLocation   = regexp.MustCompile(`(?s)^\s*LOCATION\s+(` + literal + `)`)
	ddlTable      = regexp.MustCompile(`(?s)^\s*TBLPROPERTIES \(`)
)

// impalaDDL writes what Hive answers to SHOW CREATE TABLE in the order and form of Impala.
func impalaDDL(hive string) (string, error) {
	head := ddlHead.FindStringSubmatch(hive)
	if head == nil {
		return "", errors.New("hs2proxy: not a CREATE TABLE: " + hive)
	}
	columns, rest := parenthesised(hive[len(head[0]):])
	name := head[2]
	if head[3] != "" {
		name += "." + head[3]
	}
	var out strings.Builder
	out.WriteString("CREATE " + head[1] + "TABLE " + name + " (\n  " + columnList(columns, ",\n  ") + "\n)\n")
	comment, rest := take(ddlComment, rest)
	if open := ddlPartition.FindString(rest); open != "" {
		columns, rest = parenthesised(rest[len(open):])
		out.WriteString("PARTITIONED BY (\n  " + columnList(columns, ",\n  ") + "\n)\n")
	}
	if comment != "" {
		out.WriteString("COMMENT " + comment + "\n")
	}
	_, rest = take(ddlSerde, rest)
	if open := ddlProperties.FindString(rest); open != "" {
		var properties string
		properties, rest = parenthesised(rest[len(open):])
		out.WriteString(rowFormat(properties) + "WITH SERDEPROPERTIES (" + propertyList(properties) + ")\n")
	}
	if class, after := take(ddlFormat, rest); class != "" {
		format, known := formats[class]
		if !known {
			return "", errors.New("hs2proxy: unknown format " + class)
		}
		out.WriteString("STORED AS " + format + "\n")
		rest = after
	}
	if location, after := take(ddlLocation, rest); location != "" {
		out.WriteString("LOCATION " + location + "\n")
		rest = after
	}
	if open := ddlTable.FindString(rest); open != "" {
		properties, _ := parenthesised(rest[len(open):])
		out.WriteString("TBLPROPERTIES (" + propertyList(properties) + ")")
	}
	return out.String(), nil
}

// rowFormat says the delimiters of a text file the second time, as Impala does.
func rowFormat(properties string) string {
	text := ""
	for _, d := range [][2]string{{"field.delim", "FIELDS TERMINATED BY"}, {"escape.delim", "ESCAPED BY"}, {"line.delim", "LINES TERMINATED BY"}} {
		for _, item := range split(properties) {
			if value, found := strings.CutPrefix(item, "'"+d[0]+"'="); found {
				text += " " + d[1] + " " + value
			}
		}
	}
	if text == "" {
		return ""
	}
	return "ROW FORMAT DELIMITED" + text + "\n"
}

// take cuts what matches from the front; group is the match's first group, or all of it.
func take(r *regexp.Regexp, s string) (group, rest string) {
	m := r.FindStringSubmatch(s)
	if m == nil {
		return "", s
	}
	return m[len(m)-1], s[len(m[0]):]
}

// parenthesised splits s, which begins behind a parenthesis, where that one is closed.
func parenthesised(s string) (inside, rest string) {
	depth, at := 1, 0
	for _, part := range quotes(s) {
		for i := 0; i < len(part) && !quoted(part); i++ {
			switch part[i] {
			case '(':
				depth++
			case ')':
				depth--
			}
			if depth == 0 {
				return s[:at+i], s[at+i+1:]
			}
		}
		at += len(part)
	}
	return s, ""
}

// split cuts a list at its commas, but not inside quotes, parentheses and angle brackets.
func split(s string) (items []string) {
	depth, begin, at := 0, 0, 0
	for _, part := range quotes(s) {
		for i := 0; i < len(part) && !quoted(part); i++ {
			switch part[i] {
			case '(', '<':
				depth++
			case ')', '>':
				depth--
			case ',':
				if depth == 0 {
					items = append(items, strings.TrimSpace(s[begin:at+i]))
					begin = at + i + 1
				}
			}
		}
		at += len(part)
	}
	return append(items, strings.TrimSpace(s[begin:]))
}

var plainName = regexp.MustCompile(`^[a-z][a-z0-9_]*$`)

// columnList writes columns as Impala does: types in capitals, and names in backquotes only where they need them.
func columnList(hive, separator string) string {
	var out []string
	for _, item := range split(hive) {
		m := ddlColumn.FindStringSubmatch(item)
		if m == nil {
			out = append(out, item)
			continue
		}
		name := m[1]
		if !plainName.MatchString(name) || reserved[name] {
			name = "`" + name + "`"
		}
		out = append(out, name+" "+strings.ToUpper(m[2])+m[3])
	}
	return strings.Join(out, separator)
}

// reserved are words that Impala quotes; more would do no harm.
var reserved = map[string]bool{"date": true, "timestamp": true, "binary": true, "files": true, "key": true, "year": true, "month": true, "day": true, "hour": true, "minute": true}

// propertyList writes properties in one line.
func propertyList(hive string) string { return strings.Join(split(hive), ", ") }

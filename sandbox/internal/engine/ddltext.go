package engine

import (
	"fmt"
	"strings"

	"rewind/sandbox/internal/sql"
)

// createText is SHOW CREATE TABLE in Impala's form.
func createText(t *Table) string {
	if t.View != "" {
		return fmt.Sprintf("CREATE VIEW %s AS\n%s", identifiers(t.Database, t.Name), t.View)
	}
	var b strings.Builder
	b.WriteString("CREATE ")
	if t.External {
		b.WriteString("EXTERNAL ")
	}
	fmt.Fprintf(&b, "TABLE %s (\n  ", identifiers(t.Database, t.Name))
	first := len(t.Columns) - t.Partitions
	b.WriteString(columnTexts(t, t.Columns[:first]))
	if len(t.Key) > 0 {
		fmt.Fprintf(&b, ",\n  PRIMARY KEY (%s)", nameList(t.Key))
		if t.isIceberg() {
			b.WriteString(" NOT ENFORCED")
		}
	}
	b.WriteString("\n)\n")
	if t.Partitions > 0 {
		fmt.Fprintf(&b, "PARTITIONED BY (\n  %s\n)\n", columnTexts(t, t.Columns[first:]))
	}
	if len(t.Spec) > 0 {
		b.WriteString("PARTITIONED BY SPEC (\n  " + specText(t.Spec) + "\n)\n")
	}
	if len(t.Hash) > 0 {
		b.WriteString("PARTITION BY " + kuduText(t.Hash) + "\n")
	}
	if len(t.Sort) > 0 {
		order := ""
		if t.SortOrder != "" {
			order = strings.ToUpper(t.SortOrder) + " "
		}
		fmt.Fprintf(&b, "SORT BY %s(\n  %s\n)\n", order, strings.Join(quoteAll(t.Sort), ",\n  "))
	}
	if t.Comment != "" {
		b.WriteString("COMMENT '" + t.Comment + "'\n") // as it was written: Impala reads no escapes in it, and prints none
	}
	b.WriteString(storageText(t))
	return b.String()
}

func storageText(t *Table) string {
	var b strings.Builder
	if t.RowFormat != nil {
		b.WriteString("ROW FORMAT DELIMITED")
		for _, part := range []struct{ key, words string }{{"fields", "FIELDS TERMINATED BY"}, {"escaped", "ESCAPED BY"}, {"lines", "LINES TERMINATED BY"}} {
			if v, ok := t.RowFormat[part.key]; ok {
				fmt.Fprintf(&b, " %s %s", part.words, quoteText(v))
			}
		}
		b.WriteString("\n")
	}
	if len(t.Serde) > 0 {
		fmt.Fprintf(&b, "WITH SERDEPROPERTIES (%s)\n", propertyTexts(t.Serde, nil))
	}
	stored := "STORED AS "
	if t.Format == "ICEBERG" {
		stored = "STORED AS "
	}
	b.WriteString(stored + t.Format + "\n")
	if !t.isKudu() {
		fmt.Fprintf(&b, "LOCATION %s\n", quoteText(t.Location))
	}
	hidden := map[string]bool{}
	if t.isKudu() && !t.External {
		hidden["kudu.table_name"] = true
	}
	if text := propertyTexts(t.Properties, hidden); text != "" {
		fmt.Fprintf(&b, "TBLPROPERTIES (%s)", text)
	}
	return strings.TrimRight(b.String(), "\n")
}

func columnTexts(t *Table, columns []Column) string {
	texts := make([]string, len(columns))
	for i, c := range columns {
		text := identifier(c.Name) + " " + c.Type.String()
		if t.isKudu() {
			text += kuduColumn(c)
		}
		if c.Comment != "" {
			text += " COMMENT '" + c.Comment + "'"
		}
		texts[i] = text
	}
	return strings.Join(texts, ",\n  ")
}

func kuduColumn(c Column) string {
	or := func(s, otherwise string) string {
		if s == "" {
			return otherwise
		}
		return s
	}
	text := " NULL"
	if c.NotNull {
		text = " NOT NULL"
	}
	text += " ENCODING " + or(c.Encoding, "AUTO_ENCODING") + " COMPRESSION " + or(c.Compress, "DEFAULT_COMPRESSION")
	if c.Default != "" {
		text += " DEFAULT " + c.Default
	}
	if c.BlockSize != "" {
		text += " BLOCK_SIZE " + c.BlockSize
	}
	return text
}

func kuduText(levels []sql.KuduPartition) string {
	texts := make([]string, len(levels))
	for i, k := range levels {
		columns := ""
		if len(k.Columns) > 0 {
			columns = " (" + nameList(k.Columns) + ")"
		}
		if k.Hash {
			texts[i] = fmt.Sprintf("HASH%s PARTITIONS %d", columns, k.Buckets)
		} else {
			texts[i] = "RANGE" + columns + " " + k.Ranges
		}
	}
	return strings.Join(texts, ", ")
}

func specText(fields []sql.IcebergPartition) string {
	texts := make([]string, len(fields))
	for i, f := range fields {
		args := append(append([]string(nil), f.Args...), identifier(f.Column))
		if f.Transform == "" {
			texts[i] = identifier(f.Column)
		} else {
			texts[i] = f.Transform + "(" + strings.Join(args, ", ") + ")"
		}
	}
	return strings.Join(texts, ",\n  ")
}

func propertyTexts(m map[string]string, hidden map[string]bool) string {
	var texts []string
	for _, k := range sortedKeys(m) {
		if !hidden[k] {
			texts = append(texts, quoteText(k)+"="+quoteText(m[k]))
		}
	}
	return strings.Join(texts, ", ")
}

// identifier puts a name in backquotes only where Impala must.
func identifier(name string) string {
	if sql.NeedsQuotes(name) {
		return "`" + name + "`"
	}
	return name
}

func identifiers(parts ...string) string { return strings.Join(quoteAll(parts), ".") }

func quoteAll(names []string) []string {
	quoted := make([]string, len(names))
	for i, n := range names {
		quoted[i] = identifier(n)
	}
	return quoted
}

func nameList(names []string) string { return strings.Join(quoteAll(names), ", ") }

// quoteText writes a literal with Impala's escapes.
func quoteText(s string) string {
	return "'" + strings.NewReplacer(`\`, `\\`, `'`, `\'`, "\n", `\n`, "\t", `\t`, "\r", `\r`, "\x00", `\0`, "\x1A", `\Z`).Replace(s) + "'"
}

// formatLiteral writes a DEFAULT as SHOW CREATE TABLE repeats it.
func formatLiteral(e sql.Expr) string {
	if s, ok := e.(*sql.String); ok {
		return quoteText(s.Value)
	}
	if c, ok := e.(*sql.Cast); ok {
		return "CAST(" + formatLiteral(c.X) + " AS " + c.Type.Name + ")"
	}
	return strings.ToUpper(sql.Format(e))
}

// hasAggregate tells whether an expression calls an aggregate of its own query.
func hasAggregate(e sql.Expr) bool {
	found := false
	sql.Walk(e, func(e sql.Expr) bool {
		if c, ok := e.(*sql.Call); ok && c.Over == nil && aggregates[c.Name] != nil {
			found = true
		}
		return !found
	})
	return found
}

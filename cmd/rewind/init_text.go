package main

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

const initHead = `# The configuration of rewind. The README describes every key; "rewind config check --connect" tries what is here.
# ${NAME} anywhere in a text is read from the environment: no password need stand in this file.

`

const initSafety = `
# encryption: {identity: /etc/rewind/key.txt}   these files are encrypted at rest; "age-keygen -o key.txt" makes the key, keep a copy elsewhere
# journal: {sign_key: /etc/rewind/sign.pem}     consume signs the journal's end, so that verify finds it cut or exchanged
# guard: {deletes: 50%, changes: off}           a capture that lost or changed more of a table's rows is refused; also of one table, below
`

const initTables = `
# The tables to protect. A key names the columns that identify a row; Kudu tables know theirs; key: ['*'] is the whole row, where none do.
# Further settings of a table:
#   exclude: [column]       columns that are not captured
#   bytes: [column]         text columns that may hold bytes which are not UTF-8
#   refresh: true           REFRESH the table first: its files are written by others than Impala
#   options: {MEM_LIMIT: 2g} query options for work on this table
tables:
`

// text is the configuration, as a person would write it. Without tables it is enough to connect with.
func (f *initFlags) text(tables []initTable) string {
	var b strings.Builder
	b.WriteString(initHead)
	brokers := make([]string, len(f.brokers))
	for i, broker := range f.brokers {
		brokers[i] = strconv.Quote(broker)
	}
	fmt.Fprintf(&b, "kafka:\n  brokers: [%s]\n", strings.Join(brokers, ", "))
	b.WriteString("  # prefix: rewind        topics are named <prefix>.<database>.<table>\n")
	b.WriteString("  # partitions: 4         of topics that are created\n")
	b.WriteString("  # replication: 3        of topics that are created; otherwise the broker's default\n\n")
	fmt.Fprintf(&b, "impala:\n  dsn: %s\n", strconv.Quote(f.dsn))
	b.WriteString("  # A folder that rewind writes and Impala reads: restores put their rows there. Without one only small tables are restored.\n")
	if f.staging == "" {
		b.WriteString("  # staging: file:///data/staging\n")
	} else {
		fmt.Fprintf(&b, "  staging: %s\n", strconv.Quote(f.staging))
	}
	b.WriteString("  # timezone: UTC         SET in every session; otherwise the server's\n\n")
	b.WriteString("# Where the snapshots and the journal are kept, relative to this file. Whoever loses it loses the history.\n")
	fmt.Fprintf(&b, "data: %s\n", strconv.Quote(f.data))
	b.WriteString(initSafety)
	if len(tables) == 0 {
		return b.String()
	}
	b.WriteString(initTables)
	for _, t := range tables {
		t.write(&b)
	}
	return b.String()
}

func (t *initTable) write(b *strings.Builder) {
	fmt.Fprintf(b, "  - name: %s\n", bare(t.Table))
	switch {
	case t.given:
		fmt.Fprintf(b, "    key: [%s]\n", quotedList(t.Key))
	case len(t.Key) > 0:
		fmt.Fprintf(b, "    # key: [%s]    known from %s\n", quotedList(t.Key), t.KeyFrom)
	default:
		b.WriteString("    # key: [column]       no key is known: name the columns that identify a row, or ['*'] where none do\n")
	}
	if len(t.Exclude) > 0 {
		fmt.Fprintf(b, "    exclude: [%s]    # cannot be carried: %s\n", quotedList(t.Exclude), oneLine(strings.Join(t.unsupported, ", ")))
	}
}

var (
	plainName = regexp.MustCompile(`^[a-z_][a-z0-9_]*(\.[a-z_][a-z0-9_]*)?$`)
	// yamlWords are texts that some reader of YAML takes for something else.
	yamlWords = []string{"null", "true", "false", "yes", "no", "on", "off", "y", "n"}
)

// bare leaves a name as it is where YAML reads it as a text, and quotes it where it might not.
func bare(name string) string {
	if plainName.MatchString(name) && !slices.Contains(yamlWords, name) {
		return name
	}
	return strconv.Quote(name)
}

func quotedList(names []string) string {
	quoted := make([]string, len(names))
	for i, n := range names {
		quoted[i] = bare(n)
	}
	return strings.Join(quoted, ", ")
}

// oneLine keeps a comment a comment.
func oneLine(text string) string { return strings.Join(strings.Fields(text), " ") }

// printInit says what was written and what comes next.
func (a *app) printInit(path string, tables []initTable) error {
	lacking := int64(0)
	for _, t := range tables {
		if t.Lacks != "" {
			lacking++
		}
	}
	if a.json {
		result := struct {
			Config string      `json:"config"`
			Tables []initTable `json:"tables"`
		}{path, tables}
		if err := a.printJSON(result); err != nil {
			return err
		}
	} else {
		a.printInitTables(path, tables)
	}
	if lacking > 0 {
		return &codedError{code: exitPartial, message: fmt.Sprintf("%s was written, but %s of %d cannot be captured yet", path, count(lacking, "table"), len(tables)),
			hint: "what is missing stands beside each of them"}
	}
	return nil
}

func (a *app) printInitTables(path string, tables []initTable) {
	fmt.Fprintf(a.stdout, "wrote %s: %s\n", path, count(int64(len(tables)), "table"))
	g := newGrid("", "", "")
	for _, t := range tables {
		key := "key " + strings.Join(t.Key, ", ") + " (from " + t.KeyFrom + ")"
		if t.given {
			key = "key " + strings.Join(t.Key, ", ")
		}
		if isWholeRow(t.Key) {
			key = "key: the whole row"
		}
		if t.Lacks != "" {
			key = "lacks " + t.Lacks
		}
		excluded := ""
		if len(t.Exclude) > 0 {
			excluded = "without " + strings.Join(t.Exclude, ", ")
		}
		g.add("  "+t.Table, key, excluded)
	}
	g.printBare(a.stdout)
	fmt.Fprintln(a.stdout, "next: rewind config check --connect, then rewind produce and rewind consume")
}

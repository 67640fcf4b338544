package impala

import (
	"errors"
	"fmt"
	"strings"
)

// ddl is what SHOW CREATE TABLE says, in parts. A new table is built of these parts, never by replaying the text.
type ddl struct {
	external       bool
	columns        []ddlColumn
	primaryKey     []string
	nonUniqueKey   bool
	foreignKeys    bool
	bucketed       bool
	partitionedBy  []ddlColumn
	kuduPartitions []kuduPartition
	icebergSpec    []icebergField
	sortOrder      string // LEXICAL or ZORDER
	sortBy         []string
	comment        *string
	row            rowFormat
	serde          []property
	properties     []property
	format         string // upper case: PARQUET, TEXTFILE, KUDU, ...
	handler        string // STORED BY
	location       string
}

type ddlColumn struct {
	name     string
	notNull  bool
	options  []string // Kudu: ENCODING x, COMPRESSION y, DEFAULT z, BLOCK_SIZE n, rendered
	comment  *string
	typeText string
}

type kuduPartition struct {
	hash    bool
	columns []string
	buckets string   // HASH
	ranges  []string // RANGE: PARTITION ..., rendered
	unknown bool     // RANGE whose bounds SHOW CREATE TABLE leaves out
}

type icebergField struct{ transform, parameter, column string }

type rowFormat struct {
	fields, escaped, lines *string
	serde                  string
}

type property struct{ key, value string }

func (d *ddl) property(key string) string {
	for _, p := range d.properties {
		if strings.EqualFold(p.key, key) {
			return p.value
		}
	}
	return ""
}

func (d *ddl) isTrue(key string) bool { return strings.EqualFold(d.property(key), "true") }

func (d *ddl) isPartition(column string) bool {
	for _, c := range d.partitionedBy {
		if c.name == column {
			return true
		}
	}
	return false
}

func (d *ddl) column(name string) ddlColumn {
	for _, c := range append(d.columns[:len(d.columns):len(d.columns)], d.partitionedBy...) {
		if c.name == name {
			return c
		}
	}
	return ddlColumn{name: name}
}

// rangesMark separates what Impala printed from the range partitions of a Kudu table, which SHOW CREATE TABLE leaves out.
const rangesMark = "\n-- SHOW RANGE PARTITIONS\n"

// withRanges appends a Kudu table's range partitions to its DDL as comments.
func withRanges(text string, ranges []string) string {
	var b strings.Builder
	b.WriteString(text + rangesMark)
	for _, r := range ranges {
		b.WriteString("-- " + strings.ReplaceAll(r, "\n", " ") + "\n")
	}
	return b.String()
}

// errView is a statement that makes no table.
var errView = errors.New("a view")

// parseDDL reads SHOW CREATE TABLE's text.
func parseDDL(text string) (*ddl, error) {
	text, ranges, hasRanges := strings.Cut(text, rangesMark)
	d, err := parseWith(text, false)
	if err != nil && !errors.Is(err, errView) {
		if again, rawErr := parseWith(text, true); rawErr == nil {
			d, err = again, nil
		}
	}
	if err != nil {
		return nil, fmt.Errorf("SHOW CREATE TABLE: %w", err)
	}
	if hasRanges {
		d.setRanges(strings.Split(strings.TrimSpace(ranges), "\n"))
	}
	return d, nil
}

func parseWith(text string, raw bool) (*ddl, error) {
	tokens, err := lex(text, raw)
	if err != nil {
		return nil, err
	}
	p := &parser{tokens: tokens}
	return p.table()
}

// setRanges fills in a RANGE partition from SHOW RANGE PARTITIONS. A bound that cannot be written again leaves it unknown.
func (d *ddl) setRanges(lines []string) {
	var bounds []string
	for _, line := range lines {
		line = strings.TrimSpace(strings.TrimPrefix(line, "--"))
		if line == "" {
			continue
		}
		bound, err := rangeBound(line)
		if err != nil {
			return
		}
		bounds = append(bounds, "PARTITION "+bound)
	}
	for i := range d.kuduPartitions {
		if k := &d.kuduPartitions[i]; !k.hash && k.unknown && len(bounds) > 0 {
			k.ranges, k.unknown = bounds, false
		}
	}
}

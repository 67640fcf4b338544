package impala

import (
	"fmt"
	"regexp"
	"strings"
)

// clause reads one clause behind the column list.
func (p *parser) clause(d *ddl) (err error) {
	switch {
	case p.accept("PARTITIONED", "BY", "SPEC"), p.accept("PARTITION", "BY", "SPEC"):
		d.icebergSpec, err = p.icebergSpec()
	case p.accept("PARTITIONED", "BY"):
		return p.partitionColumns(d)
	case p.accept("PARTITION", "BY"):
		return p.kuduPartitions(d)
	case p.accept("SORT", "BY"):
		d.sortOrder = "LEXICAL"
		if p.peek(0).kind == wordToken {
			d.sortOrder = strings.ToUpper(p.next().text)
		}
		d.sortBy, err = p.names()
	case p.accept("CLUSTERED", "BY"):
		d.bucketed = true
		_, err = p.balanced()
	case p.accept("SORTED", "BY"): // Hive's order within a bucket
		_, err = p.balanced()
	case p.accept("INTO"):
		p.at++
		err = p.expect("BUCKETS")
	case p.accept("COMMENT"):
		d.comment, err = p.comment()
	case p.accept("ROW", "FORMAT"):
		return p.rowFormat(d)
	case p.accept("WITH", "SERDEPROPERTIES"):
		d.serde, err = p.propertyList()
	case p.accept("STORED", "AS"):
		return p.format(d)
	case p.accept("STORED", "BY"):
		d.handler = p.next().text
	case p.accept("LOCATION"):
		d.location, err = p.text()
	case p.accept("TBLPROPERTIES"):
		d.properties, err = p.propertyList()
	case p.accept("CACHED", "IN"):
		p.at++
		p.acceptReplication()
	case p.accept("UNCACHED"):
	case p.accept("PRIMARY", "KEY"):
		d.primaryKey, err = p.names()
	default:
		return fmt.Errorf("unknown clause at %q", p.rest())
	}
	return err
}

func (p *parser) acceptReplication() {
	if p.accept("WITH", "REPLICATION", "=") {
		p.at++
	}
}

func (p *parser) partitionColumns(d *ddl) error {
	if err := p.expect("("); err != nil {
		return err
	}
	for !p.accept(")") {
		c, err := p.column()
		if err != nil {
			return err
		}
		d.partitionedBy = append(d.partitionedBy, c)
		p.accept(",")
	}
	return nil
}

// kuduPartitions reads HASH (a, b) PARTITIONS n, RANGE (c) (PARTITION ..., ...), in any number.
func (p *parser) kuduPartitions(d *ddl) (err error) {
	for {
		var k kuduPartition
		switch {
		case p.accept("HASH"):
			k.hash = true
			if p.peek(0).is("(") {
				if k.columns, err = p.names(); err != nil {
					return err
				}
			}
			if err := p.expect("PARTITIONS"); err != nil {
				return err
			}
			k.buckets = p.next().text
		case p.accept("RANGE"):
			if err := p.kuduRange(&k); err != nil {
				return err
			}
		default:
			return fmt.Errorf("HASH or RANGE expected before %q", p.rest())
		}
		d.kuduPartitions = append(d.kuduPartitions, k)
		if !p.accept(",") {
			return nil
		}
	}
}

// kuduRange reads a RANGE partition; (...) stands for bounds that are not printed.
func (p *parser) kuduRange(k *kuduPartition) (err error) {
	if p.peek(0).is("(") {
		if k.columns, err = p.names(); err != nil {
			return err
		}
	}
	if !p.peek(0).is("(") {
		k.unknown = true
		return nil
	}
	inside, err := p.balanced()
	if err != nil {
		return err
	}
	for _, part := range splitTop(inside) {
		bound, err := renderExpression(part)
		if k.unknown = err != nil || len(part) < 2 || !part[0].is("PARTITION"); k.unknown {
			k.ranges = nil
			break
		}
		k.ranges = append(k.ranges, bound)
	}
	return nil
}

// splitTop splits tokens at the commas outside parentheses.
func splitTop(tokens []token) (parts [][]token) {
	depth, start := 0, 0
	for i, t := range tokens {
		switch {
		case t.is("("):
			depth++
		case t.is(")"):
			depth--
		case t.is(",") && depth == 0:
			parts, start = append(parts, tokens[start:i]), i+1
		}
	}
	if start < len(tokens) {
		parts = append(parts, tokens[start:])
	}
	return parts
}

// kuduTime is a TIMESTAMP as SHOW RANGE PARTITIONS prints it.
var kuduTime = regexp.MustCompile(`\b(\d{4}-\d{2}-\d{2})T(\d{2}:\d{2}:\d{2}\.\d{1,6})Z`)

// rangeBound writes one line of SHOW RANGE PARTITIONS as SQL.
func rangeBound(line string) (string, error) {
	tokens, err := lex(kuduTime.ReplaceAllString(line, "CAST('$1 $2' AS TIMESTAMP)"), false)
	if err != nil {
		return "", err
	}
	hasValue := false
	for _, t := range tokens {
		hasValue = hasValue || t.is("VALUE") || t.is("VALUES")
	}
	if !hasValue {
		return "", fmt.Errorf("%q is no range partition", line)
	}
	return renderExpression(tokens)
}

// icebergSpec reads a specification in the form TRANSFORM(parameter, column) or in the older form column TRANSFORM parameter.
func (p *parser) icebergSpec() ([]icebergField, error) {
	inside, err := p.balanced()
	if err != nil {
		return nil, err
	}
	var fields []icebergField
	for _, part := range splitTop(inside) {
		f, err := icebergFieldOf(part)
		if err != nil {
			return nil, err
		}
		fields = append(fields, f)
	}
	return fields, nil
}

func icebergFieldOf(tokens []token) (f icebergField, err error) {
	inner := &parser{tokens: tokens}
	first, err := inner.name()
	if err != nil {
		return f, err
	}
	if !inner.accept("(") { // column [TRANSFORM [parameter]]
		f.column = first
		f.transform = strings.ToUpper(inner.next().text)
		f.parameter = inner.next().text
		return f, nil
	}
	f.transform = strings.ToUpper(first)
	if inner.peek(1).is(",") {
		f.parameter = inner.next().text
		inner.at++
	}
	if f.column, err = inner.name(); err != nil {
		return f, err
	}
	if inner.accept(",") { // the parameter may stand behind the column, too
		f.parameter = inner.next().text
	}
	return f, inner.expect(")")
}

package impala

import (
	"fmt"
	"strings"
)

func (p *parser) rowFormat(d *ddl) (err error) {
	if p.accept("SERDE") {
		d.row.serde, err = p.text()
		return err
	}
	if err := p.expect("DELIMITED"); err != nil {
		return err
	}
	for {
		var target **string
		switch {
		case p.accept("FIELDS", "TERMINATED", "BY"):
			target = &d.row.fields
		case p.accept("ESCAPED", "BY"):
			target = &d.row.escaped
		case p.accept("LINES", "TERMINATED", "BY"):
			target = &d.row.lines
		default:
			return nil
		}
		text, err := p.text()
		if err != nil {
			return err
		}
		*target = &text
	}
}

// format reads STORED AS: a word, or Hive's class names.
func (p *parser) format(d *ddl) error {
	if !p.accept("INPUTFORMAT") {
		t := p.next()
		if t.kind != wordToken {
			return fmt.Errorf("a file format expected at %q", t.text)
		}
		d.format = strings.ToUpper(t.text)
		return nil
	}
	input, err := p.text()
	if err != nil {
		return err
	}
	if p.accept("OUTPUTFORMAT") {
		p.at++
	}
	d.format = formatOfClass(input)
	return nil
}

func formatOfClass(class string) string {
	for _, f := range []struct{ part, format string }{{"Parquet", "PARQUET"}, {"Orc", "ORC"}, {"Avro", "AVRO"}, {"RCFile", "RCFILE"},
		{"SequenceFile", "SEQUENCEFILE"}, {"Json", "JSONFILE"}, {"Iceberg", "ICEBERG"}, {"Kudu", "KUDU"}, {"TextInputFormat", "TEXTFILE"}} {
		if strings.Contains(class, f.part) {
			return f.format
		}
	}
	return strings.ToUpper(class)
}

// propertyList reads ('key'='value', ...).
func (p *parser) propertyList() ([]property, error) {
	if err := p.expect("("); err != nil {
		return nil, err
	}
	var properties []property
	for !p.accept(")") {
		key, err := p.text()
		if err != nil {
			return nil, err
		}
		if err := p.expect("="); err != nil {
			return nil, err
		}
		value, err := p.text()
		if err != nil {
			return nil, err
		}
		properties = append(properties, property{key, value})
		p.accept(",")
	}
	return properties, nil
}

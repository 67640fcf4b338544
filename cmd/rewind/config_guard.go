package main

import (
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"

	"rewind/producer"
)

// guardConfig says how much of a table may be gone or changed at once: at top level for all tables, and for one.
type guardConfig struct {
	Deletes limitConfig `yaml:"deletes"`
	Changes limitConfig `yaml:"changes"`
}

// limitConfig is 50%, or off.
type limitConfig struct{ producer.Limit }

// UnmarshalYAML reads the strict form.
func (l *limitConfig) UnmarshalYAML(node ast.Node) error {
	var text string
	err := yaml.NodeToValue(node, &text)
	if err == nil {
		l.Limit, err = producer.ParseLimit(text)
	}
	if err != nil {
		return &yaml.SyntaxError{Message: "a limit is written 50%, 0.5% or off", Token: node.GetToken()}
	}
	return nil
}

// guard is a table's guard: its own limits, else those at top level, else the defaults.
func (c *config) guard(t tableConfig) producer.Guard {
	g := producer.Guard{Deletes: t.Guard.Deletes.Limit, Changes: t.Guard.Changes.Limit}
	if g.Deletes.IsZero() {
		g.Deletes = c.Guard.Deletes.Limit
	}
	if g.Changes.IsZero() {
		g.Changes = c.Guard.Changes.Limit
	}
	return g.WithDefaults()
}

// guardText says what a capture with these flags refuses; "" where that is nothing.
func (c *config) guardText(t tableConfig, f captureFlags) string {
	g := c.guard(t)
	var limits []string
	if g.Deletes.String() != "off" && !f.allowDelete {
		limits = append(limits, "it is empty and was not, or more than "+g.Deletes.String()+" of its rows are gone")
	}
	if g.Changes.String() != "off" && !f.allowChange {
		limits = append(limits, "more than "+g.Changes.String()+" of them were changed")
	}
	if len(limits) == 0 {
		return ""
	}
	return "publish nothing if " + strings.Join(limits, ", or ")
}

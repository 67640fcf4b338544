package main

import (
	"errors"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
)

// orderConfig says who brings a table's rows into the order of their key.
type orderConfig string

const (
	orderEngine orderConfig = "engine" // ORDER BY; the default
	orderLocal  orderConfig = "local"  // this machine, on its disk
)

// UnmarshalYAML knows two words.
func (o *orderConfig) UnmarshalYAML(node ast.Node) error {
	var text string
	err := yaml.NodeToValue(node, &text)
	if *o = orderConfig(text); err != nil || *o != orderEngine && *o != orderLocal {
		return &yaml.SyntaxError{Message: "order is engine or local", Token: node.GetToken()}
	}
	return nil
}

// sortsHere says whether the table's rows are sorted on this machine: where that is configured, and where the key is the whole row.
func (t tableConfig) sortsHere() bool { return t.Order == orderLocal || isWholeRow(t.Key) }

// checkStreams: several streams read ranges of keys, and the whole row has none.
func (t tableConfig) checkStreams() error {
	if t.Streams > 1 && isWholeRow(t.Key) {
		return errors.New("scan_streams needs a key of columns: the whole row has no ranges")
	}
	return nil
}

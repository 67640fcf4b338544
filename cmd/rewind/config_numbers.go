package main

import (
	"fmt"
	"strconv"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"

	"rewind/producer"
)

// streamCount is how many streams read a table at once; 0: it is not configured, and one does.
type streamCount int

// UnmarshalYAML takes a whole number within the bounds.
func (s *streamCount) UnmarshalYAML(node ast.Node) error {
	n, ok := wholeNumber(node)
	if !ok || n < 1 || n > producer.MostStreams {
		return wrongNumber(node, fmt.Sprintf("scan_streams is a number of streams, 1 to %d", producer.MostStreams))
	}
	*s = streamCount(n)
	return nil
}

// eventCount is a number of events.
type eventCount int64

// UnmarshalYAML takes a whole number that is not negative.
func (e *eventCount) UnmarshalYAML(node ast.Node) error {
	n, ok := wholeNumber(node)
	if !ok || n < 0 {
		return wrongNumber(node, "journal.checkpoint_every is a whole number of events, such as 5000000, or 0 for none")
	}
	*e = eventCount(n)
	return nil
}

// wholeNumber reads an integer, as it stands there or out of the environment; nothing is cut off.
func wholeNumber(node ast.Node) (n int64, ok bool) {
	switch v := node.(type) {
	case *ast.IntegerNode:
		switch n := v.Value.(type) {
		case int64:
			return n, true
		case uint64:
			return int64(n), int64(n) >= 0 //nolint:gosec // what does not fit is negative
		}
	case *ast.StringNode:
		n, err := strconv.ParseInt(v.Value, 10, 64)
		return n, err == nil
	}
	return 0, false
}

func wrongNumber(node ast.Node, message string) error {
	return &yaml.SyntaxError{Message: message, Token: node.GetToken()}
}

package change

import (
	"encoding/json"
	"fmt"

	"rewind/table"
)

// shape is as much of a schema as it takes to find a datum's end.
type shape struct {
	kind  string // Avro's type
	size  int    // of a fixed
	parts []*shape
}

// newShape reads a schema's canonical form, where every type is a full name or an object.
func newShape(schema string) (*shape, error) {
	form, err := CanonicalForm(schema)
	if err != nil {
		return nil, err
	}
	var tree any
	if err := json.Unmarshal([]byte(form), &tree); err != nil {
		return nil, err
	}
	return shapeOf(tree, map[string]*shape{})
}

func shapeOf(node any, named map[string]*shape) (*shape, error) {
	switch node := node.(type) {
	case string:
		if s, found := named[node]; found {
			return s, nil
		}
		return &shape{kind: node}, nil
	case []any:
		s := &shape{kind: "union"}
		err := s.add(node, named)
		return s, err
	case map[string]any:
		s := &shape{kind: node["type"].(string)}
		if name, ok := node["name"].(string); ok {
			named[name] = s
		}
		switch s.kind {
		case "fixed":
			s.size = int(node["size"].(float64))
		case "array":
			err := s.add([]any{node["items"]}, named)
			return s, err
		case "record":
			for _, field := range node["fields"].([]any) {
				if err := s.add([]any{field.(map[string]any)["type"]}, named); err != nil {
					return nil, err
				}
			}
		}
		return s, nil
	}
	return nil, fmt.Errorf("%w: %v", errNoSchema, node)
}

func (s *shape) add(nodes []any, named map[string]*shape) error {
	for _, node := range nodes {
		part, err := shapeOf(node, named)
		if err != nil {
			return err
		}
		s.parts = append(s.parts, part)
	}
	return nil
}

// skip moves the cursor behind one datum.
func (s *shape) skip(c *cursor) {
	switch s.kind {
	case "int", "long":
		c.long()
	case "string", "bytes":
		c.bytes()
	case "fixed":
		c.take(s.size)
	case "record":
		for _, part := range s.parts {
			part.skip(c)
		}
	case "union":
		if branch := c.long(); branch >= 0 && branch < int64(len(s.parts)) {
			s.parts[branch].skip(c)
		} else {
			c.fail()
		}
	case "array":
		for n := c.long(); n != 0 && !c.failed; n = c.long() {
			if n < 0 { // a sized block, which goavro does not write
				c.fail()
			}
			for ; n > 0 && !c.failed; n-- {
				s.parts[0].skip(c)
			}
		}
	case "null":
	default:
		c.fail()
	}
}

// cursor reads Avro from a buffer and remembers that it failed.
type cursor struct {
	rest   []byte
	failed bool
}

func (c *cursor) fail() { c.failed, c.rest = true, nil }

func (c *cursor) long() int64 {
	n, size := table.ReadLong(c.rest)
	if size <= 0 {
		c.fail()
		return 0
	}
	c.rest = c.rest[size:]
	return n
}

func (c *cursor) take(n int) []byte {
	if n < 0 || n > len(c.rest) {
		c.fail()
		return nil
	}
	b := c.rest[:n:n]
	c.rest = c.rest[n:]
	return b
}

func (c *cursor) bytes() []byte {
	n := c.long()
	if n < 0 || n > int64(len(c.rest)) {
		c.fail()
		return nil
	}
	return c.take(int(n))
}

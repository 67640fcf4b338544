package change

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"
)

// maxSchemaDepth bounds the nesting of a schema that comes from outside.
const maxSchemaDepth = 64

var errNoSchema = errors.New("no Avro schema")

// CanonicalForm is the Parsing Canonical Form of the Avro specification: name, type, fields, symbols, items, values and size alone,
// in this order, with full names and without white space. Logical types are not part of it. goavro and hamba keep parts of them,
// so their fingerprints are not those of Apache's libraries.
func CanonicalForm(schema string) (string, error) {
	d := json.NewDecoder(strings.NewReader(schema))
	d.UseNumber()
	var tree any
	if err := d.Decode(&tree); err != nil {
		return "", fmt.Errorf("schema: %w", err)
	}
	if d.More() {
		return "", fmt.Errorf("schema: %w: something follows it", errNoSchema)
	}
	var c canonical
	if err := errors.Join(c.schema(tree, "", 0), unless(!c.escapes, "a name with quotes or control characters")); err != nil {
		return "", fmt.Errorf("schema: %w", err)
	}
	return c.out.String(), nil
}

// canonical writes the canonical form of one schema.
type canonical struct {
	out     bytes.Buffer
	escapes bool // a name was seen that JSON would have to escape: none of Avro's
}

func isPrimitive(name string) bool {
	switch name {
	case "null", "boolean", "int", "long", "float", "double", "bytes", "string":
		return true
	}
	return false
}

func (c *canonical) schema(node any, namespace string, depth int) error {
	if depth > maxSchemaDepth {
		return fmt.Errorf("%w: nested too deep", errNoSchema)
	}
	switch node := node.(type) {
	case string:
		if isPrimitive(node) {
			c.quote(node)
		} else {
			c.quote(fullName(node, "", namespace))
		}
		return nil
	case []any:
		return c.list(node, func(branch any) error { return c.schema(branch, namespace, depth+1) })
	case map[string]any:
		return c.object(node, namespace, depth+1)
	}
	return fmt.Errorf("%w: %v", errNoSchema, node)
}

func (c *canonical) list(nodes []any, write func(any) error) error {
	c.out.WriteByte('[')
	for i, node := range nodes {
		if i > 0 {
			c.out.WriteByte(',')
		}
		if err := write(node); err != nil {
			return err
		}
	}
	c.out.WriteByte(']')
	return nil
}

func (c *canonical) object(node map[string]any, namespace string, depth int) error {
	kind, _ := node["type"].(string)
	switch {
	case isPrimitive(kind):
		c.quote(kind)
		return nil
	case kind == "array":
		return c.container("array", "items", node, namespace, depth)
	case kind == "map":
		return c.container("map", "values", node, namespace, depth)
	case kind == "record" || kind == "error" || kind == "enum" || kind == "fixed":
		return c.named(kind, node, namespace, depth)
	}
	return fmt.Errorf("%w: type %v", errNoSchema, node["type"])
}

func (c *canonical) container(kind, attribute string, node map[string]any, namespace string, depth int) error {
	fmt.Fprintf(&c.out, `{"type":%q,%q:`, kind, attribute)
	if err := c.schema(node[attribute], namespace, depth); err != nil {
		return err
	}
	c.out.WriteByte('}')
	return nil
}

func (c *canonical) named(kind string, node map[string]any, namespace string, depth int) error {
	name, _ := node["name"].(string)
	if name == "" {
		return fmt.Errorf("%w: a %s without a name", errNoSchema, kind)
	}
	if own, found := node["namespace"].(string); found {
		name = fullName(name, own, "")
	} else {
		name = fullName(name, "", namespace)
	}
	namespace = name[:max(0, strings.LastIndexByte(name, '.'))]
	c.out.WriteString(`{"name":`)
	c.quote(name)
	c.out.WriteString(`,"type":`)
	c.quote(kind)
	if err := c.body(kind, node, namespace, depth); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	c.out.WriteByte('}')
	return nil
}

// body writes what is particular to a record, an enum or a fixed.
func (c *canonical) body(kind string, node map[string]any, namespace string, depth int) error {
	switch kind {
	case "enum":
		symbols, _ := node["symbols"].([]any)
		c.out.WriteString(`,"symbols":`)
		return c.list(symbols, func(symbol any) error {
			text, ok := symbol.(string)
			c.quote(text)
			return unless(ok, "a symbol that is no text")
		})
	case "fixed":
		size := fmt.Sprint(node["size"]) // some schemas quote it
		digits := strings.TrimLeft(size, "0")
		if digits == "" {
			digits = "0"
		}
		c.out.WriteString(`,"size":` + digits)
		return unless(size != "" && strings.Trim(size, "0123456789") == "", "no size")
	}
	fields, ok := node["fields"].([]any)
	if !ok {
		return unless(false, "no fields")
	}
	c.out.WriteString(`,"fields":`)
	return c.list(fields, func(entry any) error {
		field, _ := entry.(map[string]any)
		name, _ := field["name"].(string)
		if name == "" {
			return unless(false, "a field without a name")
		}
		c.out.WriteString(`{"name":`)
		c.quote(name)
		c.out.WriteString(`,"type":`)
		if err := c.schema(field["type"], namespace, depth); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		c.out.WriteByte('}')
		return nil
	})
}

func unless(ok bool, fault string) error {
	if ok {
		return nil
	}
	return fmt.Errorf("%w: %s", errNoSchema, fault)
}

// quote writes a JSON string in UTF-8 without escapes: Avro's names need none.
func (c *canonical) quote(s string) {
	c.escapes = c.escapes || strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r == '"' || r == '\\' || r == utf8.RuneError })
	c.out.WriteByte('"')
	c.out.WriteString(s)
	c.out.WriteByte('"')
}

// fullName is a name with its namespace: a dotted one has its own.
func fullName(name, own, enclosing string) string {
	if strings.Contains(name, ".") {
		return name
	}
	if own == "" {
		own = enclosing
	}
	if own == "" {
		return name
	}
	return own + "." + name
}

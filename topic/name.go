package topic

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"

	"rewind/table"
)

// maxNameBytes is Kafka's limit on a topic's name.
const maxNameBytes = 249

// Name is the table's topic: <prefix>.<db>.<table>. A byte that Kafka refuses, and the dot inside a name, is written as
// '-' and two hex digits; a name that would be too long ends with its SHA-256 instead.
func (c *Client) Name(t table.Name) string {
	name := c.options.Prefix + "." + escape(t.Database) + "." + escape(t.Table)
	if len(name) <= maxNameBytes {
		return name
	}
	sum := sha256.Sum256([]byte(name))
	return name[:maxNameBytes-1-2*len(sum)] + "-" + hex.EncodeToString(sum[:])
}

func escape(name string) string {
	out := make([]byte, 0, len(name))
	for i := range len(name) {
		b := name[i]
		if b >= 'a' && b <= 'z' || b >= 'A' && b <= 'Z' || b >= '0' && b <= '9' || b == '_' {
			out = append(out, b)
			continue
		}
		out = fmt.Appendf(out, "-%02x", b)
	}
	return string(out)
}

func checkPrefix(prefix string) error {
	if len(prefix) > 64 {
		return fmt.Errorf("topic prefix of %d bytes: want at most 64", len(prefix))
	}
	for _, r := range prefix {
		ok := r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '_' || r == '-' || r == '.'
		if !ok {
			return fmt.Errorf("topic prefix %q: want letters, digits, '.', '_' and '-'", prefix)
		}
	}
	if prefix == "." || prefix == ".." {
		return fmt.Errorf("topic prefix %q is no name", prefix)
	}
	return nil
}

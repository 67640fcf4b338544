package table

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
)

// Identity is the SHA-256, in hex, of everything that decides how images and keys are read: ids, names, SQL types, text carried as
// bytes, the key. The table's name, the order of its columns and the next column id are not part of it.
func (s *Schema) Identity() string {
	var b strings.Builder
	b.WriteString("rewind schema 1\n")
	for _, c := range s.IDOrder() {
		fmt.Fprintf(&b, "%d %q %s %t\n", c.ID, c.Name, c.Type, c.AsBytes)
	}
	fmt.Fprintf(&b, "key %d\n", s.Key)
	sum := sha256.Sum256([]byte(b.String()))
	return hex.EncodeToString(sum[:])
}

// RecordName is the Avro name of the row record: r_ and the first 16 hex digits of Identity. Avro's canonical form drops logical
// types, so without it two tables' schemas could share a fingerprint.
func (s *Schema) RecordName() string { return "r_" + s.Identity()[:16] }

// WithIDs gives next's columns the ids of prev's columns of the same name, and fresh ids from prev.NextColumnID on to new ones: a
// column that was dropped and added again is a new one. next's own ids are provisional: its Key refers to them and is translated.
// prev may be nil.
func WithIDs(prev, next *Schema) *Schema {
	out := &Schema{Table: next.Table, Columns: slices.Clone(next.Columns), NextColumnID: 1}
	known := map[string]int{}
	if prev != nil {
		out.NextColumnID = max(1, prev.NextColumnID)
		for _, c := range prev.Columns {
			known[c.Name] = c.ID
			out.NextColumnID = max(out.NextColumnID, c.ID+1)
		}
	}
	translated := make(map[int]int, len(next.Columns))
	for i := range out.Columns {
		c := &out.Columns[i]
		id, found := known[c.Name]
		if !found {
			id = out.NextColumnID
			out.NextColumnID++
		}
		translated[c.ID], c.ID = id, id
	}
	for _, id := range next.Key {
		out.Key = append(out.Key, translated[id])
	}
	return out
}

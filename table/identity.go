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
	if s.WholeRow {
		b.WriteString("key *\n")
	} else {
		fmt.Fprintf(&b, "key %d\n", s.Key)
	}
	sum := sha256.Sum256([]byte(b.String()))
	return hex.EncodeToString(sum[:])
}

// RecordName is the Avro name of the row record: r_ and the first 16 hex digits of Identity. Avro's canonical form drops logical
// types, so without it two tables' schemas could share a fingerprint.
func (s *Schema) RecordName() string { return RecordName(s.Identity()) }

// RecordName is the row record's name of schemas of an identity.
func RecordName(identity string) string { return "r_" + identity[:16] }

// WithIDs gives next's columns the ids of prev's columns that they are, and fresh ids from prev.NextColumnID on to new ones. Where the
// engine tells its own ids of both, these say which column is which: a renamed one keeps its id, and one that was dropped and added
// again between the two is a new one. Elsewhere names say it: then only what was seen to be dropped comes back as a new column.
// next's own ids are provisional: its Key and its engine's ids refer to them and are translated. prev may be nil.
func WithIDs(prev, next *Schema) *Schema {
	out := &Schema{Table: next.Table, Columns: slices.Clone(next.Columns), WholeRow: next.WholeRow, NextColumnID: 1}
	if prev != nil {
		out.NextColumnID = max(1, prev.NextColumnID)
		for _, c := range prev.Columns {
			out.NextColumnID = max(out.NextColumnID, c.ID+1)
		}
	}
	known := knownIDs(prev, next)
	translated := make(map[int]int, len(next.Columns))
	for i := range out.Columns {
		c := &out.Columns[i]
		id, found := known[c.ID]
		if !found {
			id = out.NextColumnID
			out.NextColumnID++
		}
		translated[c.ID], c.ID = id, id
	}
	for _, id := range next.Key {
		out.Key = append(out.Key, translated[id])
	}
	out.Engine = EngineIDs{Table: next.Engine.Table, Columns: translate(next.Engine.Columns, translated)}
	out.NotNull = translate(next.NotNull, translated)
	return out
}

// translate gives a map by column ids other ids.
func translate[V any](m map[int]V, ids map[int]int) map[int]V {
	if m == nil {
		return nil
	}
	out := make(map[int]V, len(m))
	for id, v := range m {
		out[ids[id]] = v
	}
	return out
}

// knownIDs finds, by next's provisional ids, the ids of the columns that prev has, too: by the engine's ids, and by name those of
// which the engine told nothing. No id is given twice.
func knownIDs(prev, next *Schema) map[int]int {
	known := make(map[int]int, len(next.Columns))
	if prev == nil {
		return known
	}
	engine, given := map[int]int{}, map[int]bool{}
	if prev.Engine.Table != "" && prev.Engine.Table == next.Engine.Table {
		for id, e := range prev.Engine.Columns {
			engine[e] = id
		}
		for _, c := range next.Columns {
			if id, found := engine[next.Engine.Columns[c.ID]]; found {
				known[c.ID], given[id] = id, true
			}
		}
	}
	for _, c := range next.Columns {
		was, found := prev.ColumnNamed(c.Name)
		if _, done := known[c.ID]; done || !found || given[was.ID] {
			continue
		}
		_, told := next.Engine.Columns[c.ID]
		if _, wasTold := prev.Engine.Columns[was.ID]; told && wasTold && len(engine) > 0 {
			continue // the engine says that they are two columns of one name
		}
		known[c.ID], given[was.ID] = was.ID, true
	}
	return known
}

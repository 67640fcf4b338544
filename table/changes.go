package table

import (
	"fmt"
	"slices"
)

// Changes says for people how one schema of a table became another, column by column: nothing where they mean the same.
func Changes(from, to *Schema) (said []string) {
	say := func(format string, args ...any) { said = append(said, fmt.Sprintf(format, args...)) }
	for _, c := range from.Columns {
		is, found := to.Column(c.ID)
		if !found {
			say("column %q dropped", c.Name)
			continue
		}
		if is.Name != c.Name {
			say("column %q renamed %q", c.Name, is.Name)
		}
		if describe(is) != describe(c) {
			say("column %q changed from %s to %s", is.Name, describe(c), describe(is))
		}
	}
	for _, c := range to.Columns {
		if _, found := from.Column(c.ID); !found {
			say("column %q %s added", c.Name, describe(c))
		}
	}
	if !slices.Equal(from.commonIDs(to), to.commonIDs(from)) {
		say("columns reordered")
	}
	if !sameKey(from, to) {
		say("key changed from %v to %v", from.KeyNames(), to.KeyNames())
	}
	return said
}

// commonIDs are the ids of the columns that another schema has, too, in the table's order.
func (s *Schema) commonIDs(other *Schema) (ids []int) {
	for _, c := range s.Columns {
		if _, found := other.Column(c.ID); found {
			ids = append(ids, c.ID)
		}
	}
	return ids
}

package replay

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"rewind/table"
)

// explain says of each point what its Begin leaves to be found out: how the table's schema had changed since the point before, and why a
// point builds on nothing.
func explain(points []Point) {
	for i := range points {
		var before *Point
		if i > 0 {
			before = &points[i-1]
			points[i].SchemaChange = strings.Join(table.Changes(before.TableSchema(), points[i].TableSchema()), "; ")
		}
		if points[i].IsBaseline() && !points[i].Base {
			points[i].BaselineReason = baselineReason(before, points[i])
		}
	}
}

// baselineReason is why a point builds on nothing, as far as the journal can tell.
func baselineReason(before *Point, p Point) string {
	if before == nil {
		return "first snapshot"
	}
	if before.Stream != p.Stream {
		return "the topic was made anew"
	}
	if _, err := table.NewProjection(before.TableSchema(), p.TableSchema()); err != nil {
		return err.Error()
	}
	was, is := before.begin.Options, p.begin.Options
	for _, option := range slices.Sorted(maps.Keys(is)) {
		if was[option] != is[option] {
			return fmt.Sprintf("asked for: session option %s was %q and is %q", option, was[option], is[option])
		}
	}
	return "asked for"
}

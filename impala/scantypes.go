package impala

import (
	"fmt"
	"strings"

	"rewind/table"
)

// ResultTypeError is a scan whose result has other columns than the schema that it was asked by: the table was altered between.
type ResultTypeError struct {
	Table table.Name
	What  string
}

// Error says what is other.
func (e *ResultTypeError) Error() string { return e.Table.String() + ": " + e.What }

// Hint says what follows.
func (e *ResultTypeError) Hint() string {
	return "the table was altered after it was described: nothing of this read is used; try again"
}

// ExitCode is that of a guard.
func (e *ResultTypeError) ExitCode() int { return exitGuard }

// checkTypes holds the result's types, as the statement was planned with them, against the schema's. A value that happens to fit both is no
// proof: of a table that was altered since, and perhaps altered back, rows would else be taken for what they are not.
func checkTypes(s *table.Schema, types []resultType) error {
	if len(types) != len(s.Columns) {
		return &ResultTypeError{s.Table, fmt.Sprintf("%d columns answered, %d asked for", len(types), len(s.Columns))}
	}
	for i, c := range s.Columns {
		want := c.Type
		if c.AsBytes || want.Kind == table.Binary { // base64
			want = table.Type{Kind: table.String}
		}
		if is := types[i]; !is.fits(want) {
			return &ResultTypeError{s.Table, fmt.Sprintf("column %q is %s in the result, and was %s", c.Name, is, want)}
		}
	}
	return nil
}

// fits says whether a column of the result is of a type. Servers may leave its size out.
func (t resultType) fits(want table.Type) bool {
	kind, _, _ := strings.Cut(want.String(), "(")
	same := strings.EqualFold(t.name, kind)
	switch {
	case t.precisionKnown:
		same = same && int(t.precision) == want.Precision && int(t.scale) == want.Scale
	case t.lengthKnown:
		same = same && int(t.length) == want.Length
	}
	return same
}

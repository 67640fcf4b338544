package producer

import (
	"context"
	"iter"

	"rewind/table"
)

// Source is a table's engine, as the producer needs it.
type Source interface {
	// Describe says what the table is now. The schema's ids are not yet those of the stream (table.WithIDs gives them).
	Describe(ctx context.Context, name table.Name) (*table.Definition, error)
	// Rows reads the table as rows of the schema, if ordered in key order, else in any; where the key is the whole row, in any order
	// and all with ordinal 0, as table.Codec.AppendKey gives it. A row is valid until the next step.
	Rows(ctx context.Context, s *table.Schema, ordered bool) iter.Seq2[table.Row, error]
	// Altered says in which way the table is no more what Describe said it was; "" where it is that. It is asked behind a scan: rows
	// that were read while the table was altered belong to no schema.
	Altered(ctx context.Context, name table.Name, was *table.Definition) (string, error)
}

// Estimator is what a Source may also be: it says before a capture how large a table is, so that the disk it needs can
// be checked. A number that it does not know is 0.
type Estimator interface {
	Estimate(ctx context.Context, name table.Name) (rows, bytes int64, err error)
}

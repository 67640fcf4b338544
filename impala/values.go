package impala

import (
	"context"
	"fmt"
	"iter"

	"rewind/table"
)

// maxValuesMemory bounds what a restore without staging holds: nothing is inserted before the last row has proved the restore point.
const maxValuesMemory = 256 << 20

// valueStatements renders all rows as INSERT VALUES statements.
func valueStatements(l table.Load, t *target, rows iter.Seq2[table.Row, error]) (statements []string, rowCount, bytes int64, err error) {
	s := l.Def.Schema
	codec, err := table.NewCodec(s)
	if err != nil {
		return nil, 0, 0, err
	}
	head := insertIntoSQL(l.Into, t) + " VALUES "
	positions, values := t.positionsIn(s), make([]table.Value, len(s.Columns))
	rowsInStatement := max(1, maxValuesFields/len(s.Columns))
	var statement, text []byte
	count := 0
	flush := func() {
		if count > 0 {
			statements = append(statements, string(statement))
			bytes += int64(len(statement))
		}
		statement, count = append(statement[:0], head...), 0
	}
	flush()
	for row, err := range rows {
		if err != nil {
			return nil, rowCount, bytes, err
		}
		if err := codec.Decode(row.Image, values); err != nil {
			return nil, rowCount, bytes, err
		}
		text = appendRow(text[:0], t, positions, values)
		if len(text) > maxRowBytes {
			return nil, rowCount, bytes, &StagingError{l.Into, fmt.Sprintf("row %s takes %d bytes as SQL, an INSERT VALUES at most %d", codec.FormatRow(row), len(text), maxRowBytes)}
		}
		if count == rowsInStatement || len(statement)+len(text) > maxValuesBytes {
			flush()
		}
		if count > 0 {
			statement = append(statement, ", "...)
		}
		statement = append(statement, text...)
		count++
		rowCount++
		if bytes+int64(len(statement)) > maxValuesMemory {
			return nil, rowCount, bytes, &StagingError{l.Into, fmt.Sprintf("the rows take more than %d bytes as SQL", maxValuesMemory)}
		}
	}
	flush()
	return statements, rowCount, bytes, nil
}

// insertValues inserts the statements one by one; none is ever tried again.
func (s *session) insertValues(ctx context.Context, statements []string) error {
	for _, statement := range statements {
		if err := s.exec(ctx, statement); err != nil {
			return err
		}
	}
	return nil
}

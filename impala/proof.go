package impala

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"

	"rewind/table"
)

// Digest computes a table's digest: in the engine where its functions are Impala's, else by reading the rows back.
func (db *DB) Digest(ctx context.Context, name table.Name, s *table.Schema) (d table.Digest, how string, err error) {
	err = db.read(ctx, name, func(session *session) error {
		d, how, err = session.digest(ctx, name, s)
		return err
	})
	return d, how, err
}

func (s *session) digest(ctx context.Context, name table.Name, schema *table.Schema) (table.Digest, string, error) {
	able, err := s.probe(ctx)
	if err != nil {
		return table.Digest{}, "", err
	}
	if able {
		d, err := s.digestInEngine(ctx, name, schema)
		var statement *StatementError
		switch {
		case err == nil:
			return d, table.ProofEngine, nil
		case isMissing(err):
			return table.Digest{}, "", &NoTableError{name}
		case !errors.As(err, &statement):
			return table.Digest{}, "", err
		}
		s.db.o.Logger.Warn("the engine could not compute the digest: rows are read back", "table", name, "error", err)
	}
	d, err := s.digestReadBack(ctx, name, schema)
	return d, table.ProofReadBack, err
}

// probe asks whether the engine computes as Impala does. An answer that differs, or an error, says no.
func (s *session) probe(ctx context.Context) (bool, error) {
	able := false
	err := s.query(ctx, probeSQL(), func(_ []string, row []driver.Value) error {
		able = true
		for i, p := range probes() {
			if i >= len(row) || row[i] == nil || textOf(row[i]) != p.answer {
				s.db.o.Logger.Debug("impala: the engine's functions are not Impala's", "expression", p.expression)
				able = false
				return nil
			}
		}
		return nil
	})
	var statement *StatementError
	if errors.As(err, &statement) {
		s.db.o.Logger.Debug("impala: the engine's functions are not Impala's", "error", err)
		return false, nil
	}
	return able, err
}

func (s *session) digestInEngine(ctx context.Context, name table.Name, schema *table.Schema) (table.Digest, error) {
	var d table.Digest
	rows := 0
	err := s.query(ctx, digestSQL(name, schema), func(_ []string, row []driver.Value) error {
		rows++
		var numbers [3]int64
		for i := range numbers {
			n, ok := row[i].(int64)
			if !ok {
				return fmt.Errorf("digest of %s: the engine answered with a %T", name, row[i])
			}
			numbers[i] = n
		}
		d = table.Digest{Rows: numbers[0], M: uint64(numbers[1]), F: uint64(numbers[2])}
		return nil
	})
	if err == nil && rows != 1 {
		err = fmt.Errorf("digest of %s: the engine answered with %d rows", name, rows)
	}
	return d, err
}

// digestReadBack reads all rows, in no order, and computes their fingerprints here.
func (s *session) digestReadBack(ctx context.Context, name table.Name, schema *table.Schema) (table.Digest, error) {
	renamed := *schema
	renamed.Table = name
	codec, err := table.NewCodec(&renamed)
	if err != nil {
		return table.Digest{}, err
	}
	var d table.Digest
	var failed error
	err = s.scan(ctx, &renamed, false, nil, func(r table.Row) bool {
		var f table.Fingerprint
		if f, failed = codec.Fingerprint(r.Image); failed != nil {
			return false
		}
		d.Add(f)
		if d.Rows%progressRows == 0 {
			s.db.o.Progress(Progress{Stage: "prove", Rows: d.Rows})
		}
		return true
	})
	if failed != nil {
		return d, failed
	}
	return d, err
}

package impala

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"strconv"
	"strings"
	"time"

	"rewind/table"
)

// PinError: a table that several reads at once cannot see as it was at one instant.
type PinError struct {
	Table table.Name
	Kind  string // of the table
}

// Error says what is missing.
func (e *PinError) Error() string {
	return fmt.Sprintf("%s: a %s table cannot be read by several streams: they would see it at several instants", e.Table, e.Kind)
}

// ExitCode is that of a wrong configuration.
func (e *PinError) ExitCode() int { return exitUsage }

// Hint says what to change.
func (e *PinError) Hint() string {
	return "take scan_streams out of the table's configuration: only Kudu and Iceberg tables can be read as of one instant"
}

// instant is what pins several reads to one moment: a version of an Iceberg table, or session options for a Kudu table.
type instant struct {
	version string
	options []property
}

// Pin fixes an instant of a table, for several reads of it at once, and gives functions that read the rows from one key on and below
// another, as Rows does, nil being no bound, and that count all rows. They are nil where the table has no instant to fix yet: an Iceberg
// table that nothing was ever written to. *PinError where the engine cannot do it.
func (db *DB) Pin(ctx context.Context, s *table.Schema) (rows func(ctx context.Context, ordered bool, from, to []byte) iter.Seq2[table.Row, error],
	count func(context.Context) (int64, error), err error,
) {
	var at *instant
	err = db.read(ctx, s.Table, func(session *session) (err error) {
		at, err = session.pin(ctx, s.Table)
		return err
	})
	if err != nil || at == nil {
		return nil, nil, err
	}
	rows = func(ctx context.Context, ordered bool, from, to []byte) iter.Seq2[table.Row, error] {
		return db.rows(ctx, s, ordered, &keyRange{from: from, to: to, at: *at})
	}
	count = func(ctx context.Context) (n int64, err error) {
		err = db.read(ctx, s.Table, func(session *session) (err error) {
			n, err = session.countAt(ctx, s.Table, at)
			return err
		})
		return n, err
	}
	return rows, count, nil
}

// countAt counts the rows that a table had at an instant.
func (s *session) countAt(ctx context.Context, name table.Name, at *instant) (int64, error) {
	if err := s.goTo(ctx, at); err != nil {
		return 0, err
	}
	_, rows, err := s.texts(ctx, countSQL(name, at.version))
	if err != nil {
		return 0, err
	}
	if len(rows) != 1 || len(rows[0]) != 1 {
		return 0, fmt.Errorf("%s: the engine does not tell how many rows there are", name)
	}
	return strconv.ParseInt(rows[0][0], 10, 64)
}

// goTo sets what reads of an instant need in a session.
func (s *session) goTo(ctx context.Context, at *instant) error {
	for _, p := range at.options {
		if err := s.exec(ctx, setSQL(p.key, p.value)); err != nil {
			return err
		}
	}
	return nil
}

func (s *session) pin(ctx context.Context, name table.Name) (*instant, error) {
	_, d, err := s.showCreate(ctx, name)
	if err != nil {
		return nil, err
	}
	switch d.format {
	case formatIceberg:
		return s.icebergInstant(ctx, name)
	case formatKudu:
		return s.kuduInstant(ctx)
	}
	return nil, newPinError(name, d.format)
}

func newPinError(name table.Name, format string) *PinError {
	return &PinError{Table: name, Kind: strings.ToLower(format)}
}

// CanPin asks whether several reads of a table can see it as of one instant: *PinError where they cannot.
func (db *DB) CanPin(ctx context.Context, name table.Name) error {
	return db.read(ctx, name, func(s *session) error {
		_, d, err := s.showCreate(ctx, name)
		if err == nil && d.format != formatIceberg && d.format != formatKudu {
			err = newPinError(name, d.format)
		}
		return err
	})
}

// icebergInstant is the current version: the history's last line.
func (s *session) icebergInstant(ctx context.Context, name table.Name) (*instant, error) {
	version := ""
	err := s.metadata(ctx, name, historySQL(name), func(row []string) {
		if len(row) > 1 { // row[0] is a local time: an hour of the autumn comes twice
			version = row[1]
		}
	})
	if err != nil || version == "" {
		return nil, err
	}
	if _, err := strconv.ParseInt(version, 10, 64); err != nil {
		return nil, fmt.Errorf("%s: %q is no id of an Iceberg snapshot", name, version)
	}
	return &instant{version: version}, nil
}

// kuduInstant is now, by the engine's clock.
func (s *session) kuduInstant(ctx context.Context) (*instant, error) {
	_, rows, err := s.texts(ctx, clockSQL)
	if err != nil {
		return nil, err
	}
	if len(rows) != 1 || len(rows[0]) != 1 {
		return nil, errors.New("the engine does not tell the time")
	}
	now, err := time.Parse("2006-01-02 15:04:05.999999999", rows[0][0])
	if err != nil {
		return nil, err
	}
	return &instant{options: kuduOptions(strconv.FormatInt(now.UnixMicro(), 10))}, nil
}

// kuduOptions are those of a session that reads as of a time.
func kuduOptions(micros string) []property {
	return []property{{"KUDU_READ_MODE", "READ_AT_SNAPSHOT"}, {"KUDU_SNAPSHOT_READ_TIMESTAMP_MICROS", micros}}
}

// keyRange is the rows of a table from one key on and below another, at an instant.
type keyRange struct {
	from, to []byte // nil: no bound
	at       instant
}

// condition is the range as a predicate; "" where it has no bound. Keys are in the order of ORDER BY … ASC NULLS FIRST.
func (r *keyRange) condition(s *table.Schema, codec *table.Codec) (string, error) {
	var parts []string
	for _, bound := range []struct {
		key   []byte
		below bool
	}{{r.from, false}, {r.to, true}} {
		if bound.key == nil {
			continue
		}
		values, err := codec.DecodeKey(bound.key)
		if err != nil {
			return "", err
		}
		columns := s.KeyColumns()
		if bound.below {
			parts = append(parts, belowSQL(s, columns, values))
			continue
		}
		parts = append(parts, fromSQL(columns, values))
		if len(columns) > 1 && !values[0].Null { // the engine sees at a glance what it need not read
			parts = append(parts, orderExpression(columns[0])+" >= "+boundLiteral(columns[0], values[0]))
		}
	}
	return strings.Join(parts, " AND "), nil
}

// pinned sets what reads of an instant need in a session, and gives the statement that reads the range.
func (s *session) pinned(ctx context.Context, schema *table.Schema, codec *table.Codec, ordered bool, only *keyRange) (string, error) {
	condition, err := only.condition(schema, codec)
	if err != nil {
		return "", err
	}
	if err := s.goTo(ctx, &only.at); err != nil {
		return "", err
	}
	return scanRangeSQL(schema, ordered, only.at.version, condition), nil
}

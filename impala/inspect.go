package impala

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"maps"
	"strconv"
	"strings"

	"rewind/table"
)

// Where a table's key comes from.
const (
	KeyConfigured = "configuration"
	KeyKudu       = "Kudu"
	KeyDeclared   = "the table's primary key"
)

// Inspection is what the engine says of a table, before it is protected.
type Inspection struct {
	Kind        string   // "Kudu", "Parquet", "external partitioned Text", ...; "" where it could not be asked
	Columns     int      // all of them
	Key         []string // nil: none is known
	KeyFrom     string
	Unsupported []string // columns that cannot be carried, as "name TYPE"
	Exclude     []string // what exclude must name because of them, beside what it names already
	Rows        int64    // by the statistics, or counted; -1: not known
	Bytes       int64    // that its rows take, about; -1: not known
	Unchecked   []string // grants that the engine gave no answer about, and why
}

// Inspect asks for all that a capture of the table needs and reads nothing of it but its number of rows. Each problem is an error of
// its own; what was found out all the same is in the Inspection.
func (db *DB) Inspect(ctx context.Context, name table.Name) (Inspection, []error) {
	i := Inspection{Rows: -1, Bytes: -1}
	quiet := db.unrefreshed(name)
	var problems []error
	err := quiet.read(ctx, name, func(s *session) error {
		i, problems = Inspection{Rows: -1, Bytes: -1}, nil // it may be tried again
		schema, d, err := s.inspect(ctx, name, &i)
		if schema == nil {
			return err
		}
		problems = append(problems, parts(err)...)
		if err := s.mayRead(ctx, schema); err != nil {
			problems = append(problems, err)
			return unreachableOnly(err)
		}
		if err := s.mayInsert(ctx, schema, d, &i); err != nil {
			problems = append(problems, err)
		}
		return s.measure(ctx, schema, &i)
	})
	return i, compact(append(problems, parts(err)...))
}

// parts are the errors that were joined, or the one.
func parts(err error) []error {
	var joined interface{ Unwrap() []error }
	if errors.As(err, &joined) {
		return joined.Unwrap()
	}
	return []error{err}
}

// compact leaves out nils and repeats.
func compact(errs []error) (kept []error) {
	seen := map[string]bool{}
	for _, err := range errs {
		if err != nil && !seen[err.Error()] {
			seen[err.Error()] = true
			kept = append(kept, err)
		}
	}
	return kept
}

func unreachableOnly(err error) error {
	var unreachable *UnreachableError
	if errors.As(err, &unreachable) {
		return err
	}
	return nil
}

// inspect describes the table as a capture does, but goes on behind a problem. Without a schema nothing more can be asked.
func (s *session) inspect(ctx context.Context, name table.Name, i *Inspection) (*table.Schema, *ddl, error) {
	if err := errors.Join(checkIdentifier(name.Database), checkIdentifier(name.Table)); err != nil {
		return nil, nil, err
	}
	_, d, err := s.showCreate(ctx, name)
	if err != nil {
		return nil, nil, granted(err, "SELECT ON TABLE "+name.String())
	}
	i.Kind = d.kind()
	columns, err := s.describeColumns(ctx, name)
	if err != nil {
		return nil, nil, granted(err, "SELECT ON TABLE "+name.String())
	}
	i.Columns = len(columns)
	settings := s.db.o.Tables[name]
	schema, err := schemaOf(name, columns, d, settings)
	var unsupported *ColumnTypeError
	if errors.As(err, &unsupported) {
		i.Unsupported, i.Exclude = unsupported.Columns, unsupported.Names
		settings.Exclude = append(settings.Exclude[:len(settings.Exclude):len(settings.Exclude)], unsupported.Names...)
		var other error
		if schema, other = schemaOf(name, columns, d, settings); other != nil {
			err = errors.Join(err, other)
		}
	}
	i.Key, i.KeyFrom = keyOf(columns, d, settings)
	return schema, d, err
}

// keyOf is the key, and who named it.
func keyOf(columns []described, d *ddl, settings TableOptions) (key []string, from string) {
	if len(settings.Key) > 0 {
		return settings.lowered().Key, KeyConfigured
	}
	if key = knownKey(columns, d); len(key) == 0 {
		return nil, ""
	}
	if d.format == formatKudu {
		return key, KeyKudu
	}
	return key, KeyDeclared
}

// kind calls the table what it is.
func (d *ddl) kind() string {
	var words []string
	if d.external && d.format != formatKudu {
		words = append(words, "external")
	}
	if len(d.partitionedBy) > 0 || len(d.icebergSpec) > 0 {
		words = append(words, "partitioned")
	}
	name := map[string]string{formatKudu: "Kudu", formatIceberg: "Iceberg", "PARQUET": "Parquet", formatText: "text", "": "text", "AVRO": "Avro"}[d.format]
	if name == "" {
		name = d.format
	}
	return strings.Join(append(words, name), " ")
}

// mayRead runs the capture's own statement without a row.
func (s *session) mayRead(ctx context.Context, schema *table.Schema) error {
	err := s.query(ctx, noRowsSQL(schema), func([]string, []driver.Value) error { return nil })
	return granted(err, "SELECT ON TABLE "+schema.Table.String())
}

// mayInsert lets the engine plan an INSERT, which it refuses who may not. What else it says of it is no problem, because a restore
// inserts into a table that it makes itself; but then nothing is known of the grant, which is noted.
func (s *session) mayInsert(ctx context.Context, schema *table.Schema, d *ddl, i *Inspection) error {
	t, err := planTarget(schema.Table, schema, d, "")
	if err != nil {
		return err
	}
	grant := "INSERT ON DATABASE " + schema.Table.Database
	_, _, err = s.texts(ctx, explainInsertSQL(schema.Table, t))
	var denied *GrantError
	if err = granted(err, grant); errors.As(err, &denied) {
		return err
	}
	if err != nil && unreachableOnly(err) == nil {
		i.Unchecked = append(i.Unchecked, fmt.Sprintf("%s: the engine plans no INSERT into the table: %v", grant, err))
	}
	return unreachableOnly(err)
}

// measure finds out how large the table is.
func (s *session) measure(ctx context.Context, schema *table.Schema, i *Inspection) error {
	columns, lines, err := s.texts(ctx, showStatsSQL(schema.Table))
	if err == nil {
		i.Rows, i.Bytes = parseStats(columns, lines)
	} else if err := unreachableOnly(err); err != nil {
		return err
	}
	if i.Rows <= 0 { // no statistics, or old ones
		_, rows, err := s.texts(ctx, countSQL(schema.Table, ""))
		if err != nil {
			return granted(err, "SELECT ON TABLE "+schema.Table.String())
		}
		if len(rows) == 1 && len(rows[0]) == 1 {
			i.Rows, _ = strconv.ParseInt(rows[0][0], 10, 64)
		}
	}
	if i.Bytes <= 0 {
		i.Bytes = i.Rows * rowWidth(schema)
	}
	return nil
}

// textWidth is a guess at the bytes of a text.
const textWidth = 24

// rowWidth is about what a row takes in a file of images.
func rowWidth(s *table.Schema) (bytes int64) {
	for _, c := range s.Columns {
		switch c.Type.Kind {
		case table.String, table.VarChar, table.Char, table.Binary:
			bytes += textWidth
		case table.Timestamp:
			bytes += int64(len(timestampForm))
		default:
			bytes += 1 + 8
		}
	}
	return bytes
}

// ProvesInEngine says whether the engine has Impala's functions, so that it can compute a digest itself.
func (db *DB) ProvesInEngine(ctx context.Context) (able bool, err error) {
	err = db.read(ctx, table.Name{}, func(s *session) error {
		able, err = s.probe(ctx)
		return err
	})
	return able, err
}

// GrantError is a statement that the engine did not allow.
type GrantError struct {
	Grant string // that is missing, as "SELECT ON TABLE shop.orders"
	Err   error  // what the engine said
}

// Error names the grant.
func (e *GrantError) Error() string { return fmt.Sprintf("missing grant: %s (%v)", e.Grant, e.Err) }

// Unwrap is what the engine said.
func (e *GrantError) Unwrap() error { return e.Err }

// Hint is the statement that an administrator runs.
func (e *GrantError) Hint() string { return "an administrator runs: GRANT " + e.Grant + " TO …" }

// ExitCode is that of a guard.
func (e *GrantError) ExitCode() int { return exitGuard }

// granted makes a refusal for want of a privilege an error that names the grant.
func granted(err error, grant string) error {
	var statement *StatementError
	if !errors.As(err, &statement) {
		return err
	}
	text := statement.Err.Error()
	for _, phrase := range []string{"AuthorizationException", "does not have privilege", "not authorized", "Permission denied"} {
		if strings.Contains(text, phrase) {
			return &GrantError{grant, err}
		}
	}
	return err
}

// Look is Inspect without its tries: what the table is, and nothing of its rows.
func (db *DB) Look(ctx context.Context, name table.Name) (Inspection, []error) {
	i := Inspection{Rows: -1, Bytes: -1}
	err := db.unrefreshed(name).read(ctx, name, func(s *session) error {
		i = Inspection{Rows: -1, Bytes: -1}
		_, _, err := s.inspect(ctx, name, &i)
		return err
	})
	return i, compact(parts(err))
}

// WithKey is the DB with a key for the table, as if it were configured.
func (db *DB) WithKey(name table.Name, key []string) *DB {
	keyed := *db
	keyed.o.Tables = maps.Clone(db.o.Tables)
	if keyed.o.Tables == nil {
		keyed.o.Tables = map[table.Name]TableOptions{}
	}
	settings := keyed.o.Tables[name]
	settings.Key = key
	keyed.o.Tables[name] = settings
	return &keyed
}

package impala

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"rewind/table"
)

// Describe says what the table is now. Column ids are positions: table.WithIDs gives those of the stream.
func (db *DB) Describe(ctx context.Context, name table.Name) (*table.Definition, error) {
	var definition *table.Definition
	err := db.read(ctx, name, func(s *session) (err error) {
		definition, err = s.describe(ctx, name)
		return err
	})
	return definition, err
}

func (s *session) describe(ctx context.Context, name table.Name) (*table.Definition, error) {
	if err := errors.Join(checkIdentifier(name.Database), checkIdentifier(name.Table)); err != nil {
		return nil, err
	}
	settings := s.db.o.Tables[name]
	if settings.Refresh {
		if err := s.metadata(ctx, name, refreshSQL(name), nil); err != nil {
			return nil, err
		}
	}
	var engine []string
	if err := s.metadata(ctx, name, versionSQL, func(row []string) { engine = append(engine, row[0]) }); err != nil {
		return nil, err
	}
	text, d, err := s.showCreate(ctx, name)
	if err != nil {
		return nil, err
	}
	columns, err := s.describeColumns(ctx, name)
	if err != nil {
		return nil, err
	}
	schema, err := schemaOf(name, columns, d, settings)
	if err != nil {
		return nil, err
	}
	if schema.Engine, err = s.engineIDs(ctx, name, d, schema); err != nil {
		return nil, err
	}
	options, err := s.valueOptions(ctx)
	if err != nil {
		return nil, err
	}
	return &table.Definition{Schema: schema, DDL: text, Engine: strings.Join(engine, " "), Options: options, Restore: d.property(restoreProperty)}, nil
}

// metadata runs a statement about a table and gives its rows as texts. Without each it is run as one without a result.
func (s *session) metadata(ctx context.Context, name table.Name, statement string, each func(row []string)) error {
	var err error
	if each == nil {
		err = s.exec(ctx, statement)
	} else {
		var rows [][]string
		_, rows, err = s.texts(ctx, statement)
		for _, row := range rows {
			each(row)
		}
	}
	if isMissing(err) {
		return &NoTableError{name}
	}
	return err
}

// showCreate reads and parses the table's DDL, completed by a Kudu table's range partitions. A text that cannot be parsed is kept as
// evidence: the table is protected all the same.
func (s *session) showCreate(ctx context.Context, name table.Name) (string, *ddl, error) {
	var lines []string
	err := s.metadata(ctx, name, showCreateSQL(name), func(row []string) { lines = append(lines, row[0]) })
	if isView(err) {
		return "", nil, refuseView(name)
	}
	if err != nil {
		return "", nil, err
	}
	text := strings.Join(lines, "\n") // Impala answers with one row, others with one a line
	d, err := parseDDL(text)
	if errors.Is(err, errView) {
		return "", nil, refuseView(name)
	}
	if err != nil {
		s.db.o.Logger.Warn("the table's definition could not be read: it can be captured, and not yet restored", "table", name, "error", err)
		return text, &ddl{}, nil
	}
	if err := refuseTarget(name, d); err != nil {
		return "", nil, err
	}
	if !slices.ContainsFunc(d.kuduPartitions, func(k kuduPartition) bool { return !k.hash && k.unknown }) {
		return text, d, nil
	}
	var ranges []string
	if err := s.metadata(ctx, name, showRangesSQL(name), func(row []string) { ranges = append(ranges, row[0]) }); err != nil {
		return "", nil, err
	}
	text = withRanges(text, ranges)
	d, err = parseDDL(text)
	return text, d, err
}

func isView(err error) bool {
	var statement *StatementError
	return errors.As(err, &statement) && strings.Contains(strings.ToLower(statement.Err.Error()), "materialized view")
}

func refuseView(name table.Name) error {
	return &UnsupportedTableError{Table: name, Reason: "a view, which holds no rows of its own", Advice: "protect the tables that it reads"}
}

// described is one row of DESCRIBE.
type described struct {
	name, typeText string
	primaryKey     bool
}

func (s *session) describeColumns(ctx context.Context, name table.Name) ([]described, error) {
	names, rows, err := s.texts(ctx, describeSQL(name))
	if isMissing(err) {
		return nil, &NoTableError{name}
	}
	if err != nil {
		return nil, err
	}
	primaryKey := slices.IndexFunc(names, func(n string) bool { return strings.EqualFold(n, "primary_key") })
	var columns []described
	for _, row := range rows {
		if len(row) < 2 {
			return nil, fmt.Errorf("DESCRIBE %s: %d columns answered", name, len(row))
		}
		c := described{name: strings.ToLower(strings.TrimSpace(row[0])), typeText: strings.TrimSpace(row[1])}
		if c.name == "" || c.name[0] == '#' { // Hive lists partition columns a second time
			break
		}
		c.primaryKey = primaryKey >= 0 && strings.EqualFold(row[primaryKey], "true")
		columns = append(columns, c)
	}
	return columns, nil
}

package impala

import (
	"context"
	"errors"
	"strconv"
	"strings"

	"rewind/table"
)

// formatted is what DESCRIBE FORMATTED says of a table.
type formatted struct {
	exists     bool
	location   string
	kind       string // MANAGED_TABLE, EXTERNAL_TABLE, VIRTUAL_VIEW, MATERIALIZED_VIEW
	parameters map[string]string
}

func (f formatted) isExternal() bool { return f.kind == "EXTERNAL_TABLE" }

// purges tells whether dropping the table removes its files although it is external.
func (f formatted) purges() bool {
	return strings.EqualFold(f.parameters["external.table.purge"], "true")
}

func (f formatted) isKudu() bool {
	return strings.Contains(strings.ToLower(f.parameters["storage_handler"]), "kudu")
}

// describeFormatted reads it; a table that does not exist is no error.
func (s *session) describeFormatted(ctx context.Context, name table.Name) (formatted, error) {
	_, rows, err := s.texts(ctx, describeFormattedSQL(name))
	if isMissing(err) {
		return formatted{}, nil
	}
	if err != nil {
		return formatted{}, err
	}
	return parseFormatted(rows), nil
}

// parseFormatted reads the sections of DESCRIBE FORMATTED: labels in the first column, table parameters in the second and third.
func parseFormatted(rows [][]string) formatted {
	f := formatted{exists: true, parameters: map[string]string{}}
	inParameters := false
	for _, row := range rows {
		cell := func(i int) string {
			if i < len(row) {
				return strings.TrimSpace(row[i])
			}
			return ""
		}
		switch label := cell(0); {
		case label == "Location:":
			f.location = cell(1)
		case label == "Table Type:":
			f.kind = cell(1)
		case label == "Table Parameters:":
			inParameters = true
		case label != "":
			inParameters = false
		case inParameters && cell(1) != "":
			f.parameters[cell(1)] = cell(2)
		}
	}
	return f
}

// Rename gives a table another name. It is not tried again: nobody knows whether a lost answer was a yes.
func (db *DB) Rename(ctx context.Context, from, to table.Name) error {
	return db.change(ctx, from, func(s *session) error {
		return s.metadata(ctx, from, renameSQL(from, to), nil)
	})
}

// RestoreID is the table's property rewind.restore, "" where there is none; exists is false where there is no such table.
func (db *DB) RestoreID(ctx context.Context, name table.Name) (id string, exists bool, err error) {
	err = db.read(ctx, name, func(s *session) error {
		f, err := s.describeFormatted(ctx, name)
		id, exists = f.parameters[restoreProperty], f.exists
		return err
	})
	return id, exists, err
}

// Drop drops a table if it exists. The files of an external table stay where they are, and that is said.
func (db *DB) Drop(ctx context.Context, name table.Name) error {
	return db.change(ctx, name, func(s *session) error {
		f, err := s.describeFormatted(ctx, name)
		if err != nil || !f.exists {
			return err
		}
		if err := s.exec(ctx, dropSQL(name)); err != nil {
			return err
		}
		if f.isExternal() && !f.purges() {
			db.o.Logger.Warn("an external table was dropped: its files stay", "table", name, "location", f.location)
		}
		return nil
	})
}

// Estimate says how large the table is by its statistics; 0 is unknown.
func (db *DB) Estimate(ctx context.Context, name table.Name) (rows, bytes int64, err error) {
	err = db.read(ctx, name, func(s *session) error {
		columns, lines, err := s.texts(ctx, showStatsSQL(name))
		if isMissing(err) {
			return &NoTableError{name}
		}
		var statement *StatementError
		if errors.As(err, &statement) { // an engine without such statistics
			db.o.Logger.Debug("impala: no statistics", "table", name, "error", err)
			return nil
		}
		rows, bytes = parseStats(columns, lines)
		return err
	})
	return rows, bytes, err
}

// parseStats sums the lines of SHOW TABLE STATS, or takes its last line where that is the total.
func parseStats(columns []string, lines [][]string) (rows, bytes int64) {
	if len(lines) > 0 && len(lines[len(lines)-1]) > 0 && strings.EqualFold(lines[len(lines)-1][0], "total") {
		lines = lines[len(lines)-1:]
	}
	for _, line := range lines {
		for i, c := range columns {
			if i >= len(line) {
				break
			}
			switch strings.ToLower(c) {
			case "#rows":
				n, _ := strconv.ParseInt(line[i], 10, 64) // -1: not computed
				rows += max(n, 0)
			case "size":
				bytes += parseSize(line[i])
			}
		}
	}
	return rows, bytes
}

// parseSize reads 0B, 1.23KB, 4.5MB, ...
func parseSize(text string) int64 {
	units := []struct {
		suffix string
		bytes  float64
	}{{"PB", 1 << 50}, {"TB", 1 << 40}, {"GB", 1 << 30}, {"MB", 1 << 20}, {"KB", 1 << 10}, {"B", 1}}
	for _, u := range units {
		if number, found := strings.CutSuffix(strings.TrimSpace(text), u.suffix); found {
			n, err := strconv.ParseFloat(strings.TrimSpace(number), 64)
			if err != nil || n < 0 {
				return 0
			}
			return int64(n * u.bytes)
		}
	}
	return 0
}

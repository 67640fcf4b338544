package impala

import (
	"context"
	"errors"
	"strings"
)

// valueOptions are the query options that change what a column's value is read as.
var valueOptions = []string{"TIMEZONE", "CONVERT_LEGACY_HIVE_PARQUET_UTC_TIMESTAMPS", "USE_LOCAL_TZ_FOR_UNIX_TIMESTAMP_CONVERSIONS", "CONVERT_KUDU_UTC_TIMESTAMPS"}

// valueOptions reads them from the session. What the engine does not know, or does not tell, is "".
func (s *session) valueOptions(ctx context.Context) (map[string]string, error) {
	options := make(map[string]string, len(valueOptions))
	for _, name := range valueOptions {
		options[name] = ""
	}
	_, rows, err := s.texts(ctx, allOptionsSQL)
	var statement *StatementError
	if errors.As(err, &statement) && statement.isSyntax() { // an engine without SET ALL; any other failure would pass for options that changed
		s.db.o.Logger.Debug("impala: session options are not known", "error", err)
		return options, nil
	}
	if err != nil {
		return nil, err
	}
	for _, row := range rows {
		key, value, _ := strings.Cut(row[0], "=") // Hive's form
		if len(row) > 1 {
			key, value = row[0], row[1]
		}
		key = strings.ToUpper(strings.TrimSpace(key))
		if _, wanted := options[key]; wanted {
			options[key] = canonicalOption(value)
		}
	}
	return options, nil
}

// canonicalOption writes booleans one way: versions differ, values do not.
func canonicalOption(value string) string {
	switch strings.ToLower(strings.TrimSpace(value)) {
	case "1", "true":
		return "true"
	case "0", "false":
		return "false"
	}
	return strings.TrimSpace(value)
}

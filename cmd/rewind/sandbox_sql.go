package main

import (
	"context"
	"database/sql"
	"encoding/base64"
	"fmt"
	"strconv"
	"time"
	"unicode/utf8"

	"github.com/spf13/cobra"
)

// sqlRowsLimit bounds what one statement prints: this is for looking, not for exporting.
const sqlRowsLimit = 10_000

// summaryColumn is the one column of Impala's answer to a statement that defines: a sentence, which needs no heading.
const summaryColumn = "summary"

func (a *app) sandboxSQLCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "sql STATEMENT...",
		Short: "Run SQL on the configured Impala and print what it answers",
		Long: `Runs each argument as one SQL statement on the Impala of the configuration: what a person types to change a table and to
look at it, on a machine without impala-shell.`,
		Example: `  rewind sandbox sql "SELECT * FROM default.my_table"`,
		Args:    usageArgs(cobra.MinimumNArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := a.loadConfig()
			if err != nil {
				return err
			}
			if c.Impala.DSN == "" {
				return missing(c, "impala.dsn", `impala: {dsn: "impala://127.0.0.1:21050?auth=noauth"}`)
			}
			dsn, err := c.Impala.dsn()
			if err != nil {
				return usageErrorf("see impala: in %s", c.path).because(err)
			}
			db, err := sql.Open("impala", dsn)
			if err != nil {
				return usageErrorf("see impala.dsn in %s", c.path).because(err)
			}
			defer db.Close()
			for _, statement := range args {
				if err := a.runSQL(cmd.Context(), db, statement); err != nil {
					return err
				}
			}
			return nil
		},
	}
}

// runSQL runs one statement and prints its rows.
func (a *app) runSQL(ctx context.Context, db *sql.DB, statement string) error {
	rows, err := db.QueryContext(ctx, statement)
	if err != nil {
		return err
	}
	defer rows.Close()
	columns, err := rows.Columns()
	if err != nil {
		return err
	}
	if len(columns) == 0 {
		return rows.Err()
	}
	header := make([]any, len(columns))
	for i, column := range columns {
		header[i] = column
	}
	if err := refuseBinary(rows); err != nil {
		return err
	}
	g := newGrid(header...)
	summary := len(columns) == 1 && columns[0] == summaryColumn
	values, into := make([]any, len(columns)), make([]any, len(columns))
	for i := range values {
		into[i] = &values[i]
	}
	n := 0
	for ; n < sqlRowsLimit && rows.Next(); n++ {
		if err := rows.Scan(into...); err != nil {
			return err
		}
		cells := make([]any, len(values))
		for i, value := range values {
			cells[i] = sqlText(value)
		}
		g.add(cells...)
	}
	if err := rows.Err(); err != nil {
		return err
	}
	if summary {
		g.printBare(a.stdout)
	} else {
		g.print(a.stdout)
	}
	if n == sqlRowsLimit {
		fmt.Fprintf(a.stderr, "only the first %s rows are shown\n", thousands(sqlRowsLimit))
	}
	return nil
}

// refuseBinary keeps BINARY columns from the driver, which panics when it scans one.
func refuseBinary(rows *sql.Rows) error {
	types, err := rows.ColumnTypes()
	if err != nil {
		return err
	}
	for _, t := range types {
		if t.DatabaseTypeName() == "BINARY" {
			return &codedError{code: exitUsage, message: fmt.Sprintf("the column %q is BINARY, which cannot be shown as it is", t.Name()),
				hint: "select base64encode(CAST(column AS STRING)) in its place"}
		}
	}
	return nil
}

// sqlText shows a value of the driver.
func sqlText(value any) string {
	switch v := value.(type) {
	case nil:
		return "NULL"
	case []byte:
		if !utf8.Valid(v) {
			return "base64:" + base64.StdEncoding.EncodeToString(v)
		}
		return string(v)
	case time.Time:
		return v.Format("2006-01-02 15:04:05.999999999")
	case float64:
		return strconv.FormatFloat(v, 'g', -1, 64)
	}
	return fmt.Sprint(value)
}

package engine

import (
	"errors"
	"fmt"

	"github.com/ncruces/go-sqlite3"
)

// ResultColumn is one column of a result.
type ResultColumn struct {
	Name string
	Type Type
}

// Rows is a result that is computed while it is read.
type Rows struct {
	Columns []ResultColumn

	stmt    *sqlite3.Stmt
	failure *error // what a Go function reported
	fixed   [][]datum
	at      int
	close   func() error
}

// Value is one value as it goes over the wire.
type Value struct {
	Null  bool
	Int   int64
	Float float64
	Bytes []byte // valid until the next row
}

// Next steps to the next row.
func (r *Rows) Next() (bool, error) {
	if r.stmt == nil {
		r.at++
		return r.at <= len(r.fixed), nil
	}
	if r.stmt.Step() {
		return true, nil
	}
	return false, stepError(r.stmt.Err(), r.failure)
}

// stepError prefers what our function said over SQLite's report of it.
func stepError(err error, failure *error) error {
	if err != nil && failure != nil && *failure != nil {
		return *failure
	}
	if errors.Is(err, sqlite3.INTERRUPT) {
		return &Error{"HY000", "Cancelled"}
	}
	return err
}

// Value of a column of the current row.
func (r *Rows) Value(column int) Value {
	t := r.Columns[column].Type
	d := r.datum(column, t)
	switch {
	case d.null:
		return Value{Null: true}
	case t.Kind == Date:
		return Value{Bytes: []byte(dateText(d.i))}
	case t.storedAsInteger():
		return Value{Int: d.i}
	case t.isFloat():
		return Value{Float: d.double()}
	case t.Kind == Decimal:
		return Value{Bytes: []byte(decimalText(d.unscaled(), t.Scale))}
	case t.Kind == Timestamp:
		return Value{Bytes: timestampText(d.b)}
	}
	return Value{Bytes: d.b}
}

func (r *Rows) datum(column int, t Type) datum {
	if r.stmt == nil {
		return r.fixed[r.at-1][column]
	}
	return columnOf(r.stmt, column, t)
}

func columnOf(s *sqlite3.Stmt, column int, t Type) datum {
	switch {
	case s.ColumnType(column) == sqlite3.NULL:
		return null
	case t.storedAsInteger():
		return integer(s.ColumnInt64(column))
	}
	return blob(s.ColumnRawBlob(column))
}

// Close ends the query.
func (r *Rows) Close() error {
	var err error
	if r.stmt != nil {
		err = r.stmt.Close()
	}
	if r.close != nil {
		err = errors.Join(err, r.close())
		r.close = nil
	}
	return err
}

// textRows makes a result of strings; several columns' values follow each
// other in the list.
func textRows(columns []string, values []string) *Result {
	r := &Rows{}
	for _, c := range columns {
		r.Columns = append(r.Columns, ResultColumn{c, Type{Kind: String}})
	}
	for i := 0; i < len(values); i += len(columns) {
		row := make([]datum, len(columns))
		for j := range row {
			row[j] = text(values[i+j])
		}
		r.fixed = append(r.fixed, row)
	}
	return &Result{Rows: r}
}

// summary is the row with which Impala answers DDL.
func summary(format string, args ...any) *Rows {
	return textRows([]string{"summary"}, []string{fmt.Sprintf(format, args...)}).Rows
}

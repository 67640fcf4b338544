package impala

import (
	"context"
	"database/sql/driver"
	"fmt"
	"io"
)

// result is a statement's answer as the driver itself gives it. database/sql would take two locks a row and hand every value on by a
// conversion that changes none of them: a third of what reading a table costs.
type result struct {
	rows  driver.Rows
	names []string
	types []resultType
}

// resultType is what the server says of a column; what it leaves out is not known.
type resultType struct {
	name                        string
	precision, scale, length    int64
	precisionKnown, lengthKnown bool
}

// open runs a statement on the session's connection.
func (s *session) open(ctx context.Context, statement string) (*result, error) {
	r := &result{}
	err := s.readAnswer(ctx, statement, func() error {
		return s.conn.Raw(func(conn any) error {
			rows, err := conn.(driver.QueryerContext).QueryContext(ctx, statement, nil)
			if err != nil {
				return err
			}
			r.rows = rows
			r.describe()
			return nil
		})
	})
	return r, err
}

func (r *result) describe() {
	r.names = r.rows.Columns()
	r.types = make([]resultType, len(r.names))
	for i := range r.types {
		t := &r.types[i]
		if typed, ok := r.rows.(driver.RowsColumnTypeDatabaseTypeName); ok {
			t.name = typed.ColumnTypeDatabaseTypeName(i)
		}
		if typed, ok := r.rows.(driver.RowsColumnTypePrecisionScale); ok {
			t.precision, t.scale, t.precisionKnown = typed.ColumnTypePrecisionScale(i)
		}
		if typed, ok := r.rows.(driver.RowsColumnTypeLength); ok {
			t.length, t.lengthKnown = typed.ColumnTypeLength(i)
		}
	}
}

// What is read in one call: to hand each row over from the goroutine that reads them would cost as much as reading it.
const (
	batchRows  = 1024
	batchBytes = 128 << 10 // and no further one behind so many
)

// batch is rows of a result.
type batch interface {
	// fill reads so many rows, or fewer; end is true behind the last one. With an error come those before it.
	fill(rows driver.Rows, most int) (end bool, err error)
	// drain works on what fill has read.
	drain() error
}

// pump reads a result to its end. While one batch is drained, the other is filled by the goroutine that may wait for the server.
func (s *session) pump(ctx context.Context, statement string, r *result, full, empty batch) error {
	most, end := 1, false // the first row does not wait for others
	fill := func() {
		b, n := empty, most
		most = min(4*most, batchRows)
		s.beginAnswer(ctx, statement, func() (err error) {
			end, err = b.fill(r.rows, n)
			return err
		})
	}
	for fill(); ; {
		err := s.wait(ctx)
		if s.caller.stuck { // whatever came, it is still being written
			return s.failed(ctx, statement, err)
		}
		full, empty = empty, full
		more := err == nil && !end
		if more {
			fill()
		}
		if stop := full.drain(); stop != nil {
			if more {
				_ = s.wait(ctx) // nothing else may be asked of the connection meanwhile
			}
			return stop
		}
		if err != nil {
			return s.failed(ctx, statement, err)
		}
		if !more {
			return nil
		}
	}
}

// values is a batch of rows as the driver gives them.
type values struct {
	columns int
	rows    [][]driver.Value
	n       int
	each    func(row []driver.Value) error
}

func (v *values) fill(rows driver.Rows, most int) (end bool, err error) {
	for v.n = 0; v.n < min(most, batchRows/16); v.n++ {
		if v.n == len(v.rows) {
			v.rows = append(v.rows, make([]driver.Value, v.columns))
		}
		if err := rows.Next(v.rows[v.n]); err != nil {
			return ended(err)
		}
	}
	return false, nil
}

func (v *values) drain() error {
	for _, row := range v.rows[:v.n] {
		if err := v.each(row); err != nil {
			return err
		}
	}
	return nil
}

// ended tells the end of a result from an error. The end comes bare: of a connection that was cut the driver's error is io.EOF, too, but
// wrapped.
func ended(err error) (bool, error) {
	if err == io.EOF { //nolint:errorlint // see above
		return true, nil
	}
	return false, err
}

func (t resultType) String() string {
	switch {
	case t.precisionKnown:
		return fmt.Sprintf("%s(%d,%d)", t.name, t.precision, t.scale)
	case t.lengthKnown:
		return fmt.Sprintf("%s(%d)", t.name, t.length)
	}
	return t.name
}

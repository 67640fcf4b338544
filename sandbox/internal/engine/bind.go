package engine

import (
	"fmt"

	"github.com/ncruces/go-sqlite3"
)

// prepare registers the functions that the analyzed text calls, and compiles
// it. What a function reports lands in failure.
func (a *analyzer) prepare(text string) (stmt *sqlite3.Stmt, failure *error, err error) {
	failure = new(error)
	for _, f := range a.functions {
		if err := f.register(a.conn, failure); err != nil {
			return nil, nil, err
		}
	}
	if err := a.connectScans(failure); err != nil {
		return nil, nil, err
	}
	stmt, _, err = a.conn.Prepare(text)
	if err != nil {
		if *failure != nil {
			return nil, nil, *failure
		}
		return nil, nil, fmt.Errorf("%w in %.2000s", err, text)
	}
	return stmt, failure, nil
}

func (f *registered) register(c *sqlite3.Conn, failure *error) error {
	if f.step != nil {
		return c.CreateWindowFunction(f.name, f.args, sqlite3.DETERMINISTIC, func() sqlite3.AggregateFunction {
			return &stepper{f: f, accumulator: f.step(), failure: failure, args: make([]datum, f.args)}
		})
	}
	args := make([]datum, f.args)
	return c.CreateFunction(f.name, f.args, sqlite3.DETERMINISTIC, func(ctx sqlite3.Context, values ...sqlite3.Value) {
		read(values, args)
		d, err := f.fn(args)
		give(ctx, d, err, f.typ, failure)
	})
}

// read takes SQLite's values as they are stored; they are valid during the call.
func read(values []sqlite3.Value, args []datum) {
	for i, v := range values {
		switch v.Type() {
		case sqlite3.NULL:
			args[i] = null
		case sqlite3.INTEGER:
			args[i] = datum{i: v.Int64()}
		default:
			args[i] = datum{b: v.RawBlob()}
		}
	}
}

func give(ctx sqlite3.Context, d datum, err error, t Type, failure *error) {
	switch {
	case err != nil:
		*failure = err
		ctx.ResultError(err)
	case d.null:
		ctx.ResultNull()
	case t.storedAsInteger():
		ctx.ResultInt64(d.i)
	case len(d.b) == 0:
		ctx.ResultZeroBlob(0)
	default:
		ctx.ResultBlob(d.b)
	}
}

// stepper lends an accumulator to SQLite.
type stepper struct {
	f           *registered
	accumulator accumulator
	failure     *error
	args        []datum
}

// Step adds a row unless one of its values is NULL.
func (s *stepper) Step(_ sqlite3.Context, values ...sqlite3.Value) {
	read(values, s.args)
	for _, a := range s.args {
		if a.null {
			return
		}
	}
	s.accumulator.add(s.args)
}

// Value gives the group's value.
func (s *stepper) Value(ctx sqlite3.Context) {
	d, err := s.accumulator.value()
	give(ctx, d, err, s.f.typ, s.failure)
}

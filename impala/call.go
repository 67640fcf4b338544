package impala

import (
	"context"
	"database/sql"
	"errors"
	"time"
)

// The driver looks at the context between its calls of the server only. One that is not answered would keep whoever interrupts for as
// long as the socket's timeout, which must be long.
const defaultGrace = 2 * time.Second

// errStuck: the session waits for an answer that nobody waits for any more.
var errStuck = errors.New("the server has not answered the call before")

// caller makes a session's calls of the driver in a goroutine, which can be left alone with one.
type caller struct {
	calls   chan func() error
	results chan error
	left    chan struct{} // closed by who does not wait any more
	stuck   bool
	begun   bool  // a call is on its way
	result  error // of one that was made at once
}

// start begins a caller. last is done by one that was left, once its call has come back.
func (c *caller) start(last func()) {
	c.calls, c.results, c.left = make(chan func() error), make(chan error), make(chan struct{})
	go func() {
		for call := range c.calls {
			err := call()
			select {
			case c.results <- err:
			case <-c.left:
				last()
				return
			}
		}
	}()
}

// end ends a caller that waits for no answer.
func (c *caller) end() {
	if !c.stuck {
		close(c.calls)
	}
}

// call makes a call. When ctx ends it may take the grace longer; then it is left alone, and so is the session.
func (c *caller) call(ctx context.Context, grace time.Duration, call func() error) error {
	c.begin(ctx, call)
	return c.wait(ctx, grace)
}

// begin begins a call, which wait waits for. Where nobody can interrupt, it is made at once.
func (c *caller) begin(ctx context.Context, call func() error) {
	switch {
	case c.stuck:
	case ctx.Done() == nil:
		c.result = call()
	default:
		c.begun = true
		c.calls <- call
	}
}

func (c *caller) wait(ctx context.Context, grace time.Duration) error {
	if c.stuck {
		return errStuck
	}
	if !c.begun {
		return c.result
	}
	c.begun = false
	select {
	case err := <-c.results:
		return err
	case <-ctx.Done():
	}
	timer := time.NewTimer(grace)
	defer timer.Stop()
	select {
	case err := <-c.results:
		return err
	case <-timer.C:
		close(c.left)
		c.stuck = true
		return context.Cause(ctx)
	}
}

// connect gives a connection of the pool; one that comes when nobody waits for it any more is closed.
func (db *DB) connect(ctx context.Context) (*sql.Conn, error) {
	var conn *sql.Conn
	var c caller
	c.start(func() {
		if conn != nil {
			db.closeConn(conn)
		}
	})
	defer c.end()
	err := c.call(ctx, db.o.Grace, func() (err error) {
		conn, err = db.pool.Conn(ctx)
		return err
	})
	if err != nil {
		return nil, err
	}
	return conn, nil
}

// closeConn closes the server's session, and with it whatever still runs in it: the pool keeps no connection (see Open), so that
// closing this one closes the driver's, whatever state a timeout or a cancellation left it in.
func (db *DB) closeConn(conn *sql.Conn) {
	if err := conn.Close(); err != nil && !errors.Is(err, sql.ErrConnDone) {
		db.o.Logger.Debug("impala: closing a connection", "error", err)
	}
}

// closeInTime closes a connection, and does not wait for it where that is not answered.
func (db *DB) closeInTime(conn *sql.Conn) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		db.closeConn(conn)
	}()
	timer := time.NewTimer(db.o.Grace)
	defer timer.Stop()
	select {
	case <-done:
	case <-timer.C:
		db.o.Logger.Debug("impala: the server does not answer to the end of a session")
	}
}

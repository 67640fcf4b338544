package impala

import (
	"context"
	"database/sql"
	"fmt"
	"io"
)

// AnswerError is an answer of the server that the driver could not read: it is not what the protocol says. The driver takes what it
// is sent on trust and panics then; nothing of such an answer is used.
type AnswerError struct {
	SQL   string // shortened
	Cause any    // what the driver panicked with
}

// Error says what the driver met.
func (e *AnswerError) Error() string {
	return fmt.Sprintf("the server's answer makes no sense to the driver (%v) in %s", e.Cause, e.SQL)
}

// Hint says what to check.
func (e *AnswerError) Hint() string {
	return "check that impala.dsn names an impalad's HiveServer2 port and nothing rewrites what it answers; nothing of this answer was used"
}

// readAnswer runs one call of the driver and turns its panic into an error.
func (s *session) readAnswer(ctx context.Context, statement string, call func() error) error {
	return s.call(ctx, func() (err error) {
		defer func() {
			if cause := recover(); cause != nil {
				s.broken = true
				err = &AnswerError{shorten(statement), cause}
			}
		}()
		return call()
	})
}

// Rows that are read in one call: to hand each over from the goroutine that reads them would cost as much as reading it.
const (
	chunkRows  = 64
	chunkBytes = 64 << 10 // and no further one behind so many bytes of text
)

// chunk is rows of a result, as the driver's own values.
type chunk struct {
	rows    [][]any
	targets [][]any // places of the rows' values
	n, most int
	end     bool
}

func newChunk(columns int) *chunk {
	c := &chunk{most: 1, rows: make([][]any, chunkRows), targets: make([][]any, chunkRows)}
	for i := range c.rows {
		c.rows[i], c.targets[i] = make([]any, columns), make([]any, columns)
		for j := range c.rows[i] {
			c.targets[i][j] = &c.rows[i][j]
		}
	}
	return c
}

// nextRows reads the next rows. With an error come those before it.
func (s *session) nextRows(ctx context.Context, statement string, rows *sql.Rows, c *chunk) error {
	c.n, c.end = 0, false
	return s.readAnswer(ctx, statement, func() error {
		for bytes := 0; c.n < c.most && bytes < chunkBytes; {
			if !rows.Next() {
				c.end = true
				return rows.Err()
			}
			if err := rows.Scan(c.targets[c.n]...); err != nil {
				return err
			}
			bytes += textBytes(c.rows[c.n])
			c.n++
		}
		c.most = min(2*c.most, chunkRows) // the first row does not wait for others
		return nil
	})
}

func textBytes(row []any) (n int) {
	for _, v := range row {
		switch v := v.(type) {
		case string:
			n += len(v)
		case []byte:
			n += len(v)
		}
	}
	return n
}

// abandon closes the driver's connection underneath database/sql, which never lets go of one in whose Query or Exec the driver
// panicked: closing the sql.Conn would wait for ever.
func (s *session) abandon() {
	err := s.conn.Raw(func(conn any) error {
		if c, ok := conn.(io.Closer); ok {
			if err := c.Close(); err != nil {
				s.db.o.Logger.Debug("impala: closing a connection", "error", err)
			}
		}
		return nil // an error would make Raw close the sql.Conn
	})
	if err != nil {
		s.db.o.Logger.Debug("impala: closing a connection", "error", err)
	}
}

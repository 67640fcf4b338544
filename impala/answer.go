package impala

import (
	"context"
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
	s.beginAnswer(ctx, statement, call)
	return s.wait(ctx)
}

// beginAnswer is the first half of readAnswer; wait is the other. In between the session is asked nothing.
func (s *session) beginAnswer(ctx context.Context, statement string, call func() error) {
	s.begin(ctx, func() (err error) {
		defer func() {
			if cause := recover(); cause != nil {
				s.broken = true
				err = &AnswerError{shorten(statement), cause}
			}
		}()
		return call()
	})
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

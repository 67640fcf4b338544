package producer

import (
	"context"
	"errors"
	"fmt"

	"rewind/table"
)

// AlteredError: the table was altered while it was read, and once more while it was read again. Nothing was published.
type AlteredError struct {
	Table table.Name
	What  string // in which way
	Err   error  // what the read ended with, or nil
}

func (e *AlteredError) Error() string {
	text := fmt.Sprintf("%s was altered while it was read, twice in a row: %s", e.Table, e.What)
	if e.Err != nil {
		text += " (" + e.Err.Error() + ")"
	}
	return text
}

func (e *AlteredError) Unwrap() error { return e.Err }

// ExitCode is "refused by a guard".
func (e *AlteredError) ExitCode() int { return 6 }

// Hint says what to do.
func (e *AlteredError) Hint() string {
	return "nothing was published: a restore point never mixes schemas; capture again when the table's definition stays as it is"
}

// snapshot plans the capture and reads the table. A table that was altered while it was read is read once more, from its new
// definition on: rows that were read by the old one say nothing of either.
func (c *capture) snapshot(ctx context.Context, t *term) error {
	for {
		if err := c.plan(t); err != nil {
			return err
		}
		if err := c.checkSpace(ctx); err != nil {
			return err
		}
		what, err := c.altered(ctx, c.scan(ctx, t))
		if what == "" && err == nil {
			return nil
		}
		if dropErr := c.folder().drop(); dropErr != nil {
			return errors.Join(err, dropErr)
		}
		if what == "" {
			return err
		}
		if c.report.Reread != "" {
			return &AlteredError{Table: c.name, What: what, Err: err}
		}
		c.logger.Warn("capture: the table was altered while it was read; it is read again", "altered", what)
		if err := c.describeAgain(ctx); err != nil {
			return err
		}
		c.report.Reread = what
	}
}

// altered asks the engine whether the table still is what it was when it was described, and says in which way it is not. An error of
// the read is explained by that, if by anything; it stays what it is where there is nothing to explain.
func (c *capture) altered(ctx context.Context, failed error) (what string, err error) {
	if ctx.Err() != nil || isUnreachable(failed) {
		return "", failed
	}
	what, err = c.producer.source.Altered(ctx, c.name, c.definition)
	switch {
	case failed == nil, err == nil && what != "":
		return what, errors.Join(failed, err)
	case err != nil && exitCodeOf(err) == exitNothing:
		return "", fmt.Errorf("%w: it went while it was read (%w)", err, failed)
	}
	return "", failed
}

// Exit codes of a source's errors that mean something here.
const (
	exitNothing     = 4
	exitUnreachable = 7
)

func isUnreachable(err error) bool { return exitCodeOf(err) == exitUnreachable }

func exitCodeOf(err error) int {
	var coded interface{ ExitCode() int }
	if errors.As(err, &coded) {
		return coded.ExitCode()
	}
	return 0
}

// describeAgain begins anew with what the table is now. The term goes on: nothing was published yet.
func (c *capture) describeAgain(ctx context.Context) error {
	definition, err := c.producer.source.Describe(ctx, c.name)
	if err != nil {
		return err
	}
	c.definition, c.projection = definition, nil
	c.report.Baseline, c.report.Reason, c.report.Previous = false, "", 0
	return nil
}

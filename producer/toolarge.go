package producer

import (
	"errors"
	"fmt"

	"rewind/change"
	"rewind/table"
	"rewind/topic"
)

// RowTooLargeError: a row whose change Kafka does not take. Nothing of the capture became a restore point.
type RowTooLargeError struct {
	Table table.Name
	Key   string
	Err   *topic.TooLargeError
}

func (e *RowTooLargeError) Error() string {
	return fmt.Sprintf("%s: the row %s cannot be published: %v", e.Table, e.Key, e.Err)
}

func (e *RowTooLargeError) Unwrap() error { return e.Err }

// ExitCode is "configuration".
func (e *RowTooLargeError) ExitCode() int { return e.Err.ExitCode() }

// Hint says what to raise, and the other way out.
func (e *RowTooLargeError) Hint() string {
	return fmt.Sprintf("%s; or leave the widest column out: tables: [{name: %s, exclude: [...]}]", e.Err.Hint(), e.Table)
}

// keyShown is how much of a row's key a message shows.
const keyShown = 200

// tooLarge names the row that Kafka does not take.
func (c *capture) tooLarge(err error, values [][]byte) error {
	var refused *topic.TooLargeError
	if !errors.As(err, &refused) || refused.Index >= len(values) {
		return err
	}
	decoder := change.NewDecoder()
	if learned := decoder.Learn(c.schema); learned != nil {
		return err
	}
	m, broken := decoder.Decode(values[refused.Index])
	if broken != nil || m.Change == nil {
		return err // a Begin or a Commit: the topic takes hardly anything
	}
	codec, broken := table.NewCodec(c.schema)
	if broken != nil {
		return err
	}
	image := m.Change.After
	if image == nil {
		image = m.Change.Before
	}
	key := []rune(codec.FormatRow(table.Row{Key: m.Change.Key, Image: image}))
	if len(key) > keyShown {
		key = append(key[:keyShown], '…')
	}
	return &RowTooLargeError{Table: c.name, Key: string(key), Err: refused}
}

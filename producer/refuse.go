package producer

import (
	"context"
	"errors"
	"slices"
	"time"

	"rewind/change"
	"rewind/table"
	"rewind/topic"
)

// refusalTimeout bounds how long a capture that was refused waits for Kafka to take its Gap: somebody waits for the reason.
const refusalTimeout = 15 * time.Second

// CannotCarry marks an error of a Source that says of a table, or of its columns, that they cannot be carried as they are.
type CannotCarry interface {
	error
	CannotCarry()
}

// causeOf is the cause of the Gap that an error leaves, "" where it leaves none: a capture that failed may succeed at the next try,
// one that was refused will be refused until somebody does something about it.
func causeOf(err error) string {
	for _, c := range []struct {
		as    any
		cause string
	}{
		{new(*GuardError), change.CauseGuard},
		{new(*DuplicateKeyError), change.CauseDuplicateKey},
		{new(*OrderError), change.CauseOrder},
		{new(*OptionsError), change.CauseOptions},
		{new(*ClockError), change.CauseClock},
		{new(*AlteredError), change.CauseAltered},
		{new(*table.SchemaError), change.CauseSchema},
		{new(*table.KeyTypeError), change.CauseSchema},
		{new(*table.UnsupportedTypeError), change.CauseSchema},
		{new(CannotCarry), change.CauseSchema},
	} {
		if errors.As(err, c.as) {
			return c.cause
		}
	}
	return ""
}

// refused brings a Gap into partition 0 where a capture was refused, so that the journal knows why there is no restore point: once a
// cause, until a capture succeeds. Before the first restore point there is nothing that could have a gap. Whatever goes wrong here
// is only logged: the refusal is what is to be heard.
func (c *capture) refused(ctx context.Context, refusal error) {
	cause := causeOf(refusal)
	if cause == "" || ctx.Err() != nil {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, refusalTimeout)
	defer cancel()
	if err := c.tellRefusal(ctx, cause, refusal); err != nil {
		c.session.term = nil // what is on its way may still arrive
		c.logger.Warn("capture: the refusal is not in the topic: points will not show the gap", "error", err)
	}
}

func (c *capture) tellRefusal(ctx context.Context, cause string, refusal error) error {
	t, err := c.termOfRefusal(ctx)
	if err != nil || t == nil {
		return err
	}
	s := &t.states[0]
	if s.committed == 0 || slices.Contains(s.refused, cause) {
		return nil
	}
	if t.stamp == (change.Stamp{}) {
		if err := c.takeOver(ctx, t); err != nil {
			return err
		}
	}
	// Whatever the clock does, it comes behind the last restore point, and no Gap looks like a copy of another.
	at := max(c.now(), s.ended, s.refusedAt+1)
	gap := &change.Gap{Stamp: t.stamp, Reason: refusal.Error(), At: at, Cause: cause}
	message, err := change.AppendGap(nil, gap)
	if err != nil {
		return err
	}
	before := s.next
	if _, err := c.append(ctx, t, 0, [][]byte{message}); err != nil {
		return err
	}
	if s.next == before+1 { // not read back
		s.observe(before, change.Message{Gap: gap})
	}
	c.logger.Info("capture: the refusal stands in the topic as a gap", "cause", cause)
	return nil
}

// termOfRefusal is the capture's term, or what is known of the partitions where none was opened; nil where the table was never
// captured here, or where it is not for us to say anything.
func (c *capture) termOfRefusal(ctx context.Context) (*term, error) {
	if c.entered {
		return c.session.term, nil
	}
	if t := c.session.term; t != nil {
		return t, c.look(ctx, t)
	}
	current, err := c.loadCurrent()
	if err != nil || current == nil {
		return nil, err
	}
	opened, err := c.producer.kafka.Open(ctx, c.name, false)
	if errors.Is(err, topic.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	t := &term{topic: opened, current: current}
	err = c.survey(ctx, t)
	var state *StateError
	if errors.As(err, &state) { // somebody else captures it, or its state was lost
		return nil, nil
	}
	return t, err
}

package producer

import (
	"context"
	"errors"
	"log/slog"

	"rewind/change"
	"rewind/table"
	"rewind/topic"
)

// logState is what one partition says, read in log order from some offset on.
type logState struct {
	next    int64  // offset to read on from
	stream  string // "" until an Open or Begin was seen
	stamp   change.Stamp
	highest int64 // snapshot id, aborted and stale ones included

	begin     *change.Begin // the last one that counts
	committed int64         // id of the last snapshot that this partition commits
	commitAt  int64         // offset of that Commit
	ended     int64         // when that snapshot's read had ended
	rows      int64         // that it has
	refused   []string      // the causes of Gaps since then
	refusedAt int64         // when the last of all Gaps was written
	baseline  *change.Begin // Begin of the last commit, where it was read
	messages  int64         // of ours
	foreign   int64         // others
	hidden    int64         // in batches that could not be read: any of them may have been an Open
}

// observe takes the message at an offset. What is stale changes nothing but the highest id.
func (s *logState) observe(offset int64, m change.Message) {
	s.messages++
	switch {
	case m.Begin != nil:
		s.highest = max(s.highest, m.Begin.Snapshot)
	case m.Commit != nil:
		s.highest = max(s.highest, m.Commit.Snapshot)
	case m.Change != nil:
		s.highest = max(s.highest, m.Change.Snapshot)
	}
	stamp, ok := m.Stamp()
	if !ok || !s.stamp.Admit(stamp) {
		return
	}
	switch {
	case m.Open != nil && s.stream == "":
		s.stream = m.Open.Stream
	case m.Begin != nil:
		if s.stream == "" {
			s.stream = m.Begin.Stream
		}
		s.begin = m.Begin
	case m.Gap != nil:
		s.refused, s.refusedAt = append(s.refused, m.Gap.Cause), max(s.refusedAt, m.Gap.At)
	case m.Commit != nil && m.Commit.Snapshot > s.committed:
		s.commit(offset, m.Commit)
		if s.begin != nil && s.begin.Snapshot == m.Commit.Snapshot {
			s.baseline = s.begin
		}
	}
}

// commit takes a Commit that counts.
func (s *logState) commit(offset int64, m *change.Commit) {
	s.committed, s.commitAt, s.ended, s.rows, s.refused = m.Snapshot, offset, m.ReadEnded, m.Digest.Rows, nil
}

// readOver reads like read and passes over batches that cannot be read: for who builds on nothing of what was.
func (s *logState) readOver(ctx context.Context, t *topic.Topic, partition int, to int64, known *table.Schema, logger *slog.Logger) error {
	for {
		err := s.read(ctx, t, partition, to, known, logger)
		var damaged *topic.BatchError
		if !errors.As(err, &damaged) {
			return err
		}
		logger.Warn("topic: a batch that cannot be read is passed over; the consumer will stop at it", "offset", damaged.First, "next", damaged.Next, "error", err)
		s.hidden += damaged.Next - damaged.First
		if s.next = damaged.Next; s.next >= to {
			return nil
		}
	}
}

// read observes a partition from where it stands up to an offset.
func (s *logState) read(ctx context.Context, t *topic.Topic, partition int, to int64, known *table.Schema, logger *slog.Logger) error {
	decoder := change.NewDecoder()
	if known != nil {
		if err := decoder.Learn(known); err != nil {
			return err
		}
	}
	for m, err := range t.Read(ctx, partition, s.next, to) {
		if err != nil {
			return err
		}
		decoded, err := decoder.Decode(m.Value)
		var unknown *change.UnknownSchemaError
		switch {
		case err == nil:
			s.observe(m.Offset, decoded)
		case errors.As(err, &unknown): // a Change whose Begin lies before our start: its time has passed
		default:
			s.foreign++
			logger.Warn("topic: a message that is not ours; the consumer will stop at it",
				"topic", t.Name(), "partition", partition, "offset", m.Offset, "error", err)
		}
		s.next = m.Offset + 1
	}
	s.next = max(s.next, to)
	return nil
}

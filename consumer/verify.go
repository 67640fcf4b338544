package consumer

import (
	"bytes"
	"context"
	"errors"
	"fmt"

	"rewind/change"
	"rewind/topic"
)

// verify holds the journal's end against the topic, and the group's offset against the journal.
func (p *partition) verify(ctx context.Context, dir string) error {
	t := p.table.topic
	first, next, err := t.Bounds(ctx, p.number)
	if err != nil {
		return err
	}
	p.end = next
	if err := p.checkSkips(next); err != nil {
		return err
	}
	committed, stream, err := t.CommittedOffset(ctx, p.number)
	if err != nil {
		return err
	}
	if stream == p.table.stream && committed > p.journal.NextOffset() {
		lost := &LostTailError{Table: p.table.name, Topic: t.Name(), Partition: p.number, Journal: dir, Next: p.journal.NextOffset(), Committed: committed}
		if !p.table.options.Refetch {
			return lost
		}
		p.logger.Warn("consume: what the journal lost is read again", "offset", lost.Next, "next", lost.Committed, "error", lost)
	}
	if next < p.next {
		return p.recreated(dir, next, fmt.Sprintf("the partition ends at %d, the journal at %d", next, p.next))
	}
	if err := p.compareLast(ctx, dir, first); err != nil {
		return err
	}
	if err := p.sign(ctx, dir, first); err != nil {
		return err
	}
	if first > p.next {
		return p.lost(first)
	}
	return nil
}

// checkSkips refuses to give up what is not there yet: the Gap would reach over messages to come, and the journal be further than
// the topic, for good.
func (p *partition) checkSkips(end int64) error {
	for _, s := range p.table.options.Skip {
		if behind := max(s.Next, s.Offset+1); s.Table == p.table.name && s.Partition == p.number && behind > end {
			return &SkipError{Topic: p.table.topic.Name(), Partition: p.number, Next: behind, End: end}
		}
	}
	return nil
}

func (p *partition) recreated(dir string, offset int64, reason string) error {
	return &RecreatedError{Topic: p.table.topic.Name(), Partition: p.number, Journal: dir, Offset: offset, Reason: reason}
}

// compareLast fetches the message of the last entry again: its bytes must be those in the journal.
func (p *partition) compareLast(ctx context.Context, dir string, first int64) error {
	last, ok := p.journal.Last()
	if !ok || last.Offset < first || isOwnGap(last) {
		return nil
	}
	for m, err := range p.table.topic.Read(ctx, p.number, last.Offset, last.Offset+1) {
		var batch *topic.BatchError
		if errors.As(err, &batch) { // the journal has what Kafka lost; what follows is held against the stream's sequence
			p.logger.Warn("consume: the journal's last message cannot be compared with Kafka's", "offset", last.Offset, "error", err)
			return nil
		}
		if err != nil {
			return err
		}
		record, err := change.AppendEntry(nil, m.Offset, m.Value)
		if err != nil || !bytes.Equal(record, last.Record) {
			return p.recreated(dir, last.Offset, "the message is not the one in the journal")
		}
	}
	return nil
}

// stillThere looks whether the topic still is the one that the journal is made from. To who follows a topic that is deleted and made
// again, the messages of its new life look like those of producers that were fenced off: they are of writers that he does not know.
// So each time some are dropped, the journal's last message must still stand where it stood.
func (p *partition) stillThere(ctx context.Context) error {
	first, next, err := p.table.topic.Bounds(ctx, p.number)
	if err != nil {
		return err
	}
	dir := p.table.partitionDir(p.number)
	if next < p.journal.NextOffset() {
		return p.recreated(dir, next, fmt.Sprintf("the partition ends at %d, the journal at %d", next, p.journal.NextOffset()))
	}
	return p.compareLast(ctx, dir, first)
}

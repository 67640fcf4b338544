package consumer

import (
	"time"

	"rewind/change"
	"rewind/journal"
	"rewind/topic"
)

// lost writes a Gap over offsets that Kafka no longer has. Nobody can bring them back, and whoever waited for a person to say so
// would lose more of them meanwhile.
func (p *partition) lost(first int64) error {
	entry, err := p.gap(p.next, first, change.CauseRemoved, "removed from Kafka before it was journaled")
	if err != nil {
		return err
	}
	e := &LostOffsetsError{Table: p.table.name, Topic: p.table.topic.Name(), Partition: p.number, Next: p.next, First: first}
	if err := p.appendGap(entry, first); err != nil {
		return err
	}
	p.logger.Error("consume: messages were lost; the journal has a gap", "offset", e.Next, "next", first, "error", e, "hint", e.Hint())
	return nil
}

// skipped gives up the stretch that a person named, beginning with a message that stopped the consumer.
func (p *partition) skipped(offset, next int64, cause string, why error) (journal.Entry, error) {
	p.logger.Warn("consume: a gap", "offset", offset, "next", next, "reason", why)
	return p.gap(offset, next, cause, why.Error())
}

// damaged gives up a batch that cannot be read, where a person said so of its first offset: always the whole of it, for no part of
// it can be had.
func (p *partition) damaged(batch *topic.BatchError) error {
	why := &UnreadableError{Table: p.table.name, Batch: batch}
	skip := p.table.skip(p.number, batch.First)
	if skip == nil {
		return why
	}
	next := max(batch.Next, skip.Next)
	entry, err := p.skipped(batch.First, next, change.CauseSkipped, why)
	if err != nil {
		return err
	}
	return p.appendGap(entry, next)
}

// appendGap makes a Gap durable while no stage is running.
func (p *partition) appendGap(entry journal.Entry, next int64) error {
	var b journal.Batch
	if err := b.Add(entry.Offset, entry.Schema, entry.Record, nil); err != nil {
		return err
	}
	if err := p.append(&b, next, p.sequence.held); err != nil {
		return err
	}
	p.report.Gaps++
	return nil
}

// gap makes the entry that stands for the messages from an offset up to another.
func (p *partition) gap(offset, next int64, cause, reason string) (journal.Entry, error) {
	gap := &change.Gap{Reason: reason, NextOffset: next, At: time.Now().UnixMicro(), Cause: cause}
	message, err := change.AppendGap(nil, gap)
	if err != nil {
		return journal.Entry{}, err
	}
	record, err := change.AppendEntry(nil, offset, message)
	p.sequence.lose(gap)
	p.sequence.held.take(change.Message{Gap: gap})
	return journal.Entry{Offset: offset, Record: record, Schema: p.gapSchema()}, err
}

// gapSchema is the segment schema that a Gap asks for: none, but where the active segment is one of an older version.
func (p *partition) gapSchema() string {
	if !p.older {
		return ""
	}
	p.older = false
	return change.EntrySchema(nil)
}

// isOwnGap says whether a record of the journal is a Gap that no message of the topic stands behind.
func isOwnGap(e journal.Entry) bool {
	d, err := change.NewEntryDecoder(e.Schema)
	if err != nil {
		return false
	}
	_, m, err := d.Decode(e.Record)
	return err == nil && m.Gap != nil && !m.Gap.Refused()
}

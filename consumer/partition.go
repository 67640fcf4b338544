package consumer

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"rewind/change"
	"rewind/journal"
	"rewind/topic"
)

// partition consumes one partition into its journal.
type partition struct {
	table    *tableConsumer
	number   int
	report   *PartitionReport
	logger   *slog.Logger
	journal  *journal.Journal
	sequence sequence
	decoder  *change.Decoder
	older    bool  // the active segment is of an older version, which has no room for Gaps of today
	next     int64 // offset to read
	end      int64 // the partition's, at the start
	gauged   time.Time
	indexed  int64 // base of the segment up to which they were indexed; -1: nobody looked yet
}

// run opens the journal, makes sure that the topic goes on where it ends, and follows it.
func (p *partition) run(ctx context.Context) (err error) {
	*p.report = PartitionReport{Table: p.table.name, Stream: p.table.stream, Partition: p.number}
	dir := p.table.partitionDir(p.number)
	p.journal, err = journal.Open(dir, p.journalOptions())
	if err != nil {
		return err
	}
	defer func() {
		p.report.Next = p.journal.NextOffset()
		err = errors.Join(err, p.journal.Close())
	}()
	for _, r := range p.journal.Recovered() {
		p.logger.Warn("journal: a torn tail was cut", "segment", r.Segment, "byte", r.Offset, "bytes", r.Bytes, "copy", r.Copy)
	}
	if err := p.resume(dir); err != nil {
		return err
	}
	if err := p.verify(ctx, dir); err != nil {
		return err
	}
	p.indexed = -1
	p.indexSealed(ctx)
	if err := p.encryptSealed(ctx); err != nil {
		return err
	}
	p.logger.Debug("consume: resumed", "next", p.next, "end", p.end)
	p.tell()
	defer p.gauge(context.WithoutCancel(ctx), true)
	return p.follow(ctx)
}

func (p *partition) journalOptions() journal.Options {
	return journal.Options{
		FS: p.table.options.FS, SegmentBytes: p.table.options.SegmentBytes,
		Keys: p.table.options.Keys, SegmentAge: p.table.options.SegmentAge,
		Stream: p.table.stream, Partition: p.number, Schema: change.EntrySchema(nil),
		Signing: journal.Signing{Key: p.table.options.SignKey, Table: p.table.name.String(), AsFound: p.table.options.SignAsFound},
		Splitter: func(schema string) (func([]byte) (int, error), error) {
			d, err := change.NewEntryDecoder(schema)
			if err != nil {
				return nil, err
			}
			return d.RecordLen, nil
		},
	}
}

// follow appends batch after batch until ctx ends, or the end that the partition had at the start is reached. What retention took
// meanwhile is passed over, and what cannot be read once a person has given it up.
func (p *partition) follow(ctx context.Context) error {
	for !p.caughtUp() {
		err := p.followOn(ctx)
		var lost *topic.OffsetLostError
		var batch *topic.BatchError
		switch {
		case errors.As(err, &lost) && lost.First > p.next:
			err = p.lost(lost.First)
		case errors.As(err, &batch):
			err = p.damaged(batch)
		default:
			return err
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (p *partition) followOn(ctx context.Context) error {
	for batch, err := range p.table.topic.Follow(ctx, p.number, p.next) {
		if err != nil {
			return err
		}
		p.logger.Debug("consume: fetched", "messages", len(batch.Messages), "next", batch.Next)
		dropped := p.report.Stale + p.report.Doubtful
		entries, next, stopped := p.judge(batch.Messages)
		if stopped == nil {
			next = max(next, batch.Next)
		}
		if err := p.append(entries, next); err != nil {
			return err
		}
		p.tell()
		if p.report.Stale+p.report.Doubtful > dropped {
			if err := p.stillThere(ctx); err != nil {
				return err
			}
		}
		p.indexSealed(ctx)
		if err := p.encryptSealed(ctx); err != nil {
			return err
		}
		if consumed := p.table.topic.Partitions(); stopped == nil && p.sequence.partitions > consumed {
			stopped = &WiderError{Topic: p.table.topic.Name(), Partitions: p.sequence.partitions, Consumed: consumed}
		}
		if stopped != nil {
			return stopped
		}
		p.gauge(ctx, false)
		if p.caughtUp() {
			return nil
		}
	}
	return nil
}

func (p *partition) caughtUp() bool { return p.table.options.UntilCaughtUp && p.next >= p.end }

// append makes entries durable and moves on to the offset behind them.
func (p *partition) append(entries []journal.Entry, next int64) error {
	p.next = max(p.next, next)
	if len(entries) == 0 {
		return nil
	}
	if err := p.journal.Append(entries); err != nil {
		return err
	}
	for i := range entries {
		p.report.Bytes += int64(len(entries[i].Record))
	}
	p.report.Entries += int64(len(entries))
	p.table.flows()
	p.logger.Debug("journal: appended", "entries", len(entries), "next", p.journal.NextOffset())
	return nil
}

// encryptSealed encrypts the segments that were sealed, one after the other: what was appended is durable by then. The next
// batch waits for it, about a second for a full segment; after encryption was switched on, for all that was written before.
func (p *partition) encryptSealed(ctx context.Context) error {
	for n := p.journal.Unencrypted(); n > 0 && ctx.Err() == nil; n = p.journal.Unencrypted() { // the next start goes on
		p.logger.Debug("journal: encrypting a sealed segment", "left", n)
		if err := p.journal.EncryptNext(); err != nil {
			return err
		}
		p.logger.Debug("journal: encrypted a sealed segment", "left", n-1)
	}
	return nil
}

// judge makes entries of the messages that belong into the journal, up to one that stops the consumer.
func (p *partition) judge(batch []topic.Message) (entries []journal.Entry, next int64, stopped error) {
	next = p.next
	entries, room := roomFor(batch)
	for _, m := range batch {
		if m.Offset < next { // inside a stretch that was given up
			continue
		}
		entry, v, err := p.entry(m, room)
		room = room[len(entry.Record):]
		if err != nil {
			skip := p.table.skip(p.number, m.Offset)
			if skip == nil {
				return entries, next, err
			}
			cause := change.CauseSkipped
			if skip.Next == m.Offset+1 && change.IsForeign(m.Value) {
				cause = change.CauseForeign
			}
			if entry, err = p.skipped(m.Offset, skip.Next, cause, err); err != nil {
				return entries, next, err
			}
			entries, next = append(entries, entry), skip.Next
			continue
		}
		switch v {
		case accepted:
			entries = append(entries, entry)
		case repeated:
			p.report.Repeats++
		case stale:
			p.report.Stale++
		case doubtful:
			p.report.Doubtful++
		}
		next = m.Offset + 1
	}
	return entries, next, nil
}

// recordOverhead is what an entry's record has beside its message, at most.
const recordOverhead = 16

// roomFor is what the entries of a batch and their records take, in one piece each. It is not used again: the journal may hold on to it.
func roomFor(batch []topic.Message) (entries []journal.Entry, room []byte) {
	bytes := 0
	for _, m := range batch {
		bytes += len(m.Value) + recordOverhead
	}
	return make([]journal.Entry, 0, len(batch)), make([]byte, bytes)
}

// entry judges one message. Its record is put into the beginning of the room.
func (p *partition) entry(m topic.Message, room []byte) (journal.Entry, verdict, error) {
	where := p.table.topic.Name()
	decoded, err := p.decoder.Decode(m.Value)
	var unknown *change.UnknownSchemaError
	if errors.As(err, &unknown) && p.sequence.lost {
		return journal.Entry{}, doubtful, nil // a change whose Begin is in the gap
	}
	if err != nil {
		return journal.Entry{}, 0, &ForeignMessageError{Table: p.table.name, Topic: where, Partition: p.number, Offset: m.Offset, Err: err}
	}
	v, err := p.sequence.check(decoded)
	var order *outOfOrder
	if errors.As(err, &order) {
		return journal.Entry{}, 0, &JumpError{Table: p.table.name, Topic: where, Partition: p.number, Offset: m.Offset, Expected: order.expected, Found: order.found}
	}
	if v != accepted || err != nil {
		return journal.Entry{}, v, err
	}
	p.sequence.held.take(decoded)
	record, err := change.AppendEntry(room[:0:len(m.Value)+recordOverhead], m.Offset, m.Value)
	entry := journal.Entry{Offset: m.Offset, Record: record, Schema: p.decoder.SegmentSchema(decoded)}
	if decoded.Gap != nil {
		entry.Schema = p.gapSchema()
	}
	return entry, v, err
}

// Gauging: how often the group's offset is moved while entries flow, and how long that may take.
const (
	gaugeEvery   = 5 * time.Second
	gaugeTimeout = 2 * time.Second
)

// gauge records in the consumer group how far the journal is. It never runs ahead of it, and its failure harms nobody.
func (p *partition) gauge(ctx context.Context, now bool) {
	if p.journal.NextOffset() == 0 || !now && time.Since(p.gauged) < gaugeEvery {
		return
	}
	p.logger.Debug("consume: moving the group's offset", "next", p.journal.NextOffset())
	limited, cancel := context.WithTimeout(ctx, gaugeTimeout)
	defer cancel()
	if err := p.table.topic.CommitOffset(limited, p.number, p.journal.NextOffset(), p.table.stream); err != nil {
		p.logger.Debug("consume: the group's offset was not moved", "error", err)
	}
	p.gauged = time.Now()
}

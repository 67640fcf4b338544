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
	held     held  // what of the journal can be restored
	next     int64 // offset to read
	end      int64 // the partition's, at the start
	gauged   time.Time
	head     [recordHead]byte // memory of a record's
	indexing *indexing
	base     int64 // of the segment that is appended to, as indexing knows it
}

// recordHead is what an entry's record has before its message, at most.
const recordHead = 16

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
	p.indexing, p.base = p.startIndexing(ctx), p.journal.Base()
	defer p.indexing.end()
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
		Keys: p.table.options.Keys, SegmentAge: p.table.options.SegmentAge, CutKey: p.table.options.cutKey(),
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
		stopped, err := p.followOn(ctx)
		var lost *topic.OffsetLostError
		var batch *topic.BatchError
		switch {
		case err != nil:
		case errors.As(stopped, &lost) && lost.First > p.next:
			err = p.lost(lost.First)
		case errors.As(stopped, &batch):
			err = p.damaged(batch)
		default:
			return stopped
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (p *partition) caughtUp() bool { return p.table.options.UntilCaughtUp && p.next >= p.end }

// append makes entries durable and moves on to the offset behind them.
func (p *partition) append(b *journal.Batch, next int64, h held) error {
	if b.Len() > 0 {
		if err := p.journal.AppendBatch(b); err != nil {
			return err
		}
	}
	p.next, p.held = max(p.next, next), h
	if b.Len() == 0 {
		return nil
	}
	p.report.Bytes += int64(b.Bytes())
	p.report.Entries += int64(b.Len())
	p.table.flows()
	p.logger.Debug("journal: appended", "entries", b.Len(), "next", p.journal.NextOffset())
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

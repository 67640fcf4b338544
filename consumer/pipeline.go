package consumer

import (
	"cmp"
	"context"
	"errors"
	"sync"

	"rewind/change"
	"rewind/journal"
	"rewind/topic"
)

// A partition is consumed by three stages, one behind the other, each in a goroutine of its own:
//
//	gather   fetches, unpacks and judges, until there is enough for a block or nothing more is at hand
//	pack     compresses what was gathered
//	append   makes it durable, and tells of it (the partition's own goroutine)
//
// Units go through them in order, and there are only so many: a slow disk stops the fetching. Nothing counts before it is durable: only
// append moves the partition's offset, the report and the group's offset. Whatever ends the first stage (an error, a message that stops
// the consumer, the end of ctx) comes behind the units before it; what ends the last one leaves the units behind it unwritten, and they
// are fetched again.
//
// A unit takes its records twice over, in clear and packed, while there is more to come: 20 MiB a partition, and what a fetch takes. At the
// end of the partition it takes no more than the little that arrives there.
const (
	unitsAhead     = 4        // units that there are: one a stage, and one to even out
	unitBytes      = 2 << 20  // a unit is handed on from so many bytes of records on, or sooner, where
	allUnitBytes   = 64 << 20 // one unit of each partition together would be more,
	leastUnitBytes = 256 << 10
)

// unitOf is how large a unit is where there are so many partitions.
func unitOf(partitions int) int {
	return max(min(unitBytes, allUnitBytes/max(partitions, 1)), leastUnitBytes)
}

// unit is what becomes a block of the journal, and what else is to be known once it is durable.
type unit struct {
	batch journal.Batch
	next  int64 // offset behind it
	atEnd bool  // there was nothing behind it
	tally
	held       held
	partitions int   // that the last snapshot lies in
	stopped    error // what ends the consuming behind it
}

// tally counts what was judged and is not in the journal, or stands there for something else.
type tally struct{ repeats, stale, doubtful, gaps int64 }

// pipeline is a run of the stages.
type pipeline struct {
	*partition
	next         int64 // offset behind what was judged
	bytes        int   // from which on a unit is handed on
	free         chan *unit
	judged, done chan *unit
}

// followOn consumes until there is an end, or something that ends it. stopped ends the first stage, and everything before it is in the
// journal; err ends the last one, and what was judged is further than the journal.
func (p *partition) followOn(ctx context.Context) (stopped, err error) {
	l := &pipeline{partition: p, next: p.next, bytes: cmp.Or(p.table.options.unitBytes, unitOf(p.table.topic.Partitions()*len(p.table.options.Tables))),
		free: make(chan *unit, unitsAhead), judged: make(chan *unit, unitsAhead), done: make(chan *unit, unitsAhead)}
	for range unitsAhead {
		l.free <- &unit{}
	}
	stages, cancel := context.WithCancel(ctx)
	var running sync.WaitGroup
	running.Go(func() { l.gather(stages) })
	running.Go(l.pack)
	defer running.Wait()
	defer cancel()
	for u := range l.done {
		if err := p.appendUnit(ctx, u); err != nil {
			return nil, err
		}
		stopped = u.stopped
		l.recycle(u)
	}
	return stopped, nil
}

// recycle gives a unit back that is done with. At the partition's end all give their memory back: an idle partition keeps none.
func (l *pipeline) recycle(u *unit) {
	if u.atEnd {
		u.batch = journal.Batch{}
		for range len(l.free) {
			select {
			case other := <-l.free:
				other.batch = journal.Batch{}
				l.free <- other
			default:
			}
		}
	}
	l.free <- u
}

// gather is the first stage. It has a unit before it fetches: what no unit has room for is left in Kafka.
func (l *pipeline) gather(ctx context.Context) {
	defer close(l.judged)
	u := l.unit(ctx)
	if u == nil {
		return
	}
	for batch, err := range l.table.topic.Follow(ctx, l.number, l.next) {
		if err == nil {
			l.logger.Debug("consume: fetched", "messages", len(batch.Messages), "next", batch.Next)
			err = l.judge(u, batch.Messages)
		}
		if u.stopped = err; err != nil {
			break
		}
		l.next = max(l.next, batch.Next)
		if batch.More && u.batch.Bytes() < l.bytes {
			continue
		}
		u.atEnd = batch.End
		if l.table.options.UntilCaughtUp && l.next >= l.end {
			break
		}
		l.pass(u)
		if u = l.unit(ctx); u == nil {
			return
		}
	}
	l.pass(u)
}

// unit is a free one; nil at the end of ctx.
func (l *pipeline) unit(ctx context.Context) *unit {
	select {
	case u := <-l.free:
		u.batch.Reset()
		u.tally, u.stopped, u.atEnd = tally{}, nil, false
		return u
	case <-ctx.Done():
		return nil
	}
}

// pass hands a unit on.
func (l *pipeline) pass(u *unit) {
	u.next, u.held, u.partitions = l.next, l.sequence.held, l.sequence.partitions
	l.judged <- u
}

// pack is the second stage.
func (l *pipeline) pack() {
	defer close(l.done)
	for u := range l.judged {
		u.batch.Pack()
		l.done <- u
	}
}

// appendUnit is the last stage, for one unit.
func (p *partition) appendUnit(ctx context.Context, u *unit) error {
	if err := p.append(&u.batch, u.next, u.held); err != nil {
		return err
	}
	p.report.Repeats += u.repeats
	p.report.Stale += u.stale
	p.report.Doubtful += u.doubtful
	p.report.Gaps += u.gaps
	p.tell()
	if u.stale+u.doubtful > 0 {
		if err := p.stillThere(ctx); err != nil {
			return err
		}
	}
	if base := p.journal.Base(); base != p.base {
		p.indexing.seal(base)
		p.base = base
	}
	if err := p.encryptSealed(ctx); err != nil {
		return err
	}
	if consumed := p.table.topic.Partitions(); u.stopped == nil && u.partitions > consumed {
		return &WiderError{Topic: p.table.topic.Name(), Partitions: u.partitions, Consumed: consumed}
	}
	if u.stopped == nil {
		p.gauge(ctx, false)
	}
	return nil
}

// judge makes entries of the messages that belong into the journal, up to one that stops the consumer.
func (l *pipeline) judge(u *unit, messages []topic.Message) (stopped error) {
	for i := range messages {
		m := &messages[i]
		if m.Offset < l.next { // inside a stretch that was given up
			continue
		}
		v, err := l.entry(u, m)
		if err != nil {
			if err := l.giveUp(u, m, err); err != nil {
				return err
			}
			continue
		}
		switch v {
		case repeated:
			u.repeats++
		case stale:
			u.stale++
		case doubtful:
			u.doubtful++
		}
		l.next = m.Offset + 1
	}
	return nil
}

// giveUp passes over a message that stops the consumer, where a person said so; else it gives the reason back.
func (l *pipeline) giveUp(u *unit, m *topic.Message, why error) error {
	skip := l.table.skip(l.number, m.Offset)
	if skip == nil {
		return why
	}
	cause := change.CauseSkipped
	if skip.Next == m.Offset+1 && change.IsForeign(m.Value) {
		cause = change.CauseForeign
	}
	entry, err := l.skipped(m.Offset, skip.Next, cause, why)
	if err == nil {
		err = u.batch.Add(entry.Offset, entry.Schema, entry.Record, nil)
	}
	if err != nil {
		return err
	}
	u.gaps++
	l.next = skip.Next
	return nil
}

// entry judges one message, and adds it to the unit if it is accepted.
func (l *pipeline) entry(u *unit, m *topic.Message) (verdict, error) {
	if c, ok := l.decoder.Next(m.Value); ok && l.sequence.next(c) {
		head, body := change.PartsOfChange(l.head[:0], m.Offset, m.Value)
		return accepted, u.batch.Add(m.Offset, l.decoder.ChangeSchema(), head, body)
	}
	decoded, err := l.decoder.Decode(m.Value)
	if err != nil {
		return l.undecoded(m, err)
	}
	v, err := l.sequence.check(decoded)
	if err != nil {
		return 0, l.misplaced(m, err)
	}
	if v != accepted {
		return v, nil
	}
	if decoded.Change != nil {
		head, body := change.PartsOfChange(l.head[:0], m.Offset, m.Value)
		return v, u.batch.Add(m.Offset, l.decoder.SegmentSchema(decoded), head, body)
	}
	l.sequence.held.take(decoded)
	schema := ""
	if decoded.Gap != nil {
		schema = l.gapSchema()
	}
	head, body, err := change.EntryParts(l.head[:0], m.Offset, m.Value)
	if err != nil {
		return 0, err
	}
	return v, u.batch.Add(m.Offset, schema, head, body)
}

// undecoded judges a message that the decoder does not take.
func (l *pipeline) undecoded(m *topic.Message, err error) (verdict, error) {
	var unknown *change.UnknownSchemaError
	if errors.As(err, &unknown) && l.sequence.lost {
		return doubtful, nil // a change whose Begin is in the gap
	}
	return 0, &ForeignMessageError{Table: l.table.name, Topic: l.table.topic.Name(), Partition: l.number, Offset: m.Offset, Err: err}
}

// misplaced gives the sequence's error its place.
func (l *pipeline) misplaced(m *topic.Message, err error) error {
	var order *outOfOrder
	if !errors.As(err, &order) {
		return err
	}
	return &JumpError{Table: l.table.name, Topic: l.table.topic.Name(), Partition: l.number, Offset: m.Offset, Expected: order.expected, Found: order.found}
}

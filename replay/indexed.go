package replay

import (
	"context"
	"errors"
	"fmt"

	"rewind/change"
	"rewind/index"
	"rewind/journal"
)

// readPlace in a partition's journal, between two blocks.
type readPlace struct {
	journal.Place
	base int64 // of the segment
}

// How much of a segment that is still written to is read before its index is gone on with: so much, and such a part of it.
const (
	tailBytes = 64 << 10
	tailShare = 64
)

func (p *partition) indexes() index.Options {
	return index.Options{FS: p.fs, Keys: p.keys, Logger: p.logger, From: p.from, ReadOnly: !p.makes}
}

// readOn takes every segment's entries from where the last reading ended: by its index, and what that does not cover by its blocks.
// Whatever is not as it should be is met again by reading all entries, which says what it is.
func (p *partition) readOn(ctx context.Context, reader *journal.Reader, known decoders, infos []journal.SegmentInfo) error {
	segments := index.Segments(infos)
	for i, s := range segments {
		if i+1 < len(segments) && segments[i+1].After < p.next {
			continue
		}
		if p.next <= s.BaseOffset && s.After != p.next-1 {
			return p.readAll(ctx)
		}
		if err := p.readSegment(ctx, reader, known, s); err != nil {
			return err
		}
	}
	if len(segments) < len(infos) {
		return p.readAll(ctx)
	}
	return nil
}

// readAll walks through every entry and takes those that were not taken yet.
func (p *partition) readAll(ctx context.Context) error {
	for e, err := range p.entries(ctx, 0) {
		if err != nil {
			return err
		}
		if e.offset < p.next {
			continue
		}
		if err := p.take(e); err != nil {
			return p.damaged(nil, e.offset, err.Error())
		}
		p.next = e.offset + 1
	}
	return nil
}

func (p *partition) readSegment(ctx context.Context, reader *journal.Reader, known decoders, s index.Segment) error {
	if p.place.base != s.BaseOffset {
		p.place = readPlace{base: s.BaseOffset}
		if p.start > s.BaseOffset && p.next == p.start && p.seeks { // what lies before the cut need not be read
			p.place.Place = p.seekIn(ctx, reader, s, p.start)
		}
	}
	if p.next <= s.BaseOffset {
		whole, err := p.takeIndex(ctx, reader, s)
		if whole || err != nil {
			return err
		}
	}
	indexed := p.place.Byte
	if err := p.readBlocks(ctx, reader, known, s); err != nil {
		return err
	}
	if tail := p.place.Byte - indexed; !s.Whole && tail >= max(tailBytes, indexed/tailShare) {
		p.unused(p.update(ctx, reader, s))
	}
	return nil
}

// takeIndex takes what the segment's index says, if it has one, or, being sealed, can be given one. whole says that there is no more of it.
func (p *partition) takeIndex(ctx context.Context, reader *journal.Reader, s index.Segment) (whole bool, err error) {
	x, err := p.index(ctx, reader, s)
	if x == nil {
		p.unused(x, err)
		return false, ctx.Err()
	}
	defer x.Close() //nolint:errcheck // only read
	items, err := x.Items()
	for _, i := range items {
		if err = p.takeItem(i); err != nil {
			break
		}
	}
	if err != nil { // the entries themselves will say
		p.logger.Warn("journal: an index cannot be used; the segment is read instead", "segment", s.Path, "error", err)
		return false, nil
	}
	p.place.Place = x.Behind()
	return x.Whole(), nil
}

// index opens a segment's index. One of a segment that is sealed is made where there is none.
func (p *partition) index(ctx context.Context, reader *journal.Reader, s index.Segment) (*index.Index, error) {
	if s.Whole {
		return p.update(ctx, reader, s)
	}
	x, err := p.indexes().Open(reader, s)
	var damage *index.Damage
	if errors.As(err, &damage) {
		p.logger.Warn("journal: an index cannot be used; the segment is read instead", "segment", s.Path, "error", err)
	}
	return x, err
}

func (p *partition) update(ctx context.Context, reader *journal.Reader, s index.Segment) (*index.Index, error) {
	return p.indexes().Update(ctx, reader, s)
}

// unused is done with an index that is not needed, or could not be made.
func (p *partition) unused(x *index.Index, err error) {
	if x != nil {
		err = errors.Join(err, x.Close())
	}
	if err != nil && !errors.Is(err, index.ErrNone) {
		p.logger.Debug("journal: a segment is read without an index", "partition", p.number, "error", err)
	}
}

// takeItem takes a control message, or a run of changes as if they came one by one.
func (p *partition) takeItem(i index.Item) error {
	what, err := p.step(entry{offset: i.First, size: int(i.Size), Message: i.Message})
	if err != nil {
		return err
	}
	if what == changed {
		p.order.open.changes += i.Changes - 1
	}
	p.next = i.Last + 1
	return nil
}

// readBlocks takes the rest of a segment, from the partition's place on.
func (p *partition) readBlocks(ctx context.Context, reader *journal.Reader, known decoders, s index.Segment) error {
	decoder, err := known.of(s.Schema)
	if err != nil {
		return p.readAll(ctx)
	}
	for block, err := range reader.Blocks(s.SegmentInfo, p.place.Place) {
		if err == nil {
			err = ctx.Err()
		}
		if err != nil {
			return err
		}
		for raw := range block.Entries() {
			if raw.Offset < p.next {
				continue
			}
			e, err := p.decoded(reader, decoder, raw)
			if err != nil {
				return err
			}
			if err := p.take(e); err != nil {
				return p.damaged(nil, e.offset, err.Error())
			}
			p.next = e.offset + 1
		}
		p.place.Place = block.Behind()
	}
	return nil
}

// decoded decodes an entry. Its change is valid until the next one.
func (p *partition) decoded(reader *journal.Reader, decoder *change.EntryDecoder, raw journal.Entry) (entry, error) {
	offset, m, err := decoder.Decode(raw.Record)
	if err == nil && offset != raw.Offset {
		err = fmt.Errorf("its record says offset %d", offset)
	}
	if err != nil {
		return entry{}, p.damaged(reader, raw.Offset, err.Error())
	}
	return entry{offset: offset, size: len(raw.Record), Message: m, rows: decoder.Schema()}, nil
}

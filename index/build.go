package index

import (
	"context"
	"encoding/binary"
	"fmt"

	"rewind/change"
	"rewind/journal"
	"rewind/table"
)

// stretchBytes of a segment are one stretch at least: a block is, or several small ones.
const stretchBytes = 64 << 10

// builder indexes a segment block by block.
type builder struct {
	head
	begun   bool
	decoder *change.EntryDecoder
	rows    *table.Schema
	items   *itemWriter
	run     Item // of changes, which is not written yet; no Changes: there is none
	first   change.Change
	keys    *pairs
}

// newBuilder goes on from an index of the segment's beginning, which may be nil.
func newBuilder(s Segment, from *Index) (*builder, error) {
	b := &builder{items: newItemWriter(), keys: &pairs{}}
	var err error
	if b.decoder, err = change.NewEntryDecoder(s.Schema); err != nil {
		return nil, err
	}
	b.rows = b.decoder.Schema()
	if from == nil {
		b.marker = s.Marker
		return b, nil
	}
	items, err := from.Items()
	if err != nil {
		return nil, err
	}
	if b.keys, err = from.pairs(); err != nil {
		return nil, err
	}
	b.head, b.begun = from.head, true
	b.pages = nil
	for _, i := range items {
		if err := b.item(i); err != nil {
			return nil, err
		}
	}
	return b, nil
}

// place is where to go on.
func (b *builder) place() journal.Place {
	if !b.begun {
		return journal.Place{}
	}
	return journal.Place{Byte: b.end, Last: b.last}
}

// block takes the segment's next block.
func (b *builder) block(block *journal.Block) error {
	if n := len(b.stretches); n == 0 || block.At-b.stretches[n-1].at >= stretchBytes {
		before := block.First() - 1
		if b.begun {
			before = b.last
		}
		b.stretches = append(b.stretches, stretch{at: block.At, first: block.First(), last: before})
	}
	for e := range block.Entries() {
		if err := b.entry(e); err != nil {
			return fmt.Errorf("entry at offset %d: %w", e.Offset, err)
		}
	}
	b.lastBlock = journal.Place{Byte: block.At, Last: b.last}
	if !b.begun {
		b.lastBlock.Last = block.First() - 1
	}
	b.lastBlockSum = block.Sum()
	b.end, b.last, b.begun = block.End, block.Behind().Last, true
	return nil
}

func (b *builder) entry(e journal.Entry) error {
	offset, m, err := b.decoder.Decode(e.Record)
	if err != nil {
		return err
	}
	if offset != e.Offset {
		return fmt.Errorf("its record says offset %d", offset)
	}
	b.entries++
	if m.Change == nil {
		return b.item(Item{First: offset, Last: offset, Size: int64(len(e.Record)), Message: m})
	}
	b.keys.add(Print(b.rows, m.Change.Key), len(b.stretches)-1)
	if r := &b.run; r.Changes > 0 && b.first.Stamp == m.Change.Stamp && b.first.Snapshot == m.Change.Snapshot && b.first.Seq+r.Changes == m.Change.Seq {
		r.Last, r.Changes, r.Size = offset, r.Changes+1, r.Size+int64(len(e.Record))
		return nil
	}
	first := &change.Change{Stamp: m.Change.Stamp, Snapshot: m.Change.Snapshot, Seq: m.Change.Seq}
	return b.item(Item{First: offset, Last: offset, Size: int64(len(e.Record)), Changes: 1, Message: change.Message{Change: first}})
}

// item writes one; a run only when something else follows it.
func (b *builder) item(i Item) error {
	if err := b.flush(); err != nil {
		return err
	}
	if i.Changes > 0 {
		b.run, b.first = i, *i.Message.Change
		return nil
	}
	return b.items.add(i)
}

func (b *builder) flush() error {
	if b.run.Changes == 0 {
		return nil
	}
	err := b.items.add(b.run)
	b.run = Item{}
	return err
}

// file is the index.
func (b *builder) file() ([]byte, error) {
	if err := b.flush(); err != nil {
		return nil, err
	}
	b.keyed = !b.keys.gaveUp
	var pages []byte
	if b.pages = nil; b.keyed {
		pages, b.pages = b.keys.appendPages(nil, 0)
	}
	b.prints = int64(len(b.keys.all))
	b.head.items = section{length: int64(len(b.items.b)), sum: checksum(b.items.b)}
	h := b.append(nil)
	out := binary.LittleEndian.AppendUint32([]byte(magic), uint32(len(h)))
	out = append(out, h...)
	out = binary.LittleEndian.AppendUint32(out, checksum(out))
	out = append(out, b.items.b...)
	return append(out, pages...), nil
}

// build reads what of the segment is not in from, and gives the index of all of it; nil where the segment has no block.
func build(ctx context.Context, r *journal.Reader, s Segment, from *Index) ([]byte, error) {
	b, err := newBuilder(s, from)
	if err != nil {
		return nil, err
	}
	for block, err := range r.Blocks(s.SegmentInfo, b.place()) {
		if err == nil {
			err = ctx.Err()
		}
		if err == nil {
			err = b.block(block)
		}
		if err != nil {
			return nil, err
		}
	}
	if !b.begun {
		return nil, nil
	}
	if s.Whole {
		if b.sum, err = r.Hash(s.SegmentInfo); err != nil {
			return nil, err
		}
		if b.sum != s.Sum || b.end != s.Bytes {
			return nil, fmt.Errorf("segment %s is not the one that the next one was chained to", s.Path)
		}
		b.whole = true
	}
	return b.file()
}

package journal

import (
	"hash/crc32"
	"iter"
)

// Place in a segment, between two blocks. The zero Place is before the first.
type Place struct {
	Byte int64 // where the next block begins, in the plaintext
	Last int64 // offset of the last entry before it
}

// Block is a segment's block of entries: what one write made durable.
type Block struct {
	At, End   int64 // where it begins and ends in the segment, in bytes of the plaintext
	Schema    string
	records   []byte
	positions []position
}

// First is the offset of its first entry.
func (b *Block) First() int64 { return b.positions[0].offset }

// Behind is the place behind it.
func (b *Block) Behind() Place {
	return Place{Byte: b.End, Last: b.positions[len(b.positions)-1].offset}
}

// Sum is the CRC-32C of its records.
func (b *Block) Sum() uint32 { return crc32.Checksum(b.records, castagnoli) }

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// Entries are its entries, in order. A record is valid as long as the block.
func (b *Block) Entries() iter.Seq[Entry] {
	return func(yield func(Entry) bool) {
		b.each(0, func(e Entry, _ error) bool { return yield(e) })
	}
}

// each gives the entries with offset >= from, until it is told false.
func (b *Block) each(from int64, yield func(Entry, error) bool) bool {
	start := 0
	for _, p := range b.positions {
		if p.offset >= from && !yield(Entry{Offset: p.offset, Record: b.records[start:p.end:p.end], Schema: b.Schema}, nil) {
			return false
		}
		start = p.end
	}
	return true
}

// Blocks yields the blocks of one segment from a place on, which must be one where a block of it began or may begin. They are checked
// as Entries checks them, and valid until the next step. In the active segment, what is incomplete at its end is its end.
func (r *Reader) Blocks(info SegmentInfo, from Place) iter.Seq2[*Block, error] {
	return func(yield func(*Block, error) bool) {
		e := entries{reader: r, from: info.BaseOffset, last: unknown, splitters: splitters{make: r.options.Splitter}}
		s := segment{path: info.Path, base: info.BaseOffset}
		if _, err := e.segment(s, !info.Sealed, from, func(b *Block) bool { return yield(b, nil) }); err != nil {
			yield(nil, err)
		}
	}
}

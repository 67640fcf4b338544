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
	At, End int64 // where it begins and ends in the segment, in bytes of the plaintext
	Schema  string
	records []byte
	cuts    []Cut
}

// First is the offset of its first entry.
func (b *Block) First() int64 { return b.cuts[0].Offset }

// Behind is the place behind it.
func (b *Block) Behind() Place {
	return Place{Byte: b.End, Last: b.cuts[len(b.cuts)-1].Offset}
}

// Records are its records, one behind the other. They are valid as long as the block.
func (b *Block) Records() []byte { return b.records }

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
	for _, c := range b.cuts {
		if c.Offset >= from && !yield(Entry{Offset: c.Offset, Record: b.records[start:c.End:c.End], Schema: b.Schema}, nil) {
			return false
		}
		start = c.End
	}
	return true
}

// Blocks yields the blocks of one segment from a place on, which must be one where a block of it began or may begin. They are checked
// as Entries checks them, and valid until the next step. In the active segment, what is incomplete at its end is its end.
func (r *Reader) Blocks(info SegmentInfo, from Place) iter.Seq2[*Block, error] {
	return r.CutBlocks(info, from, nil)
}

// CutBlocks is Blocks with a function that gives the cutter of blocks of a schema; it sees every block before it is yielded.
func (r *Reader) CutBlocks(info SegmentInfo, from Place, cutters func(schema string) (Cutter, error)) iter.Seq2[*Block, error] {
	return func(yield func(*Block, error) bool) {
		e := entries{reader: r, from: info.BaseOffset, last: unknown, cutters: cutters, splitters: splitters{make: r.options.Splitter}}
		s := segment{path: info.Path, base: info.BaseOffset}
		if _, err := e.segment(s, !info.Sealed, from, func(b *Block) bool { return yield(b, nil) }); err != nil {
			yield(nil, err)
		}
	}
}

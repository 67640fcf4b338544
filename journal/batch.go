package journal

import (
	"errors"
	"fmt"

	"rewind/ocf"
)

// Batch gathers entries for one AppendBatch. Neither gathering nor packing needs the journal, so that another goroutine can do it while the
// journal makes the batch before durable. It holds its own bytes, and is used again behind Reset.
type Batch struct {
	records []byte // one behind the other
	runs    []run
	first   int64 // offset of the first entry
	next    int64 // and the one behind the last
	packed  ocf.Ahead
	ahead   bool // packed is the whole batch as one block
}

// run is entries of a batch that fit the same segments, one behind the other, and one block.
type run struct {
	schema string // "" fits every segment
	count  int
	begin  int   // where its records begin
	end    int   // and end
	tail   int   // where the last of them begins
	last   int64 // its offset
}

// keptBatch is how large a batch's memory may be to be used again: one very large message takes it for once.
const keptBatch = 8 << 20

// Reset empties the batch.
func (b *Batch) Reset() {
	if cap(b.records) > keptBatch {
		*b = Batch{runs: b.runs}
	}
	b.records, b.runs, b.first, b.next, b.ahead = b.records[:0], b.runs[:0], 0, 0, false
}

// Bytes of the entries' records.
func (b *Batch) Bytes() int { return len(b.records) }

// Len is the number of entries.
func (b *Batch) Len() (n int) {
	for i := range b.runs {
		n += b.runs[i].count
	}
	return n
}

// Add adds an entry, whose record comes in two parts, so that a message's bytes are copied once: here. Who adds it has measured it: both
// parts together are one record of the schema that the segment will have, exactly. The offset that it begins with is looked at.
func (b *Batch) Add(offset int64, schema string, head, rest []byte) error {
	if len(b.runs) > 0 && offset < b.next {
		return fmt.Errorf("journal: offset %d in a batch, behind %d", offset, b.next-1)
	}
	if n := len(head) + len(rest); n > MaxRecord {
		return fmt.Errorf("journal: entry at offset %d: its record has %d bytes, at most %d", offset, n, MaxRecord)
	}
	if begins, err := recordOffset(head); err != nil || begins != offset {
		return fmt.Errorf("journal: entry at offset %d: %w", offset, errOtherOffset)
	}
	b.add(offset, schema, head, rest)
	return nil
}

var errOtherOffset = errors.New("its record does not begin with that offset")

func (b *Batch) add(offset int64, schema string, head, rest []byte) {
	begin := len(b.records)
	b.records = append(append(b.records, head...), rest...)
	b.ahead = false
	if len(b.runs) == 0 {
		b.first = offset
	}
	b.next = offset + 1
	if n := len(b.runs); n > 0 {
		r := &b.runs[n-1]
		if r.schema == schema && len(b.records)-r.begin <= maxBlock {
			r.count, r.tail, r.end, r.last = r.count+1, begin, len(b.records), offset
			return
		}
	}
	b.runs = append(b.runs, run{schema: schema, count: 1, begin: begin, end: len(b.records), tail: begin, last: offset})
}

// Pack compresses the batch ahead of AppendBatch, as the one block that it mostly becomes. Where it becomes several, or cannot be packed,
// that is left to AppendBatch.
func (b *Batch) Pack() {
	schema := ""
	for i := range b.runs {
		r := &b.runs[i]
		if schema == "" {
			schema = r.schema
		}
		if r.schema != "" && r.schema != schema {
			return
		}
	}
	if len(b.records) > maxBlock || len(b.runs) == 0 {
		return
	}
	b.ahead = b.packed.Pack(b.Len(), b.records) == nil
}

// schema that a segment which begins with these runs has; "" where they fit every segment.
func schemaOf(runs []run) string {
	for i := range runs {
		if runs[i].schema != "" {
			return runs[i].schema
		}
	}
	return ""
}

// block is how many of the runs go into the next block of a segment of a schema, and how many entries they are.
func blockOf(runs []run, schema string) (n, count int) {
	for i := range runs {
		r := &runs[i]
		if r.schema != "" && r.schema != schema || n > 0 && r.end-runs[0].begin > maxBlock {
			break
		}
		n, count = n+1, count+r.count
	}
	return n, count
}

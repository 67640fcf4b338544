package replay

import (
	"errors"
	"fmt"
	"io/fs"
	"sort"

	"rewind/change"
	"rewind/index"
	"rewind/journal"
	"rewind/table"
)

// blockReader reads a partition's blocks between two offsets, forwards or backwards, each taken apart by a scan. Not for concurrent use.
type blockReader struct {
	part     *partition
	reader   *journal.Reader // nil: the partition has no folder
	known    decoders
	from, to int64 // offsets that are read

	infos   []journal.SegmentInfo
	segment int // that is open
	outline *journal.Outline
	block   *journal.Block // that was read last
	at      int            // its number in the segment
	decoder *change.EntryDecoder
	scan    change.Scan
}

func newBlockReader(p *partition, from, to int64) (*blockReader, error) {
	r := &blockReader{part: p, known: p.known.get(), from: from, to: to}
	reader, err := p.open(r.known)
	if errors.Is(err, fs.ErrNotExist) {
		return r, p.readable(nil, from)
	}
	if err != nil {
		return r, err
	}
	r.reader, r.infos = reader, reader.Segments()
	if err := p.readable(r.infos, from); err != nil {
		return r, err
	}
	for i, info := range r.infos { // what lies behind is not of interest, damaged or not
		if info.BaseOffset > to {
			r.infos = r.infos[:i]
			break
		}
		if info.Err != nil {
			return r, info.Err
		}
	}
	return r, nil
}

// close gives back what it holds. That a file which was only read could not be closed hurts nobody.
func (r *blockReader) close() {
	r.shut()
	r.part.known.put(r.known)
	r.known = nil
}

func (r *blockReader) shut() {
	if r.outline != nil {
		_ = r.outline.Close()
	}
	r.outline, r.block = nil, nil
}

// rows is the schema of the open segment's rows; nil where it has none.
func (r *blockReader) rows() *table.Schema { return r.decoder.Schema() }

func (r *blockReader) cutter(schema string) (journal.Cutter, error) {
	decoder, err := r.known.of(schema)
	if err != nil {
		return nil, err
	}
	r.decoder = decoder
	return func(count int, records []byte, cuts []journal.Cut) ([]journal.Cut, error) {
		err := decoder.Scan(count, records, &r.scan)
		for i := range r.scan.Entries {
			e := &r.scan.Entries[i]
			cuts = append(cuts, journal.Cut{Offset: e.Offset, End: int(e.End)})
		}
		return cuts, err
	}, nil
}

func (r *blockReader) open(segment int) (err error) {
	r.shut()
	r.segment = segment
	r.outline, err = r.reader.Outline(r.infos[segment], r.cutter)
	return err
}

func (r *blockReader) read(i int) (err error) {
	r.at = i
	r.block, err = r.outline.Block(i)
	return err
}

// find reads the last block of the open segment that begins at or before an offset. ok is false where there is none.
func (r *blockReader) find(offset int64) (ok bool, err error) {
	n := r.outline.Len()
	if n == 0 {
		return false, r.outline.Damage()
	}
	var damaged error
	i := n - 1
	if err := r.read(i); err != nil || r.block.First() > offset {
		damaged = err
		i = sort.Search(n-1, func(i int) bool {
			if err := r.read(i); err != nil {
				damaged = err // it lies behind, or it is met where it is
				return true
			}
			return r.block.First() > offset
		}) - 1
		if i < 0 {
			return false, damaged
		}
		if err := r.read(i); err != nil {
			return false, err
		}
	}
	if i == n-1 {
		damaged = r.outline.Damage()
	}
	if damaged != nil && r.last() < offset {
		return false, damaged
	}
	return true, nil
}

// last is the offset of the block's last entry.
func (r *blockReader) last() int64 { return r.block.Behind().Last }

// torn makes the error of blocks or segments that do not go together.
func (r *blockReader) torn(what string) error {
	at := int64(0)
	if r.block != nil {
		at = r.block.At
	}
	return &journal.CorruptionError{Segment: r.infos[r.segment].Path, Offset: at, Err: errors.New(what)}
}

// begin reads the block that holds the first offset. ok is false where nothing can.
func (r *blockReader) begin() (ok bool, err error) {
	if len(r.infos) == 0 {
		return false, nil
	}
	first := max(sort.Search(len(r.infos), func(i int) bool { return r.infos[i].BaseOffset > r.from })-1, 0)
	if err := r.open(first); err != nil {
		return false, err
	}
	if r.outline.Len() == 0 {
		return false, r.outline.Damage()
	}
	if err := r.read(0); err != nil || r.last() >= r.from {
		return err == nil, err
	}
	return r.find(r.from)
}

// next reads the block behind the one that was read last.
func (r *blockReader) next() (ok bool, err error) {
	last := r.last()
	if r.at+1 == r.outline.Len() {
		if err := r.outline.Damage(); err != nil || r.segment+1 == len(r.infos) {
			return false, err
		}
		if err := r.open(r.segment + 1); err != nil {
			return false, err
		}
		if after := r.infos[r.segment].After; after != last {
			return false, r.torn(fmt.Sprintf("it goes on behind offset %d, but the journal before it ends with %d: entries or segments are missing", after, last))
		}
		if r.outline.Len() == 0 {
			return false, r.outline.Damage()
		}
		r.at = -1
	}
	if err := r.read(r.at + 1); err != nil {
		return false, err
	}
	if first := r.block.First(); first <= last {
		return false, r.torn(fmt.Sprintf("the block's first offset is %d behind offset %d", first, last))
	}
	return r.block.First() <= r.to, nil
}

// end reads the block that holds the last offset. ok is false where nothing can.
func (r *blockReader) end() (ok bool, err error) {
	for i := len(r.infos) - 1; i >= 0; i-- {
		if err := r.open(i); err != nil {
			return false, err
		}
		if ok, err = r.find(r.to); ok || err != nil {
			return ok, err
		}
		if r.outline.Len() > 0 || i < len(r.infos)-1 {
			break
		}
	}
	return false, nil
}

// previous reads the block before the one that was read last.
func (r *blockReader) previous() (ok bool, err error) {
	first := r.block.First()
	if first <= r.from {
		return false, nil
	}
	at := r.at
	if at == 0 {
		if r.segment == 0 {
			return false, nil
		}
		after := r.infos[r.segment].After
		if err := r.open(r.segment - 1); err != nil {
			return false, err
		}
		if at = r.outline.Len(); at == 0 || r.outline.Damage() != nil {
			return false, errors.Join(r.outline.Damage(), r.emptySegment(at))
		}
		if err := r.read(at - 1); err != nil {
			return false, err
		}
		if last := r.last(); last != after {
			return false, r.torn(fmt.Sprintf("the segment behind it goes on behind offset %d, but it ends with %d: entries or segments are missing", after, last))
		}
		return true, nil
	}
	if err := r.read(at - 1); err != nil {
		return false, err
	}
	if last := r.last(); last >= first {
		return false, r.torn(fmt.Sprintf("the block's last offset is %d before offset %d", last, first))
	}
	return true, nil
}

func (r *blockReader) emptySegment(blocks int) error {
	if blocks > 0 {
		return nil
	}
	return r.torn("a sealed segment holds no entry")
}

// item is a run of the block that was read last, as an index would say it.
func (r *blockReader) item(run change.Run) (i index.Item, err error) {
	first, last := &r.scan.Entries[run.At], &r.scan.Entries[run.At+run.Len-1]
	i = index.Item{First: first.Offset, Last: last.Offset, Size: r.scan.Size(run.At, run.Len)}
	if run.Changes {
		i.Changes = int64(run.Len)
		i.Message.Change = &change.Change{Stamp: run.Stamp, Snapshot: run.Snapshot, Seq: run.Seq}
		return i, nil
	}
	e, err := r.part.decoded(r.reader, r.decoder, journal.Entry{Offset: first.Offset, Record: r.scan.Record(run.At)})
	i.Message = e.Message
	return i, err
}

// ignored says that a run lies outside of what is read.
func (r *blockReader) ignored(run change.Run) bool {
	return r.scan.Entries[run.At].Offset < r.from || r.scan.Entries[run.At].Offset > r.to
}

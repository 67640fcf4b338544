package replay

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"sort"

	"rewind/index"
	"rewind/journal"
	"rewind/table"
)

// printOf gives the print that a key has in rows of a schema; ok is false where that cannot be told, so that all of them must be looked at.
type printOf func(rows *table.Schema) (print uint32, ok bool)

// changesOfKey gives the changes of a chain that may be those of a key, in log order: all of the key's, and others. What is read are the
// blocks that the segments' indexes name, and whatever no index covers. A change may be given twice.
func (p *partition) changesOfKey(ctx context.Context, links []link, print printOf) iter.Seq2[entry, error] {
	return func(yield func(entry, error) bool) {
		if len(links) == 0 {
			return
		}
		known := p.known.get()
		defer p.known.put(known)
		reader, err := p.open(known)
		var infos []journal.SegmentInfo
		if err == nil {
			infos = reader.Segments()
		}
		first, last := links[0].spans[p.number], links[len(links)-1].spans[p.number]
		if err == nil || errors.Is(err, fs.ErrNotExist) {
			err = p.readable(infos, first.from)
		}
		if err != nil {
			yield(entry{}, err)
			return
		}
		segments := index.Segments(infos)
		if len(segments) == 0 || len(segments) < len(infos) { // the reading of all entries says what is wrong
			p.changes(ctx, links)(yield)
			return
		}
		k := &keyReader{part: p, reader: reader, known: known, links: links, print: print, yield: yield}
		for i, s := range segments {
			if s.BaseOffset >= last.to {
				return
			}
			if i+1 < len(segments) && segments[i+1].After < first.from {
				continue
			}
			if err := k.segment(ctx, s); err != nil {
				if !errors.Is(err, errStopped) {
					yield(entry{}, err)
				}
				return
			}
		}
	}
}

// keyReader reads what of a partition may hold changes of a key.
type keyReader struct {
	part   *partition
	reader *journal.Reader
	known  decoders
	links  []link
	print  printOf
	yield  func(entry, error) bool
	wants  func(record []byte) bool // of the segment that is read

	rows, of *table.Schema // a segment's schema, and that of a Begin whose rows were seen to have it
}

func (k *keyReader) segment(ctx context.Context, s index.Segment) error {
	decoder, err := k.known.of(s.Schema)
	if err != nil {
		return err
	}
	if decoder.Schema() == nil {
		return nil // it has no changes
	}
	from := journal.Place{}
	k.wants = func([]byte) bool { return true }
	if print, ok := k.print(decoder.Schema()); ok {
		k.wants = func(record []byte) bool {
			key := decoder.ChangeKey(record)
			return key != nil && index.Print(decoder.Schema(), key) == print
		}
		behind, whole, err := k.indexed(ctx, s, print)
		if whole || err != nil {
			return err
		}
		from = behind
	}
	return k.blocks(ctx, s, index.Stretch{From: from})
}

// indexed reads the blocks that the segment's index names. What it does not cover begins at behind. An index that does not fit what is read is
// done without.
func (k *keyReader) indexed(ctx context.Context, s index.Segment, print uint32) (behind journal.Place, whole bool, err error) {
	x, err := k.part.index(ctx, k.reader, s)
	if x == nil {
		k.part.unused(x, err)
		return behind, false, ctx.Err()
	}
	defer x.Close() //nolint:errcheck // only read
	stretches, keyed, err := x.Find(print)
	if err == nil && !keyed {
		return behind, false, nil
	}
	for _, stretch := range stretches {
		if err = k.blocks(ctx, s, stretch); err != nil {
			break
		}
	}
	switch {
	case errors.Is(err, errStopped), ctx.Err() != nil:
		return behind, false, err
	case err != nil: // the whole segment's reading says whether it is the segment that is damaged
		k.part.logger.Warn("journal: an index cannot be used; the segment is read instead", "segment", s.Path, "error", err)
		return behind, false, nil
	}
	return x.Behind(), x.Whole(), nil
}

// blocks gives the chain's changes in a stretch, whose first block must be the one that was indexed there; one without an end goes on to
// the segment's.
func (k *keyReader) blocks(ctx context.Context, s index.Segment, stretch index.Stretch) error {
	decoder, begun := k.known[s.Schema], false
	for block, err := range k.reader.Blocks(s.SegmentInfo, stretch.From) {
		if err == nil {
			err = ctx.Err()
		}
		if err == nil && stretch.End > 0 && !begun && (block.At != stretch.From.Byte || block.First() != stretch.First) {
			err = fmt.Errorf("there is no block of offset %d at byte %d", stretch.First, stretch.From.Byte)
		}
		begun = true
		if err != nil {
			return err
		}
		for raw := range block.Entries() {
			if !k.wants(raw.Record) {
				continue
			}
			e, err := k.part.decoded(k.reader, decoder, raw)
			if err != nil {
				return err
			}
			if err := k.give(e); err != nil {
				return err
			}
		}
		if stretch.End > 0 && block.End >= stretch.End {
			return nil
		}
	}
	return nil
}

// give yields a change that belongs to a link of the chain.
func (k *keyReader) give(e entry) error {
	if e.Change == nil {
		return nil
	}
	n := k.part.number
	at := sort.Search(len(k.links), func(i int) bool { return k.links[i].spans[n].begin.Snapshot >= e.Change.Snapshot })
	if at == len(k.links) {
		return nil
	}
	span := k.links[at].spans[n]
	if span.begin.Snapshot != e.Change.Snapshot || span.begin.Stamp != e.Change.Stamp {
		return nil // never committed, or of a producer that had been fenced off
	}
	if of := span.begin.Schema; k.rows != e.rows || k.of != of {
		if e.rows.Identity() != of.Identity() {
			return k.part.damaged(k.reader, e.offset, fmt.Sprintf("a change of snapshot %d in a segment of another schema", e.Change.Snapshot))
		}
		k.rows, k.of = e.rows, of
	}
	if e.link = at; !k.yield(e, nil) {
		return errStopped
	}
	return nil
}

package replay

import (
	"context"
	"slices"
	"sort"

	"rewind/change"
	"rewind/index"
	"rewind/table"
)

// tailItem is a run of entries, and the schema of its segment's rows.
type tailItem struct {
	index.Item
	rows *table.Schema
}

// readTail sorts the links' changes in one partition in, the newest first: what is older than a change of the same key is passed over. What the
// entries say of each other is held against the links in log order, behind it.
func (f *folded) readTail(ctx context.Context, part *partition, read *int64) error {
	links := f.links
	from, to := links[0].spans[part.number].from, links[len(links)-1].spans[part.number].to
	if f.below != nil { // so that a link that is left out is met
		from = f.below.spans[part.number].to + 1
	}
	r, err := newBlockReader(part, from, to)
	defer r.close()
	if err != nil {
		return err
	}
	f.left = f.newLeft(part.number)
	var items []tailItem
	ok, err := r.end()
	for ; ok && err == nil; ok, err = r.previous() {
		if err := ctx.Err(); err != nil {
			return err
		}
		if items, err = f.takeBlock(r, links, items); err != nil {
			return err
		}
		*read += int64(len(r.scan.Entries))
		f.report(Progress{Stage: "fold", Rows: *read})
	}
	if err != nil {
		return err
	}
	f.spent[part.number] = f.left.nothing(-1, f.seen)
	slices.Reverse(items)
	c := newChainReader(part, links, f.below)
	for _, i := range items {
		if _, err := c.take(i.Item, i.rows); err != nil {
			return err
		}
	}
	return c.end()
}

// takeBlock goes through a block from its end to its beginning.
func (f *folded) takeBlock(r *blockReader, links []link, items []tailItem) ([]tailItem, error) {
	for n := len(r.scan.Runs) - 1; n >= 0; n-- {
		run := r.scan.Runs[n]
		if r.ignored(run) {
			continue
		}
		item, err := r.item(run)
		if err != nil {
			return items, err
		}
		if run.Changes {
			if err := f.takeRun(r, run, linkOf(links, r.part.number, run)); err != nil {
				return items, err
			}
			if last := len(items) - 1; last >= 0 && goesOn(&item, &items[last].Item) && items[last].rows == r.rows() {
				newer := &items[last].Item
				item.Last, item.Size, item.Changes = newer.Last, item.Size+newer.Size, item.Changes+newer.Changes
				*newer = item
				continue
			}
		}
		items = append(items, tailItem{item, r.rows()})
	}
	return items, nil
}

// goesOn says that the changes of one run go on in another.
func goesOn(older, newer *index.Item) bool {
	if newer.Changes == 0 {
		return false
	}
	a, b := older.Message.Change, newer.Message.Change
	return a.Stamp == b.Stamp && a.Snapshot == b.Snapshot && a.Seq+older.Changes == b.Seq
}

// linkOf is the number, among links, of the one that a run's changes belong to; -1: they were never committed, or were written by a producer
// that had been fenced off.
func linkOf(links []link, partition int, run change.Run) int {
	at := sort.Search(len(links), func(i int) bool { return links[i].spans[partition].begin.Snapshot >= run.Snapshot })
	if at == len(links) {
		return -1
	}
	if begin := links[at].spans[partition].begin; begin.Snapshot != run.Snapshot || begin.Stamp != run.Stamp {
		return -1
	}
	return at
}

// takeRun sorts a run's changes in, from the last to the first.
func (f *folded) takeRun(r *blockReader, run change.Run, link int) error {
	if link < 0 || f.left.nothing(link, f.seen) {
		return nil
	}
	source, err := f.sourceOf(r.rows())
	if err != nil {
		return err
	}
	order := uint64(link)<<orderSeqBits | uint64(run.Seq)
	for end := run.Len; end > 0; {
		begin := max(end-lookAhead, 0)
		some := r.scan.Entries[run.At+begin : run.At+end]
		if f.seen != nil && source.project.SameKeys() {
			for i := range some {
				f.seen.look(&f.looks[i], r.scan.Key(&some[i]))
			}
		}
		if err := f.takeSome(r, source, some, order+uint64(begin)); err != nil {
			return err
		}
		end = begin
	}
	return nil
}

// takeSome sorts some changes of a run in, from the last to the first, of which keys that need no projection were looked for.
func (f *folded) takeSome(r *blockReader, s *source, some []change.Scanned, order uint64) (err error) {
	for i := len(some) - 1; i >= 0; i-- {
		e := &some[i]
		key := r.scan.Key(e)
		if !s.project.SameKeys() {
			if f.key, err = s.project.AppendKey(f.key[:0], key); err != nil {
				return r.part.damaged(r.reader, e.Offset, err.Error())
			}
			if key = f.key; f.seen != nil {
				f.seen.look(&f.looks[i], key)
			}
		}
		if f.seen != nil && f.left.take(e.Op, f.seen.before(&f.looks[i])) {
			continue
		}
		tag := s.number
		if e.Op == change.Delete {
			tag |= deletedBit
		}
		if err := f.sorter.Add(key, order+uint64(i), tag, r.scan.After(e)); err != nil {
			return err
		}
	}
	return nil
}

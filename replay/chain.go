package replay

import (
	"cmp"
	"context"
	"fmt"
	"iter"
	"reflect"

	"rewind/index"
	"rewind/table"
)

// chainReader finds the changes of a chain in one partition: those of its links, written by those who began them.
type chainReader struct {
	part  *partition
	links []link
	at    int // the link that is being read
	count int64
	rows  *table.Schema // that were last seen to be the link's
	order sequence      // of the entries that are read
	held  int           // links whose Begin and Commit were met
}

// newChainReader reads from the first link on, or, with the one before that, from behind it.
func newChainReader(p *partition, links []link, before *link) *chainReader {
	if before == nil {
		before = &links[0]
	}
	return &chainReader{part: p, links: links, order: sequence{highest: before.spans[p.number].begin.Stamp}}
}

// take takes an entry, or a run of changes as if they came one by one. It says whether they belong to the chain.
func (c *chainReader) take(i index.Item, rows *table.Schema) (wanted bool, err error) {
	e := entry{offset: i.First, size: int(i.Size), Message: i.Message, rows: rows}
	open, before := c.order.open, int64(0)
	if open != nil {
		before = open.changes
	}
	if err := c.hold(e); err != nil || e.Change == nil {
		return false, err
	}
	if open != nil && open == c.order.open && open.changes > before { // it counts
		open.changes += i.Changes - 1
	}
	if wanted, err = c.wants(e); wanted {
		c.count += i.Changes - 1
	}
	return wanted, err
}

// end says whether all links were met, and all of their changes.
func (c *chainReader) end() error {
	last := c.links[len(c.links)-1].spans[c.part.number]
	err := c.moveTo(len(c.links)-1, last.to)
	if err == nil {
		err = c.finish(last.to)
	}
	if err == nil && c.held < len(c.links) {
		err = c.part.damaged(nil, last.to, fmt.Sprintf("the commit of restore point %d is not where it was", c.links[c.held].spans[c.part.number].begin.Snapshot))
	}
	return err
}

// hold holds the links against the entries themselves: what they are may have come from an index, which proves nothing.
func (c *chainReader) hold(e entry) error {
	open := c.order.open
	what, err := c.order.step(e.offset, e.size, e.Message)
	if err != nil {
		return c.part.damaged(nil, e.offset, err.Error())
	}
	if what != closed || c.held == len(c.links) {
		return nil
	}
	want := c.links[c.held].spans[c.part.number]
	if open.begin.Snapshot < want.begin.Snapshot && c.part.number > 0 {
		return nil // partition 0 has no Commit of it
	}
	if open.from != want.from || open.to != want.to || !reflect.DeepEqual(open.begin, want.begin) || !reflect.DeepEqual(open.commit, want.commit) {
		return c.part.damaged(nil, e.offset, fmt.Sprintf("snapshot %d ends here, and is not restore point %d as it was listed: if an index lies beside the segment, remove it",
			open.begin.Snapshot, want.begin.Snapshot))
	}
	c.held++
	return nil
}

// wants says whether a change belongs to the chain, and moves on to its link.
func (c *chainReader) wants(e entry) (bool, error) {
	m := e.Change
	at := c.at
	for at < len(c.links) && c.links[at].spans[c.part.number].begin.Snapshot < m.Snapshot {
		at++
	}
	if at == len(c.links) {
		return false, nil
	}
	begin := c.links[at].spans[c.part.number].begin
	if m.Snapshot != begin.Snapshot || m.Stamp != begin.Stamp {
		return false, nil // never committed, or of a producer that had been fenced off
	}
	if err := c.moveTo(at, e.offset); err != nil {
		return false, err
	}
	if c.rows != e.rows {
		if e.rows == nil || e.rows.Identity() != begin.Schema.Identity() {
			return false, c.part.damaged(nil, e.offset, fmt.Sprintf("a change of snapshot %d in a segment of another schema", m.Snapshot))
		}
		c.rows = e.rows
	}
	c.count++
	return true, nil
}

func (c *chainReader) span() *span { return c.links[c.at].spans[c.part.number] }

// moveTo goes on to a later link; those that it leaves must be complete.
func (c *chainReader) moveTo(at int, offset int64) error {
	for c.at < at {
		if err := c.finish(offset); err != nil {
			return err
		}
		c.at, c.count, c.rows = c.at+1, 0, nil
	}
	return nil
}

// finish checks that the link's changes were all there.
func (c *chainReader) finish(offset int64) error {
	if want := c.span().commit.Share.Total(); c.count != want {
		return c.part.damaged(nil, offset, fmt.Sprintf("snapshot %d has %d changes, its commit counts %d", c.span().begin.Snapshot, c.count, want))
	}
	return nil
}

// changes gives the chain's changes in one partition, in log order.
func (p *partition) changes(ctx context.Context, links []link) iter.Seq2[entry, error] {
	return func(yield func(entry, error) bool) {
		first, last := links[0].spans[p.number], links[len(links)-1].spans[p.number]
		c := newChainReader(p, links, nil)
		for e, err := range p.entriesBy(ctx, first.from, links[0].number > 0) {
			if err == nil {
				err = c.hold(e)
			}
			if err != nil {
				yield(entry{}, err)
				return
			}
			if e.offset >= last.to {
				break
			}
			if e.Change == nil {
				continue
			}
			wanted, err := c.wants(e)
			if err != nil {
				yield(entry{}, err)
				return
			}
			e.link = c.at
			if wanted && !yield(e, nil) {
				return
			}
		}
		if err := c.end(); err != nil {
			yield(entry{}, cmp.Or(p.readable(nil, first.from), err)) // there may be none any more
		}
	}
}

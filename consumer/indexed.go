package consumer

import (
	"context"
	"errors"
	"sync"

	"rewind/index"
)

// indexing makes the indexes of the segments that were sealed, so that readers find the restore points and the changes of a key without
// reading them: in a goroutine of its own, because a full segment takes a second. What goes wrong here is told, and stops nothing: an
// index is derived.
type indexing struct {
	*partition
	ctx    context.Context
	from   int64      // base of the segment up to which they are indexed; -1: nobody looked yet
	sealed chan int64 // the base of the segment that is appended to, each time that it is another one
	ended  sync.WaitGroup
}

// startIndexing begins with the last segment that an earlier process sealed; older ones are left to readers. Where segments are
// encrypted, nothing is done beside: their indexes come first, for who may only write could not read them then.
func (p *partition) startIndexing(ctx context.Context) *indexing {
	x := &indexing{partition: p, ctx: ctx, from: -1}
	o := x.options()
	if err := o.RemoveClear(p.table.partitionDir(p.number)); err != nil {
		p.logger.Warn("journal: an index in clear could not be removed", "error", err)
	}
	if !p.table.options.Keys.Encrypts() {
		x.sealed = make(chan int64, 1)
		x.ended.Go(func() {
			for base := range x.sealed {
				x.index(base)
			}
		})
	}
	x.seal(p.journal.Base())
	return x
}

// seal tells of the segment that is appended to: those before it are sealed.
func (x *indexing) seal(base int64) {
	if x.sealed == nil {
		x.index(base)
		return
	}
	select {
	case <-x.sealed: // what was not taken yet comes with this one
	default:
	}
	x.sealed <- base
}

// end waits until what is sealed is indexed; the end of ctx ends it sooner.
func (x *indexing) end() {
	if x.sealed != nil {
		close(x.sealed)
	}
	x.ended.Wait()
}

func (x *indexing) options() index.Options {
	o := x.table.options
	return index.Options{FS: o.FS, Keys: o.Keys, Logger: x.logger, From: o.indexFrom}
}

// index makes what is missing of the segments before a base.
func (x *indexing) index(base int64) {
	if base == x.from {
		return
	}
	reader := x.journal.Reader()
	infos := reader.Segments()
	segments := index.Segments(infos)
	if n := len(segments); n < len(infos) {
		x.logger.Warn("journal: an index was not made; readers will try", "segment", infos[n].Path, "error", infos[n].Err)
	}
	for i, s := range segments {
		before := x.from < 0 && i < len(segments)-2
		if !s.Whole || s.BaseOffset < x.from || before || x.ctx.Err() != nil {
			continue
		}
		x.table.indexing.Lock() // one at a time, for their memory's sake
		made, err := x.options().Update(x.ctx, reader, s)
		x.table.indexing.Unlock()
		if made != nil {
			err = errors.Join(err, made.Close())
		}
		if err != nil && !errors.Is(err, index.ErrNone) && x.ctx.Err() == nil {
			x.logger.Warn("journal: an index was not made; readers will try", "segment", s.Path, "error", err)
		}
	}
	x.from = base
}

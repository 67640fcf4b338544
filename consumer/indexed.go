package consumer

import (
	"context"
	"errors"

	"rewind/index"
)

// indexSealed indexes the segments that were sealed since it was called last, so that readers find the restore points and the changes of
// a key without reading them. It comes before they are encrypted: who may only write could not read them then. The first call sees to
// the last one that an earlier process sealed; older ones are left to readers. What goes wrong here is told, and stops nothing: an
// index is derived.
func (p *partition) indexSealed(ctx context.Context) {
	base := p.journal.Base()
	if base == p.indexed {
		return
	}
	o := index.Options{FS: p.table.options.FS, Keys: p.table.options.Keys, Logger: p.logger, From: p.table.options.indexFrom}
	if p.indexed < 0 {
		if err := o.RemoveClear(p.table.partitionDir(p.number)); err != nil {
			p.logger.Warn("journal: an index in clear could not be removed", "error", err)
		}
	}
	reader := p.journal.Reader()
	infos := reader.Segments()
	segments := index.Segments(infos)
	if n := len(segments); n < len(infos) {
		p.logger.Warn("journal: an index was not made; readers will try", "segment", infos[n].Path, "error", infos[n].Err)
	}
	for i, s := range segments {
		before := p.indexed < 0 && i < len(segments)-2
		if !s.Whole || s.BaseOffset < p.indexed || before || ctx.Err() != nil {
			continue
		}
		p.table.indexing.Lock() // one at a time, for their memory's sake
		x, err := o.Update(ctx, reader, s)
		p.table.indexing.Unlock()
		if x != nil {
			err = errors.Join(err, x.Close())
		}
		if err != nil && !errors.Is(err, index.ErrNone) && ctx.Err() == nil {
			p.logger.Warn("journal: an index was not made; readers will try", "segment", s.Path, "error", err)
		}
	}
	p.indexed = base
}

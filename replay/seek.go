package replay

import (
	"context"

	"rewind/index"
	"rewind/journal"
)

// seek gives what finds a place near an offset in its segment by the index, so that what lies before it need not be read. Where that
// cannot be told, it is the segment's beginning.
func (p *partition) seek(ctx context.Context, reader *journal.Reader, from int64, indexed bool) func(base int64) journal.Place {
	if !indexed || !p.seeks {
		return nil
	}
	return func(base int64) journal.Place {
		for _, s := range index.Segments(reader.Segments()) {
			if s.BaseOffset == base && from > base {
				return p.seekIn(ctx, reader, s, from)
			}
		}
		return journal.Place{}
	}
}

func (p *partition) seekIn(ctx context.Context, reader *journal.Reader, s index.Segment, from int64) journal.Place {
	x, err := p.index(ctx, reader, s)
	if x == nil {
		p.unused(x, err)
		return journal.Place{}
	}
	defer x.Close() //nolint:errcheck // only read
	stretch, ok := x.At(from)
	if !ok {
		return journal.Place{}
	}
	for block, err := range reader.Blocks(s.SegmentInfo, stretch.From) { // an index proves nothing: the block must stand there
		if err != nil || block.At != stretch.From.Byte || block.First() != stretch.First {
			break
		}
		return stretch.From
	}
	return journal.Place{}
}

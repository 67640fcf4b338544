package replay

import (
	"bytes"
	"cmp"
	"context"
	"encoding/binary"

	"rewind/change"
)

// mostFoundations is how many partitions a baseline is read from side by side, each with a block of its own in memory. What has more is sorted.
const mostFoundations = 8

// foundation gives what a fold's changes build on, in the order of keys: the rows of a checkpoint, or of a baseline in one partition as they lie in the
// journal, where a producer finds them in that order. Nothing of them is copied or sorted.
type foundation struct {
	fold   *folded
	from   foundationRows
	source *source
	row    foundationRow
	last   []byte // the key before; nil: there was none
	kept   []byte
	spent  bool // none of its rows is left: what the journal says of them is held against the chain all the same
}

// foundationRow is valid until the next one is asked for.
type foundationRow struct {
	key, image []byte
	deleted    bool
	seq        int64
}

// foundationRows is where a foundation's rows come from.
type foundationRows interface {
	// step sets the foundation's next row, and its source where that is another. ok is false behind the last.
	step(ctx context.Context, b *foundation) (ok bool, err error)
	close()
}

// foundations are those of a fold. Who gets them closes them, also beside an error.
func (f *folded) foundations() (all []*foundation, err error) {
	switch {
	case f.under != nil && len(f.spent) == 1 && f.spent[0]: // its rows were held against their hash when it was opened
		return nil, nil
	case f.under != nil:
		b := &foundation{fold: f}
		rows, err := f.under.file.Rows()
		if err == nil {
			b.from = &underRows{rows}
			b.source, err = f.sourceOf(f.under.file.Schema())
		}
		if err != nil {
			return nil, err
		}
		return []*foundation{b}, nil
	case f.below == nil:
		return nil, nil
	}
	for i := range f.parts {
		span := f.below.spans[i]
		r, err := newBlockReader(&f.parts[i], span.from, span.to)
		all = append(all, &foundation{fold: f, spent: i < len(f.spent) && f.spent[i], from: &baselineRows{reader: r, chain: newChainReader(&f.parts[i], []link{*f.below}, nil)}})
		if err != nil {
			return all, err
		}
	}
	return all, nil
}

// next goes on to the next row. ok is false behind the last. What is not in the order of keys it hands over to be sorted, and all that follows.
func (b *foundation) next(ctx context.Context) (ok bool, err error) {
	for ok, err = b.step(ctx); ok && b.spent; {
		ok, err = b.from.step(ctx, b)
	}
	if !ok || err != nil {
		return false, err
	}
	if b.last != nil && compareKeys(b.row.key, b.last) <= 0 {
		return false, b.handOver(ctx)
	}
	b.last = b.row.key
	return true, nil
}

// step reads the next row, with the key that it has at the point.
func (b *foundation) step(ctx context.Context) (ok bool, err error) {
	if ok, err = b.from.step(ctx, b); !ok || err != nil {
		return false, err
	}
	if p := b.source.project; !p.SameKeys() {
		b.row.key, err = p.AppendKey(nil, b.row.key)
	}
	return err == nil, err
}

// keep copies the key before, whose bytes are about to go.
func (b *foundation) keep() {
	if b.last != nil {
		b.kept = append(b.kept[:0], b.last...)
		b.last = b.kept
	}
}

// handOver gives what is left to be sorted: rows that come late.
func (b *foundation) handOver(ctx context.Context) error {
	b.fold.j.o.Logger.Debug("fold: rows of a baseline are not in the order of their keys")
	for {
		if err := b.fold.takeLate(b); err != nil {
			return err
		}
		if ok, err := b.step(ctx); !ok || err != nil {
			return err
		}
	}
}

func (b *foundation) close() { b.from.close() }

// baselineRows are those of a baseline in one partition.
type baselineRows struct {
	reader *blockReader
	chain  *chainReader
	runs   []change.Run // of the block that are not begun
	run    change.Run
	at     int // in run, of the next change
	begun  bool
}

func (r *baselineRows) close() { r.reader.close() }

// step reads the next change. Behind the last, all that was read is held against the chain.
func (r *baselineRows) step(ctx context.Context, b *foundation) (ok bool, err error) {
	for r.at == r.run.Len {
		if ok, err := r.nextRun(ctx, b); !ok || err != nil {
			return false, err
		}
	}
	scan := &r.reader.scan
	e := &scan.Entries[r.run.At+r.at]
	b.row = foundationRow{key: scan.Key(e), image: scan.After(e), deleted: e.Op == change.Delete, seq: r.run.Seq + int64(r.at)}
	r.at++
	return true, nil
}

// nextRun goes on to the next run of the chain's changes.
func (r *baselineRows) nextRun(ctx context.Context, b *foundation) (ok bool, err error) {
	for {
		for len(r.runs) > 0 {
			run := r.runs[0]
			r.runs = r.runs[1:]
			if r.reader.ignored(run) {
				continue
			}
			item, err := r.reader.item(run)
			if err != nil {
				return false, err
			}
			wanted, err := r.chain.take(item, r.reader.rows())
			if err != nil {
				return false, err
			}
			if wanted {
				r.run, r.at = run, 0
				b.source, err = b.fold.sourceOf(r.reader.rows())
				return err == nil, err
			}
		}
		b.keep()
		if ok, err := r.nextBlock(ctx); !ok || err != nil {
			return false, err
		}
	}
}

func (r *baselineRows) nextBlock(ctx context.Context) (ok bool, err error) {
	if err := ctx.Err(); err != nil {
		return false, err
	}
	if r.begun {
		ok, err = r.reader.next()
	} else {
		ok, err = r.reader.begin()
	}
	r.begun = true
	if !ok && err == nil {
		err = r.chain.end()
	}
	r.runs = r.reader.scan.Runs
	return ok, err
}

// compareKeys is bytes.Compare, and faster for keys of a number or two.
func compareKeys(a, b []byte) int {
	n := len(a)
	if n != len(b) || n < 8 || n > 16 {
		return bytes.Compare(a, b)
	}
	x, y := binary.BigEndian.Uint64(a), binary.BigEndian.Uint64(b)
	if x == y {
		x, y = binary.BigEndian.Uint64(a[n-8:]), binary.BigEndian.Uint64(b[n-8:])
	}
	return cmp.Compare(x, y)
}

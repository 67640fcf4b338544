package replay

import (
	"context"
	"fmt"
	"slices"

	"rewind/sorting"
	"rewind/table"
)

// merging goes through what was sorted and the baselines side by side, by key.
type merging struct {
	tail        *sorting.Merged
	rec         sorting.Record // nil behind the last
	foundations []*foundation
	given       *foundation // whose row was given last; nil: rec was
	begun       bool
}

func (f *folded) merge(ctx context.Context) (m *merging, err error) {
	m = &merging{}
	if m.tail, err = f.sorter.Merge(); err != nil {
		return m, err
	}
	if m.rec, err = m.tail.Next(); err != nil {
		return m, err
	}
	if m.foundations, err = f.foundations(); err != nil {
		return m, err
	}
	for _, b := range slices.Clone(m.foundations) {
		if err := m.advance(ctx, b); err != nil {
			return m, err
		}
	}
	return m, nil
}

// advance moves a baseline on, and lets go of one that has no more.
func (m *merging) advance(ctx context.Context, b *foundation) error {
	ok, err := b.next(ctx)
	if !ok && err == nil {
		b.close()
		m.foundations = slices.DeleteFunc(m.foundations, func(other *foundation) bool { return other == b })
	}
	return err
}

func (m *merging) close() {
	for _, b := range m.foundations {
		b.close()
	}
	m.foundations = nil
}

// step moves what was given last on.
func (m *merging) step(ctx context.Context) (err error) {
	switch {
	case !m.begun:
		m.begun = true
	case m.given != nil:
		err = m.advance(ctx, m.given)
	default:
		m.rec, err = m.tail.Next()
	}
	return err
}

// next gives the newest change of the next key: one of a baseline, or else m.rec, which is nil behind the last.
func (m *merging) next(ctx context.Context) (*foundation, error) {
	if err := m.step(ctx); err != nil {
		return nil, err
	}
	var least *foundation
	for _, b := range m.foundations {
		if least == nil || compareKeys(b.row.key, least.row.key) < 0 {
			least = b
		}
	}
	m.given = nil
	if m.rec == nil || least == nil {
		m.given = least
		return least, nil
	}
	switch compareKeys(m.rec.Key(), least.row.key) {
	case 1:
		m.given = least
	case 0: // the row was changed since
		return nil, m.advance(ctx, least)
	}
	return m.given, nil
}

// emitter projects surviving rows to the point's schema, sums their digest and hands them on.
type emitter struct {
	fold     *folded
	codec    *table.Codec
	digester *table.Digester
	image    []byte
	do       func(table.Row) bool
}

func (e *emitter) row(row table.Row, s *source) (err error) {
	if p := s.project; !p.Identity() {
		if e.image, err = p.AppendImage(e.image[:0], row.Image); err != nil {
			return err
		}
		row.Image = e.image
	}
	if err := e.digester.Add(row.Image); err != nil {
		return fmt.Errorf("row %s: %w", e.codec.FormatRow(row), err)
	}
	if !e.do(row) {
		return errStopped
	}
	return nil
}

// record hands a sorted record on, unless it says that the row is gone.
func (e *emitter) record(r sorting.Record) error {
	if r.Tag()&deletedBit != 0 {
		return nil
	}
	return e.row(table.Row{Key: r.Key(), Image: r.Image()}, e.fold.sources[r.Tag()])
}

// each gives every surviving row, projected to the point's schema, until do returns false (then errStopped), and sums
// their digest.
func (f *folded) each(ctx context.Context, stage string, do func(table.Row) bool) (table.Digest, error) {
	codec, err := table.NewCodec(f.point.TableSchema())
	if err != nil {
		return table.Digest{}, err
	}
	e := &emitter{fold: f, codec: codec, digester: table.NewDigester(codec), do: do}
	f.forgetLate()
	m, err := f.merge(ctx)
	defer m.close()
	for looked := 0; err == nil; looked++ {
		if looked%rowsBetweenLooks == 0 {
			if err := ctx.Err(); err != nil {
				return e.digester.Digest(), err
			}
			f.report(Progress{Stage: stage, Rows: e.digester.Rows(), Total: f.point.Rows})
		}
		var b *foundation
		if b, err = m.next(ctx); err != nil || b == nil && m.rec == nil {
			break
		}
		switch {
		case b == nil:
			err = e.record(m.rec)
		case !b.row.deleted:
			err = e.row(table.Row{Key: b.row.key, Image: b.row.image}, b.source)
		}
	}
	if err == nil && f.behind != nil {
		err = f.eachLate(e)
	}
	f.report(Progress{Stage: stage, Rows: e.digester.Rows(), Total: f.point.Rows})
	return e.digester.Digest(), err
}

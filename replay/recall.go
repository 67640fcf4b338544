package replay

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"

	"rewind/journal"
	"rewind/table"
)

// memorize takes down the walk's state: it has seen the last entry of the sealed segments and none behind it.
func (w *walk) memorize() (*remembered, error) {
	q := &w.part.order
	r := &remembered{
		Stream: w.part.stream, Partition: w.part.number, Entries: w.count, Last: w.part.next - 1, Share: w.share, Delta: w.delta.String(),
		Order: rememberedOrder{
			Epoch: q.highest.Epoch, Writer: writerText(q.highest), Last: q.last, Columns: q.columns, Holes: q.holes, Offset: q.offset,
		},
	}
	f := newForms(nil)
	if w.known != nil { // what was taken down before need not be encoded anew
		f = newForms(slices.Clone(w.known.Forms))
		r.Spans = slices.Clone(w.known.Spans)
	}
	for _, s := range w.part.spans[len(r.Spans):] {
		taken, err := rememberSpan(s, w.moved[s.begin.Snapshot].String(), f)
		if err != nil {
			return nil, err
		}
		r.Spans = append(r.Spans, taken)
	}
	if q.open != nil {
		open, err := rememberSpan(q.open, "", f)
		if err != nil {
			return nil, err
		}
		r.Open = &open
	}
	for _, g := range w.part.gaps {
		r.Gaps = append(r.Gaps, rememberedGap{Gap: g.gap, Last: g.last, Epoch: g.stamp.Epoch, Writer: writerText(g.stamp)})
	}
	r.Forms = f.all
	return r, nil
}

// resume puts a fresh walk to where the earlier one was.
func (w *walk) resume(r *remembered) error {
	forms, err := begins(r.Forms)
	if err != nil {
		return err
	}
	p := w.part
	behindCut := p.spans // where the journal begins with a base: its span
	p.spans = nil
	for i := range r.Spans {
		s, err := r.Spans[i].span(forms)
		if err != nil {
			return err
		}
		if s.commit == nil || i > 0 && s.begin.Snapshot <= r.Spans[i-1].Snapshot {
			return errors.New("its snapshots are out of order")
		}
		if w.moved[s.begin.Snapshot], err = table.ParseDigest(r.Spans[i].Moved); err != nil {
			return err
		}
		p.spans = append(p.spans, s)
	}
	copy(p.spans, behindCut)
	p.order = sequence{last: r.Order.Last, columns: max(r.Order.Columns, p.order.columns), holes: r.Order.Holes, offset: r.Order.Offset}
	if p.order.highest, err = stampFrom(r.Order.Epoch, r.Order.Writer); err != nil {
		return err
	}
	if r.Open != nil {
		if p.order.open, err = r.Open.span(forms); err != nil {
			return err
		}
	}
	for _, g := range r.Gaps {
		by, err := stampFrom(g.Epoch, g.Writer)
		if err != nil {
			return err
		}
		p.gaps = append(p.gaps, gapHere{gap: g.Gap, last: g.Last, stamp: by})
	}
	if w.delta, err = table.ParseDigest(r.Delta); err != nil {
		return err
	}
	p.next, w.count, w.share, w.known = r.Last+1, r.Entries, r.Share, r
	for i := range w.each[:min(len(w.each), len(r.Segments))] {
		w.each[i] = r.Segments[i].Entries
	}
	return nil
}

// fits says whether the segments that were walked before are the journal's first ones still: by their headers, which chain
// each to the one before, and by length and time of their files. A file whose length or time is another is read whole.
func (w *walk) fits(r *remembered) (bool, error) {
	n := len(r.Segments)
	if n == 0 || n >= len(w.infos) {
		return false, nil
	}
	previous := w.infos[0].Previous // zeros in the first; behind a cut the record says so
	if !w.infos[0].BehindCut && previous != ([sha256.Size]byte{}) {
		return false, nil
	}
	sums := make([][sha256.Size]byte, 0, n)
	for i, s := range r.Segments {
		info := w.infos[i]
		if !continues(info, previous) || !info.Sealed || info.BaseOffset != s.Base {
			return false, nil
		}
		sum, err := hex.DecodeString(s.SHA256)
		if err != nil || copy(previous[:], sum) != sha256.Size {
			return false, nil //nolint:nilerr // the record is no good: it is done without
		}
		sums = append(sums, previous)
		if w.files[i] == (fileMark{s.Bytes, s.Modified}) {
			continue
		}
		found, err := w.reader.Hash(info)
		if err != nil || found != previous {
			return false, err
		}
		w.readNow[i] = true
	}
	if next := w.infos[n]; !continues(next, previous) || next.After != r.Last {
		return false, nil
	}
	w.sums = sums
	return true, nil
}

// continues says whether a segment is chained to one of this SHA-256.
func continues(info journal.SegmentInfo, previous [sha256.Size]byte) bool {
	return info.Err == nil && info.Previous == previous
}

// reread reads one of the segments that were proved before whole.
func (w *walk) reread(i int) error {
	sum, err := w.reader.Hash(w.infos[i])
	if err != nil {
		return err
	}
	w.readNow[i] = true
	if sum != w.sums[i] {
		return &journal.CorruptionError{Segment: w.infos[i].Path, Err: fmt.Errorf("its SHA-256 is not the one that it had when it was proved at %s", stamp(w.known.At))}
	}
	return nil
}

// worthRemembering says whether the walk knows more than the record that it began with.
func (w *walk) worthRemembering() bool {
	return len(w.sums) > 0 && w.part.start <= w.boundary() && (len(w.sums) > w.skipped() || len(w.readNow) > len(w.sample))
}

// complete adds to a memorized state what tells its segments: the sealed ones, with the SHA-256 that the chain was followed by.
func (w *walk) complete(r *remembered) {
	for i, info := range w.infos[:len(w.infos)-1] {
		r.Segments = append(r.Segments, rememberedSegment{
			Base: info.BaseOffset, Bytes: w.files[i].size, Modified: w.files[i].modified, SHA256: hex.EncodeToString(w.sums[i][:]), Entries: w.each[i],
		})
	}
}

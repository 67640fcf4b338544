package replay

import (
	"encoding/hex"
	"slices"
)

// behindCut leaves of the record of a walk what retention has not dropped since; nil where that cannot be told, so that all is read. A record that
// does not begin where the cut is chained to is left as it is: what fits then says what it is worth.
func (r *remembered) behindCut(w *walk) *remembered {
	if w.part.gone {
		return nil
	}
	if w.part.start > 0 && len(w.part.spans) == 0 {
		return nil // the base is lost
	}
	if w.part.start == 0 || len(w.infos) == 0 || !w.infos[0].BehindCut {
		return r
	}
	first := slices.IndexFunc(r.Segments, func(s rememberedSegment) bool { return s.Base == w.infos[0].BaseOffset })
	from := slices.IndexFunc(r.Spans, func(s rememberedSpan) bool { return s.To == w.part.start-1 })
	if first < 0 || from < 0 || r.Spans[from].Snapshot != w.part.spans[0].begin.Snapshot {
		return nil // the walk did not reach the cut
	}
	if first > 0 && r.Segments[first-1].SHA256 != hex.EncodeToString(w.infos[0].Previous[:]) {
		return r
	}
	left := *r
	left.Segments, left.Spans, left.Entries, left.Gaps = r.Segments[first:], slices.Clone(r.Spans[from:]), 0, nil
	for _, s := range left.Segments {
		if s.Entries == 0 {
			return nil // an earlier version did not count them
		}
		left.Entries += s.Entries
	}
	for _, g := range r.Gaps {
		if g.Gap.Offset >= w.part.start {
			left.Gaps = append(left.Gaps, g)
		}
	}
	return &left
}

package consumer

import (
	"time"

	"rewind/change"
)

// held is what of a partition's journal can be restored, as far as this partition alone tells: for who watches. Whether it is so,
// replay finds out.
type held struct {
	snapshot int64 // the last one whose Commit is here; 0: none is known
	ended    int64 // when its read had ended, µs UTC
	across   int   // partitions that the last snapshot lies in; 0: none is known
	begun    bool  // a Begin was seen
	hole     bool  // behind a Gap, up to the next Begin
	torn     bool  // what later snapshots build on is gone: only a baseline can be restored
}

// take follows an entry of the journal.
func (h *held) take(m change.Message) {
	switch {
	case m.Gap != nil:
		h.hole = h.hole || !m.Gap.Whole()
	case m.Begin != nil && m.Begin.Previous == 0:
		h.across, h.begun, h.hole, h.torn = m.Begin.Partitions, true, false, false
	case m.Begin != nil:
		h.torn = h.torn || h.hole && h.snapshot != 0 && m.Begin.Previous != h.snapshot
		h.across, h.begun, h.hole = m.Begin.Partitions, true, false
	case m.Commit != nil:
		h.torn = h.torn || h.hole // in the middle of it
		h.snapshot, h.ended = m.Commit.Snapshot, m.Commit.ReadEnded
	}
}

// precede adds what the segment before says.
func (h *held) precede(before held) {
	if h.snapshot == 0 {
		h.snapshot, h.ended = before.snapshot, before.ended
	}
	if h.across == 0 {
		h.across = before.across
	}
	if !h.begun {
		h.begun, h.hole, h.torn = before.begun, h.hole || before.hole, h.torn || before.torn
	}
}

// tell says how far the partition is.
func (p *partition) tell() {
	h := p.held
	progress := Progress{
		Table: p.table.name, Partition: p.number, Entries: p.report.Entries, Bytes: p.report.Bytes, Next: p.next, End: p.end,
		Repeats: p.report.Repeats, Stale: p.report.Stale, Doubtful: p.report.Doubtful, Gaps: p.report.Gaps,
		Snapshot: h.snapshot, Across: h.across, Torn: h.torn,
	}
	if h.snapshot != 0 {
		progress.ReadEnded = time.UnixMicro(h.ended).UTC()
	}
	p.table.options.Progress(progress)
}

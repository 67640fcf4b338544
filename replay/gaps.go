package replay

import (
	"slices"
	"time"

	"rewind/change"
)

// Gap is a stretch that cannot be restored, why, and what it cost. There are two kinds: messages that the journal does not have,
// and captures that were refused, so that nobody knows what the table was.
type Gap struct {
	Stream     string    `json:"stream"`
	Partition  int       `json:"partition"`
	Offset     int64     `json:"offset"`      // of the Gap entry
	NextOffset int64     `json:"next_offset"` // the first offset behind what is missing; 0: nothing is missing in the topic
	Cause      string    `json:"cause,omitempty"`
	Reason     string    `json:"reason"`
	At         time.Time `json:"at"`
	Refused    bool      `json:"refused,omitempty"` // captures were refused; else messages are missing
	Lost       []Lost    `json:"lost,omitempty"`    // committed snapshots that cannot be restored because of it, as far as they are known
	Unknown    bool      `json:"unknown,omitempty"` // there may have been more of them, of which nothing is left

	Before   int64     `json:"before,omitempty"`    // the last restore point in front of it; 0: there is none
	From     time.Time `json:"from,omitzero"`       // when that one was read to its end
	ClosedBy int64     `json:"closed_by,omitempty"` // the first restore point behind it
	Until    time.Time `json:"until,omitzero"`      // when that one was read to its end
	Open     bool      `json:"open,omitempty"`      // no restore point lies behind it, and one that does may be missing
}

// Lost is a committed snapshot that cannot be restored.
type Lost struct {
	ID        int64     `json:"id"`
	ReadEnded time.Time `json:"read_ended"`
}

// whole says that nothing of the stream is missing in spite of it.
func (g Gap) whole() bool { return g.Refused || g.Cause == change.CauseForeign }

func (p *partition) newGap(offset int64, m *change.Gap) Gap {
	return Gap{
		Stream: p.stream, Partition: p.number, Offset: offset, NextOffset: m.NextOffset,
		Cause: m.Cause, Reason: m.Reason, At: time.UnixMicro(m.At).UTC(), Refused: m.Refused(),
	}
}

// lostBehind is the gap at the partition's end behind which the consumer takes up nothing of the term that has committed a snapshot;
// nil where the snapshot's Commit may still come.
func (p *partition) lostBehind(decided *span) *gapHere {
	epoch := decided.begin.Epoch
	if !p.order.holes || epoch > p.order.highest.Epoch {
		return nil
	}
	for i := len(p.gaps) - 1; i >= 0; i-- {
		if g := &p.gaps[i]; !g.gap.whole() {
			if epoch == p.order.highest.Epoch && g.stamp != p.order.highest {
				return nil // its term was taken up behind the gap
			}
			return g
		}
	}
	return nil
}

// placeGaps puts the gaps between the restore points, by the log's order where it can be seen.
func (j *Journal) placeGaps() {
	for i := range j.gaps {
		g := &j.gaps[i]
		for _, p := range j.points {
			if p.behind(g) {
				if g.ClosedBy == 0 {
					g.ClosedBy, g.Until = p.ID, p.ReadEnded
				}
			} else if g.ClosedBy == 0 {
				g.Before, g.From = p.ID, p.ReadEnded
			}
		}
		g.Open = g.ClosedBy == 0 && g.Cause != change.CauseForeign
	}
}

// behind says whether the point lies behind the gap: in the gap's partition, where it lies there too, else in time.
func (p Point) behind(g *Gap) bool {
	if p.Stream == g.Stream && g.Partition < p.Partitions {
		return p.links[len(p.links)-1].spans[g.Partition].to > g.Offset
	}
	return p.ReadEnded.After(g.At)
}

// GapsInTime are the gaps by the restore points that they lie behind, and then by their time.
func (j *Journal) GapsInTime() []Gap {
	gaps := j.Gaps()
	slices.SortStableFunc(gaps, func(a, b Gap) int {
		if c := a.From.Compare(b.From); c != 0 {
			return c
		}
		return a.At.Compare(b.At)
	})
	return gaps
}

// OpenLoss is a gap of missing messages that no restore point lies behind: until a new baseline there is none. nil where there is
// no such gap.
func (j *Journal) OpenLoss() *Gap {
	j.mu.Lock()
	defer j.mu.Unlock()
	for _, g := range slices.Backward(j.gaps) {
		if g.Open && !g.Refused {
			return &g
		}
	}
	return nil
}

// lossBehind is a gap of missing messages behind a restore point that a time lies in, and of which nobody can tell what was committed
// in it: one that is open, or one where partition 0, which alone decides, has lost what stood between two snapshots.
func (j *Journal) lossBehind(chosen Point, at time.Time) *Gap {
	for _, g := range j.gaps {
		if !g.Refused && g.Before == chosen.ID && at.After(chosen.ReadEnded) && (g.Open || g.Unknown && at.Before(g.Until)) {
			return &g
		}
	}
	return nil
}

// refusedAt is the latest gap of refused captures that a time lies in.
func (j *Journal) refusedAt(at time.Time) (in *Gap) {
	for _, g := range j.gaps {
		if g.Refused && !g.At.After(at) && (g.Open || at.Before(g.Until)) && (in == nil || g.At.After(in.At)) {
			in = &g
		}
	}
	return in
}

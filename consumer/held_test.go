package consumer

import (
	"testing"

	"rewind/change"
)

// TestHeld follows what of a partition can be restored through gaps; a journal read in two parts, as a start reads segments from
// the last one back, says the same wherever it is parted, but for what only the part before could know.
func TestHeld(t *testing.T) {
	begin := func(id, previous int64) change.Message {
		return change.Message{Begin: &change.Begin{Snapshot: id, Previous: previous, Partitions: 2}}
	}
	commit := func(id int64) change.Message {
		return change.Message{Commit: &change.Commit{Snapshot: id, ReadEnded: id + 1}}
	}
	gap := func(cause string) change.Message { return change.Message{Gap: &change.Gap{Cause: cause}} }
	for name, c := range map[string]struct {
		messages []change.Message
		snapshot int64
		torn     bool
	}{
		"a chain":                          {[]change.Message{begin(10, 0), commit(10), begin(20, 10), commit(20)}, 20, false},
		"a gap that took nothing":          {[]change.Message{begin(10, 0), commit(10), gap(change.CauseSkipped), begin(20, 10), commit(20)}, 20, false},
		"a gap that took a snapshot":       {[]change.Message{begin(10, 0), commit(10), gap(change.CauseRemoved), begin(30, 20), commit(30)}, 30, true},
		"a gap in the middle of one":       {[]change.Message{begin(10, 0), gap(change.CauseSkipped), commit(10)}, 10, true},
		"closed by a baseline":             {[]change.Message{begin(10, 0), commit(10), gap(change.CauseRemoved), begin(30, 20), commit(30), begin(40, 0), commit(40)}, 40, false},
		"a message that was never of ours": {[]change.Message{begin(10, 0), gap(change.CauseForeign), commit(10)}, 10, false},
	} {
		var whole held
		for _, m := range c.messages {
			whole.take(m)
		}
		if whole.snapshot != c.snapshot || whole.ended != c.snapshot+1 || whole.torn != c.torn || whole.across != 2 {
			t.Errorf("%s: %+v", name, whole)
		}
		for cut := range c.messages {
			var before, behind held
			for i, m := range c.messages {
				if i < cut {
					before.take(m)
				} else {
					behind.take(m)
				}
			}
			behind.precede(before)
			if behind.snapshot != whole.snapshot || behind.across != whole.across || behind.torn && !whole.torn {
				t.Errorf("%s, parted at %d: %+v, whole %+v", name, cut, behind, whole)
			}
		}
	}
}

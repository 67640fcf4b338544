package consumer

import (
	"testing"

	"rewind/change"
)

// TestCommitOutsidePartitionZeroDecidesNothing: a producer that died between the Commits of two partitions leaves one that
// does not count; the next snapshot builds on the one before it.
func TestCommitOutsidePartitionZeroDecidesNothing(t *testing.T) {
	first, second := stamp(1, 'a'), stamp(2, 'b')
	history := func() []change.Message {
		return []change.Message{
			{Open: &change.Open{Stamp: first, Stream: streamA}},
			{Begin: &change.Begin{Stamp: first, Stream: streamA, Snapshot: 100}},
			{Commit: &change.Commit{Stamp: first, Snapshot: 100, Seq: 1}},
			{Begin: &change.Begin{Stamp: first, Stream: streamA, Snapshot: 200, Previous: 100}},
			{Commit: &change.Commit{Stamp: first, Snapshot: 200, Seq: 1}},
			{Open: &change.Open{Stamp: second, Stream: streamA}},
		}
	}
	cases := map[string]struct {
		decides  bool
		previous int64
		accepted bool
	}{
		"behind an abort, elsewhere":       {false, 100, true},
		"behind the last one, elsewhere":   {false, 200, true},
		"on what never began, elsewhere":   {false, 250, false},
		"behind a commit, partition 0":     {true, 100, false},
		"on the last one, partition 0":     {true, 200, true},
		"on what never began, partition 0": {true, 250, false},
		"baseline, partition 0":            {true, 0, true},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			s := sequence{stream: streamA, decides: c.decides}
			for _, m := range history() {
				if v, err := s.check(m); v != accepted || err != nil {
					t.Fatal(v, err)
				}
			}
			_, err := s.check(change.Message{Begin: &change.Begin{Stamp: second, Stream: streamA, Snapshot: 300, Previous: c.previous}})
			if accepted := err == nil; accepted != c.accepted {
				t.Errorf("accepted %v: %v", accepted, err)
			}
		})
	}
}

// TestGapBehindASegmentHidesTheLastCommit: where the last segment holds nothing but a Gap, what was committed last is as unknown
// as it was to the process that wrote the Gap.
func TestGapBehindASegmentHidesTheLastCommit(t *testing.T) {
	owner := stamp(1, 'a')
	var before, behind sequence
	before.decides, behind.decides = true, true
	before.take(change.Message{Open: &change.Open{Stamp: owner}})
	before.take(change.Message{Begin: &change.Begin{Stamp: owner, Snapshot: 100}})
	before.take(change.Message{Commit: &change.Commit{Stamp: owner, Snapshot: 100, Seq: 1}})
	behind.take(change.Message{Gap: &change.Gap{NextOffset: 9}})
	behind.precede(before)
	next := stamp(2, 'b')
	if v, err := behind.check(change.Message{Open: &change.Open{Stamp: next}}); v != accepted || err != nil {
		t.Fatal(v, err)
	}
	for _, m := range []*change.Begin{ // on a snapshot in the gap, and again on it after the first was aborted
		{Stamp: next, Snapshot: 300, Previous: 200},
		{Stamp: next, Snapshot: 400, Previous: 200},
	} {
		if v, err := behind.check(change.Message{Begin: m}); v != accepted || err != nil {
			t.Errorf("snapshot %d: %v %v", m.Snapshot, v, err)
		}
	}
}

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

// TestNextIsCheck: the short way of judging a Change says what the long one says, wherever the sequence stands.
func TestNextIsCheck(t *testing.T) {
	stamps := []change.Stamp{{}, stamp(1, 'a'), stamp(1, 'b'), stamp(2, 'a')}
	states, accepts := 0, 0
	for _, owner := range stamps {
		for flags := range 16 {
			for snapshot := range int64(3) {
				for seq := range int64(3) {
					s := sequence{stream: streamA, stamp: owner, snapshot: 100 * snapshot, seq: seq,
						closed: flags&1 != 0, lost: flags&2 != 0, holes: flags&4 != 0, decides: flags&8 != 0}
					for _, by := range stamps {
						for of := range int64(4) {
							for number := range int64(5) {
								m := &change.Change{Stamp: by, Snapshot: 100 * of, Seq: number, Op: change.Create}
								short, long := s, s
								next := short.next(m)
								v, err := long.check(change.Message{Change: m})
								if states++; next != (v == accepted && err == nil) {
									t.Fatalf("%+v, %+v: %v, but %v, %v", s, m, next, v, err)
								}
								if next && short != long || !next && short != s {
									t.Fatalf("%+v, %+v: it moves to %+v, not to %+v", s, m, short, long)
								}
								if next {
									accepts++
								}
							}
						}
					}
				}
			}
		}
	}
	t.Logf("counted: %d states and changes, %d of them accepted", states, accepts)
}

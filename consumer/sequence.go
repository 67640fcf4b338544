package consumer

import (
	"fmt"

	"rewind/change"
)

// verdict on a message.
type verdict uint8

const (
	accepted verdict = iota + 1
	repeated         // it is in the journal already
	stale            // its writer had been fenced off
	doubtful         // behind a Gap: whether it counts cannot be told
)

// sequence is where a partition stands: whoever was first to open the highest epoch so far owns it, and of his messages
// each has its place.
type sequence struct {
	stream   string
	stamp    change.Stamp
	snapshot int64 // highest that has begun
	seq      int64 // of its last message
	closed   bool  // by its Commit
	lost     bool  // behind a Gap that may hide an Open: nothing counts until one of a higher epoch than any seen
	holes    bool  // behind a Gap: what the next snapshot builds on need not be known
	refused  int64 // when the stamp's owner wrote its last Gap
	commit   int64 // id of the last snapshot committed here, 0 when it is not known
	decides  bool  // partition 0: a snapshot committed here is committed

	partitions int // of the last snapshot that has begun since the start

	held held // what of it can be restored
}

// outOfOrder says what a message should have been.
type outOfOrder struct{ expected, found string }

func (e *outOfOrder) Error() string { return "expected " + e.expected + ", found " + e.found }

// check judges the next message and moves on if it is accepted.
func (s *sequence) check(m change.Message) (verdict, error) {
	stamp, ok := m.Stamp()
	if !ok {
		return 0, &outOfOrder{expected: "a message of a producer", found: m.Kind()}
	}
	switch {
	case m.Open != nil && stamp.Epoch > s.stamp.Epoch:
		if m.Open.Stream != s.stream {
			return 0, &outOfOrder{"an Open of stream " + s.stream, "one of stream " + m.Open.Stream}
		}
		s.stamp, s.refused, s.lost = stamp, 0, false
		return accepted, nil
	case stamp == s.stamp && m.Open != nil:
		return repeated, nil
	case stamp.Epoch > s.stamp.Epoch && !s.holes:
		return 0, &outOfOrder{fmt.Sprintf("an Open of epoch %d before its messages", stamp.Epoch), m.Kind()}
	case stamp.Epoch > s.stamp.Epoch: // its Open is in the gap, and maybe a later one is too
		s.stamp, s.lost = stamp, true
		return doubtful, nil
	case stamp != s.stamp:
		return stale, nil
	case s.lost:
		return doubtful, nil
	case m.Gap != nil:
		return s.gap(m.Gap), nil
	case m.Begin != nil:
		return s.begin(m.Begin)
	}
	return s.follow(place(m))
}

// next moves on where a Change is the one that follows, as most are: check says the same of it. It is false for any other, and nothing moves.
func (s *sequence) next(m *change.Change) bool {
	if m.Seq != s.seq+1 || m.Snapshot != s.snapshot || m.Stamp != s.stamp || s.closed || s.lost {
		return false
	}
	s.seq = m.Seq
	return true
}

// gap takes a producer's Gap: no part of a snapshot, so that nothing but its time tells one from its copy.
func (s *sequence) gap(m *change.Gap) verdict {
	if m.At <= s.refused {
		return repeated
	}
	s.refused = m.At
	return accepted
}

// lose goes behind a Gap of our own.
func (s *sequence) lose(m *change.Gap) {
	if !m.Whole() {
		s.lost, s.holes, s.commit = true, true, 0
	}
}

func (s *sequence) begin(m *change.Begin) (verdict, error) {
	switch {
	case m.Snapshot <= s.snapshot:
		return repeated, nil
	case m.Stream != s.stream:
		return 0, &outOfOrder{"a Begin of stream " + s.stream, "one of stream " + m.Stream}
	case m.Previous != 0 && !s.holes && !s.fits(m.Previous):
		return 0, &outOfOrder{"a snapshot that builds on " + s.base(), fmt.Sprintf("%d, which builds on %d", m.Snapshot, m.Previous)}
	}
	s.snapshot, s.seq, s.closed, s.holes = m.Snapshot, 0, false, false
	s.partitions = m.Partitions
	return accepted, nil
}

// fits says whether a snapshot can build on the one with this id. Only partition 0 knows which one was committed last: in the
// others a Commit may be that of a snapshot that partition 0 never committed, and the next one builds on one before it.
// But whatever was committed anywhere began here.
func (s *sequence) fits(previous int64) bool {
	if s.decides && s.commit != 0 {
		return previous == s.commit
	}
	return previous <= s.snapshot
}

func (s *sequence) base() string {
	if s.decides && s.commit != 0 {
		return fmt.Sprint(s.commit)
	}
	return fmt.Sprintf("%d or one before", s.snapshot)
}

// place is a Change's or Commit's in its snapshot.
func place(m change.Message) (snapshot, seq int64, commit bool) {
	if m.Commit != nil {
		return m.Commit.Snapshot, m.Commit.Seq, true
	}
	return m.Change.Snapshot, m.Change.Seq, false
}

func (s *sequence) follow(snapshot, seq int64, commit bool) (verdict, error) {
	switch {
	case snapshot < s.snapshot, snapshot == s.snapshot && seq <= s.seq:
		return repeated, nil
	case snapshot == s.snapshot && seq == s.seq+1 && !s.closed:
		s.seq, s.closed = seq, commit
		if commit {
			s.commit = snapshot
		}
		return accepted, nil
	}
	return 0, &outOfOrder{s.expects(), fmt.Sprintf("message %d of snapshot %d", seq, snapshot)}
}

func (s *sequence) expects() string {
	switch {
	case s.snapshot == 0:
		return "the Begin of a snapshot"
	case s.closed:
		return fmt.Sprintf("the Begin of a snapshot behind %d", s.snapshot)
	}
	return fmt.Sprintf("message %d of snapshot %d", s.seq+1, s.snapshot)
}

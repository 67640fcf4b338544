package replay

import (
	"fmt"

	"rewind/change"
)

// span is what one partition holds of one snapshot, from its Begin to its Commit.
type span struct {
	begin    *change.Begin
	commit   *change.Commit // nil: not committed in this partition
	from, to int64          // offsets of Begin and Commit
	bytes    int64          // of its entries
	changes  int64
	broken   bool // a gap swallowed a part of it
}

// happening is what one entry means to a reader.
type happening uint8

const (
	stale happening = iota + 1 // written by a producer that a newer Open has fenced off: not to be seen
	opened
	began
	changed
	closed
	gapped
)

// sequence follows one partition's entries in log order as every reader must: what is below the highest Open is
// discarded, a snapshot's messages are counted, and anything that neither continues nor begins a snapshot is refused.
// Behind a Gap holes are no damage: the snapshot that has them is broken, until a Begin starts afresh.
type sequence struct {
	highest change.Stamp
	open    *span // begun and not committed
	last    int64 // highest snapshot begun
	columns int   // highest next column id of any Begin
	holes   bool  // a Gap was met since the last Begin
	offset  int64 // of the entry that is looked at
}

// admit says whether a message of this stamp counts. What a producer that was fenced off had begun can never be committed.
func (q *sequence) admit(by change.Stamp) bool {
	owner := q.highest
	counts := q.highest.Admit(by)
	if q.highest != owner {
		q.open = nil
	}
	return counts
}

// step takes the next entry. An error says why it cannot follow what was there before.
func (q *sequence) step(offset int64, size int, m change.Message) (happening, error) {
	q.offset = offset
	if m.Gap != nil && !m.Gap.Refused() {
		q.holes = q.holes || !m.Gap.Whole()
		if q.open != nil {
			q.open.bytes += int64(size)
		}
		return gapped, nil
	}
	if by, ok := m.Stamp(); ok && !q.admit(by) {
		return stale, nil
	}
	switch {
	case m.Gap != nil: // a capture was refused; it is no part of a snapshot
		return gapped, nil
	case m.Open != nil:
		return opened, nil
	case m.Begin != nil:
		return began, q.begin(m.Begin, size)
	case m.Change != nil:
		return q.change(m.Change, size)
	case m.Commit != nil:
		return q.commit(m.Commit, size)
	}
	return 0, fmt.Errorf("an entry without a message")
}

func (q *sequence) begin(m *change.Begin, size int) error {
	if m.Snapshot <= q.last {
		return fmt.Errorf("snapshot %d begins behind snapshot %d", m.Snapshot, q.last)
	}
	if m.Previous >= m.Snapshot {
		return fmt.Errorf("snapshot %d builds on %d, which is not older", m.Snapshot, m.Previous)
	}
	if m.Partitions < 1 || m.Partitioner != change.PartitionerXXH3 {
		return fmt.Errorf("snapshot %d has %d partitions by %q: not known here", m.Snapshot, m.Partitions, m.Partitioner)
	}
	q.last, q.holes = m.Snapshot, false
	q.columns = max(q.columns, m.Schema.NextColumnID)
	q.open = &span{begin: m, from: q.offset, bytes: int64(size)}
	return nil
}

func (q *sequence) change(m *change.Change, size int) (happening, error) {
	if q.open == nil || q.open.begin.Snapshot != m.Snapshot {
		if q.holes {
			return q.lost(m.Snapshot), nil
		}
		return 0, fmt.Errorf("a change of snapshot %d, which has not begun", m.Snapshot)
	}
	if want := q.open.changes + 1; m.Seq != want {
		if !q.holes || m.Seq < want {
			return 0, fmt.Errorf("change %d of snapshot %d where %d was expected", m.Seq, m.Snapshot, want)
		}
		q.open.broken = true
		q.open.changes = m.Seq - 1
	}
	q.open.changes++
	q.open.bytes += int64(size)
	return changed, nil
}

// lost takes a message of a snapshot whose Begin is in a gap: nothing that can be restored.
func (q *sequence) lost(snapshot int64) happening {
	if snapshot > q.last {
		q.last, q.open = snapshot, nil
	}
	return stale
}

// passed says that a snapshot can no longer be committed in this partition: something else came behind it.
func (q *sequence) passed(snapshot int64) bool {
	return q.last > snapshot || q.last == snapshot && q.open == nil
}

func (q *sequence) commit(m *change.Commit, size int) (happening, error) {
	s := q.open
	if s == nil || s.begin.Snapshot != m.Snapshot {
		if q.holes {
			return q.lost(m.Snapshot), nil
		}
		return 0, fmt.Errorf("a commit of snapshot %d, which has not begun", m.Snapshot)
	}
	if m.Seq != s.changes+1 {
		if !q.holes || m.Seq < s.changes+1 {
			return 0, fmt.Errorf("the commit of snapshot %d is message %d where %d was expected", m.Snapshot, m.Seq, s.changes+1)
		}
		s.broken = true
	}
	if !s.broken && m.Share.Total() != s.changes {
		return 0, fmt.Errorf("the commit of snapshot %d counts %d changes in this partition, which has %d", m.Snapshot, m.Share.Total(), s.changes)
	}
	s.commit, s.to = m, q.offset
	s.bytes += int64(size)
	q.open = nil
	return closed, nil
}

package replay

import "rewind/change"

// End is how far the journal of one partition reaches.
type End struct {
	Stream    string
	Partition int
	Next      int64        // the first offset that it does not hold
	Owner     change.Stamp // of the partition there: whose messages count
	Unread    bool         // damage keeps what stands behind Next from being read: how far the journal reaches is not known
}

// Ends are those of all partitions, in the order of streams and partitions.
func (j *Journal) Ends() []End {
	j.mu.Lock()
	defer j.mu.Unlock()
	var ends []End
	for _, s := range j.streams {
		for _, p := range s.partitions {
			e := End{Stream: s.id, Partition: p.number, Next: p.next, Owner: p.order.highest, Unread: p.unread || s.cutErr != nil}
			if n := len(p.gaps); n > 0 { // a Gap at the end reaches farther than its own offset
				e.Next = max(e.Next, p.gaps[n-1].gap.NextOffset)
			}
			ends = append(ends, e)
		}
	}
	return ends
}

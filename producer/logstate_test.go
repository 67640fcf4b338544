package producer

import (
	"testing"

	"rewind/change"
)

func stampOf(epoch int64, writer byte) change.Stamp {
	return change.Stamp{Epoch: epoch, Writer: [16]byte{writer}}
}

func openOf(s change.Stamp) change.Message {
	return change.Message{Open: &change.Open{Stamp: s, Stream: "stream"}}
}

func beginOf(s change.Stamp, id int64) change.Message {
	return change.Message{Begin: &change.Begin{Stamp: s, Stream: "stream", Snapshot: id}}
}

func commitOf(s change.Stamp, id int64) change.Message {
	return change.Message{Commit: &change.Commit{Stamp: s, Snapshot: id}}
}

// TestLogState: in log order, only whoever was first to open the highest epoch so far counts, and ids of all count.
func TestLogState(t *testing.T) {
	a, b, late := stampOf(1, 'a'), stampOf(2, 'b'), stampOf(2, 'l')
	for name, test := range map[string]struct {
		messages           []change.Message
		committed, highest int64
		owner              change.Stamp
	}{
		"committed":                {[]change.Message{openOf(a), beginOf(a, 10), commitOf(a, 10)}, 10, 10, a},
		"aborted":                  {[]change.Message{openOf(a), beginOf(a, 10)}, 0, 10, a},
		"a late commit is stale":   {[]change.Message{openOf(a), beginOf(a, 10), openOf(b), commitOf(a, 10)}, 0, 10, b},
		"commit, then taken over":  {[]change.Message{openOf(a), beginOf(a, 10), commitOf(a, 10), openOf(b)}, 10, 10, b},
		"second of the same epoch": {[]change.Message{openOf(b), openOf(late), beginOf(late, 10), commitOf(late, 10)}, 0, 10, b},
		"the lower epoch comes back": {
			[]change.Message{openOf(b), openOf(a), beginOf(a, 30), commitOf(a, 30), beginOf(b, 20), commitOf(b, 20)}, 20, 30, b},
		"repeats": {[]change.Message{openOf(a), beginOf(a, 10), commitOf(a, 10), beginOf(a, 20), commitOf(a, 20), commitOf(a, 10)}, 20, 20, a},
	} {
		t.Run(name, func(t *testing.T) {
			s := &logState{}
			for i, m := range test.messages {
				s.observe(int64(i), m)
			}
			if s.committed != test.committed || s.highest != test.highest || s.stamp != test.owner {
				t.Errorf("committed %d, highest %d, owner %v", s.committed, s.highest, s.stamp)
			}
		})
	}
}

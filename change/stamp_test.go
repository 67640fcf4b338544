package change

import "testing"

func TestFirstOfTheHighestEpochOwnsTheLog(t *testing.T) {
	a, rival, b := Stamp{1, [16]byte{'a'}}, Stamp{1, [16]byte{'r'}}, Stamp{2, [16]byte{'b'}}
	var owner Stamp
	for i, step := range []struct {
		by     Stamp
		counts bool
	}{{a, true}, {rival, false}, {a, true}, {b, true}, {a, false}, {rival, false}, {b, true}} {
		if got := owner.Admit(step.by); got != step.counts {
			t.Errorf("message %d counts: %v, want %v", i, got, step.counts)
		}
	}
}

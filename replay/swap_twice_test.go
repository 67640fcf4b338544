package replay

import (
	"context"
	"testing"

	"rewind/disk"
)

// tryRecover is one Recover that may be cut off.
func (s *swapStage) tryRecover() {
	_, _ = Recover(context.Background(), orders, s.engine, s.engine.drop, Options{FS: s.fs, Data: "/data"})
}

// lossOf draws how much a crash takes.
func lossOf(k int64) disk.Loss {
	return []disk.Loss{disk.LoseAll(), disk.LoseNone(), disk.LoseSome(uint64(k)), disk.LoseNames(uint64(k))}[k%4]
}

// TestPowerLostTwiceInASwap: the machine loses its power in a replace, and again while a later command recovers from that.
func TestPowerLostTwiceInASwap(t *testing.T) {
	t.Parallel()
	points, ends := 0, map[bool]int{}
	for k := int64(1); ; k++ {
		crashed := newSwapStage(t)
		crashed.fs.CrashAt(k)
		_, err := crashed.replace()
		if !crashed.fs.Tripped() {
			break
		}
		for again := int64(1); ; again += thinned {
			s := crashed.clone(lossOf(k))
			s.fs.CrashAt(again)
			s.tryRecover()
			if !s.fs.Tripped() {
				break
			}
			points++
			s.fs = s.fs.Restart(lossOf(again))
			s.recover()
			replaced := s.check()
			if err == nil && !replaced {
				t.Fatalf("crash at %d, then at %d: it had said that it had replaced the table", k, again)
			}
			ends[replaced]++
		}
	}
	t.Logf("counted: %d losses of power in the recovery from one in a swap: %d ended with the new table in place, %d with the old one",
		points, ends[true], ends[false])
}

// TestKilledThenPowerLostInASwap: the process is killed at a call to the engine, and the machine loses its power at an operation
// of the recovery.
func TestKilledThenPowerLostInASwap(t *testing.T) {
	t.Parallel()
	points := 0
	for _, how := range []fault{killBefore, killAfter} {
		for call := 1; ; call++ {
			killed := newSwapStage(t)
			killed.engine.failAt, killed.engine.how = call, how
			_, err := killed.replace()
			if killed.engine.calls < call {
				break
			}
			for k := int64(1); ; k += thinned {
				s := killed.clone(disk.LoseNone())
				s.fs.CrashAt(k)
				s.tryRecover()
				if !s.fs.Tripped() {
					break
				}
				points++
				s.fs = s.fs.Restart(lossOf(k))
				s.recover()
				if replaced := s.check(); err == nil && !replaced {
					t.Fatalf("killed at call %d, crash at %d: it had said that it had replaced the table", call, k)
				}
			}
		}
	}
	t.Logf("counted: %d losses of power in the recovery from a kill in a swap", points)
}

// TestFailedFsyncLeavesNoRecordBehind: an operation fails in a replace or in the recovery from a kill; whatever a command has
// said is done by then stays done after a loss of power.
func TestFailedFsyncLeavesNoRecordBehind(t *testing.T) {
	t.Parallel()
	points := 0
	for call := range 12 { // 0: no kill, the replace itself meets the failure
		killed := newSwapStage(t)
		killed.engine.failAt, killed.engine.how = call, killAfter
		if call > 0 {
			_, _ = killed.replace()
		}
		for k := int64(1); ; k += thinned {
			s := killed.clone(disk.LoseNone())
			s.fs.FailAt(k)
			if call == 0 {
				_, _ = s.replace()
			} else {
				s.tryRecover()
			}
			if !s.fs.Tripped() {
				break
			}
			points++
			s.recover()
			replaced := s.check()
			s.fs = s.fs.Restart(disk.LoseAll())
			s.recover()
			if again := s.check(); again != replaced {
				t.Fatalf("kill at call %d, operation %d failed: replaced %t, and after a loss of power %t", call, k, replaced, again)
			}
		}
	}
	t.Logf("counted: %d failed disk operations of a swap, each before a loss of power", points)
}

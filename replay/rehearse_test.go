package replay

import (
	"context"
	"io"
	"os"
	"strings"
	"sync"
	"testing"

	"rewind/disk"
)

func (s *swapStage) rehearse() (Certificate, error) {
	j, err := Open(testRoot, orders, Options{FS: s.fs})
	if err != nil {
		return Certificate{}, err
	}
	return j.Rehearse(context.Background(), s.engine, s.engine, s.engine.drop, Spec{Snapshot: s.first})
}

// clean holds that nothing is left of a rehearsal but the table itself, which was not touched.
func (s *swapStage) clean(where string) {
	s.t.Helper()
	if len(s.engine.tables) != 1 || !sameRows(s.engine.tables[orders.String()].rows, s.bob) {
		s.t.Fatalf("%s: %s", where, s.engine.names())
	}
	if s.check() {
		s.t.Fatalf("%s: the table was replaced", where)
	}
}

func TestRehearse(t *testing.T) {
	s := newSwapStage(t)
	c, err := s.rehearse()
	if err != nil || c.Rows != 2 || c.DigestLoaded != c.DigestJournal || !strings.HasPrefix(c.Into, "shop.orders__rewind_scratch_") {
		t.Fatalf("%+v, %v", c, err)
	}
	s.clean("done")
	j := openReplay(t, s.fs)
	if p, err := j.Point(s.first); err != nil || p.Proved == nil || p.Proved.How != ProofRestored {
		t.Errorf("%+v, %v", p.Proved, err)
	}
}

// TestEveryCallOfARehearsalGoesWrong: whichever call to the engine fails, or is the last before the process is killed, the next
// command drops the scratch table and says so; the table itself is never touched.
func TestEveryCallOfARehearsalGoesWrong(t *testing.T) {
	t.Parallel()
	points, left := 0, 0
	for _, how := range []fault{refused, lostAnswer, killBefore, killAfter} {
		for k := 1; ; k++ {
			s := newSwapStage(t)
			s.engine.failAt, s.engine.how = k, how
			_, err := s.rehearse()
			if s.engine.calls < k {
				if err != nil {
					t.Fatal(err)
				}
				break
			}
			points++
			s.engine.dead, s.engine.failAt = false, 0
			scratch := len(s.engine.tables) > 1
			recovered, err := Recover(context.Background(), orders, s.engine, s.engine.drop, Options{FS: s.fs, Data: "/data"})
			if err != nil || scratch != (len(recovered.Dropped) == 1) || scratch && !strings.Contains(recovered.Dropped[0], "__rewind_scratch_") {
				t.Fatalf("fault %d in call %d: scratch table left %t, recovered %+v, %v", how, k, scratch, recovered, err)
			}
			if scratch {
				left++
			}
			s.clean("recovered")
			if _, err := s.rehearse(); err != nil {
				t.Fatalf("fault %d in call %d: once more: %v", how, k, err)
			}
			s.clean("rehearsed once more")
		}
	}
	t.Logf("counted: %d calls to the engine that went wrong in a rehearsed restore, %d left the scratch table to the next command", points, left)
}

// TestPowerLostInARehearsal: at every operation of the disk.
func TestPowerLostInARehearsal(t *testing.T) {
	t.Parallel()
	points := 0
	for k := int64(1); ; k += thinned {
		s := newSwapStage(t)
		s.fs.CrashAt(k)
		_, err := s.rehearse()
		if !s.fs.Tripped() {
			if err != nil {
				t.Fatal(err)
			}
			break
		}
		points++
		s.fs = s.fs.Restart(lossOf(k))
		s.recover()
		s.clean("recovered")
	}
	t.Logf("counted: %d losses of power in a rehearsed restore", points)
}

// TestTwoVerifiesAtOnce: each proves everything, and what they write down together is whole.
func TestTwoVerifiesAtOnce(t *testing.T) {
	tp := longShop(t, 2, 8)
	tp.close()
	var verifies sync.WaitGroup
	for range 3 {
		verifies.Go(func() {
			v, err := Verify(context.Background(), testRoot, orders, Options{FS: tp.fs}, VerifyOptions{})
			if err != nil || v.Now+v.Earlier != 8 || len(v.Warnings) > 0 {
				t.Errorf("%+v, %v", v, err)
			}
		})
	}
	verifies.Wait()
	if v := mustVerify(t, tp.fs, VerifyOptions{Sample: -1}); v.Earlier < 6 || v.SegmentsEarlier < 10 {
		t.Errorf("then: %d of 8 points, %d of %d segments proved earlier", v.Earlier, v.SegmentsEarlier, v.Segments)
	}
}

// TestProofsOfTwoAtOnce: one records a proof while another is in the middle of doing so; it waits, and both proofs stay.
func TestProofsOfTwoAtOnce(t *testing.T) {
	tp, one, two := shop(t, 1)
	tp.snapshot(one, published{})
	tp.snapshot(two, published{})
	tp.close()
	waits, done := make(chan struct{}, 1), make(chan error, 1)
	other := openReplay(t, &hookedFS{FS: tp.fs, lock: func() {
		select {
		case waits <- struct{}{}:
		default:
		}
	}})
	first := openReplay(t, &hookedFS{FS: tp.fs, open: func(name string) {
		if !strings.HasSuffix(name, ".json.tmp") {
			return
		}
		go func() { done <- other.recordProofs(ProofRestored, other.Points()[1]) }()
		select {
		case <-waits: // it has tried to take the lock
		case err := <-done:
			done <- err
		}
	}})
	if err := first.recordProofs(ProofFolded, first.Points()[0]); err != nil {
		t.Fatal(err)
	}
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	for i, p := range openReplay(t, tp.fs).Points() {
		if p.Proved == nil {
			t.Errorf("the proof of point %d is lost", i)
		}
	}
}

// hookedFS is a disk that tells what is about to happen, and says what is locked.
type hookedFS struct {
	disk.FS
	open func(name string)
	lock func()
}

func (h *hookedFS) OpenFile(name string, flag int, perm os.FileMode) (disk.File, error) {
	if h.open != nil {
		h.open(name)
	}
	return h.FS.OpenFile(name, flag, perm)
}

func (h *hookedFS) Lock(path string) (io.Closer, error) {
	lock, err := h.FS.Lock(path)
	if err != nil && h.lock != nil {
		h.lock()
	}
	return lock, err
}

// TestVerifyBesideAWriter: a consumer appends while the journal is walked, again and again.
func TestVerifyBesideAWriter(t *testing.T) {
	tp := longShop(t, 2, 3)
	fs := tp.fs.(*disk.Memory)
	written := make(chan struct{})
	go func() {
		defer close(written)
		one, two := tp.current, rows{}
		for range 12 {
			tp.snapshot(two, published{})
			one, two = two, one
		}
	}()
	last, verifies := 0, 0
	for done := false; !done; verifies++ {
		select {
		case <-written:
			done = true
		default:
		}
		v, err := verifyWith(t, fs, VerifyOptions{})
		if err != nil || v.Not > 0 || len(v.Warnings) > 0 || len(v.Points) < last {
			t.Fatalf("verify %d: %+v, %v", verifies, v, err)
		}
		last = len(v.Points)
	}
	tp.close()
	if last != 15 {
		t.Errorf("%d points", last)
	}
	t.Logf("counted: %d verifies beside a writer", verifies)
}

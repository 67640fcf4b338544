package replay

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"strings"
	"sync"
	"testing"

	"rewind/disk"
	"rewind/table"
)

// swapStage is a table that is to be brought back in place: Alice was captured, then Bob.
type swapStage struct {
	t          *testing.T
	fs         *disk.Memory
	engine     *engine
	alice, bob rows
	first      int64
	second     int64
	meanwhile  bool // somebody writes between the capture and the swap
}

// newSwapStage gives each caller a stage of its own; the journal is written once.
func newSwapStage(t *testing.T) *swapStage {
	t.Helper()
	swapFixture.once.Do(func() { swapFixture.stage = setSwapStage(t) })
	s := *swapFixture.stage
	s.t = t
	return s.clone(disk.LoseNone())
}

// clone is a stage as this one is found after a loss of power; this one cannot go on.
func (s *swapStage) clone(l disk.Loss) *swapStage {
	c := *s
	c.fs = s.fs.Restart(l)
	c.engine = &engine{tables: maps.Clone(s.engine.tables)}
	return &c
}

var swapFixture struct {
	once  sync.Once
	stage *swapStage
}

func setSwapStage(t *testing.T) *swapStage {
	t.Helper()
	s := &swapStage{fs: disk.NewMemory(), engine: newEngine()}
	tp := newTape(t, s.fs, 2)
	tp.open(1)
	tp.use(ordersSchema(itemColumn))
	s.alice = rowsOf(t, tp.schema, []string{"1", "a", "Alice"}, []string{"2", "b", "Carol"})
	s.bob = rowsOf(t, tp.schema, []string{"1", "a", "Bob"}, []string{"3", "c", "Dave"})
	s.first = tp.snapshot(s.alice, published{})
	s.second = tp.snapshot(s.bob, published{})
	tp.close()
	s.engine.tables[orders.String()] = fakeTable{rows: s.bob, schema: tp.schema}
	return s
}

func (s *swapStage) replace() (Certificate, error) {
	j, err := Open(testRoot, orders, Options{FS: s.fs})
	if err != nil {
		return Certificate{}, err
	}
	return j.Replace(context.Background(), s.engine, s.engine, ReplaceOptions{
		At: Spec{Snapshot: s.first}, Drop: s.engine.drop,
		Before: func(context.Context) (int64, error) {
			if s.meanwhile {
				t := s.engine.tables[orders.String()]
				t.rows = s.alice
				s.engine.tables[orders.String()] = t
			}
			return s.second, nil
		},
	})
}

// recover runs Recover as the next commands do, until one has nothing to say against it.
func (s *swapStage) recover() {
	s.t.Helper()
	s.engine.dead, s.engine.failAt = false, 0
	var err error
	for range 3 {
		if _, err = Recover(context.Background(), orders, s.engine, s.engine.drop, Options{FS: s.fs, Data: "/data"}); err == nil {
			break
		}
	}
	if err != nil {
		s.t.Fatalf("recover: %v (tables %s)", err, s.engine.names())
	}
	again, err := Recover(context.Background(), orders, s.engine, s.engine.drop, Options{FS: s.fs, Data: "/data"})
	if err != nil || again.Pending {
		s.t.Fatalf("recover again: %+v, %v", again, err)
	}
}

// check holds what must be true after everything was recovered: one of the two tables under the name, the other one where
// it belongs, nothing left behind. It returns whether the new one is in place.
func (s *swapStage) check() (replaced bool) {
	s.t.Helper()
	now, ok := s.engine.tables[orders.String()]
	if !ok {
		s.t.Fatalf("no table under the name: %s", s.engine.names())
	}
	kept, err := Replaced(orders, Options{FS: s.fs, Data: "/data"})
	if err != nil {
		s.t.Fatal(err)
	}
	replaced = now.id != ""
	switch {
	case replaced:
		if !sameRows(now.rows, s.alice) || len(kept) != 1 || len(s.engine.tables) != 2 {
			s.t.Fatalf("replaced, with %v kept: %s", kept, s.engine.names())
		}
		if old := s.engine.tables[kept[0].Kept]; !sameRows(old.rows, s.bob) {
			s.t.Fatalf("the kept table is not the old one: %s", s.engine.names())
		}
	case len(kept) != 0 || len(s.engine.tables) != 1 || !s.meanwhile && !sameRows(now.rows, s.bob):
		s.t.Fatalf("not replaced, with %v kept: %s", kept, s.engine.names())
	}
	files, err := s.fs.ReadDir("/data/restore")
	if err != nil && !replaced {
		return false
	}
	for _, f := range files {
		if !strings.HasSuffix(f.Name(), ".lock") && !strings.HasPrefix(f.Name(), "replaced-") && !strings.HasSuffix(f.Name(), ".tmp") {
			s.t.Fatalf("%s is left behind", f.Name())
		}
	}
	return replaced
}

func TestReplace(t *testing.T) {
	s := newSwapStage(t)
	c, err := s.replace()
	if err != nil || !s.check() {
		t.Fatalf("%+v, %v", c, err)
	}
	if c.Into != orders.String() || c.Captured != s.second || c.Answer.Point.ID != s.first || c.DigestLoaded != c.DigestJournal || c.Rows != 2 {
		t.Errorf("certificate %+v", c)
	}
	kept, _ := Replaced(orders, Options{FS: s.fs, Data: "/data"})
	if len(kept) != 1 || kept[0].Kept != c.Kept || kept[0].Point != s.first {
		t.Fatalf("kept %+v, certificate says %s", kept, c.Kept)
	}
	if err := DropReplaced(context.Background(), kept[0], s.engine, s.engine.drop, Options{FS: s.fs, Data: "/data"}); err != nil {
		t.Fatal(err)
	}
	if kept, _ := Replaced(orders, Options{FS: s.fs, Data: "/data"}); len(kept) != 0 || len(s.engine.tables) != 1 {
		t.Fatalf("after the drop %v, %s", kept, s.engine.names())
	}
}

func TestReplaceRefusesWhatWasWrittenMeanwhile(t *testing.T) {
	s := newSwapStage(t)
	s.meanwhile = true
	_, err := s.replace()
	var written *WrittenMeanwhileError
	if !errors.As(err, &written) || written.ExitCode() != 6 {
		t.Fatalf("replaced a table that was written meanwhile: %v", err)
	}
	if s.check() {
		t.Fatal("the new table is in place")
	}
}

// TestEveryCallOfASwapGoesWrong lets each call to the engine fail, fail after it has happened, and be the last before the
// process is killed.
func TestEveryCallOfASwapGoesWrong(t *testing.T) {
	t.Parallel()
	for _, meanwhile := range []bool{false, true} {
		for how, name := range map[fault]string{refused: "refused", lostAnswer: "lost answer", killBefore: "killed before", killAfter: "killed after"} {
			t.Run(fmt.Sprintf("%s, written meanwhile %t", name, meanwhile), func(t *testing.T) {
				ends := map[bool]int{}
				for k := 1; ; k++ {
					s := newSwapStage(t)
					s.meanwhile = meanwhile
					s.engine.failAt, s.engine.how = k, how
					_, err := s.replace()
					if s.engine.calls < k {
						if err != nil != meanwhile {
							t.Fatalf("without a fault: %v", err)
						}
						break
					}
					if _, there := s.engine.tables[orders.String()]; !there && !s.engine.dead {
						t.Fatalf("call %d: one call went wrong, and no table is left under the name", k)
					}
					s.recover()
					replaced := s.check()
					if err == nil && !replaced || meanwhile && replaced {
						t.Fatalf("call %d: replaced %t, though it said %v", k, replaced, err)
					}
					ends[replaced]++
				}
				t.Logf("counted: %d calls to the engine that went wrong in a swap: %d ended with the new table in place, %d with the old one", ends[true]+ends[false], ends[true], ends[false])
			})
		}
	}
}

// TestEveryDiskOperationOfASwapGoesWrong lets each operation of the file system fail, and be the one at which the machine
// loses power.
func TestEveryDiskOperationOfASwapGoesWrong(t *testing.T) {
	t.Parallel()
	for _, crash := range []bool{false, true} {
		t.Run(fmt.Sprintf("power lost %t", crash), func(t *testing.T) {
			ends := map[bool]int{}
			for k := int64(1); ; k += thinned {
				s := newSwapStage(t)
				if crash {
					s.fs.CrashAt(k)
				} else {
					s.fs.FailAt(k)
				}
				_, err := s.replace()
				if !s.fs.Tripped() {
					if err != nil {
						t.Fatal(err)
					}
					break
				}
				if crash {
					s.fs = s.fs.Restart([]disk.Loss{disk.LoseAll(), disk.LoseNone(), disk.LoseSome(uint64(k))}[k%3])
				}
				s.recover()
				replaced := s.check()
				if err == nil && !replaced {
					t.Fatalf("operation %d: it said that it had replaced the table", k)
				}
				ends[replaced]++
			}
			t.Logf("counted: %d disk operations that went wrong in a swap: %d ended with the new table in place, %d with the old one", ends[true]+ends[false], ends[true], ends[false])
		})
	}
}

func TestRecoverStopsAtAForeignTable(t *testing.T) {
	s := newSwapStage(t)
	s.engine.failAt, s.engine.how = 5, killAfter // the rename of the old table
	if _, err := s.replace(); err == nil {
		t.Fatal("not killed")
	}
	s.engine.dead, s.engine.failAt = false, 0
	if _, ok := s.engine.tables[orders.String()]; ok {
		t.Fatalf("the old table was not renamed: %s", s.engine.names())
	}
	s.engine.tables[orders.String()] = fakeTable{rows: rows{}}
	before := s.engine.names()
	_, err := Recover(context.Background(), orders, s.engine, s.engine.drop, Options{FS: s.fs, Data: "/data"})
	var foreign *ForeignTableError
	if !errors.As(err, &foreign) || len(s.engine.names()) != len(before) {
		t.Fatalf("%v; %s", err, s.engine.names())
	}
	delete(s.engine.tables, orders.String())
	s.recover()
	s.check()
}

// TestRecoverBesideAnEndingRestore: another command comes between any two of the operations that end a restore. The table is
// loaded and proved by then: it must stand.
func TestRecoverBesideAnEndingRestore(t *testing.T) {
	s := newSwapStage(t)
	into := table.Name{Database: "shop", Table: "orders_then"}
	beside := &watched{FS: s.fs}
	beside.removed = func() {
		if _, err := Recover(context.Background(), orders, s.engine, s.engine.drop, Options{FS: s.fs, Data: "/data"}); err != nil {
			t.Error(err)
		}
	}
	j, err := Open(testRoot, orders, Options{FS: beside})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := j.Restore(context.Background(), s.engine, RestoreOptions{At: Spec{Snapshot: s.first}, Into: into}); err != nil {
		t.Fatal(err)
	}
	if _, ok := s.engine.tables[into.String()]; !ok || beside.count == 0 {
		t.Errorf("after %d removals the restored table is gone: %s", beside.count, s.engine.names())
	}
}

// watched is a disk on which something happens after each removal.
type watched struct {
	disk.FS
	removed func()
	count   int
}

func (w *watched) Remove(name string) error {
	err := w.FS.Remove(name)
	w.count++
	w.removed()
	return err
}

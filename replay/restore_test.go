package replay

import (
	"context"
	"errors"
	"iter"
	"testing"

	"rewind/disk"
	"rewind/table"
)

var then = table.Name{Database: "shop", Table: "orders_then"}

func TestRestore(t *testing.T) {
	tp, one, two := shop(t, 2)
	first := tp.snapshot(one, published{})
	tp.snapshot(two, published{})
	tp.close()
	j := openReplay(t, tp.fs)
	e := newEngine()
	c, err := j.Restore(context.Background(), e, RestoreOptions{At: Spec{Snapshot: first}, Into: then})
	if err != nil {
		t.Fatal(err)
	}
	if !sameRows(e.tables[then.String()].rows, one) || e.tables[then.String()].id != c.RestoreID || c.RestoreID == "" {
		t.Errorf("loaded %+v", e.tables)
	}
	if c.Table != orders.String() || c.Into != then.String() || c.Rows != 2 || c.DigestJournal != c.DigestLoaded ||
		c.Proof != table.ProofEngine || c.Method != "staging" || len(c.Stages) != 2 || c.Answer.After == nil {
		t.Errorf("%+v", c)
	}
	again := openReplay(t, tp.fs)
	if p := again.Points()[0].Proved; p == nil || p.How != ProofRestored {
		t.Errorf("the proof was not recorded: %+v", p)
	}
	if again.Points()[1].Proved != nil {
		t.Error("a point that nobody looked at is proved")
	}
	if r, err := Recover(context.Background(), orders, e, e.drop, Options{FS: tp.fs, Data: "/data"}); err != nil || r.Pending || len(e.tables) != 1 {
		t.Errorf("recover after a good restore: %+v, %v", r, err)
	}
}

// TestNothingIsLoadedWithoutItsProof: rows that do not have the Commit's digest end with an error, so that nothing is loaded, and no record of a load
// is left.
func TestNothingIsLoadedWithoutItsProof(t *testing.T) {
	tp, one, two := shop(t, 2)
	tp.snapshot(one, published{})
	wrong := tp.snapshot(two, published{wrong: true})
	tp.close()
	j := openReplay(t, tp.fs)
	e := newEngine()
	_, err := j.Restore(context.Background(), e, RestoreOptions{At: Spec{Snapshot: wrong}, Into: then})
	var proof *ProofError
	if !errors.As(err, &proof) || proof.ExitCode() != 5 || proof.Snapshot != wrong || len(e.tables) != 0 {
		t.Fatalf("%v, and there are %+v", err, e.tables)
	}
	if left, err := tp.fs.ReadDir("/data/restore"); len(left) != 0 {
		t.Fatalf("%v is left, %v", left, err)
	}
	p, _ := j.Point(wrong)
	if _, err := collect(t, j, p); !errors.As(err, &proof) {
		t.Fatalf("its fold: %v", err)
	}
	if j.Points()[1].Proved != nil {
		t.Fatal("it is proved")
	}
}

// wrongLoader loads something else than it was given, and says so.
type wrongLoader struct{ *engine }

func (w wrongLoader) Load(ctx context.Context, l table.Load, all iter.Seq2[table.Row, error]) (table.Loaded, error) {
	loaded, err := w.engine.Load(ctx, l, all)
	loaded.Digest.F++
	return loaded, err
}

func TestALoadedTableThatIsNotThePointGoes(t *testing.T) {
	for _, drop := range []bool{true, false} {
		tp, one, _ := shop(t, 1)
		first := tp.snapshot(one, published{})
		tp.close()
		e := newEngine()
		o := RestoreOptions{At: Spec{Snapshot: first}, Into: then}
		if drop {
			o.Drop = e.drop
		}
		_, err := openReplay(t, tp.fs).Restore(context.Background(), wrongLoader{e}, o)
		var proof *ProofError
		if !errors.As(err, &proof) || proof.Where != "loaded" {
			t.Fatalf("%v", err)
		}
		if drop != (len(e.tables) == 0) {
			t.Fatalf("dropped %t: %s", drop, e.names())
		}
		r, err := Recover(context.Background(), orders, e, e.drop, Options{FS: tp.fs, Data: "/data"})
		if err != nil || len(e.tables) != 0 || drop == r.Pending {
			t.Fatalf("recover %+v, %v, %s", r, err, e.names())
		}
	}
}

// TestAKilledRestoreIsCleanedUp: the half loaded table goes, another one under its name stays, and a restore that another
// process is at is left alone.
func TestAKilledRestoreIsCleanedUp(t *testing.T) {
	for _, foreign := range []bool{false, true} {
		tp, one, _ := shop(t, 1)
		first := tp.snapshot(one, published{})
		tp.close()
		e := newEngine()
		e.failAt, e.how = 1, killAfter
		j := openReplay(t, tp.fs)
		if _, err := j.Restore(context.Background(), e, RestoreOptions{At: Spec{Snapshot: first}, Into: then}); err == nil {
			t.Fatal("not killed")
		}
		e.dead = false
		if foreign {
			e.tables[then.String()] = fakeTable{id: "another"}
		}
		r, err := Recover(context.Background(), orders, e, e.drop, Options{FS: tp.fs, Data: "/data"})
		if err != nil || r.Pending == foreign || foreign != (len(e.tables) == 1) {
			t.Fatalf("foreign %t: %+v, %v, %s", foreign, r, err, e.names())
		}
	}
}

func TestRecoverLeavesARunningRestoreAlone(t *testing.T) {
	tp, one, _ := shop(t, 1)
	first := tp.snapshot(one, published{})
	tp.close()
	e := newEngine()
	j := openReplay(t, tp.fs)
	watched := watchedLoader{engine: e, during: func() {
		r, err := Recover(context.Background(), orders, e, e.drop, Options{FS: tp.fs, Data: "/data"})
		if err != nil || r.Pending {
			t.Errorf("recover beside a restore: %+v, %v", r, err)
		}
	}}
	if _, err := j.Restore(context.Background(), watched, RestoreOptions{At: Spec{Snapshot: first}, Into: then}); err != nil || len(e.tables) != 1 {
		t.Fatalf("%v, %s", err, e.names())
	}
	e.tables[orders.String()] = fakeTable{rows: one, schema: tp.schema}
	_, err := j.Replace(context.Background(), watched, e, ReplaceOptions{At: Spec{Snapshot: first}, Drop: e.drop})
	if err != nil {
		t.Fatal(err)
	}
}

// watchedLoader lets something happen while the table is loaded.
type watchedLoader struct {
	*engine
	during func()
}

func (w watchedLoader) Load(ctx context.Context, l table.Load, all iter.Seq2[table.Row, error]) (table.Loaded, error) {
	loaded, err := w.engine.Load(ctx, l, all)
	w.during()
	return loaded, err
}

func TestReplaceOfADroppedTable(t *testing.T) {
	tp, one, _ := shop(t, 1)
	first := tp.snapshot(one, published{})
	tp.close()
	e := newEngine()
	c, err := openReplay(t, tp.fs).Replace(context.Background(), e, e, ReplaceOptions{At: Spec{Snapshot: first}, Drop: e.drop,
		Before: func(context.Context) (int64, error) { t.Error("there is nothing to capture"); return 0, nil }})
	if err != nil || c.Kept != "" || c.Into != orders.String() || !sameRows(e.tables[orders.String()].rows, one) {
		t.Fatalf("%+v, %v", c, err)
	}
}

func TestTwoReplacesAtOnce(t *testing.T) {
	s := newSwapStage(t)
	j := openReplay(t, s.fs)
	_, err := j.Replace(context.Background(), s.engine, s.engine, ReplaceOptions{At: Spec{Snapshot: s.first}, Drop: s.engine.drop,
		Before: func(context.Context) (int64, error) { _, err := s.replace(); return 0, err }})
	var locked *disk.LockedError
	if !errors.As(err, &locked) || locked.ExitCode() != 8 {
		t.Fatalf("%v", err)
	}
	s.check()
}

func TestDropReplacedLeavesAForeignTable(t *testing.T) {
	s := newSwapStage(t)
	c, err := s.replace()
	if err != nil {
		t.Fatal(err)
	}
	o := Options{FS: s.fs, Data: "/data"}
	s.engine.tables[c.Kept] = fakeTable{id: "somebody's"}
	kept, _ := Replaced(orders, o)
	var foreign *ForeignTableError
	if err := DropReplaced(context.Background(), kept[0], s.engine, s.engine.drop, o); !errors.As(err, &foreign) || foreign.ExitCode() != 6 {
		t.Fatalf("%v", err)
	}
	delete(s.engine.tables, c.Kept) // gone already: forgotten
	if err := DropReplaced(context.Background(), kept[0], s.engine, s.engine.drop, o); err != nil {
		t.Fatal(err)
	}
	if kept, err = Replaced(orders, o); err != nil || len(kept) != 0 {
		t.Fatalf("%v, %v", kept, err)
	}
}

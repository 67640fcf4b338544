package producer

import (
	"context"
	"errors"
	"maps"
	"slices"
	"testing"

	"rewind/change"
	"rewind/disk"
	"rewind/table"
)

func column(name string, kind table.Kind) table.Column {
	return table.Column{Name: name, Type: table.Type{Kind: kind}}
}

func TestColumnsComeAndGo(t *testing.T) {
	w := newWorld(t, 2, "Alice", "Bob")
	p := w.start()
	w.capture(p, TableOptions{})
	// A new column that is NULL everywhere: every image is longer, and none of the rows differs from its projection.
	w.engine.columns = append(w.engine.columns, column("age", table.Int))
	if r := w.capture(p, TableOptions{}); r.Baseline || r.Counts != (change.Counts{}) || r.Rows != 2 {
		t.Errorf("a new column: %+v", r)
	}
	// Dropped, and a new one of the same name: the id is not given again.
	w.engine.columns = w.engine.columns[:2]
	w.capture(p, TableOptions{})
	w.engine.columns = append(w.engine.columns, column("age", table.BigInt))
	w.engine.set(3, "Carol")
	if r := w.capture(p, TableOptions{}); r.Baseline || r.Counts != (change.Counts{Creates: 1}) {
		t.Errorf("the name again: %+v", r)
	}
	s := state0(w).begin.Schema
	if age, ok := s.ColumnNamed("age"); !ok || age.ID != 4 || s.NextColumnID != 5 {
		t.Errorf("%+v", s)
	}
	// Widened: no row changes, the key moves none.
	w.engine.columns[0].Type.Kind = table.BigInt
	w.engine.columns[2] = column("age", table.BigInt)
	if r := w.capture(p, TableOptions{}); r.Baseline || r.Counts != (change.Counts{}) {
		t.Errorf("no change: %+v", r)
	}
}

func TestIncompatibleTypeMakesABaseline(t *testing.T) {
	w := newWorld(t, 2, "Alice", "Bob")
	w.engine.columns = append(w.engine.columns, column("age", table.String))
	p := w.start()
	w.capture(p, TableOptions{})
	w.engine.columns[2] = column("age", table.Int)
	r := w.capture(p, TableOptions{})
	if !r.Baseline || r.Counts.Reads != 2 || r.Reason == "" {
		t.Errorf("%+v", r)
	}
	w.engine.set(3, "Carol")
	if r := w.capture(p, TableOptions{}); r.Baseline || r.Counts != (change.Counts{Creates: 1}) {
		t.Errorf("behind it: %+v", r)
	}
	if all := w.committed(); len(all) != 3 || all[1].previous != 0 || len(all[2].rows) != 3 {
		t.Errorf("%+v", all)
	}
}

// TestIDsSurviveARebaseline: whatever knows the highest column id, the next new column gets one above it.
func TestIDsSurviveARebaseline(t *testing.T) {
	w := newWorld(t, 1, "Alice")
	p := w.start()
	w.capture(p, TableOptions{})
	w.engine.columns = append(w.engine.columns, column("age", table.Int))
	w.capture(p, TableOptions{})
	w.engine.columns = w.engine.columns[:2]
	w.capture(p, TableOptions{})
	_ = p.Close()
	w.engine.columns = append(w.engine.columns, column("city", table.String))
	journal := *state0(w).begin.Schema
	for name, prepare := range map[string]func() TableOptions{
		"the folder":  func() TableOptions { return TableOptions{Rebaseline: true} },
		"the topic":   func() TableOptions { w.fs = disk.NewMemory(); return TableOptions{Rebaseline: true} },
		"the journal": func() TableOptions { return TableOptions{Rebaseline: true, LastSchema: &journal} },
	} {
		o := prepare()
		if name == "the journal" {
			w.fs = disk.NewMemory()
			w.cluster.DeleteTopic(t, "rewind.shop.orders")
		}
		p := w.startOn(w.fs)
		w.capture(p, o)
		_ = p.Close()
		if city, ok := state0(w).begin.Schema.ColumnNamed("city"); !ok || city.ID < 4 {
			t.Errorf("%s: %+v", name, city)
		}
	}
}

// stateOf is the last restore point as the journal would give it.
func stateOf(t *testing.T, w *world, e *engine) State {
	t.Helper()
	s := state0(w)
	codec, err := table.NewCodec(s.begin.Schema)
	if err != nil {
		t.Fatal(err)
	}
	state := State{
		Stream: s.stream, Snapshot: s.committed, Previous: s.begin.Previous, ReadEnded: s.committed,
		Schema: s.begin.Schema, Options: s.begin.Options, Partitions: s.begin.Partitions,
		Rows: func(yield func(table.Row, error) bool) {
			for _, id := range slices.Sorted(maps.Keys(e.rows)) {
				row, err := encode(codec, id, e.rows[id])
				if !yield(row, err) {
					return
				}
			}
		},
	}
	for row, err := range state.Rows {
		f, printErr := codec.Fingerprint(row.Image)
		if err != nil || printErr != nil {
			t.Fatal(err, printErr)
		}
		state.Digest.Add(f)
	}
	opened, err := w.kafka.Open(context.Background(), orders, false)
	if err != nil {
		t.Fatal(err)
	}
	for p := range opened.Partitions() {
		_, next, err := opened.Bounds(context.Background(), p)
		if err != nil {
			t.Fatal(err)
		}
		part := &logState{}
		if err := part.read(context.Background(), opened, p, next, nil, newDiscard()); err != nil {
			t.Fatal(err)
		}
		state.Offsets = append(state.Offsets, part.commitAt)
	}
	return state
}

func TestRebuild(t *testing.T) {
	w := newWorld(t, 3, "Alice", "Bob", "Carol")
	p := w.start()
	w.capture(p, TableOptions{})
	w.engine.set(2, "Bill")
	last := w.capture(p, TableOptions{})
	_ = p.Close()
	w.fs = disk.NewMemory()
	p = w.start()
	state := stateOf(t, w, w.engine)
	wrong := state
	wrong.Digest.F++
	var proof *DigestError
	if err := p.Rebuild(context.Background(), orders, wrong); !errors.As(err, &proof) || proof.ExitCode() != 5 {
		t.Fatalf("a wrong digest: %v", err)
	}
	var lost *StateError
	if _, err := p.Capture(context.Background(), orders, TableOptions{}); !errors.As(err, &lost) {
		t.Fatalf("nothing may have been rebuilt: %v", err)
	}
	if err := p.Rebuild(context.Background(), orders, state); err != nil {
		t.Fatal(err)
	}
	delete(w.engine.rows, 3)
	r := w.capture(p, TableOptions{})
	if r.Baseline || r.Previous != last.Snapshot || r.Counts != (change.Counts{Deletes: 1}) {
		t.Errorf("%+v", r)
	}
	if all := w.committed(); len(all) != 3 || text(all[2].rows) != "1=Alice 2=Bill " {
		t.Errorf("%d restore points, last %s", len(all), text(all[len(all)-1].rows))
	}
}

// TestRebuiltFromTooEarly: a snapshot that is not the topic's last one is of no use.
func TestRebuiltFromTooEarly(t *testing.T) {
	w := newWorld(t, 1, "Alice")
	p := w.start()
	w.capture(p, TableOptions{})
	state := stateOf(t, w, newEngine("Alice"))
	w.engine.set(2, "Bob")
	w.capture(p, TableOptions{})
	if err := p.Rebuild(context.Background(), orders, state); err != nil {
		t.Fatal(err)
	}
	var lost *StateError
	if _, err := p.Capture(context.Background(), orders, TableOptions{}); !errors.As(err, &lost) || lost.Snapshot != state.Snapshot {
		t.Fatalf("got %v", err)
	}
}

package producer

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"

	"rewind/disk"
	"rewind/table"
)

func manyRows(n int) []string {
	all := make([]string, n)
	for i := range all {
		all[i] = fmt.Sprint("row ", i)
	}
	return all
}

// TestGuardCountsWhateverTheCaptureBuildsOn empties a table row by row, and compares by key, by rows, with the file, the topic or the
// journal as the witness: what is one row too much is refused, in whatever guise it comes.
func TestGuardCountsWhateverTheCaptureBuildsOn(t *testing.T) {
	const all = 40
	count := 0
	for name, form := range map[string]struct {
		prepare func(w *world, p *Producer, first Report) (*Producer, TableOptions)
		byRows  bool
	}{
		"a diff": {func(_ *world, p *Producer, _ Report) (*Producer, TableOptions) { return p, TableOptions{} }, false},
		"in another process": {func(w *world, p *Producer, _ Report) (*Producer, TableOptions) {
			_ = p.Close()
			return w.start(), TableOptions{}
		}, false},
		"a column came": {func(w *world, p *Producer, _ Report) (*Producer, TableOptions) {
			w.engine.columns = append(w.engine.columns, table.Column{Name: "more", Type: table.Type{Kind: table.Int}})
			return p, TableOptions{}
		}, false},
		"a type that forces a baseline": {func(w *world, p *Producer, _ Report) (*Producer, TableOptions) {
			w.engine.columns[1].Type = table.Type{Kind: table.Date}
			return p, TableOptions{}
		}, false},
		"a baseline that was asked for": {func(_ *world, p *Producer, _ Report) (*Producer, TableOptions) {
			return p, TableOptions{Rebaseline: true}
		}, false},
		"a baseline over a damaged file": {func(w *world, p *Producer, _ Report) (*Producer, TableOptions) {
			w.damage(currentName)
			return p, TableOptions{Rebaseline: true}
		}, true},
		"a baseline over lost state": {func(w *world, p *Producer, _ Report) (*Producer, TableOptions) {
			_ = p.Close()
			w.fs = disk.NewMemory()
			return w.start(), TableOptions{Rebaseline: true}
		}, true},
		"a first capture of which the journal knows better": {func(w *world, p *Producer, first Report) (*Producer, TableOptions) {
			_ = p.Close()
			w.fs = disk.NewMemory()
			w.cluster.DeleteTopic(t, "rewind.shop.orders")
			last := LastPoint{Snapshot: first.Snapshot, ReadEnded: first.ReadEnded.UnixMicro(), Rows: first.Rows}
			return w.start(), TableOptions{LastPoint: last}
		}, true},
	} {
		for _, deleted := range []int64{0, all / 2, all/2 + 1, all - 1, all} {
			w := newWorld(t, 2, manyRows(all)...)
			p := w.start()
			first := w.capture(p, TableOptions{})
			for id := range deleted {
				delete(w.engine.rows, id+1)
			}
			p, o := form.prepare(w, p, first)
			r, err := p.Capture(context.Background(), orders, o)
			count++
			if deleted <= all/2 {
				if err != nil || len(r.Allowed) > 0 {
					t.Errorf("%s, %d deleted: %v", name, deleted, err)
				}
				_ = p.Close()
				continue
			}
			var guard *GuardError
			if !errors.As(err, &guard) {
				t.Fatalf("%s, %d deleted: %v", name, deleted, err)
			}
			if guard.ExitCode() != 6 || guard.Before != all || guard.Now != all-deleted || guard.Deleted != deleted || guard.AtLeast != form.byRows ||
				guard.Snapshot != first.Snapshot || guard.LastRead != first.ReadEnded.UnixMicro() {
				t.Errorf("%s, %d deleted: %+v", name, deleted, guard)
			}
			if _, err := w.fs.Stat("/data/snapshots/" + orders.FileName() + "/" + pendingName); err == nil {
				t.Errorf("%s: the pending file was left", name)
			}
			if s := state0(w); s.begin != nil && s.begin.Snapshot != first.Snapshot {
				t.Errorf("%s: a Begin was published", name)
			}
			o.AllowMassDelete = true
			if r := w.capture(p, o); r.Rows != all-deleted || len(r.Allowed) != 1 {
				t.Errorf("%s: allowed: %+v", name, r)
			}
			_ = p.Close()
			w.close()
		}
	}
	t.Logf("counted: %d captures of a table that lost rows", count)
}

// damage flips a byte in the middle of a snapshot file.
func (w *world) damage(name string) {
	w.t.Helper()
	path := "/data/snapshots/" + orders.FileName() + "/" + name
	f, err := w.fs.OpenFile(path, os.O_RDONLY, 0)
	if err != nil {
		w.t.Fatal(err)
	}
	info, err := f.Stat()
	if err != nil {
		w.t.Fatal(err)
	}
	b := make([]byte, info.Size())
	if _, err := f.ReadAt(b, 0); err != nil {
		w.t.Fatal(err)
	}
	b[len(b)-60] ^= 1
	if err := errors.Join(f.Close(), disk.WriteFile(w.fs, path, b, 0o600)); err != nil {
		w.t.Fatal(err)
	}
}

func TestGuardOfChanges(t *testing.T) {
	w := newWorld(t, 2, manyRows(100)...)
	p := w.start()
	w.capture(p, TableOptions{})
	limit, err := ParseLimit("10%")
	if err != nil {
		t.Fatal(err)
	}
	for id := range int64(11) {
		w.engine.set(id+1, "other")
	}
	delete(w.engine.rows, 50)
	w.engine.set(1000, "new")
	_, err = p.Capture(context.Background(), orders, TableOptions{Guard: Guard{Changes: limit}, AllowMassDelete: true})
	var guard *GuardError
	if !errors.As(err, &guard) || guard.What != "changes" || guard.Updated != 11 || guard.Deleted != 1 || guard.Now != 100 {
		t.Fatalf("%+v, %v", guard, err)
	}
	for _, part := range []string{"11 of 100 rows were changed (11%, the limit is 10%)", "it has 100 rows now, 1 are gone", "2026-11-23T09:00:00"} {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("%q is not in %q", part, err)
		}
	}
	if !strings.Contains(guard.Hint(), "--allow-mass-change") || !strings.Contains(guard.Hint(), fmt.Sprintf("--at %d --replace", guard.Snapshot)) {
		t.Error(guard.Hint())
	}
	if r := w.capture(p, TableOptions{Guard: Guard{Changes: limit}, AllowMassChange: true}); r.Counts.Updates != 11 || len(r.Allowed) != 1 {
		t.Errorf("%+v", r)
	}
	for id := range int64(90) {
		w.engine.set(id+1, "again") // off by default
	}
	w.capture(p, TableOptions{})
}

// TestSmallTablesAreGuardedAgainstBeingEmptied: a share of a few rows says nothing, an empty table does.
func TestSmallTablesAreGuardedAgainstBeingEmptied(t *testing.T) {
	w := newWorld(t, 1, manyRows(fewRows-1)...)
	p := w.start()
	w.capture(p, TableOptions{})
	for id := range int64(fewRows - 2) {
		delete(w.engine.rows, id+1)
	}
	w.capture(p, TableOptions{})
	clear(w.engine.rows)
	_, err := p.Capture(context.Background(), orders, TableOptions{Guard: Guard{Deletes: Limit{share, whole}}})
	var guard *GuardError
	if !errors.As(err, &guard) || guard.Before != 1 || !strings.Contains(err.Error(), "the table is empty; all of its 1 row are gone") {
		t.Fatal(err)
	}
	w.capture(p, TableOptions{Guard: Guard{Deletes: Limit{kind: off}}})
	w.capture(p, TableOptions{}) // and it may stay empty
}

func TestParseLimit(t *testing.T) {
	for text, want := range map[string]Limit{
		"50%": {share, 50_000}, "0%": {share, 0}, "100%": {share, whole}, "0.5%": {share, 500}, "12.345%": {share, 12_345}, "off": {kind: off},
	} {
		if got, err := ParseLimit(text); err != nil || got != want || got.String() != text {
			t.Errorf("%s: %+v %s, %v", text, got, got, err)
		}
	}
	for _, text := range []string{"", "50", "%", ".5%", "5.%", "101%", "100.001%", "-1%", "+1%", "1e1%", "0.1234%", "1_0%", " 50%", "50 %", "on", "none", "0x1%"} {
		if got, err := ParseLimit(text); err == nil {
			t.Errorf("%q is read as %s", text, got)
		}
	}
}

// TestGuardArithmetic holds the limits against the definition, at the boundary and where products pass 64 bits.
func TestGuardArithmetic(t *testing.T) {
	n := 0
	for _, of := range []int64{fewRows, 100, 999, 1 << 40, 1<<62 + 12345} {
		for _, thousandth := range []int64{0, 1, 500, 33_333, 50_000, 99_999, whole} {
			l := Limit{share, thousandth}
			most := of/whole*thousandth + of%whole*thousandth/whole // the most rows that are no more than the share
			for _, gone := range []int64{0, most - 1, most, most + 1, of} {
				if gone < 0 || gone > of {
					continue
				}
				if n++; l.exceeded(gone, of) != (gone > most) {
					t.Errorf("%d of %d at %s: %v", gone, of, l, l.exceeded(gone, of))
				}
			}
		}
	}
	t.Logf("counted: %d numbers of rows held against limits", n)
}

// TestAnUpdateOfAWholeRowIsNoDelete: where the key is the whole row, an updated row has another key; rows are gone where there are fewer.
func TestAnUpdateOfAWholeRowIsNoDelete(t *testing.T) {
	for name, c := range map[string]struct {
		found            compared
		deleted, updated int64
	}{
		"all updated":            {compared{before: 100, now: 100, byKey: true, pairs: true}, 0, 100},
		"some updated, some new": {compared{before: 100, now: 130, same: 90, byKey: true, pairs: true}, 0, 10},
		"some gone":              {compared{before: 100, now: 40, same: 30, byKey: true, pairs: true}, 60, 10},
		"of a table with a key":  {compared{before: 100, now: 100, byKey: true}, 100, 0},
	} {
		if d, u := c.found.deleted(), c.found.updated(); d != c.deleted || u != c.updated {
			t.Errorf("%s: %d deleted, %d updated", name, d, u)
		}
	}
}

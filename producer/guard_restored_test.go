package producer

import (
	"context"
	"errors"
	"strings"
	"testing"
)

// TestWhatWasRestoredIsNotRefused: a restore that took more rows out of the table than the guard lets go is captured without being
// asked, once; an emptied table never is, nor what is gone behind that capture.
func TestWhatWasRestoredIsNotRefused(t *testing.T) {
	limit, err := ParseLimit("10%")
	if err != nil {
		t.Fatal(err)
	}
	o := TableOptions{Guard: Guard{Changes: limit}}
	w := newWorld(t, 2, manyRows(100)...)
	p := w.start()
	w.capture(p, o)
	shrink := func(to int64) {
		for id := range w.engine.rows {
			if id > to {
				delete(w.engine.rows, id)
			}
		}
		for id := range w.engine.rows {
			w.engine.set(id, w.engine.rows[id]+" then")
		}
	}
	refused := func(what string, restored bool) {
		t.Helper()
		_, err := p.Capture(context.Background(), orders, o)
		var guard *GuardError
		if !errors.As(err, &guard) || guard.Restored != restored || strings.Contains(guard.Hint(), "--replace") == restored {
			t.Fatalf("%s: %v", what, err)
		}
	}
	w.engine.restore = "first"
	w.engine.hide()
	refused("emptied behind the restore", true)
	w.engine.show()
	_ = p.Close() // another process knows it, too
	p = w.start()
	shrink(30)
	if r := w.capture(p, o); r.Rows != 30 || len(r.Allowed) != 2 || !r.Allowed[0].Restored || !r.Allowed[1].Restored {
		t.Fatalf("%+v", r)
	}
	shrink(20)
	refused("of the same restore", false)
	w.engine.restore = ""
	refused("made anew by somebody else", false)
	w.engine.restore = "second"
	if r := w.capture(p, o); r.Rows != 20 || len(r.Allowed) != 1 {
		t.Fatalf("%+v", r)
	}
}

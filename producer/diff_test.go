package producer

import (
	"bytes"
	"errors"
	"iter"
	"maps"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"rewind/change"
	"rewind/table"
)

// rowsOf yields a map's rows in key order, from one pair of buffers: what a Source may do.
func rowsOf(m map[string]string) iter.Seq2[table.Row, error] {
	return func(yield func(table.Row, error) bool) {
		var row table.Row
		for _, key := range slices.Sorted(maps.Keys(m)) {
			row.Key = append(row.Key[:0], key...)
			row.Image = append(row.Image[:0], m[key]...)
			if !yield(row, nil) {
				return
			}
		}
	}
}

// apply is a changes' meaning.
func apply(t *rapid.T, rows map[string]string, c change.Change) {
	before, there := rows[string(c.Key)]
	if there != (c.Before != nil) || there && before != string(c.Before) {
		t.Fatalf("%v of %q: before image %q, the row is %q", c.Op, c.Key, c.Before, before)
	}
	switch {
	case c.After == nil && c.Op == change.Delete && there:
		delete(rows, string(c.Key))
	case c.After != nil && (c.Op == change.Create && !there || c.Op == change.Update && there):
		rows[string(c.Key)] = string(c.After)
	default:
		t.Fatalf("%v of %q: before %q, after %q", c.Op, c.Key, c.Before, c.After)
	}
}

// TestDiffLaw: apply(prev, Diff(prev, next)) = next, in key order, with no more changes than rows that differ.
func TestDiffLaw(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		table := rapid.MapOf(rapid.StringMatching(`[a-c]{1,3}`), rapid.StringMatching(`[xy]{1,2}`))
		prev, next := table.Draw(t, "prev"), table.Draw(t, "next")
		got := maps.Clone(prev)
		var last []byte
		count := 0
		for c, err := range Diff(rowsOf(prev), rowsOf(next)) {
			if err != nil {
				t.Fatal(err)
			}
			if count > 0 && bytes.Compare(last, c.Key) >= 0 {
				t.Fatalf("%q behind %q", c.Key, last)
			}
			last = bytes.Clone(c.Key)
			count++
			apply(t, got, c)
		}
		if !maps.Equal(got, next) {
			t.Fatalf("got %v, want %v", got, next)
		}
		if want := differences(prev, next); count != want {
			t.Fatalf("%d changes, want %d", count, want)
		}
	})
}

func differences(prev, next map[string]string) (n int) {
	for key, image := range prev {
		if other, there := next[key]; !there || other != image {
			n++
		}
	}
	for key := range next {
		if _, there := prev[key]; !there {
			n++
		}
	}
	return n
}

// TestDiffStops: an early end and errors of either side end the diff.
func TestDiffStops(t *testing.T) {
	full := rowsOf(map[string]string{"a": "1", "b": "2", "c": "3"})
	for range Diff(full, rowsOf(map[string]string{"d": "4"})) {
		break
	}
	boom := errors.New("boom")
	failing := func(after int) iter.Seq2[table.Row, error] {
		return func(yield func(table.Row, error) bool) {
			for row := range full {
				if after--; after < 0 {
					yield(table.Row{}, boom)
					return
				}
				if !yield(row, nil) {
					return
				}
			}
		}
	}
	for after := range 3 {
		for name, diff := range map[string]iter.Seq2[change.Change, error]{
			"prev": Diff(failing(after), full), "next": Diff(full, failing(after)), "prev behind next": Diff(failing(after), rowsOf(nil)),
		} {
			var last error
			for _, err := range diff {
				last = err
			}
			if !errors.Is(last, boom) {
				t.Errorf("%s fails after %d rows: got %v", name, after, last)
			}
		}
	}
}

package producer

import (
	"bytes"
	"iter"

	"rewind/change"
	"rewind/table"
)

// Diff yields the changes that turn prev into next, in key order: both must be in strictly ascending key order and of one
// schema. It compares images by their bytes and holds no more than one row of each. A change aliases the rows: it is
// valid until the next step.
func Diff(prev, next iter.Seq2[table.Row, error]) iter.Seq2[change.Change, error] {
	return func(yield func(change.Change, error) bool) {
		pull, stop := iter.Pull2(prev)
		defer stop()
		diff(func() (table.Row, bool, error) {
			row, err, more := pull()
			return row, more, err
		}, next)(yield)
	}
}

// diff is Diff, with the previous rows asked for one by one: more is false behind the last. A file gives them so without the switch
// between coroutines that iter.Pull2 takes for each.
func diff(pull func() (row table.Row, more bool, err error), next iter.Seq2[table.Row, error]) iter.Seq2[change.Change, error] {
	return func(yield func(change.Change, error) bool) {
		old, more, err := pull()
		if err != nil {
			yield(change.Change{}, err)
			return
		}
		for row, err := range next {
			if err != nil {
				yield(change.Change{}, err)
				return
			}
			for more && bytes.Compare(old.Key, row.Key) < 0 {
				if !yield(change.Change{Op: change.Delete, Key: old.Key, Before: old.Image}, nil) {
					return
				}
				if old, more, err = pull(); err != nil {
					yield(change.Change{}, err)
					return
				}
			}
			if !more || !bytes.Equal(old.Key, row.Key) {
				if !yield(change.Change{Op: change.Create, Key: row.Key, After: row.Image}, nil) {
					return
				}
				continue
			}
			if !bytes.Equal(old.Image, row.Image) &&
				!yield(change.Change{Op: change.Update, Key: row.Key, Before: old.Image, After: row.Image}, nil) {
				return
			}
			if old, more, err = pull(); err != nil {
				yield(change.Change{}, err)
				return
			}
		}
		for more {
			if !yield(change.Change{Op: change.Delete, Key: old.Key, Before: old.Image}, nil) {
				return
			}
			if old, more, err = pull(); err != nil {
				yield(change.Change{}, err)
				return
			}
		}
	}
}

package replay

import (
	"bytes"
	"context"
	"iter"

	"rewind/sorting"
	"rewind/table"
)

// takeLate sorts in what a baseline has behind a key that should come later.
func (f *folded) takeLate(b *foundation) error {
	if f.behind == nil {
		f.behind = sorting.New(sorting.Options{FS: f.j.o.FS, Dir: f.j.o.TempDir, MemoryBytes: f.j.o.MemoryBytes / 2})
	}
	tag := b.source.number
	if b.row.deleted {
		tag |= deletedBit
	}
	return f.behind.Add(b.row.key, uint64(b.row.seq), tag, b.row.image)
}

// eachLate gives the late rows of baselines, but for those that were changed since.
func (f *folded) eachLate(e *emitter) error {
	tail, err := f.sorter.Merge()
	if err != nil {
		return err
	}
	late, err := f.behind.Merge()
	if err != nil {
		return err
	}
	changed, err := tail.Next()
	for err == nil {
		var r sorting.Record
		if r, err = late.Next(); err != nil || r == nil {
			break
		}
		for changed != nil && err == nil && bytes.Compare(changed.Key(), r.Key()) < 0 {
			changed, err = tail.Next()
		}
		if err == nil && (changed == nil || !bytes.Equal(changed.Key(), r.Key())) {
			err = e.record(r)
		}
	}
	return err
}

// sorted gives the rows in the order of their keys, also those that come late, once they are proved.
func (f *folded) sorted(ctx context.Context) iter.Seq2[table.Row, error] {
	return func(yield func(table.Row, error) bool) {
		s := sorting.New(sorting.Options{FS: f.j.o.FS, Dir: f.j.o.TempDir, MemoryBytes: max(1, f.j.o.MemoryBytes/2), SpareBytes: f.j.o.SpareBytes, KeepAll: true})
		defer s.Close() //nolint:errcheck // a file without a name that could not be closed hurts nobody
		for row, err := range f.rows(ctx, "checkpoint") {
			if err == nil {
				err = s.Add(row.Key, 0, 0, row.Image)
			}
			if err != nil {
				yield(table.Row{}, err)
				return
			}
		}
		all, err := s.Merge()
		for err == nil {
			if err = ctx.Err(); err != nil {
				break
			}
			var r sorting.Record
			if r, err = all.Next(); err == nil && (r == nil || !yield(table.Row{Key: r.Key(), Image: r.Image()}, nil)) {
				return
			}
		}
		yield(table.Row{}, err)
	}
}

// forgetLate gives back what eachLate needed.
func (f *folded) forgetLate() {
	if f.behind != nil {
		_ = f.behind.Close()
	}
	f.behind = nil
}

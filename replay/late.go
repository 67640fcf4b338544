package replay

import (
	"bytes"

	"rewind/sorting"
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

// forgetLate gives back what eachLate needed.
func (f *folded) forgetLate() {
	if f.behind != nil {
		_ = f.behind.Close()
	}
	f.behind = nil
}

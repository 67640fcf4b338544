package journal

import (
	"errors"
	"fmt"
	"io/fs"
	"iter"
)

// Reader reads a journal without its lock, beside a writer: what a torn tail may hold is not seen. Each call looks at the
// files anew. It holds no open file between calls and is safe for concurrent use.
type Reader struct {
	dir     string
	options Options
}

// OpenReader opens the journal in dir, which must exist. Options.Schema and SegmentBytes are not needed, and where Stream is
// empty the journal may be any stream's and partition's.
func OpenReader(dir string, o Options) (*Reader, error) {
	if err := o.applyDefaults(); err != nil {
		return nil, err
	}
	if _, err := o.FS.Stat(dir); err != nil {
		return nil, fmt.Errorf("open the journal: %w", err)
	}
	return &Reader{dir: dir, options: o}, nil
}

// Segments describes the segments in order. The last one is the active one; it is left out while not even its header
// is whole. A segment whose header cannot be read says so in Err, and what its name tells.
func (r *Reader) Segments() []SegmentInfo {
	segments, cut, err := r.options.list(r.dir)
	if wrong := (*CutError)(nil); errors.As(err, &wrong) {
		return []SegmentInfo{{Path: r.dir, Err: wrong}} // nobody can tell what there should be
	}
	infos := make([]SegmentInfo, 0, len(segments)+1)
	for i, s := range segments {
		isLast := i == len(segments)-1
		info, headless, err := r.options.readInfo(s, isLast)
		if headless || isLast && errors.Is(err, fs.ErrNotExist) {
			break // not begun yet, or removed by a writer that found it so
		}
		if err == nil {
			err = cut.hold(&info)
		}
		if err == nil && i == 0 && cut == nil {
			if known, wrong := r.options.holdFirst(r.dir, &info); known {
				err = wrong
			}
		}
		if errors.Is(err, fs.ErrNotExist) && errors.As(r.options.dropped(r.dir, s, err), new(*DroppedError)) {
			return r.Segments() // retention came meanwhile
		}
		if err != nil {
			info = SegmentInfo{Path: s.path, BaseOffset: s.base, Bytes: info.Bytes, Sealed: s.sealed(isLast), Encrypted: s.encrypted(), Err: err}
		}
		infos = append(infos, info)
	}
	if err != nil {
		infos = append(infos, SegmentInfo{Path: r.dir, Err: fmt.Errorf("list the journal: %w", err)})
	}
	return infos
}

// Entries yields the entries with offset >= from, in order. A record is valid until the next step. Whatever is appended
// after the walk has reached the last segment may be missing. An error ends the walk; all that was yielded before it is right.
func (r *Reader) Entries(from int64) iter.Seq2[Entry, error] {
	return r.EntriesFrom(from, nil)
}

// EntriesFrom is Entries for who may know a place in the segment that holds from, behind which a block begins and before which nothing is
// wanted: seek gives it, by the first offset of the segment.
func (r *Reader) EntriesFrom(from int64, seek func(base int64) Place) iter.Seq2[Entry, error] {
	return func(yield func(Entry, error) bool) {
		segments, cut, err := r.options.list(r.dir)
		if err != nil {
			yield(Entry{}, fmt.Errorf("list the journal: %w", err))
			return
		}
		e := entries{reader: r, cut: cut, from: from, last: unknown, splitters: splitters{make: r.options.Splitter}}
		for i := firstSegment(segments, from); i < len(segments); i++ {
			place := Place{}
			if seek != nil {
				place, seek = seek(segments[i].base), nil
			}
			switch more, err := e.segment(segments[i], i == len(segments)-1, place, func(b *Block) bool { return b.each(from, yield) }); {
			case err != nil:
				yield(Entry{}, err)
				return
			case !more:
				return
			}
		}
	}
}

// firstSegment is the index of the segment that may hold an offset: the last one that begins at or before it.
func firstSegment(segments []segment, offset int64) int {
	first := 0
	for i, s := range segments {
		if s.base <= offset {
			first = i
		}
	}
	return first
}

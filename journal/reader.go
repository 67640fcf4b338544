package journal

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"

	"rewind/disk"
	"rewind/ocf"
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
	segments, err := listSegments(r.options.FS, r.dir)
	infos := make([]SegmentInfo, 0, len(segments)+1)
	for i, s := range segments {
		isLast := i == len(segments)-1
		info, headless, err := r.options.readInfo(s, isLast)
		if headless || isLast && errors.Is(err, fs.ErrNotExist) {
			break // not begun yet, or removed by a writer that found it so
		}
		if err != nil {
			info = SegmentInfo{Path: s.path, BaseOffset: s.base, Bytes: info.Bytes, Sealed: !isLast, Err: err}
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
	return func(yield func(Entry, error) bool) {
		segments, err := listSegments(r.options.FS, r.dir)
		if err != nil {
			yield(Entry{}, fmt.Errorf("list the journal: %w", err))
			return
		}
		e := entries{reader: r, from: from, last: unknown, splitters: splitters{make: r.options.Splitter}}
		for i := firstSegment(segments, from); i < len(segments); i++ {
			switch more, err := e.segment(segments[i], i == len(segments)-1, yield); {
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

const unknown = -2

// entries is one walk over the journal.
type entries struct {
	reader    *Reader
	from      int64
	last      int64 // offset of the last entry seen, yielded or not; unknown in the first segment walked
	splitters splitters
}

// segment walks one segment. more is false when the consumer has had enough.
func (e *entries) segment(s segment, isLast bool, yield func(Entry, error) bool) (more bool, err error) {
	f, size, err := e.reader.options.openSegment(s)
	if isLast && errors.Is(err, fs.ErrNotExist) {
		return false, nil // removed by a writer that found it not begun
	}
	if err != nil {
		return false, fmt.Errorf("open segment %s: %w", s.path, err)
	}
	defer f.Close() //nolint:errcheck // only read
	in, err := ocf.NewReader(io.NewSectionReader(f, 0, size))
	if isLast && errors.Is(err, io.ErrUnexpectedEOF) {
		return false, nil
	}
	if err != nil {
		return false, corrupt(s.path, 0, err)
	}
	if err := e.begin(s, in.Header()); err != nil {
		return false, err
	}
	more, err = e.blocks(s, in, yield)
	if errors.Is(err, io.EOF) {
		return e.endOf(s, in, isLast)
	}
	if err == nil || !isLast {
		return more, err
	}
	return false, e.tail(s, in, f, size, err)
}

// begin checks that a segment goes on where the one before ended, or, if it is the first one walked, that nothing that was
// asked for is missing before it.
func (e *entries) begin(s segment, h ocf.Header) error {
	info, err := e.reader.options.parseHeader(s, h)
	if err != nil {
		return err
	}
	if e.last != unknown && info.After != e.last || e.last == unknown && info.After >= max(e.from, 0) {
		return &CorruptionError{Segment: s.path, Err: fmt.Errorf("it goes on behind offset %d, but the journal before it ends with %d: entries or segments are missing", info.After, max(e.last, -1))}
	}
	return nil
}

// endOf is a clean end: a sealed segment holds an entry at least.
func (e *entries) endOf(s segment, in *ocf.Reader, isLast bool) (bool, error) {
	if e.last < s.base && !isLast {
		return false, &CorruptionError{Segment: s.path, Offset: in.Offset(), Err: errors.New("a sealed segment holds no entry")}
	}
	return true, nil
}

// tail tells a torn tail, which is simply the end, from damage.
func (e *entries) tail(s segment, in *ocf.Reader, f disk.File, size int64, cause error) error {
	var damage *CorruptionError
	if !errors.As(cause, &damage) {
		return cause
	}
	torn, err := ocf.Torn(f, in.Offset(), size, in.Header().Sync, cause)
	if torn {
		return nil
	}
	return corrupt(s.path, in.Offset(), err)
}

// blocks walks the blocks of a segment up to io.EOF, an error, or the consumer's end.
func (e *entries) blocks(s segment, in *ocf.Reader, yield func(Entry, error) bool) (more bool, err error) {
	schema := in.Header().Schema
	length, err := e.splitters.get(schema)
	if err != nil {
		return false, &CorruptionError{Segment: s.path, Err: err}
	}
	w := newWalk(s.base, length)
	for {
		at := in.Offset()
		count, records, err := in.Next()
		if errors.Is(err, io.EOF) {
			return false, io.EOF
		}
		if err != nil {
			return false, corrupt(s.path, at, err)
		}
		positions, err := w.block(count, records)
		if err != nil {
			return false, &CorruptionError{Segment: s.path, Offset: at, Err: err}
		}
		e.last = w.last
		start := 0
		for _, p := range positions {
			if p.offset >= e.from && !yield(Entry{Offset: p.offset, Record: records[start:p.end:p.end], Schema: schema}, nil) {
				return false, nil
			}
			start = p.end
		}
	}
}

// VerifyChain reads the sealed segments and compares their SHA-256 with what the segment after each says. The first
// segment must say that there was none before it. What the chain cannot show is the active segment's own tampering.
func (r *Reader) VerifyChain() error {
	var previous [sha256.Size]byte
	var err error
	infos := r.Segments()
	for i, info := range infos {
		if info.Err != nil {
			return info.Err
		}
		if info.Previous != previous {
			return brokenChain(infos, i)
		}
		if !info.Sealed {
			break
		}
		if previous, err = r.hash(info); err != nil {
			return err
		}
	}
	return nil
}

// brokenChain says which link does not hold.
func brokenChain(infos []SegmentInfo, i int) error {
	if i == 0 {
		return &CorruptionError{Segment: infos[0].Path, Err: errors.New("a segment before it is missing")}
	}
	return &CorruptionError{Segment: infos[i-1].Path, Err: fmt.Errorf("its SHA-256 is not the one that %s was chained to: it was changed, or a segment between them is missing", infos[i].Path)}
}

func (r *Reader) hash(info SegmentInfo) (sum [sha256.Size]byte, err error) {
	f, size, err := r.options.openSegment(segment{path: info.Path, base: info.BaseOffset})
	if err != nil {
		return sum, fmt.Errorf("open segment %s: %w", info.Path, err)
	}
	defer f.Close() //nolint:errcheck // only read
	h := sha256.New()
	if _, err := io.Copy(h, io.NewSectionReader(f, 0, size)); err != nil {
		return sum, fmt.Errorf("read segment %s: %w", info.Path, err)
	}
	h.Sum(sum[:0])
	return sum, nil
}

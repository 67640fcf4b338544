package replay

import (
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"rewind/journal"
)

// RetainOptions say what is kept.
type RetainOptions struct {
	Since time.Time          // every restore point that a time from then on means is kept
	Kept  string             // what was asked for, in words: for the record
	Key   ed25519.PrivateKey // that the record of what was dropped is signed with; nil: it is not
	Now   func() time.Time   // nil: time.Now

	AcceptClock bool // the newest restore point may be the only one to be kept
}

// Retention is what Retain drops, or has dropped, of a table.
type Retention struct {
	Table    string    `json:"table"`
	Since    time.Time `json:"since"`
	Applied  bool      `json:"applied"`
	Oldest   *Point    `json:"oldest,omitempty"` // restore point that is left
	Points   int       `json:"points"`           // restore points that go
	From     int64     `json:"from,omitempty"`   // the first of them
	To       int64     `json:"to,omitempty"`     // the last of them
	Left     int       `json:"left"`             // restore points that stay
	Segments int       `json:"segments"`         // that go
	Bytes    int64     `json:"bytes"`            // of them
	Base     int64     `json:"base_bytes"`       // of the file with the rows of the oldest point; 0: it is not made yet
	Nothing  string    `json:"nothing,omitempty"`
	Waits    int64     `json:"waits,omitempty"` // a restore point that would be the oldest, were it known to have come to the disk: something must follow it

	cuts []*cutting
}

// cutting is what becomes of one stream.
type cutting struct {
	s      *stream
	at     *Point // that its journals begin with; nil: nothing is left
	points []Point
	parts  []journal.CutPartition
}

// RetainError: nothing is dropped, because something is doubtful.
type RetainError struct {
	Reason string
	hint   string
	code   int
	err    error
}

func (e *RetainError) Error() string { return "nothing is dropped: " + e.Reason }

// Unwrap gives the cause.
func (e *RetainError) Unwrap() error { return e.err }

// ExitCode is 6, or 5 where the journal is damaged.
func (e *RetainError) ExitCode() int { return e.code }

// Hint says what to do.
func (e *RetainError) Hint() string { return e.hint }

// PlanRetention says what Retain would drop, unless that finds damage: it reads no more than restore points. It changes nothing.
func (j *Journal) PlanRetention(ctx context.Context, o RetainOptions) (Retention, error) {
	if err := j.Refresh(ctx); err != nil {
		return Retention{}, err
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	r := Retention{Table: j.name.String(), Since: o.Since, Left: len(j.points)}
	if err := j.retainable(); err != nil {
		return r, err
	}
	n, waits, err := j.chooseOldest(o.Since)
	if err != nil {
		return r, err
	}
	r.Waits = waits
	if n < 0 {
		r.Nothing = "every restore point is younger"
		if waits != 0 {
			r.Nothing = fmt.Sprintf("nothing stands behind restore point %d in the journal yet, by which it is known to have come to the disk", waits)
		}
		return r, nil
	}
	at := j.points[n]
	r.Oldest = &at
	for _, s := range j.streams {
		if err := j.planStream(&r, s, at, j.points[:n], j.points[n:]); err != nil {
			return r, err
		}
	}
	switch {
	case at.Base && len(r.cuts) == 0:
		r.Nothing = fmt.Sprintf("the journal begins with restore point %d already", at.ID)
	case r.Segments == 0:
		r.Nothing = fmt.Sprintf("no sealed segment lies before restore point %d as a whole", at.ID)
	}
	if r.Nothing != "" {
		r.cuts, r.Oldest = nil, &j.points[0]
		return r, nil
	}
	r.count(j.points[:n])
	return r, j.doubt(o, at)
}

// count says which restore points go: those of the streams that are cut.
func (r *Retention) count(gone []Point) {
	for _, p := range gone {
		if !slices.ContainsFunc(r.cuts, func(c *cutting) bool { return c.s.id == p.Stream }) {
			continue
		}
		if r.Points == 0 {
			r.From = p.ID
		}
		r.Points, r.Left, r.To = r.Points+1, r.Left-1, p.ID
	}
}

// retainable says why nothing may be dropped now.
func (j *Journal) retainable() error {
	if err := j.damage(); err != nil {
		return j.tooDamaged(err)
	}
	if len(j.points) == 0 {
		return j.noPoints()
	}
	for _, g := range j.gaps {
		if g.Open && !g.Refused {
			return &RetainError{Reason: fmt.Sprintf("a gap is open in partition %d at offset %d: %s", g.Partition, g.Offset, g.Reason), code: exitRefused,
				hint: fmt.Sprintf("rewind produce %s --rebaseline closes it", j.name)}
		}
	}
	return nil
}

func (j *Journal) tooDamaged(err error) error {
	hint := fmt.Sprintf("rewind verify %s says what the journal is worth; what is damaged must come back from a copy first", j.name)
	if head := (*journal.HeadError)(nil); errors.As(err, &head) {
		hint = head.Hint() // it may be that nothing was signed yet
	}
	return &RetainError{Reason: "the journal is damaged: " + err.Error(), code: exitCorrupt, err: err, hint: hint}
}

// planStream says what goes of one stream: all before the point's Commits, or, of an earlier stream, all that it has.
func (j *Journal) planStream(r *Retention, s *stream, at Point, gone, left []Point) error {
	isOf := func(p Point) bool { return p.Stream == s.id }
	if s.id != at.Stream && (slices.ContainsFunc(left, isOf) || !slices.ContainsFunc(gone, isOf)) {
		return nil // it goes on behind the point, or holds none at all: it is left as it is
	}
	c := &cutting{s: s}
	for _, p := range gone {
		if isOf(p) {
			c.points = append(c.points, p)
		}
	}
	if s.id == at.Stream {
		c.at = &at
	} else if err := j.spare(s, at); err != nil {
		return err
	}
	if c.at != nil && s.cut != nil && at.Partitions < len(s.cut.Partitions) {
		return &RetainError{Reason: fmt.Sprintf("restore point %d lies in %d partitions, and the journal was cut in %d", at.ID, at.Partitions, len(s.cut.Partitions)), code: exitRefused,
			hint: "nothing is wrong: what came before it stays"}
	}
	segments := 0
	for i, p := range s.partitions {
		if c.at != nil && i >= at.Partitions {
			break
		}
		n, bytes, err := c.plan(p)
		if err != nil {
			return err
		}
		segments += n
		r.Bytes += bytes
	}
	r.Segments += segments
	switch {
	case c.at == nil:
		r.cuts = append(r.cuts, c)
	case !at.Base: // the base is made first: where it cannot be, no stream is dropped either
		r.cuts = slices.Insert(r.cuts, 0, c)
	}
	return nil
}

// plan finds the first segment of a partition that is kept.
func (c *cutting) plan(p *partition) (segments int, bytes int64, err error) {
	reader, err := p.open(decoders{})
	if errors.Is(err, fs.ErrNotExist) && c.at == nil {
		c.parts = append(c.parts, journal.CutPartition{First: -1, Previous: hex.EncodeToString(make([]byte, sha256.Size))})
		return 0, 0, nil
	}
	if err != nil {
		return 0, 0, err
	}
	infos := reader.Segments()
	kept := len(infos) // index of the first one
	at := journal.CutPartition{First: -1, After: p.next - 1, Previous: hex.EncodeToString(make([]byte, sha256.Size))}
	if c.at != nil {
		at.Commit = c.at.links[len(c.at.links)-1].spans[p.number].to
		kept = 0
		for i, s := range infos {
			if s.Err != nil {
				return 0, 0, s.Err
			}
			if s.BaseOffset <= at.Commit {
				kept = i
			}
		}
		kept = min(kept, notSigned(reader, infos))
		first := infos[kept]
		at.First, at.After, at.Previous = first.BaseOffset, first.After, hex.EncodeToString(first.Previous[:])
	}
	if c.s.cut != nil && p.number < len(c.s.cut.Partitions) {
		at.Segments, at.Bytes = c.s.cut.Partitions[p.number].Segments, c.s.cut.Partitions[p.number].Bytes
	}
	for _, s := range infos[:kept] {
		segments, bytes = segments+1, bytes+s.Bytes
	}
	at.Segments, at.Bytes = at.Segments+int64(segments), at.Bytes+bytes
	c.parts = append(c.parts, at)
	return segments, bytes, nil
}

// notSigned is the segment that the journal's head names, behind which nothing is signed: a writer wants to find it.
func notSigned(reader *journal.Reader, infos []journal.SegmentInfo) int {
	head, err := reader.Head(nil)
	if err != nil {
		return len(infos)
	}
	for i, s := range infos {
		if strings.HasPrefix(filepath.Base(s.Path), head.Segment) {
			return i
		}
	}
	return len(infos)
}

package replay

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"time"

	"rewind/disk"
	"rewind/journal"
)

// chooseOldest finds the restore point that the journal is to begin with: the newest that had been read by then, and that is known to have come
// to the disk. -1: there is none. waits is the first one of them, where it is not known of that one.
func (j *Journal) chooseOldest(since time.Time) (n int, waits int64, err error) {
	for i, p := range slices.Backward(j.points) {
		if p.ReadEnded.After(since) {
			continue
		}
		settled, err := j.settled(p)
		if err != nil || settled {
			return i, waits, err
		}
		if waits == 0 {
			waits = p.ID
		}
	}
	return -1, waits, nil
}

// settled says whether a point's Commits are on the medium for certain. What can be read may have come no further than the system's memory: its
// fsync failed, or never came. A writer accepts nothing behind that, so what stands behind an entry proves that it was durable.
func (j *Journal) settled(p Point) (bool, error) {
	if p.Base {
		return true, nil
	}
	s := j.streams[slices.IndexFunc(j.streams, func(s *stream) bool { return s.id == p.Stream })]
	for i, span := range p.links[len(p.links)-1].spans {
		if ok, err := s.partitions[i].followed(span.to); !ok || err != nil {
			return false, err
		}
	}
	return true, nil
}

// followed says whether what stands behind an entry proves that it was durable.
func (p *partition) followed(offset int64) (bool, error) {
	known := p.known.get()
	defer p.known.put(known)
	reader, err := p.open(known)
	if err != nil {
		return false, err
	}
	return reader.Followed(offset, p.cutKey)
}

// doubt says why a plan that makes sense by itself is not to be trusted: a clock was wrong when something was captured, or is wrong now.
func (j *Journal) doubt(o RetainOptions, at Point) error {
	behind := false
	for _, p := range j.points {
		behind = behind || p.ID == at.ID && p.Stream == at.Stream
		if p.Stream != at.Stream || p.ID == at.ID || behind == (p.ID > at.ID) {
			continue
		}
		return &RetainError{Reason: fmt.Sprintf("restore points %d and %d of stream %s follow each other by their ids otherwise than by the times until which they were read", p.ID, at.ID, at.Stream),
			code: exitRefused, hint: fmt.Sprintf("a clock was wrong: rewind points %s shows them; another --keep may lie where they agree", j.name)}
	}
	newest := j.points[len(j.points)-1]
	if o.AcceptClock || o.Since.Before(newest.ReadEnded) {
		return nil
	}
	return &RetainError{Reason: fmt.Sprintf("the newest restore point, %d, was read until %s, and what is kept begins at %s by the clock: no other would be kept", newest.ID, stamp(newest.ReadEnded), stamp(o.Since)),
		code: exitRefused, hint: "set the clock right; if it is right, nothing was captured since: accept it once (retain --accept-clock)"}
}

// spare refuses to drop a stream as a whole that may be the one that is written to: it has the highest snapshot of all, or was written to last. Its
// restore points being older than those of another one, a clock was wrong.
func (j *Journal) spare(s *stream, at Point) error {
	var highest, latest *stream
	var written time.Time
	for _, other := range j.streams {
		if other.cut != nil && other.cut.Base == nil {
			continue
		}
		if highest == nil || other.last() > highest.last() {
			highest = other
		}
		t, err := j.writtenLast(other)
		if err != nil {
			return err
		}
		switch {
		case t.After(written):
			written, latest = t, other
		case t.Equal(written):
			latest = nil
		}
	}
	if s != highest && s != latest {
		return nil
	}
	why := "its files were written last"
	if s == highest {
		why = "it has the highest snapshot id"
	}
	return &RetainError{Reason: fmt.Sprintf("stream %s would go as a whole, being older than restore point %d of stream %s, but may be the one that is written to: %s", s.id, at.ID, at.Stream, why),
		code: exitRefused, hint: "a clock was wrong when one of them was captured; once stream " + s.id + " has a restore point that is newer, and older than what is kept, retain goes on"}
}

// last is the highest snapshot that was begun in the stream.
func (s *stream) last() (id int64) {
	for _, p := range s.partitions {
		id = max(id, p.order.last)
	}
	return id
}

// writtenLast is when a segment of the stream was written to last.
func (j *Journal) writtenLast(s *stream) (last time.Time, err error) {
	for _, p := range s.partitions {
		reader, err := p.open(decoders{})
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return last, err
		}
		infos := reader.Segments()
		if len(infos) == 0 {
			continue
		}
		stat, err := j.o.FS.Stat(infos[len(infos)-1].Path)
		if errors.Is(err, fs.ErrNotExist) { // it is encrypted in this moment
			continue
		}
		if err != nil {
			return last, err
		}
		if t := stat.ModTime(); t.After(last) {
			last = t
		}
	}
	return last, nil
}

// planHeld is PlanRetention. Of a stream that goes as a whole it takes the writers' locks first: nothing may come behind what was planned.
func (j *Journal) planHeld(ctx context.Context, o RetainOptions, locks *[]io.Closer) (Retention, error) {
	held := map[string]bool{}
	for {
		r, err := j.PlanRetention(ctx, o)
		if err != nil || r.Nothing != "" {
			return r, err
		}
		before := len(held)
		for _, c := range r.cuts {
			for _, p := range c.s.partitions {
				if c.at != nil || held[p.dir] {
					continue
				}
				lock, err := journal.Lock(j.o.FS, p.dir)
				if err != nil {
					return r, lockedOut(c.s, err)
				}
				*locks = append(*locks, lock)
				held[p.dir] = true
			}
		}
		if len(held) == before {
			return r, nil
		}
	}
}

// lockedOut is the error of a stream that would go as a whole, while somebody writes to it.
func lockedOut(s *stream, err error) error {
	var locked *disk.LockedError
	if !errors.As(err, &locked) {
		return err
	}
	return &RetainError{Reason: fmt.Sprintf("stream %s would go as a whole, and a consumer writes to it: %v", s.id, err), code: locked.ExitCode(), err: err,
		hint: locked.Hint() + "; is it the topic's stream, a clock was wrong when another one was captured"}
}

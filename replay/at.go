package replay

import (
	"errors"
	"slices"
	"sort"
	"time"
)

// Answer to "as of when": what was asked, the restore point that it means, and the ones beside it.
type Answer struct {
	Asked  string     `json:"asked"`
	Zone   string     `json:"zone,omitempty"` // in which the time was read
	Time   *time.Time `json:"time,omitempty"` // the instant; nil where an id was asked for
	Point  Point      `json:"point"`
	Before *Point     `json:"before,omitempty"`
	After  *Point     `json:"after,omitempty"`
	Gap    *Gap       `json:"gap,omitempty"` // captures had been refused by then: what the table was meanwhile nobody knows
}

// At finds the restore point that a spec means. As of a time it is the last committed snapshot whose read had ended by
// then: an accident during the read is never handed back as the state before it.
func (j *Journal) At(s Spec) (Answer, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if len(j.points) == 0 {
		return Answer{}, j.noPoints()
	}
	if s.Snapshot != 0 {
		return j.atID(s)
	}
	return j.atTime(s)
}

func (j *Journal) atID(s Spec) (Answer, error) {
	for i, p := range j.points {
		if p.ID == s.Snapshot {
			return j.answer(s, i), nil
		}
	}
	after := sort.Search(len(j.points), func(i int) bool { return j.points[i].ID > s.Snapshot })
	before, next := j.neighbour(after-1), j.neighbour(after)
	if lost, gap, found := j.lostSnapshot(func(l Lost) bool { return l.ID == s.Snapshot }); found {
		return Answer{}, &GapError{Table: j.name, Asked: s, Lost: lost, Gap: gap, Before: before, After: next}
	}
	return Answer{}, &NoSuchPointError{Table: j.name, ID: s.Snapshot, Before: before, After: next, Dropped: j.droppedBefore(before)}
}

// droppedBefore is what retention dropped, for who asks for what lies before the first point.
func (j *Journal) droppedBefore(before *Point) *Dropped {
	if before != nil {
		return nil
	}
	return j.dropped()
}

func (j *Journal) atTime(s Spec) (Answer, error) {
	after := sort.Search(len(j.points), func(i int) bool { return j.points[i].ReadEnded.After(s.Time) })
	if after == 0 {
		return Answer{}, &BeforeFirstError{Table: j.name, Asked: s, First: j.points[0], Dropped: j.dropped()}
	}
	chosen := j.points[after-1]
	hidden := func(l Lost) bool { return l.ReadEnded.After(chosen.ReadEnded) && !l.ReadEnded.After(s.Time) }
	if lost, gap, found := j.lostSnapshot(hidden); found {
		return Answer{}, &GapError{Table: j.name, Asked: s, Lost: lost, Gap: gap, Before: &chosen, After: j.neighbour(after)}
	}
	if damage := j.damageBehind(after-1, s.Time); damage != nil {
		return Answer{}, &HiddenError{Table: j.name, Asked: s, Last: chosen, Err: damage}
	}
	if loss := j.lossBehind(chosen, s.Time); loss != nil {
		return Answer{}, &GapError{Table: j.name, Asked: s, Gap: *loss, Before: &chosen, After: j.neighbour(after)}
	}
	answer := j.answer(s, after-1)
	answer.Gap = j.refusedAt(s.Time)
	return answer, nil
}

// damageBehind is the damage that may hide restore points between the i-th and the next one: that of its own stream, if it
// is the last one to be seen there, and that of a stream of which nothing is seen.
//
// A base that is lost hides what builds on it, and nothing before or behind: only what a time means that lies behind its own.
func (j *Journal) damageBehind(i int, asked time.Time) error {
	var all []error
	for _, s := range j.streams {
		seen := slices.ContainsFunc(j.points, func(p Point) bool { return p.Stream == s.id })
		more := slices.ContainsFunc(j.points[i+1:], func(p Point) bool { return p.Stream == s.id })
		if !seen || s.id == j.points[i].Stream && !more {
			all = append(all, s.damage...)
			if s.lost != nil && seen && s.id == j.points[i].Stream {
				all = slices.DeleteFunc(all, func(err error) bool { return err == s.lost.lost }) //nolint:errorlint // this very one
			}
		}
		if s.lost != nil && seen && !asked.Before(s.cut.ReadEnded) && j.points[i].ReadEnded.Before(s.cut.ReadEnded) {
			all = append(all, s.lost.lost)
		}
	}
	return errors.Join(all...)
}

func (j *Journal) answer(s Spec, i int) Answer {
	a := Answer{Asked: s.Asked, Zone: s.Zone, Point: j.points[i], Before: j.neighbour(i - 1), After: j.neighbour(i + 1)}
	if s.Asked == "" {
		a.Asked = s.String()
	}
	if s.Snapshot == 0 {
		t := s.Time
		a.Time = &t
	}
	return a
}

func (j *Journal) neighbour(i int) *Point {
	if i < 0 || i >= len(j.points) {
		return nil
	}
	p := j.points[i]
	return &p
}

// lostSnapshot finds the latest lost snapshot that is wanted.
func (j *Journal) lostSnapshot(wanted func(Lost) bool) (lost Lost, in Gap, found bool) {
	for _, g := range j.gaps {
		for _, l := range g.Lost {
			if wanted(l) && (!found || l.ReadEnded.After(lost.ReadEnded)) {
				lost, in, found = l, g, true
			}
		}
	}
	return lost, in, found
}

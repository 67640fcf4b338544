package replay

import (
	"context"
	"iter"

	"rewind/table"
)

// State is what a producer's lost state is rebuilt from.
type State struct {
	Point        Point
	Definition   table.Definition
	Digest       table.Digest
	Rows         iter.Seq2[table.Row, error] // in key order; ends with a *ProofError when it is not the point
	Offsets      []int64                     // of the point's Commit, by partition
	NextColumnID int                         // higher than that of any column in any Begin of the journal, aborted ones included
	LastSnapshot int64                       // the highest id of any Begin, aborted ones included
}

// NextColumnID is higher than the id of any column in any Begin that can be read, aborted ones included: also of a damaged
// journal, so that a new baseline gives no id twice. 0 where there is no Begin.
func (j *Journal) NextColumnID() int {
	j.mu.Lock()
	defer j.mu.Unlock()
	next := 0
	for _, s := range j.streams {
		for _, p := range s.partitions {
			next = max(next, p.order.columns)
		}
	}
	return next
}

// LastState gives the newest restore point with everything that a producer needs to go on from it. A damaged journal gives
// none: what the last committed snapshot was cannot be told then.
func (j *Journal) LastState(ctx context.Context) (State, error) {
	if err := j.Refresh(ctx); err != nil {
		return State{}, err
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	if err := j.damage(); err != nil {
		return State{}, err
	}
	if len(j.points) == 0 {
		return State{}, j.noPoints()
	}
	p := j.points[len(j.points)-1]
	s := State{Point: p, Definition: p.Definition(), Digest: p.Digest, Rows: j.Fold(ctx, p)}
	for _, span := range p.links[len(p.links)-1].spans {
		s.Offsets = append(s.Offsets, span.to)
	}
	for _, stream := range j.streams {
		for _, part := range stream.partitions {
			s.NextColumnID = max(s.NextColumnID, part.order.columns)
			s.LastSnapshot = max(s.LastSnapshot, part.order.last)
		}
	}
	return s, nil
}

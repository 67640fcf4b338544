package replay

import (
	"context"
	"errors"
	"time"
)

const defaultPoll = 500 * time.Millisecond

// WaitForPoint re-reads the journal every poll (0: 500 ms) until the snapshot is a restore point, or the timeout (0: none)
// passes. Damage ends the wait: no Commit is seen behind it.
func (j *Journal) WaitForPoint(ctx context.Context, id int64, timeout, poll time.Duration) (Point, error) {
	if poll <= 0 {
		poll = defaultPoll
	}
	began := time.Now()
	ticker := time.NewTicker(poll)
	defer ticker.Stop()
	for {
		if err := j.Refresh(ctx); err != nil {
			return Point{}, err
		}
		p, err := j.Point(id)
		if err == nil {
			return p, nil
		}
		if damage := j.Damage(); damage != nil {
			return Point{}, damage
		}
		if gap := (*GapError)(nil); errors.As(err, &gap) {
			return Point{}, err
		}
		if waited := time.Since(began); timeout > 0 && waited >= timeout {
			return Point{}, &WaitError{Table: j.name, ID: id, Waited: waited.Round(time.Millisecond), Missing: j.missing(id)}
		}
		select {
		case <-ctx.Done():
			return Point{}, ctx.Err()
		case <-ticker.C:
		}
	}
}

// missing lists the partitions of the newest stream that do not hold the snapshot's Commit.
func (j *Journal) missing(id int64) []int {
	j.mu.Lock()
	defer j.mu.Unlock()
	var missing []int
	for _, s := range j.streams {
		var lacking []int
		found := false
		for _, p := range s.partitions {
			if p.committed(id) == nil {
				lacking = append(lacking, p.number)
			}
			found = found || p.committed(id) != nil || p.order.last == id
		}
		if found {
			return lacking
		}
		missing = lacking
	}
	return missing
}

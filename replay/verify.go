package replay

import (
	"context"
	"errors"
	"fmt"
	"time"

	"rewind/table"
)

// VerifyOptions say how thorough Verify is.
type VerifyOptions struct {
	Deep bool // fold every restore point, not only the newest and those where the schema changed
}

// Verdict on a table's journal.
type Verdict struct {
	Table    string         `json:"table"`
	Points   []PointVerdict `json:"points"`
	Gaps     []Gap          `json:"gaps,omitempty"`
	Segments int            `json:"segments"`
	Entries  int64          `json:"entries"`
	Bytes    int64          `json:"bytes"` // of the segments
	Damage   []string       `json:"damage,omitempty"`
	Seconds  float64        `json:"seconds"`
}

// PointVerdict on one restore point.
type PointVerdict struct {
	Point  Point  `json:"point"`
	Proved bool   `json:"proved"`
	How    string `json:"how,omitempty"` // ProofRecomputed or ProofFolded
	Why    string `json:"why,omitempty"` // it is not proved
}

// Verify walks the table's whole journal: the chain of its segments, every entry, the order of its messages, and the
// digest of every restore point, recomputed from what the changes took away and brought. Where the schema changed, and
// for the newest point, the point is folded. What is proved is recorded. The error is the damage that was found, joined;
// the verdict stands beside it.
func (j *Journal) Verify(ctx context.Context, o VerifyOptions) (Verdict, error) {
	began := time.Now()
	if err := j.Refresh(ctx); err != nil {
		return Verdict{}, err
	}
	v := &verifier{j: j, deep: o.Deep, Verdict: Verdict{Table: j.name.String(), Gaps: j.Gaps()}}
	if damage := j.Damage(); damage != nil {
		v.damaged(damage)
	}
	for _, s := range j.walked() {
		if err := v.walk(ctx, s); err != nil {
			return v.Verdict, err
		}
	}
	if err := j.recordProofs(ProofRecomputed, v.recomputed...); err != nil {
		return v.Verdict, err
	}
	if err := j.recordProofs(ProofFolded, v.folded...); err != nil {
		return v.Verdict, err
	}
	v.Seconds = time.Since(began).Seconds()
	return v.Verdict, errors.Join(v.damage...)
}

// walked copies what Verify walks over, so that a Refresh beside does not disturb it.
func (j *Journal) walked() []walkedStream {
	j.mu.Lock()
	defer j.mu.Unlock()
	var all []walkedStream
	for _, s := range j.streams {
		w := walkedStream{id: s.id}
		for _, p := range s.partitions {
			w.partitions = append(w.partitions, *p)
		}
		for _, p := range j.points {
			if p.Stream == s.id {
				w.points = append(w.points, p)
			}
		}
		all = append(all, w)
	}
	return all
}

type walkedStream struct {
	id         string
	partitions []partition
	points     []Point
}

// verifier gathers the verdict.
type verifier struct {
	Verdict
	j                  *Journal
	deep               bool
	damage             []error
	recomputed, folded []Point
}

func (v *verifier) damaged(err error) {
	for _, known := range v.damage {
		if known.Error() == err.Error() {
			return
		}
	}
	v.damage = append(v.damage, err)
	v.Damage = append(v.Damage, err.Error())
}

// walk verifies one stream. An error is none of the journal's: a context that ended.
func (v *verifier) walk(ctx context.Context, s walkedStream) error {
	var walks []*walk
	broken := false
	for i := range s.partitions {
		w := newWalk(&s.partitions[i], v.j.o.Progress)
		if err := w.chain(); err != nil {
			v.damaged(err)
			broken = true
		}
		err := w.entries(ctx)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err != nil {
			v.damaged(err)
		}
		v.Segments += w.segments
		v.Bytes += w.bytes
		v.Entries += w.count
		walks = append(walks, w)
	}
	var partitions []*partition
	for i := range s.partitions {
		partitions = append(partitions, &s.partitions[i])
	}
	for _, err := range missingJournals(partitions) {
		v.damaged(err)
	}
	return v.judge(ctx, s, walks, broken)
}

// judge goes through a stream's restore points with the digest that the changes add up to.
func (v *verifier) judge(ctx context.Context, s walkedStream, walks []*walk, broken bool) error {
	var running table.Digest
	known := false
	var before Point
	for i, p := range s.points {
		verdict := PointVerdict{Point: p}
		moved, missing := sumOf(walks[:p.Partitions], p.ID)
		switch {
		case missing != "":
			known = false
			verdict.Why = missing
		case p.IsBaseline():
			running, known = moved, true
		case p.SchemaIdentity != before.SchemaIdentity:
			known = false // every row's fingerprint is another now, also of rows that no change names
		default:
			running.Merge(moved)
		}
		before = p
		if broken {
			verdict.Why = "the chain of segments is broken"
		}
		if verdict.Why == "" {
			if known {
				v.hold(&verdict, running, ProofRecomputed)
			}
			if !known || v.deep || i == len(s.points)-1 {
				if err := v.fold(ctx, &verdict); err != nil {
					return err
				}
				running, known = p.Digest, verdict.Proved
			}
		}
		v.note(verdict)
	}
	return nil
}

// sumOf adds up what a snapshot's changes did to the digest in all partitions.
func sumOf(walks []*walk, id int64) (sum table.Digest, missing string) {
	for _, w := range walks {
		moved, ok := w.moved[id]
		if !ok {
			return sum, fmt.Sprintf("partition %d is damaged before its end", w.part.number)
		}
		sum.Merge(moved)
	}
	return sum, ""
}

func (v *verifier) hold(verdict *PointVerdict, have table.Digest, how string) {
	p := verdict.Point
	if verdict.Proved = have == p.Digest; verdict.Proved {
		verdict.How = how
		return
	}
	err := &ProofError{Table: v.j.name, Snapshot: p.ID, Where: "recomputed", Want: p.Digest, Have: have}
	verdict.Why = err.Error()
	v.damaged(err)
}

// fold proves a point by folding it.
func (v *verifier) fold(ctx context.Context, verdict *PointVerdict) error {
	for _, err := range v.j.Fold(ctx, verdict.Point) {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err != nil {
			verdict.Proved, verdict.How, verdict.Why = false, "", err.Error()
			v.damaged(err)
			return nil
		}
	}
	if verdict.Why == "" {
		verdict.Proved, verdict.How = true, ProofFolded
	}
	return nil
}

func (v *verifier) note(verdict PointVerdict) {
	v.Points = append(v.Points, verdict)
	if !verdict.Proved {
		return
	}
	if verdict.How == ProofFolded {
		v.folded = append(v.folded, verdict.Point)
	} else {
		v.recomputed = append(v.recomputed, verdict.Point)
	}
}

package replay

import (
	"context"
	"fmt"

	"rewind/table"
)

// judge goes through a stream's restore points with the digest that the changes add up to.
func (v *verifier) judge(ctx context.Context, s *stream) error {
	walks := v.walks[s.id]
	points := pointsOf(v.j.points, s.id)
	var running table.Digest
	known := false
	var before Point
	for i, p := range points {
		verdict := PointVerdict{Point: p, Earlier: walkedBefore(walks[:p.Partitions], p.ID), Unsigned: unsigned(walks[:p.Partitions], p)}
		moved, missing := sumOf(walks[:p.Partitions], p.ID)
		switch {
		case p.Base:
			verdict.Earlier = false // the journal begins with it: it is read each time
			if err := v.fold(ctx, &verdict); err != nil {
				return err
			}
			running, known, before = p.Digest, verdict.Proved, p
			v.add(verdict)
			continue
		case missing != "":
			known = false
			verdict.Why = missing
		case p.IsBaseline():
			running, known = moved, true
		case p.SchemaIdentity != before.SchemaIdentity: // every row's fingerprint is another now, also of rows that no change names
			if known = known && (!verdict.Earlier || p.Proved == nil); known {
				var err error
				if running, known, err = v.through(ctx, before, p); err != nil {
					return err
				}
			}
			running.Merge(moved)
		default:
			running.Merge(moved)
		}
		before = p
		if why := brokenIn(walks[:p.Partitions]); why != "" {
			verdict.Why = why
		}
		if verdict.Why == "" {
			newest := i == len(points)-1 && !verdict.Earlier && !resumed(walks)
			if err := v.prove(ctx, &verdict, running, known, newest); err != nil {
				return err
			}
			running, known = p.Digest, verdict.Proved
		}
		v.add(verdict)
	}
	return nil
}

// prove holds a point's digest against what the changes add up to, or against its fold where nothing can be added up. A
// point that was proved in an earlier walk stays so.
func (v *verifier) prove(ctx context.Context, verdict *PointVerdict, running table.Digest, known, newest bool) error {
	earlier := verdict.Point.Proved
	if known {
		v.hold(verdict, running, ProofRecomputed)
	}
	switch {
	case v.how.Fold || newest || !known && (!verdict.Earlier || earlier == nil):
		verdict.Earlier = false
		return v.fold(ctx, verdict)
	case !verdict.Earlier:
		return nil
	case !known || verdict.Proved && earlier != nil:
		verdict.Proved, verdict.How, verdict.At = true, earlier.How, earlier.At
	case verdict.Proved:
		v.forgotten = true
	}
	return nil
}

// through is the digest of a point's rows under the schema of the next one, to which that one's changes can be added: so the images
// before a change are held to the rows that they are said to be here, too. ok is false where that cannot be had.
func (v *verifier) through(ctx context.Context, p, next Point) (d table.Digest, ok bool, err error) {
	project, err := table.NewProjection(p.TableSchema(), next.TableSchema())
	if err != nil {
		return d, false, nil //nolint:nilerr // then the next point itself is folded, which tells
	}
	codec, err := table.NewCodec(next.TableSchema())
	if err != nil {
		return d, false, err
	}
	var image []byte
	for row, err := range v.j.Fold(ctx, p) {
		if ctx.Err() != nil {
			return d, false, ctx.Err()
		}
		if err == nil {
			image, err = project.AppendImage(image[:0], row.Image)
		}
		var print table.Fingerprint
		if err == nil {
			print, err = codec.Fingerprint(image)
		}
		if err != nil {
			return d, false, nil //nolint:nilerr // likewise
		}
		d.Add(print)
	}
	return d, true, nil
}

// pointsOf are a stream's.
func pointsOf(all []Point, stream string) (points []Point) {
	for _, p := range all {
		if p.Stream == stream {
			points = append(points, p)
		}
	}
	return points
}

// walkedBefore says whether all of a snapshot lies in what earlier walks went through.
func walkedBefore(walks []*walk, id int64) bool {
	for _, w := range walks {
		if w.known == nil || len(w.known.Spans) == 0 || w.known.Spans[len(w.known.Spans)-1].Snapshot < id {
			return false
		}
	}
	return true
}

// resumed says whether any walk went on from an earlier one.
func resumed(walks []*walk) bool {
	for _, w := range walks {
		if w.known != nil {
			return true
		}
	}
	return false
}

// brokenIn says why what the partitions hold is not to be trusted.
func brokenIn(walks []*walk) string {
	for _, w := range walks {
		if w.broken != "" {
			return w.broken
		}
	}
	return ""
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

// add takes a verdict; what this run has proved is to be recorded.
func (v *verifier) add(verdict PointVerdict) {
	switch {
	case !verdict.Proved:
		verdict.Earlier = false
	case verdict.Earlier:
	case verdict.How == ProofFolded:
		v.folded = append(v.folded, verdict.Point)
	default:
		v.recomputed = append(v.recomputed, verdict.Point)
	}
	if verdict.Proved && !verdict.Earlier {
		verdict.At = v.at
	}
	v.Points = append(v.Points, verdict)
}

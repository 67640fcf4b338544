package replay

import (
	"context"
	"errors"
	"fmt"
	"iter"

	"rewind/sorting"
	"rewind/table"
)

const (
	deletedBit       = 1 << 31 // in a record's tag, beside its source: the row is gone, there is no image
	rowsBetweenLooks = 1 << 14 // at the context, and between reports of progress
	orderSeqBits     = 40      // of a record's order: the change's seq, below the number of its link
)

// Fold gives the rows of the table at a restore point in key order. A row is valid until the next step. The rows end with
// a *ProofError when their digest is not the Commit's: until then they are not yet known to be the restore point. A producer publishes in key
// order; rows of a baseline that lies otherwise in the journal come behind all others.
func (j *Journal) Fold(ctx context.Context, p Point) iter.Seq2[table.Row, error] {
	return func(yield func(table.Row, error) bool) {
		f, err := j.fold(ctx, p)
		if err != nil {
			yield(table.Row{}, err)
			return
		}
		defer f.release()
		f.rows(ctx, "fold")(func(r table.Row, err error) bool {
			if err != nil {
				f.misled(j, err)
			}
			return yield(r, err)
		})
	}
}

// folded is a restore point's changes, ready to be merged into its rows: those of its last links are sorted; what they build on lies in order in a
// checkpoint, or in the journal.
type folded struct {
	j       *Journal
	point   Point
	parts   []partition
	links   []link // whose changes are sorted
	below   *link  // what they build on; nil: nothing
	under   *under // the checkpoint of that; nil: it is a baseline in the journal
	sorter  *sorting.Sorter
	seen    *seen // keys of changes; nil: none can have an older one
	looks   [lookAhead]look
	left    *left           // of the partition that is read
	spent   []bool          // by partition: what the links build on has no row that is left
	behind  *sorting.Sorter // of a baseline, what is not in the order of keys; nil: there is none
	sources []*source       // by number
	report  func(Progress)
	changes int64  // that are read
	proved  func() // is told that the rows are the restore point; may be nil
	failed  error  // of the rows
	key     []byte
}

// source is a schema of images, and the way from it to the point's.
type source struct {
	number  uint32 // in a record's tag
	schema  *table.Schema
	project *table.Projection
}

// fold reads the point's chain from its baseline on, or from a checkpoint on. The caller closes what it gets.
func (j *Journal) fold(ctx context.Context, p Point) (*folded, error) {
	f := &folded{j: j, point: p, links: p.links, report: j.o.Progress}
	var err error
	if f.parts, err = j.partitionsOf(p); err != nil {
		return nil, err
	}
	if err = f.begin(ctx, j, f.parts); err == nil {
		err = f.readTails(ctx)
	}
	if err != nil {
		f.release()
		return nil, err
	}
	return f, nil
}

// readTails sorts what is not read in order when the rows are.
func (f *folded) readTails(ctx context.Context) error {
	f.changes = changesOf(f.links)
	if f.under == nil && len(f.parts) <= mostFoundations {
		f.below, f.links = &f.links[0], f.links[1:]
	}
	memory := f.j.o.MemoryBytes
	if len(f.links) > 1 && !f.keysMove(f.links...) { // else no key is in them twice, or its newest change is not the first that is met
		f.seen = newSeen(changesOf(f.links), memory*3/5)
		memory -= f.seen.bytes()
	}
	f.sorter = sorting.New(sorting.Options{FS: f.j.o.FS, Dir: f.j.o.TempDir, MemoryBytes: memory})
	if len(f.links) == 0 {
		return nil
	}
	f.spent = make([]bool, len(f.parts))
	read := int64(0)
	for i := range f.parts {
		if err := f.readTail(ctx, &f.parts[i], &read); err != nil {
			return err
		}
	}
	f.forgetSeen()
	return nil
}

// keysMove says whether keys in links are other bytes than at the point, so that they may lie in another partition there: a DECIMAL's scale grew.
func (f *folded) keysMove(links ...link) bool {
	if len(f.parts) == 1 {
		return false
	}
	to := f.point.TableSchema()
	known := to
	for _, l := range links {
		s := l.spans[0].begin.Schema
		if s == known {
			continue
		}
		if p, err := table.NewProjection(s, to); err != nil || !p.SameKeys() { // that it cannot be is told where the link's changes are read
			return true
		}
		known = s
	}
	return false
}

// forgetSeen gives back the memory of the keys.
func (f *folded) forgetSeen() {
	if f.seen != nil {
		f.seen.free()
	}
	f.seen = nil
}

// changesOf is how many changes links have in all partitions.
func changesOf(links []link) (n int64) {
	for _, l := range links {
		n += l.spans[0].commit.Counts.Total()
	}
	return n
}

// partitionsOf gives the partitions that hold a point, as values: a Refresh beside does not disturb who reads them.
func (j *Journal) partitionsOf(p Point) ([]partition, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	for _, s := range j.streams {
		if s.id != p.Stream || len(s.partitions) < p.Partitions || len(p.links) == 0 {
			continue
		}
		var all []partition
		for _, part := range s.partitions[:p.Partitions] {
			all = append(all, *part)
		}
		return all, nil
	}
	return nil, fmt.Errorf("restore point %d is not of this journal", p.ID)
}

// sourceOf gives the source of rows of a schema.
func (f *folded) sourceOf(s *table.Schema) (*source, error) {
	for _, known := range f.sources {
		if known.schema == s {
			return known, nil
		}
	}
	project, err := table.NewProjection(s, f.point.TableSchema())
	if err != nil {
		return nil, fmt.Errorf("restore point %d: rows of schema %s: %w", f.point.ID, s.RecordName(), err)
	}
	known := &source{number: uint32(len(f.sources)), schema: s, project: project}
	f.sources = append(f.sources, known)
	return known, nil
}

// rows merges what was sorted into the point's rows and proves them.
func (f *folded) rows(ctx context.Context, stage string) iter.Seq2[table.Row, error] {
	return func(yield func(table.Row, error) bool) {
		digest, err := f.each(ctx, stage, func(r table.Row) bool { return yield(r, nil) })
		if errors.Is(err, errStopped) {
			return
		}
		if err == nil && digest != f.point.Digest {
			err = &ProofError{Table: f.point.TableSchema().Table, Snapshot: f.point.ID, Where: "folded", Want: f.point.Digest, Have: digest}
		}
		if f.failed = err; err != nil {
			yield(table.Row{}, err)
		} else if f.proved != nil {
			f.proved()
		}
	}
}

// prove computes the digest of the point's rows and holds it against its Commit's.
func (f *folded) prove(ctx context.Context) error {
	for _, err := range f.rows(ctx, "prove") {
		if err != nil {
			return err
		}
	}
	return nil
}

// release gives memory and disk back. That a file without a name could not be closed hurts nobody.
func (f *folded) release() {
	if f == nil {
		return
	}
	if f.sorter != nil {
		_ = f.sorter.Close()
	}
	f.forgetSeen()
	f.forgetLate()
	if f.under != nil {
		_ = f.under.file.Close()
	}
}

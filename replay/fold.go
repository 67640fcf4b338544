package replay

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"reflect"

	"rewind/change"
	"rewind/sorting"
	"rewind/table"
)

const (
	deletedBit       = 1 << 31 // in a record's tag, beside its source: the row is gone, there is no image
	rowsBetweenLooks = 1 << 14 // at the context, and between reports of progress
	orderSeqBits     = 40      // of a record's order: the change's seq, below the number of its link
)

// Fold gives the rows of the table at a restore point in key order. A row is valid until the next step. The rows end with
// a *ProofError when their digest is not the Commit's: until then they are not yet known to be the restore point.
func (j *Journal) Fold(ctx context.Context, p Point) iter.Seq2[table.Row, error] {
	return func(yield func(table.Row, error) bool) {
		f, err := j.fold(ctx, p)
		if err != nil {
			yield(table.Row{}, err)
			return
		}
		defer f.release()
		f.rows(ctx, "fold")(func(r table.Row, err error) bool {
			f.misled(j, err)
			return yield(r, err)
		})
	}
}

// folded is a restore point's changes, sorted and ready to be merged, as often as they are wanted.
type folded struct {
	point   Point
	links   []link // whose changes are read
	under   *under // what lies below them; nil: nothing does
	sorter  *sorting.Sorter
	sources []*table.Schema // of images, by a record's tag
	report  func(Progress)
	changes int64 // that were read
}

// fold reads the point's chain from its baseline on, or from a checkpoint on. The caller closes what it gets.
func (j *Journal) fold(ctx context.Context, p Point) (*folded, error) {
	f := &folded{point: p, links: p.links, report: j.o.Progress}
	f.sorter = sorting.New(sorting.Options{FS: j.o.FS, Dir: j.o.TempDir, MemoryBytes: j.o.MemoryBytes})
	partitions, err := j.partitionsOf(p)
	if err != nil {
		return nil, err
	}
	if err := f.begin(ctx, j, partitions); err != nil {
		f.release()
		return nil, err
	}
	for _, part := range partitions {
		if err := f.read(ctx, part); err != nil {
			f.release()
			return nil, err
		}
	}
	return f, nil
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

// chainReader finds the changes of a chain in one partition: those of its links, written by those who began them.
type chainReader struct {
	part  *partition
	links []link
	at    int // the link that is being read
	count int64
	rows  *table.Schema // that were last seen to be the link's
	order sequence      // of the entries that are read
	held  int           // links whose Begin and Commit were met
}

// hold holds the links against the entries themselves: what they are may have come from an index, which proves nothing.
func (c *chainReader) hold(e entry) error {
	open := c.order.open
	what, err := c.order.step(e.offset, e.size, e.Message)
	if err != nil {
		return c.part.damaged(nil, e.offset, err.Error())
	}
	if what != closed || c.held == len(c.links) {
		return nil
	}
	want := c.links[c.held].spans[c.part.number]
	if open.begin.Snapshot < want.begin.Snapshot && c.part.number > 0 {
		return nil // partition 0 has no Commit of it
	}
	if open.from != want.from || open.to != want.to || !reflect.DeepEqual(open.begin, want.begin) || !reflect.DeepEqual(open.commit, want.commit) {
		return c.part.damaged(nil, e.offset, fmt.Sprintf("snapshot %d ends here, and is not restore point %d as it was listed: if an index lies beside the segment, remove it",
			open.begin.Snapshot, want.begin.Snapshot))
	}
	c.held++
	return nil
}

// wants says whether a change belongs to the chain, and moves on to its link.
func (c *chainReader) wants(e entry) (bool, error) {
	m := e.Change
	at := c.at
	for at < len(c.links) && c.links[at].spans[c.part.number].begin.Snapshot < m.Snapshot {
		at++
	}
	if at == len(c.links) {
		return false, nil
	}
	begin := c.links[at].spans[c.part.number].begin
	if m.Snapshot != begin.Snapshot || m.Stamp != begin.Stamp {
		return false, nil // never committed, or of a producer that had been fenced off
	}
	if err := c.moveTo(at, e.offset); err != nil {
		return false, err
	}
	if c.rows != e.rows {
		if e.rows == nil || e.rows.Identity() != begin.Schema.Identity() {
			return false, c.part.damaged(nil, e.offset, fmt.Sprintf("a change of snapshot %d in a segment of another schema", m.Snapshot))
		}
		c.rows = e.rows
	}
	c.count++
	return true, nil
}

func (c *chainReader) span() *span { return c.links[c.at].spans[c.part.number] }

// moveTo goes on to a later link; those that it leaves must be complete.
func (c *chainReader) moveTo(at int, offset int64) error {
	for c.at < at {
		if err := c.finish(offset); err != nil {
			return err
		}
		c.at, c.count, c.rows = c.at+1, 0, nil
	}
	return nil
}

// finish checks that the link's changes were all there.
func (c *chainReader) finish(offset int64) error {
	if want := c.span().commit.Share.Total(); c.count != want {
		return c.part.damaged(nil, offset, fmt.Sprintf("snapshot %d has %d changes, its commit counts %d", c.span().begin.Snapshot, c.count, want))
	}
	return nil
}

// changes gives the chain's changes in one partition, in log order.
func (p *partition) changes(ctx context.Context, links []link) iter.Seq2[entry, error] {
	return func(yield func(entry, error) bool) {
		first, last := links[0].spans[p.number], links[len(links)-1].spans[p.number]
		c := &chainReader{part: p, links: links, order: sequence{highest: first.begin.Stamp}}
		for e, err := range p.entries(ctx, first.from) {
			if err == nil {
				err = c.hold(e)
			}
			if err != nil {
				yield(entry{}, err)
				return
			}
			if e.offset >= last.to {
				break
			}
			if e.Change == nil {
				continue
			}
			wanted, err := c.wants(e)
			if err != nil {
				yield(entry{}, err)
				return
			}
			e.link = c.at
			if wanted && !yield(e, nil) {
				return
			}
		}
		err := c.moveTo(len(links)-1, last.to)
		if err == nil {
			err = c.finish(last.to)
		}
		if err == nil && c.held < len(links) {
			err = p.damaged(nil, last.to, fmt.Sprintf("the commit of restore point %d is not where it was", links[c.held].spans[p.number].begin.Snapshot))
		}
		if err != nil {
			yield(entry{}, err)
		}
	}
}

// read sorts one partition's changes in.
func (f *folded) read(ctx context.Context, part partition) error {
	var rows *table.Schema
	var source uint32
	var project *table.Projection
	var key []byte
	if len(f.links) == 0 {
		return nil
	}
	for e, err := range part.changes(ctx, f.links) {
		if err != nil {
			return err
		}
		if e.rows != rows {
			rows = e.rows
			if source, project, err = f.source(rows); err != nil {
				return err
			}
		}
		if key, err = project.AppendKey(key[:0], e.Change.Key); err != nil {
			return part.damaged(nil, e.offset, err.Error())
		}
		f.changes++
		order := uint64(e.link)<<orderSeqBits | uint64(e.Change.Seq)
		if e.Change.Op == change.Delete {
			err = f.sorter.Add(key, order, source|deletedBit, nil)
		} else {
			err = f.sorter.Add(key, order, source, e.Change.After)
		}
		if err != nil {
			return err
		}
		if f.changes%rowsBetweenLooks == 0 {
			f.report(Progress{Stage: "fold", Rows: f.changes})
		}
	}
	return nil
}

// source gives a schema of images its number, and the projection from it to the point's schema.
func (f *folded) source(s *table.Schema) (uint32, *table.Projection, error) {
	project, err := table.NewProjection(s, f.point.TableSchema())
	if err != nil {
		return 0, nil, fmt.Errorf("restore point %d: rows of schema %s: %w", f.point.ID, s.RecordName(), err)
	}
	for i, known := range f.sources {
		if known.Identity() == s.Identity() {
			return uint32(i), project, nil
		}
	}
	f.sources = append(f.sources, s)
	return uint32(len(f.sources) - 1), project, nil
}

// rows merges what was sorted into the point's rows and proves them.
func (f *folded) rows(ctx context.Context, stage string) iter.Seq2[table.Row, error] {
	return func(yield func(table.Row, error) bool) {
		digest, err := f.each(ctx, stage, func(r table.Row) bool { return yield(r, nil) })
		if err == nil && digest != f.point.Digest {
			err = &ProofError{Table: f.point.TableSchema().Table, Snapshot: f.point.ID, Where: "folded", Want: f.point.Digest, Have: digest}
		}
		if err != nil && !errors.Is(err, errStopped) {
			yield(table.Row{}, err)
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

// each gives every surviving row, projected to the point's schema, until do returns false (then errStopped), and sums
// their digest.
func (f *folded) each(ctx context.Context, stage string, do func(table.Row) bool) (table.Digest, error) {
	var digest table.Digest
	codec, err := table.NewCodec(f.point.TableSchema())
	if err != nil {
		return digest, err
	}
	projections := make([]*table.Projection, len(f.sources))
	for i, s := range f.sources {
		if projections[i], err = table.NewProjection(s, f.point.TableSchema()); err != nil {
			return digest, err
		}
	}
	m, err := f.merge()
	if err != nil {
		return digest, err
	}
	var image []byte
	for {
		if digest.Rows%rowsBetweenLooks == 0 {
			if err := ctx.Err(); err != nil {
				return digest, err
			}
			f.report(Progress{Stage: stage, Rows: digest.Rows, Total: f.point.Rows})
		}
		rec, err := m.Next()
		if err != nil || rec == nil {
			f.report(Progress{Stage: stage, Rows: digest.Rows, Total: f.point.Rows})
			return digest, err
		}
		if rec.Tag()&deletedBit != 0 {
			continue
		}
		row := table.Row{Key: rec.Key(), Image: rec.Image()}
		if p := projections[rec.Tag()]; !p.Identity() {
			if image, err = p.AppendImage(image[:0], row.Image); err != nil {
				return digest, err
			}
			row.Image = image
		}
		print, err := codec.Fingerprint(row.Image)
		if err != nil {
			return digest, fmt.Errorf("row %s: %w", codec.FormatRow(row), err)
		}
		digest.Add(print)
		if !do(row) {
			return digest, errStopped
		}
	}
}

// release gives memory and disk back. That a file without a name could not be closed hurts nobody.
func (f *folded) release() {
	if f == nil {
		return
	}
	_ = f.sorter.Close()
	if f.under != nil {
		_ = f.under.file.Close()
	}
}

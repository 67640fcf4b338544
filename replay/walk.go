package replay

import (
	"context"
	"errors"
	"fmt"
	"io/fs"

	"rewind/change"
	"rewind/table"
)

// walk goes through one partition from its first entry, checks everything that an entry can say, and sums what each
// committed snapshot's changes did to the digest.
type walk struct {
	part     *partition
	report   func(Progress)
	order    sequence
	codec    *table.Codec // of the rows that were seen last
	rows     *table.Schema
	begin    *change.Begin // that the rows were seen to belong to
	key      []byte
	share    change.Counts          // of the open snapshot
	delta    table.Digest           // of the open snapshot
	moved    map[int64]table.Digest // by committed snapshot
	segments int
	bytes    int64
	count    int64
}

func newWalk(p *partition, report func(Progress)) *walk {
	return &walk{part: p, report: report, moved: make(map[int64]table.Digest)}
}

// chain verifies the SHA-256 chain of the sealed segments.
func (w *walk) chain() error {
	reader, err := w.part.open(decoders{})
	if err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		return err
	}
	for _, s := range reader.Segments() {
		w.segments++
		w.bytes += s.Bytes
	}
	return reader.VerifyChain()
}

func (w *walk) entries(ctx context.Context) error {
	for e, err := range w.part.entries(ctx, 0) {
		if err != nil {
			return err
		}
		if err := w.take(e); err != nil {
			return w.part.damaged(nil, e.offset, err.Error())
		}
		w.count++
		if w.count%rowsBetweenLooks == 0 {
			w.report(Progress{Stage: "verify", Rows: w.count})
		}
	}
	return nil
}

func (w *walk) take(e entry) error {
	open := w.order.open
	what, err := w.order.step(e.offset, e.size, e.Message)
	if err != nil {
		return err
	}
	switch what {
	case began:
		w.share, w.delta = change.Counts{}, table.Digest{}
	case changed:
		return w.change(e)
	case closed:
		if !open.broken && e.Commit.Share != w.share {
			return fmt.Errorf("the commit of snapshot %d counts %+v in this partition, which has %+v", e.Commit.Snapshot, e.Commit.Share, w.share)
		}
		w.moved[e.Commit.Snapshot] = w.delta
	}
	return nil
}

// change checks one change against itself and its snapshot, and adds it up.
func (w *walk) change(e entry) error {
	m, begin := e.Change, w.order.open.begin
	if err := w.learn(e.rows, begin); err != nil {
		return err
	}
	if err := validOp(m, begin.Previous == 0); err != nil {
		return err
	}
	if home := change.Partition(m.Key, begin.Partitions); home != w.part.number {
		return fmt.Errorf("the key %s belongs to partition %d", w.codec.FormatKey(m.Key), home)
	}
	w.share.Add(m.Op)
	if m.Before != nil {
		print, err := w.image(m.Key, m.Before)
		if err != nil {
			return err
		}
		w.delta.Remove(print)
	}
	if m.After != nil {
		print, err := w.image(m.Key, m.After)
		if err != nil {
			return err
		}
		w.delta.Add(print)
	}
	return nil
}

// image checks that an image has the key that its change names, and gives its fingerprint.
func (w *walk) image(key, image []byte) (print table.Fingerprint, err error) {
	if w.key, err = w.codec.AppendKeyOf(w.key[:0], image); err != nil {
		return print, err
	}
	if !w.codec.KeyFits(key, w.key) {
		return print, fmt.Errorf("the change of %s holds the row of %s", w.codec.FormatKey(key), w.codec.FormatRow(table.Row{Key: w.key, Image: image}))
	}
	return w.codec.Fingerprint(image)
}

// learn makes the codec of the rows that a change holds.
func (w *walk) learn(rows *table.Schema, begin *change.Begin) (err error) {
	if rows == nil {
		return errors.New("a change in a segment without a row schema")
	}
	if rows == w.rows && begin == w.begin {
		return nil
	}
	if rows != w.rows {
		if w.codec, err = table.NewCodec(rows); err != nil {
			return err
		}
		w.rows = rows
	}
	if rows.Identity() != begin.Schema.Identity() {
		return fmt.Errorf("a change of snapshot %d in a segment of another schema", begin.Snapshot)
	}
	w.begin = begin
	return nil
}

// validOp checks that a change has the images that its op has.
func validOp(m *change.Change, baseline bool) error {
	before, after := m.Before != nil, m.After != nil
	fits := false
	switch m.Op {
	case change.Read:
		fits = baseline && !before && after
	case change.Create:
		fits = !baseline && !before && after
	case change.Update:
		fits = !baseline && before && after
	case change.Delete:
		fits = !baseline && before && !after
	}
	if !fits {
		return fmt.Errorf("change %d of snapshot %d: op %q does not go with its images (before %t, after %t, baseline %t)",
			m.Seq, m.Snapshot, m.Op.String(), before, after, baseline)
	}
	return nil
}

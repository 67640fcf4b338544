package replay

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"

	"rewind/change"
	"rewind/journal"
	"rewind/table"
)

// walk goes through one partition, checks everything that an entry can say, and sums what each committed snapshot's changes
// did to the digest. It begins at the first entry, or behind the sealed segments that an earlier walk went through.
type walk struct {
	part   *partition
	reader *journal.Reader // nil: the partition has no folder
	infos  []journal.SegmentInfo
	files  []fileMark          // of infos
	sums   [][sha256.Size]byte // of the first segments: those that were proved before, then those hashed now
	known  *remembered         // what an earlier walk left; nil: this one begins at the beginning

	readNow map[int]bool // of the segments proved before
	sealed  *remembered  // the state behind the sealed segments, once they were walked through

	codec *table.Codec // of the rows that were seen last
	rows  *table.Schema
	begin *change.Begin // that the rows were seen to belong to
	key   []byte
	share change.Counts          // of the open snapshot
	delta table.Digest           // of the open snapshot
	moved map[int64]table.Digest // by committed snapshot
	count int64                  // entries, those of earlier walks included
	each  []int64                // the same by segment
	fresh int64                  // entries that this walk read

	head     *headCheck // nil: heads are not looked at
	unsigned int64      // entries behind it
	sample   []int      // of the segments proved before, to be read again
	broken   string     // why nothing here is to be trusted; "": nothing is known
}

// fileMark tells a file from another by what costs no reading.
type fileMark struct{ size, modified int64 }

func newWalk(p *partition) *walk {
	return &walk{part: p, moved: make(map[int64]table.Digest), readNow: make(map[int]bool)}
}

// look lists the partition's segments as they are now.
func (w *walk) look() error {
	reader, err := w.part.open(decoders{})
	if err != nil {
		return ignoreNotExist(err)
	}
	w.reader, w.infos = reader, reader.Segments()
	w.files, w.each = make([]fileMark, len(w.infos)), make([]int64, len(w.infos))
	for i, info := range w.infos {
		stat, err := w.part.fs.Stat(info.Path)
		if errors.Is(err, fs.ErrNotExist) {
			continue // renamed or removed by a writer in this moment: it is read then
		}
		if err != nil {
			return err
		}
		w.files[i] = fileMark{stat.Size(), stat.ModTime().UnixNano()}
	}
	return nil
}

// skipped is how many segments need no reading.
func (w *walk) skipped() int {
	if w.known == nil {
		return 0
	}
	return len(w.known.Segments)
}

// chain follows the SHA-256 chain of the sealed segments; those that were proved before are not read for it.
func (w *walk) chain() error {
	if w.reader == nil {
		return nil
	}
	at := 0
	return journal.Chain(w.infos, func(info journal.SegmentInfo) ([sha256.Size]byte, error) {
		if at++; at <= len(w.sums) {
			return w.sums[at-1], nil
		}
		sum, err := w.reader.Hash(info)
		w.sums = append(w.sums, sum)
		return sum, err
	})
}

// boundary is where the active segment begins.
func (w *walk) boundary() int64 {
	if n := len(w.infos); n > 0 {
		return w.infos[n-1].BaseOffset
	}
	return 0
}

// entries walks through what was not walked through before. Where no segment was begun when it was looked at, it is none of this walk's what has come
// since: neither a head nor a chain was read for it.
func (w *walk) entries(ctx context.Context) error {
	from := int64(0)
	if n := w.skipped(); n > 0 {
		from = w.infos[n].BaseOffset
	}
	boundary, in := w.boundary(), 0
	for e, err := range w.part.entries(ctx, from) {
		if err != nil {
			return err
		}
		if len(w.infos) == 0 {
			break
		}
		if w.sealed == nil && e.offset >= boundary {
			if w.sealed, err = w.memorize(); err != nil {
				return err
			}
		}
		if err := w.take(e); err != nil {
			return w.part.damaged(nil, e.offset, err.Error())
		}
		w.part.next = e.offset + 1
		w.count++
		w.fresh++
		for in+1 < len(w.infos) && e.offset >= w.infos[in+1].BaseOffset {
			in++
		}
		w.each[in]++
		if w.head != nil && w.head.err == nil && e.offset >= w.head.head.Next {
			w.unsigned++
		}
	}
	if w.sealed != nil || len(w.infos) == 0 {
		return nil
	}
	sealed, err := w.memorize() // the active segment has no entry yet
	w.sealed = sealed
	return err
}

func (w *walk) take(e entry) error {
	open := w.part.order.open
	what, err := w.part.step(e)
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
	m, begin := e.Change, w.part.order.open.begin
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

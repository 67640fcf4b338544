package index

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"

	"rewind/change"
	"rewind/table"
)

// Kinds of an item in the file.
const (
	itemOpen = iota + 1
	itemBegin
	itemCommit
	itemGap
	itemRun
)

// itemWriter encodes items. Of Begins, which are alike but for stamp, snapshot and previous one, each form is written once; so are
// writers.
type itemWriter struct {
	forms   map[string]int
	writers map[[16]byte]int
	next    int64 // offset behind the last item
	b       []byte
}

func newItemWriter() *itemWriter {
	return &itemWriter{forms: map[string]int{}, writers: map[[16]byte]int{}}
}

func (w *itemWriter) number(n int64) { w.b = binary.AppendUvarint(w.b, uint64(n)) }
func (w *itemWriter) text(s string)  { w.number(int64(len(s))); w.b = append(w.b, s...) }
func (w *itemWriter) fixed(n uint64) { w.b = binary.LittleEndian.AppendUint64(w.b, n) }
func (w *itemWriter) signed(n int64) { w.b = binary.AppendVarint(w.b, n) }
func (w *itemWriter) counts(c change.Counts) {
	for _, n := range []int64{c.Reads, c.Creates, c.Updates, c.Deletes} {
		w.signed(n)
	}
}

// stamp writes a writer's bytes the first time, and its number from then on.
func (w *itemWriter) stamp(s change.Stamp) {
	w.signed(s.Epoch)
	n, known := w.writers[s.Writer]
	if !known {
		n = len(w.writers)
		w.writers[s.Writer] = n
	}
	if w.number(int64(n)); !known {
		w.b = append(w.b, s.Writer[:]...)
	}
}

func (w *itemWriter) add(i Item) error {
	kind := func(k byte) {
		w.b = append(w.b, k)
		w.number(i.First - w.next)
		w.number(i.Size)
	}
	switch m := i.Message; {
	case i.Changes > 0:
		kind(itemRun)
		w.number(i.Last - i.First)
		w.number(i.Changes)
		w.stamp(m.Change.Stamp)
		w.signed(m.Change.Snapshot)
		w.signed(m.Change.Seq)
	case m.Open != nil:
		kind(itemOpen)
		w.stamp(m.Open.Stamp)
		w.text(m.Open.Stream)
		w.text(m.Open.Table)
		w.signed(m.Open.At)
	case m.Begin != nil:
		kind(itemBegin)
		if err := w.begin(m.Begin); err != nil {
			return err
		}
	case m.Commit != nil:
		kind(itemCommit)
		w.commit(m.Commit)
	case m.Gap != nil:
		kind(itemGap)
		w.stamp(m.Gap.Stamp)
		w.text(m.Gap.Reason)
		w.text(m.Gap.Cause)
		w.signed(m.Gap.NextOffset)
		w.signed(m.Gap.At)
	default:
		return errors.New("an item without a message")
	}
	w.next = i.Last + 1
	return nil
}

// begin writes the form of a Begin, or its number, and what differs.
func (w *itemWriter) begin(m *change.Begin) error {
	w.stamp(m.Stamp)
	w.signed(m.Snapshot)
	w.signed(m.Previous)
	form := *m
	form.Stamp, form.Snapshot, form.Previous = change.Stamp{Epoch: 1}, 1, 0
	text, err := change.AppendBegin(nil, &form)
	if err != nil {
		return err
	}
	n, known := w.forms[string(text)]
	if !known {
		n = len(w.forms)
		w.forms[string(text)] = n
	}
	if w.number(int64(n)); !known {
		w.text(string(text))
	}
	return nil
}

func (w *itemWriter) commit(m *change.Commit) {
	w.stamp(m.Stamp)
	for _, n := range []int64{m.Snapshot, m.Seq, m.ReadBegan, m.ReadEnded} {
		w.signed(n)
	}
	w.counts(m.Counts)
	w.counts(m.Share)
	w.signed(m.Digest.Rows)
	w.fixed(m.Digest.M)
	w.fixed(m.Digest.F)
}

// itemReader decodes what an itemWriter wrote.
type itemReader struct {
	cursor
	decoder *change.Decoder
	forms   []*change.Begin
	writers [][16]byte
	next    int64
}

func (r *itemReader) signed() int64 {
	n, size := binary.Varint(r.rest)
	if r.failed || size <= 0 {
		r.failed = true
		return 0
	}
	r.rest = r.rest[size:]
	return n
}

func (r *itemReader) text() string { return string(r.take(int(r.number()))) }

func (r *itemReader) wide() uint64 {
	if b := r.take(8); b != nil {
		return binary.LittleEndian.Uint64(b)
	}
	return 0
}

func (r *itemReader) counts() (c change.Counts) {
	c.Reads, c.Creates, c.Updates, c.Deletes = r.signed(), r.signed(), r.signed(), r.signed()
	return c
}

func (r *itemReader) stamp() (s change.Stamp) {
	s.Epoch = r.signed()
	n := r.number()
	if n == int64(len(r.writers)) {
		var writer [16]byte
		copy(writer[:], r.take(len(writer)))
		r.writers = append(r.writers, writer)
	}
	if n >= int64(len(r.writers)) {
		r.failed = true
		return s
	}
	s.Writer = r.writers[n]
	return s
}

// read decodes the next item.
func (r *itemReader) read() (i Item, err error) {
	kind := r.take(1)
	if r.failed {
		return i, errForm
	}
	i.First = r.next + r.number()
	i.Last, i.Size = i.First, r.number()
	switch kind[0] {
	case itemRun:
		i.Last += r.number()
		i.Changes = r.number()
		i.Message.Change = &change.Change{Stamp: r.stamp(), Snapshot: r.signed(), Seq: r.signed()}
		r.failed = r.failed || i.Changes < 1
	case itemOpen:
		i.Message.Open = &change.Open{Stamp: r.stamp(), Stream: r.text(), Table: r.text(), At: r.signed()}
	case itemBegin:
		i.Message.Begin, err = r.begin()
	case itemCommit:
		i.Message.Commit = r.commit()
	case itemGap:
		i.Message.Gap = &change.Gap{Stamp: r.stamp(), Reason: r.text(), Cause: r.text(), NextOffset: r.signed(), At: r.signed()}
	default:
		r.failed = true
	}
	if err == nil && r.failed {
		err = errForm
	}
	r.next = i.Last + 1
	return i, err
}

func (r *itemReader) begin() (*change.Begin, error) {
	m := change.Begin{Stamp: r.stamp(), Snapshot: r.signed(), Previous: r.signed()}
	n := r.number()
	if n == int64(len(r.forms)) && !r.failed {
		form, err := r.decoder.Decode(bytes.Clone(r.take(int(r.number()))))
		if err != nil || form.Begin == nil {
			return nil, errForm
		}
		r.forms = append(r.forms, form.Begin)
	}
	if n >= int64(len(r.forms)) {
		return nil, errForm
	}
	form := *r.forms[n]
	form.Stamp, form.Snapshot, form.Previous = m.Stamp, m.Snapshot, m.Previous
	return &form, nil
}

func (r *itemReader) commit() *change.Commit {
	return &change.Commit{
		Stamp: r.stamp(), Snapshot: r.signed(), Seq: r.signed(), ReadBegan: r.signed(), ReadEnded: r.signed(),
		Counts: r.counts(), Share: r.counts(), Digest: table.Digest{Rows: r.signed(), M: r.wide(), F: r.wide()},
	}
}

// Items are the segment's, in order. They were checked before the first of them is given.
func (x *Index) Items() ([]Item, error) {
	b, err := x.section(x.items)
	if err != nil {
		return nil, err
	}
	r := &itemReader{cursor: cursor{rest: b}, decoder: change.NewDecoder()}
	var all []Item
	for len(r.rest) > 0 {
		i, err := r.read()
		if err != nil {
			return nil, &Damage{Path: x.path, Reason: err.Error()}
		}
		all = append(all, i)
	}
	if len(all) == 0 || all[len(all)-1].Last != x.last {
		return nil, &Damage{Path: x.path, Reason: errForm.Error()}
	}
	return all, nil
}

// section reads a part of the file and checks it.
func (x *Index) section(s section) ([]byte, error) {
	b := make([]byte, s.length)
	if n, err := x.file.ReadAt(b, s.at); n < len(b) {
		return nil, &Damage{Path: x.path, Reason: fmt.Sprintf("read at byte %d: %v", s.at, err)}
	}
	if checksum(b) != s.sum {
		return nil, &Damage{Path: x.path, Reason: fmt.Sprintf("the checksum at byte %d is not that of its bytes", s.at)}
	}
	return b, nil
}

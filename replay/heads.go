package replay

import (
	"crypto/ed25519"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"rewind/journal"
)

// HeadVerdict on one partition's signed head.
type HeadVerdict struct {
	journal.Head
	Held    bool           `json:"held"` // its signature is right, and what it signs is there
	Kept    bool           `json:"kept,omitempty"`
	Behind  journal.Behind `json:"unsigned"` // what stands behind it
	Entries int64          `json:"unsigned_entries"`
	Age     float64        `json:"age_seconds"`
	Why     string         `json:"why,omitempty"`
}

// headCheck is what became of a partition's head before its journal was read: a writer beside only adds to what it signs.
type headCheck struct {
	head journal.Head
	err  error
}

// readHead reads the partition's head, if there is a key to check it with. Where there need be none, one that this key did not sign counts for nothing.
func (w *walk) readHead(key ed25519.PublicKey, needed bool) error {
	if key == nil {
		return nil
	}
	reader, err := w.part.open(decoders{})
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	head, err := reader.Head(key)
	if wrong := (*journal.HeadError)(nil); !needed && errors.As(err, &wrong) {
		return nil
	}
	w.head = &headCheck{head, err}
	return nil
}

// holdHead holds the journal against its head.
func (v *verifier) holdHead(w *walk) {
	if w.head == nil {
		return
	}
	h := HeadVerdict{Head: w.head.head, Age: time.Since(w.head.head.At).Seconds(), Entries: w.unsigned}
	err := w.head.err
	if err == nil {
		h.Behind, err = w.reader.Hold(h.Head)
	}
	h.Stream, h.Partition = w.part.stream, w.part.number
	v.addHead(w, h, err)
}

func (v *verifier) addHead(w *walk, h HeadVerdict, err error) {
	if h.Held = err == nil; !h.Held {
		h.Why = err.Error()
		v.note(err)
		if w != nil && w.broken == "" {
			w.broken = fmt.Sprintf("partition %d is not what was signed, or not signed", w.part.number)
		}
	}
	v.Heads = append(v.Heads, h)
}

// keptHeads holds the journals against heads that were kept elsewhere.
func (v *verifier) keptHeads() {
	for _, head := range v.how.Heads {
		if head.Table != v.Table {
			continue
		}
		h := HeadVerdict{Head: head, Kept: true, Age: time.Since(head.At).Seconds()}
		walks := v.walks[head.Stream]
		if head.Partition >= len(walks) || walks[head.Partition].reader == nil {
			v.addHead(nil, h, &journal.HeadError{Path: v.j.dir, Reason: fmt.Sprintf(
				"the journal of stream %s, partition %d, which was signed at %s, is missing", head.Stream, head.Partition, stamp(head.At))})
			continue
		}
		w := walks[head.Partition]
		var err error
		if v.how.Key != nil {
			if wrong := head.Check(v.how.Key); wrong != nil {
				err = &journal.HeadError{Path: "that was kept elsewhere", Reason: wrong.Error()}
			}
		}
		if err == nil {
			h.Behind, err = w.reader.Hold(head)
		}
		v.addHead(w, h, err)
	}
}

// unsigned says whether a point has an entry behind the signed head of its partition.
func unsigned(walks []*walk, p Point) bool {
	for i, w := range walks {
		if w.head != nil && w.head.err == nil && p.links[len(p.links)-1].spans[i].to >= w.head.head.Next {
			return true
		}
	}
	return false
}

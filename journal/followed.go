package journal

import (
	"crypto/ed25519"
	"errors"
)

// Followed says whether an entry is known to be durable by what stands behind it. What can be read may have come no further than the system's
// memory: its fsync failed, or never came. A writer accepts nothing behind that, so a later block, or a later segment, proves that the block of the
// entry was durable; and so does a head that signs it, which is signed for nothing else.
func (r *Reader) Followed(offset int64, public ed25519.PublicKey) (ok bool, err error) {
	infos := r.Segments()
	if len(infos) == 0 {
		return false, nil
	}
	last := infos[len(infos)-1]
	if last.Err != nil || last.BaseOffset > offset || last.Sealed {
		return last.Err == nil, last.Err
	}
	if head, err := r.Head(public); err == nil && head.Next > offset {
		return true, nil
	}
	outline, err := r.Outline(last, func(schema string) (Cutter, error) {
		length, err := r.options.Splitter(schema)
		return cutter(length), err
	})
	if err != nil {
		return false, err
	}
	defer func() { err = errors.Join(err, outline.Close()) }()
	if err := outline.Damage(); err != nil || outline.Len() == 0 {
		return false, err
	}
	block, err := outline.Block(outline.Len() - 1)
	return err == nil && block.First() > offset, err
}

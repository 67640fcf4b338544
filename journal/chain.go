package journal

import (
	"crypto/sha256"
	"errors"
	"fmt"
)

// VerifyChain reads the sealed segments and compares their SHA-256 with what the segment after each says. The first
// segment must say that there was none before it, or be the one that a cut record names. What the chain cannot show is the active segment's own tampering.
func (r *Reader) VerifyChain() error {
	return Chain(r.Segments(), r.Hash)
}

// Chain follows the chain of a journal's segments with the SHA-256 that sum knows of each sealed segment.
func Chain(infos []SegmentInfo, sum func(SegmentInfo) ([sha256.Size]byte, error)) error {
	var previous [sha256.Size]byte
	var err error
	for i, info := range infos {
		if info.Err != nil {
			return info.Err
		}
		if i == 0 && info.BehindCut {
			previous = info.Previous // the cut record says so
		}
		if info.Previous != previous {
			return brokenChain(infos, i)
		}
		if !info.Sealed {
			break
		}
		if previous, err = sum(info); err != nil {
			return err
		}
	}
	return nil
}

// brokenChain says which link does not hold.
func brokenChain(infos []SegmentInfo, i int) error {
	if i == 0 {
		return &CorruptionError{Segment: infos[0].Path, Err: errors.New("a segment before it is missing")}
	}
	return &CorruptionError{Segment: infos[i-1].Path, Err: fmt.Errorf("its SHA-256 is not the one that %s was chained to: it was changed, or a segment between them is missing", infos[i].Path)}
}

// Hash reads a segment whole: its SHA-256, which the segment behind it is chained to.
func (r *Reader) Hash(info SegmentInfo) (sum [sha256.Size]byte, err error) {
	f, err := r.options.openSegment(segment{path: info.Path, base: info.BaseOffset})
	if err != nil {
		return sum, corrupt(info.Path, 0, err)
	}
	defer f.Close() //nolint:errcheck // only read
	return f.sum()
}

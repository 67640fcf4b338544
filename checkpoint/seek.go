package checkpoint

import (
	"bytes"
	"context"
	"errors"

	"rewind/ocf"
	"rewind/table"
)

// nearEnough is how close to a key's block a bisection comes: to be nearer would cost as many bytes as to read on from there.
const nearEnough = 64 << 10

// RowsFrom begins to read the rows at the first whose key is not below a key. Its block is found by bisection: of those before it only the ones
// on the way are read, and seen to be whole and in order as far as that shows. What the file is worth as a whole, Check says.
func (f *File) RowsFrom(ctx context.Context, key []byte) (*Rows, error) {
	if len(key) == 0 {
		return f.Rows()
	}
	codec, err := table.NewCodec(f.Schema())
	if err != nil {
		return nil, err
	}
	at, err := f.bisect(ctx, codec, key)
	if err != nil {
		return nil, err
	}
	in, err := ocf.ResumeReader(f.section(at), f.container, at)
	if err != nil {
		return nil, f.damaged(err)
	}
	return &Rows{file: f, in: in, codec: codec, from: key, part: true}, nil
}

// bisect gives where a block begins that the first row which is wanted stands in, or one a little before it.
func (f *File) bisect(ctx context.Context, codec *table.Codec, key []byte) (at int64, err error) {
	at, edge := f.begins, f.size // of the blocks that begin from edge on, none can be the one
	var low, high []byte         // the first keys of the blocks that were looked at next to at and edge
	for edge-at > nearEnough {
		if err := ctx.Err(); err != nil {
			return at, err
		}
		middle := at + (edge-at)/2
		in, err := ocf.SeekBlock(f.plain, f.container, f.size, middle, int(edge-middle))
		if err != nil {
			return at, f.damaged(err)
		}
		if in == nil || in.Offset() >= edge {
			edge = middle
			continue
		}
		begins := in.Offset()
		first, err := f.firstKey(in, codec)
		if err != nil {
			return at, f.damaged(err)
		}
		if !between(low, first, high) {
			return at, f.damaged(errors.New("its rows are not in the order of their keys"))
		}
		if first != nil && bytes.Compare(first, key) <= 0 {
			at, low = begins, first
		} else {
			edge, high = middle, first // none begins between middle and this one
		}
	}
	return at, nil
}

// between says whether keys ascend, as far as they are known.
func between(low, key, high []byte) bool {
	return key == nil || (low == nil || bytes.Compare(low, key) < 0) && (high == nil || bytes.Compare(key, high) < 0)
}

// firstKey reads a block, and gives the key of its first row; nil where the block is the end's.
func (f *File) firstKey(in *ocf.Reader, codec *table.Codec) ([]byte, error) {
	r := &Rows{file: f, in: in, codec: codec, part: true}
	if err := r.block(); err != nil || r.end != nil {
		return nil, err
	}
	row, err := r.row()
	return bytes.Clone(row.Key), err
}

package journal

import (
	"errors"
	"io"
	"io/fs"

	"rewind/ocf"
)

// Outline is a segment whose blocks can be read in any order. It holds the file open.
type Outline struct {
	file   *opened // nil: there is no segment
	blocks *ocf.Blocks
	cut    Cutter
	walk   *walk
	block  Block
	damage error // behind the last block
}

// Outline finds the blocks of a segment, without looking into them. In the active segment, what is incomplete at its end is its end.
func (r *Reader) Outline(info SegmentInfo, cutters func(schema string) (Cutter, error)) (*Outline, error) {
	s := segment{path: info.Path, base: info.BaseOffset}
	f, err := r.options.openSegment(s)
	if !info.Sealed && errors.Is(err, fs.ErrNotExist) {
		return &Outline{}, nil // removed by a writer that found it not begun
	}
	if err != nil {
		return nil, corrupt(s.path, 0, r.options.dropped(r.dir, s, err))
	}
	o := &Outline{file: f}
	if err := o.open(r, !f.sealed(!info.Sealed), cutters); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return o, nil
}

func (o *Outline) open(r *Reader, isLast bool, cutters func(schema string) (Cutter, error)) error {
	f := o.file
	blocks, err := ocf.NewBlocks(f, f.size)
	if blocks == nil {
		if isLast && errors.Is(err, io.ErrUnexpectedEOF) {
			return nil
		}
		return corrupt(f.path, 0, err)
	}
	o.blocks = blocks
	h := blocks.Header()
	if err != nil {
		torn := false
		if isLast {
			torn, err = ocf.Torn(f, blocks.Start(blocks.Len()), f.size, h.Sync, err)
		}
		if !torn {
			o.damage = corrupt(f.path, blocks.Start(blocks.Len()), err)
		}
	}
	if _, err := r.options.parseHeader(f.segment, h); err != nil {
		return err
	}
	if o.cut, err = cutters(h.Schema); err != nil {
		return &CorruptionError{Segment: f.path, Err: err}
	}
	o.block.Schema = h.Schema
	return nil
}

// Len is how many blocks there are.
func (o *Outline) Len() int {
	if o.blocks == nil {
		return 0
	}
	return o.blocks.Len()
}

// Damage is what is behind the last block, where that is not the segment's end.
func (o *Outline) Damage() error { return o.damage }

// Block reads a block and checks it by itself: how it goes together with others is not known here. It is valid until the next call.
func (o *Outline) Block(i int) (*Block, error) {
	at := o.blocks.Start(i)
	count, records, err := o.blocks.Read(i)
	if err != nil {
		return nil, corrupt(o.file.path, at, err)
	}
	if o.walk == nil {
		o.walk = newWalk(o.file.base, o.cut)
	}
	if o.walk.last = o.file.base; i == 0 {
		o.walk.last--
	}
	cuts, err := o.walk.block(count, records)
	if err != nil {
		return nil, &CorruptionError{Segment: o.file.path, Offset: at, Err: err}
	}
	o.block.At, o.block.End, o.block.records, o.block.cuts = at, o.blocks.Start(i+1), records, cuts
	return &o.block, nil
}

// Close closes the file.
func (o *Outline) Close() error {
	if o.file == nil {
		return nil
	}
	return o.file.Close()
}

package ocf

import (
	"encoding/binary"
	"fmt"
)

// WriteAhead writes a block that was packed before, with one Write; the file's codec must be Snappy. Records that were appended before are
// written before, as a block of their own.
func (w *Writer) WriteAhead(p *Ahead) error {
	if err := w.Flush(); err != nil {
		return err
	}
	if w.header.Codec != Snappy || p.count == 0 {
		return fmt.Errorf("container file: a block of %d records for codec %.40q", p.count, w.header.Codec)
	}
	return w.writeAhead(p)
}

func (w *Writer) writeAhead(p *Ahead) error {
	var numbers [prefixBytes]byte
	prefix := binary.AppendVarint(numbers[:0], int64(p.count))
	prefix = binary.AppendVarint(prefix, int64(len(p.block)-prefixBytes))
	start := prefixBytes - len(prefix)
	copy(p.block[start:], prefix)
	p.block = append(p.block, w.header.Sync[:]...)
	err := w.write(p.block[start:])
	p.count = 0 // with the marker it is this file's
	return err
}

// Ahead is a block that is compressed and belongs to no file yet: packing it needs no Writer, and so can be done while one writes.
type Ahead struct {
	block []byte // behind room for the two numbers
	count int
}

// Pack compresses records by Snappy into p, whose memory is used again.
func (p *Ahead) Pack(count int, records []byte) error {
	if count <= 0 {
		return fmt.Errorf("container file: a block of %d records", count)
	}
	return p.pack(snappyCodec{}, count, records)
}

// Packed is the block as it will stand in the file, compressed and with its checksum, until it is written or packed anew.
func (p *Ahead) Packed() []byte { return p.block[prefixBytes:] }

func (p *Ahead) pack(c codec, count int, records []byte) error {
	if len(records) > MaxBlock || count > MaxBlock {
		return fmt.Errorf("container file: a block of %d records in %d bytes, at most %d", count, len(records), MaxBlock)
	}
	block, err := c.append(grow(p.block[:0], prefixBytes), records)
	if err != nil {
		return fmt.Errorf("compress a block: %w", err)
	}
	p.block, p.count = block, count
	return nil
}

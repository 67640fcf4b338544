package ocf

import (
	"encoding/binary"
	"fmt"
)

// Packed is the block that Next or NextPacked read last as it stands in the file, compressed and with its checksum: what WritePacked
// takes over into another file of the same codec. It is valid until the next block is read.
func (r *Reader) Packed() []byte { return r.raw[:len(r.raw)-markerBytes] }

// WritePacked writes a block that a Reader of a file of the same codec has read, without packing it again. Records that were appended
// before are written before, as a block of their own. The block's three parts are a Write each.
func (w *Writer) WritePacked(count int, packed []byte) error {
	if err := w.Flush(); err != nil {
		return err
	}
	if count <= 0 || count > MaxBlock || len(packed) > maxCompressed {
		return fmt.Errorf("container file: a packed block of %d records in %d bytes", count, len(packed))
	}
	var numbers [prefixBytes]byte
	prefix := binary.AppendVarint(numbers[:0], int64(count))
	prefix = binary.AppendVarint(prefix, int64(len(packed)))
	for _, part := range [][]byte{prefix, packed, w.header.Sync[:]} {
		if err := w.write(part); err != nil {
			return err
		}
	}
	return nil
}

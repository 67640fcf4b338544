package ocf

import (
	"encoding/binary"
	"hash/crc32"
)

// sparingCodec is snappy that stops to compress where it does not pay, and tries again now and then.
type sparingCodec struct {
	snappyCodec
	stored int // blocks that will be stored before the next one is tried
}

const (
	storedBlocks = 31  // between two that are tried
	paysFrom     = 0.8 // of the size, or less, is worth the time
)

func (c *sparingCodec) append(dst, records []byte) ([]byte, error) {
	if c.stored > 0 && len(records) > 0 {
		c.stored--
		return appendStored(dst, records), nil
	}
	out, err := c.snappyCodec.append(dst, records)
	if float64(len(out)-len(dst)) > paysFrom*float64(len(records)) {
		c.stored = storedBlocks
	}
	return out, err
}

// appendStored appends records as one literal of snappy, and their checksum.
func appendStored(dst, records []byte) []byte {
	const fourBytes = 63 << 2 // a literal whose length stands in four bytes
	dst = grow(dst, binary.MaxVarintLen64+1+4+len(records)+crc32.Size)[:len(dst)]
	dst = binary.AppendUvarint(dst, uint64(len(records)))
	dst = binary.LittleEndian.AppendUint32(append(dst, fourBytes), uint32(len(records)-1))
	return binary.BigEndian.AppendUint32(append(dst, records...), crc32.ChecksumIEEE(records))
}

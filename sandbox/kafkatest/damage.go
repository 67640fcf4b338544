package kafkatest

import (
	"bytes"
	"encoding/binary"
	"hash/crc32"
)

// Places of a record batch of Kafka's format 2, beside the bytes of its messages.
const (
	BatchOffset = 0 // its first offset, which its checksum does not cover
	BatchLength = 8
	BatchFormat = 16
	BatchCRC    = 17
	BatchLast   = 23 // the last offset, counted from the first
	batchHead   = 61
)

// Damage is what the disk under a broker did to a batch.
type Damage struct {
	Marker string // stands in one of its messages, not compressed
	At     int    // byte of the batch; −1: the marker's first
	Flip   byte
}

// SetDamage damages the batch that the marker stands in, whenever it is given, until it is set to none.
func (c *Cluster) SetDamage(d Damage) { c.damage.Store(&d) }

// apply damages what a broker writes.
func (d *Damage) apply(p []byte) []byte {
	if d == nil || d.Marker == "" {
		return p
	}
	found := bytes.Index(p, []byte(d.Marker))
	if found < 0 {
		return p
	}
	at := found
	if d.At >= 0 {
		at = batchAround(p, found) + d.At
	}
	p = bytes.Clone(p)
	p[at] ^= d.Flip
	return p
}

// batchAround is where the batch begins that reaches over a place, which must be in one: that whose checksum fits, for bytes within its
// head may look like one, too.
func batchAround(p []byte, place int) int {
	for at := place - batchHead; at >= 0; at-- {
		end := at + 12 + int(int32(binary.BigEndian.Uint32(p[at+BatchLength:])))
		if p[at+BatchFormat] != 2 || end <= place || end > len(p) {
			continue
		}
		if crc32.Checksum(p[at+BatchCRC+4:end], crc32.MakeTable(crc32.Castagnoli)) == binary.BigEndian.Uint32(p[at+BatchCRC:]) {
			return at
		}
	}
	panic("no batch around the marker")
}

package sorting

import "encoding/binary"

// A record as the sorter keeps it, in memory and in runs:
//
//	order 8 | tag 4 | key length 4 | image length 4 | key | image      (little-endian)
const (
	recordHeader = 8 + 4 + 4 + 4
	maxRowBytes  = 1 << 30
)

// RecordBytes is what a row takes in a run beside its key and image.
const RecordBytes = recordHeader

// Record is a row as it was added: a view of bytes that are valid until the next step.
type Record []byte

func (r Record) keyLen() int   { return int(binary.LittleEndian.Uint32(r[12:])) }
func (r Record) imageLen() int { return int(binary.LittleEndian.Uint32(r[16:])) }
func (r Record) size() int     { return recordHeader + r.keyLen() + r.imageLen() }

// Order is the number that the row was added with.
func (r Record) Order() uint64 { return binary.LittleEndian.Uint64(r) }

// Tag is what the caller put beside the row.
func (r Record) Tag() uint32 { return binary.LittleEndian.Uint32(r[8:]) }

// Key of the row.
func (r Record) Key() []byte { return r[recordHeader : recordHeader+r.keyLen()] }

// Image of the row.
func (r Record) Image() []byte { return r[recordHeader+r.keyLen() : r.size()] }

// put fills a record in.
func (r Record) put(key []byte, order uint64, tag uint32, image []byte) {
	binary.LittleEndian.PutUint64(r, order)
	binary.LittleEndian.PutUint32(r[8:], tag)
	binary.LittleEndian.PutUint32(r[12:], uint32(len(key)))
	binary.LittleEndian.PutUint32(r[16:], uint32(len(image)))
	copy(r[recordHeader:], key)
	copy(r[recordHeader+len(key):], image)
}

// prefixOf orders keys as bytes.Compare does, as far as 8 bytes tell.
func prefixOf(key []byte) uint64 {
	if len(key) >= 8 {
		return binary.BigEndian.Uint64(key)
	}
	var b [8]byte
	copy(b[:], key)
	return binary.BigEndian.Uint64(b[:])
}

package topic

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"time"

	"github.com/pierrec/lz4/v4"
	"github.com/segmentio/kafka-go"
)

// Request is messages on their way into one partition: one of Kafka's record batches. Gathering and packing one needs no connection, so
// that it can be done while the one before is under way. It holds its own bytes, and is used again behind Reset.
type Request struct {
	records []byte // of the batch, behind room for its size and head
	count   int
	largest int    // bytes of the largest value
	packed  []byte // the batch as it is sent, behind its size
	lz4     *lz4.CompressorCCompat

	abandoned bool // a try that was given up may still send what is in packed
}

// NewRequest gives one with room for so many bytes. What it does not need of that costs addresses, not memory.
func NewRequest(size int) *Request {
	return &Request{records: make([]byte, 0, size+sizePrefix+batchHead)}
}

// sizePrefix is the length of a record batch in a request.
const sizePrefix = 4

// keptRequest is how large a request's memory may be to be used again: one very large message takes it for once.
const keptRequest = 2 * MaxRequestBytes

// Reset empties the request.
func (r *Request) Reset() {
	if cap(r.records) > keptRequest {
		r.records = nil
	}
	if cap(r.packed) > keptRequest || r.abandoned {
		r.packed = nil
	}
	r.records, r.packed, r.count, r.largest, r.abandoned = r.records[:0], r.packed[:0], 0, 0, false
}

// Len is the number of messages.
func (r *Request) Len() int { return r.count }

// Bytes is what the messages take, before they are packed.
func (r *Request) Bytes() int { return len(r.records) }

// Add adds a message, whose bytes are copied.
func (r *Request) Add(value []byte) {
	if len(r.records) == 0 {
		r.records = append(r.records, make([]byte, sizePrefix+batchHead)...)
	}
	var field [2 * binary.MaxVarintLen64]byte
	head := append(field[:0], 0, 0) // no attributes, the batch's time
	head = binary.AppendVarint(head, int64(r.count))
	head = append(head, nullLength) // no key
	head = binary.AppendVarint(head, int64(len(value)))
	r.records = binary.AppendVarint(r.records, int64(len(head)+len(value)+1))
	r.records = append(append(append(r.records, head...), value...), 0) // no headers
	r.count++
	r.largest = max(r.largest, len(value))
}

// pack makes the batch of the messages that were added.
func (r *Request) pack(codec kafka.Compression) error {
	if r.Bytes() < compressFrom {
		codec = codecNone
	}
	behind := sizePrefix + batchHead
	if codec == codecNone {
		r.packed = append(r.packed[:0], r.records...)
	} else {
		var err error
		if r.packed, err = r.compress(append(r.packed[:0], make([]byte, behind)...), codec, r.records[behind:]); err != nil {
			return fmt.Errorf("pack %d messages: %w", r.count, err)
		}
	}
	now := uint64(time.Now().UnixMilli())
	binary.BigEndian.PutUint32(r.packed, uint32(len(r.packed)-sizePrefix))
	head := r.packed[sizePrefix:]
	b := binary.BigEndian.AppendUint64(head[:0], 0) // the base offset is the broker's to say
	b = appendInt32(b, int32(len(head)-batchPrefix))
	b = appendInt32(b, -1) // and the leader's epoch
	b = append(b, batchFormat)
	b = appendInt32(b, 0) // the checksum, below
	b = binary.BigEndian.AppendUint16(b, uint16(codec))
	b = appendInt32(b, int32(r.count-1))
	b = binary.BigEndian.AppendUint64(b, now) // of the first
	b = binary.BigEndian.AppendUint64(b, now) // and the last message
	b = binary.BigEndian.AppendUint64(b, ^uint64(0))
	b = binary.BigEndian.AppendUint16(b, ^uint16(0)) // no idempotent producer
	b = appendInt32(b, -1)
	appendInt32(b, int32(r.count))
	binary.BigEndian.PutUint32(head[batchCRCAt:], crc32.Checksum(head[batchFlagsAt:], castagnoli))
	return nil
}

func (r *Request) compress(dst []byte, codec kafka.Compression, records []byte) ([]byte, error) {
	if codec == codecLZ4 {
		if r.lz4 == nil {
			r.lz4 = &lz4.CompressorCCompat{Acceleration: lz4Acceleration}
		}
		return appendLZ4(dst, r.lz4, records)
	}
	out := bytes.NewBuffer(dst)
	w := codec.Codec().NewWriter(out)
	if _, err := w.Write(records); err != nil {
		return nil, err
	}
	err := w.Close()
	return out.Bytes(), err
}

// Values are its messages, taken out again: copies.
func (r *Request) Values() (all [][]byte, err error) {
	b := batch{records: r.records[sizePrefix+batchHead:], left: r.count, last: int64(r.count)}
	for b.left > 0 {
		m, err := b.take()
		if err != nil {
			return nil, err
		}
		all = append(all, bytes.Clone(m.Value))
	}
	return all, nil
}

// An LZ4 frame of independent blocks of 256 KiB at most, without checksums: the batch has one. The third byte of the descriptor is one
// of the two before it.
const (
	lz4Magic        = "\x04\x22\x4d\x18"
	lz4Descriptor   = "\x60\x50\xfb"
	lz4Block        = 256 << 10
	lz4Stored       = 1 << 31 // in a block's size: its bytes are as they are
	lz4Acceleration = 4       // four times as fast as kafka-go's packing, 4 % larger
)

// appendLZ4 appends a frame of data.
func appendLZ4(dst []byte, c *lz4.CompressorCCompat, data []byte) ([]byte, error) {
	dst = append(append(dst, lz4Magic...), lz4Descriptor...)
	for len(data) > 0 {
		block := data[:min(lz4Block, len(data))]
		data = data[len(block):]
		at := len(dst)
		room := at + sizePrefix + len(block)
		if cap(dst) < room {
			dst = append(make([]byte, 0, max(room, 2*cap(dst))), dst...)
		}
		n, err := c.CompressBlock(block, dst[at+sizePrefix:room])
		if err != nil || n == 0 || n >= len(block) { // larger than it was
			n = copy(dst[at+sizePrefix:room], block)
			dst = binary.LittleEndian.AppendUint32(dst, uint32(n)|lz4Stored)
		} else {
			dst = binary.LittleEndian.AppendUint32(dst, uint32(n))
		}
		dst = dst[:at+sizePrefix+n]
	}
	return binary.LittleEndian.AppendUint32(dst, 0), nil
}

package topic

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"math"
)

// A record batch, Kafka's format 2: base offset 8, length 4, leader epoch 4, format 1, CRC-32C 4 of all behind it,
// attributes 2, last offset's delta 4, first and last timestamp 16, producer 14, number of records 4, records.
const (
	batchHead     = 61
	batchLengthAt = 8
	batchFormatAt = 16
	batchCRCAt    = 17
	batchFlagsAt  = 21
	batchLastAt   = 23
	batchCountAt  = 57
	batchPrefix   = 12 // base offset and length, which the length does not count
	batchFormat   = 2

	codecMask    = 0x07
	flagControl  = 0x20
	leastRecord  = 7  // bytes of an empty one, its length included
	leastHeader  = 2  // bytes of an empty header of a record
	maxBatchSlip = 64 // bytes by which a batch of one message is larger than MessageOverhead says
)

// maxBatchBytes bounds a batch, before and after it is unpacked: the largest message that rewind writes.
const maxBatchBytes = maxMessageBytes + batchHead + MessageOverhead + maxBatchSlip

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// BatchError: a stretch of a partition cannot be read: it is damaged, or nothing that rewind writes. It is what Kafka gives whole,
// whatever its damaged numbers say, less what was read of it before.
type BatchError struct {
	Topic       string
	Partition   int
	First, Next int64 // offsets of the stretch: First up to but not including Next
	Err         error
}

func (e *BatchError) Error() string {
	return fmt.Sprintf("%s partition %d: the batch of offsets %d up to %d cannot be read: %v", e.Topic, e.Partition, e.First, e.Next, e.Err)
}

func (e *BatchError) Unwrap() error { return e.Err }

// ExitCode is "corrupt".
func (e *BatchError) ExitCode() int { return 5 }

// Hint says what to do.
func (e *BatchError) Hint() string {
	if errors.Is(e.Err, errBroker) || errors.Is(e.Err, errNothing) {
		return "the broker's own file is damaged; where it gives nothing of what stands behind it either, delete the topic and `rewind produce --rebaseline`: the journal stays"
	}
	if errors.Is(e.Err, errChecksum) || errors.Is(e.Err, errCut) {
		return "Kafka gave bytes that are not those it was given: look at the broker's disk and at what stands between"
	}
	return "find out who writes to the topic: rewind does not write such batches"
}

var (
	errChecksum = errors.New("its checksum is not that of its bytes")
	errNothing  = errors.New("kafka has messages behind it, and gives none")
	errCut      = errors.New("it is larger than what Kafka gives of it")
	errBroker   = errors.New("kafka cannot read it itself")
	errBehind   = errors.New("its offsets are not those at which Kafka keeps it")
	errBefore   = errors.New("it ends before the offset that was asked for")
	errRecord   = errors.New("its records are not what its numbers say")
)

// batch is a record batch whose messages are taken out one by one.
type batch struct {
	first, last int64  // its offsets
	records     []byte // those not taken out yet, unpacked
	left        int    // how many of them there are
	reached     int64  // offset behind the last one taken out
	whole       bool   // it was opened, and nothing was wrong with it
	memory      []byte // what it was unpacked into, to be used again
}

// splitBatch splits the first batch off records; ok is false where it is not all there.
func splitBatch(records []byte) (whole, rest []byte, ok bool) {
	if len(records) < batchHead {
		return nil, nil, false
	}
	length := int64(int32(binary.BigEndian.Uint32(records[batchLengthAt:]))) + batchPrefix
	if length < batchHead {
		return records, nil, true // openBatch says so
	}
	if length > int64(len(records)) {
		return nil, nil, false
	}
	return records[:length], records[length:], true
}

// openBatch checks a batch and unpacks it, into memory where it fits. first and last are told as far as they can be, an error or not.
func openBatch(b, memory []byte) (opened batch, err error) {
	opened.first = int64(binary.BigEndian.Uint64(b))
	opened.last = opened.first
	if length := int64(int32(binary.BigEndian.Uint32(b[batchLengthAt:]))) + batchPrefix; length != int64(len(b)) {
		return opened, fmt.Errorf("it claims to have %d bytes", length)
	}
	if b[batchFormatAt] != batchFormat {
		return opened, fmt.Errorf("it is in format %d, not 2", b[batchFormatAt])
	}
	if crc32.Checksum(b[batchFlagsAt:], castagnoli) != binary.BigEndian.Uint32(b[batchCRCAt:]) {
		return opened, errChecksum
	}
	delta := int64(int32(binary.BigEndian.Uint32(b[batchLastAt:])))
	if delta < 0 || opened.first < 0 || opened.first > math.MaxInt64-delta-1 {
		return opened, fmt.Errorf("it begins at %d and ends %d further", opened.first, delta)
	}
	opened.last, opened.reached, opened.memory = opened.first+delta, opened.first, memory
	flags := binary.BigEndian.Uint16(b[batchFlagsAt:])
	opened.whole = true
	if flags&flagControl != 0 {
		return opened, nil // a transaction's end: offsets without a message
	}
	count := int(int32(binary.BigEndian.Uint32(b[batchCountAt:])))
	if opened.records, opened.memory, err = unpack(flags&codecMask, b[batchHead:], memory, maxBatchBytes); err != nil {
		return opened, err
	}
	if count < 0 || count > len(opened.records)/leastRecord {
		return opened, fmt.Errorf("it claims %d records in %d bytes", count, len(opened.records))
	}
	opened.left = count
	return opened, nil
}

// take takes out the next message. Its value aliases the batch; a key and headers, which rewind does not write, are passed over.
func (b *batch) take() (m Message, err error) {
	length, rest, ok := varint(b.records)
	if !ok || length < leastRecord-1 || length > int64(len(rest)) {
		return m, errRecord
	}
	delta, value, ok := plainRecord(rest[:length])
	if !ok {
		if delta, value, ok = anyRecord(rest[:length]); !ok {
			return m, errRecord
		}
	}
	m.Offset, m.Value = b.first+delta, value
	if delta < 0 || m.Offset < b.reached || m.Offset > b.last {
		return m, errRecord
	}
	b.records, b.reached = rest[length:], m.Offset+1
	if b.left--; b.left == 0 && len(b.records) != 0 {
		return m, errRecord
	}
	return m, nil
}

// plainRecord reads a record as rewind writes them: all of one time, without a key, without headers.
func plainRecord(r []byte) (delta int64, value []byte, ok bool) {
	if len(r) < leastRecord-1 || r[1] != 0 { // the attributes say nothing, the time is the batch's
		return 0, nil, false
	}
	delta, r, ok = varint(r[2:])
	if !ok || len(r) == 0 || r[0] != nullLength {
		return 0, nil, false
	}
	n, r, ok := varint(r[1:])
	if !ok || n < 0 || n != int64(len(r)-1) || r[n] != 0 {
		return 0, nil, false
	}
	return delta, r[:n:n], true
}

// nullLength is that of a field that is null, as a varint.
const nullLength = 1

// anyRecord reads any record.
func anyRecord(b []byte) (delta int64, value []byte, ok bool) {
	r := record{rest: b}
	r.skip(1) // attributes
	r.varint()
	delta = r.varint()
	r.bytes()
	value = r.bytes()
	headers := r.varint()
	if headers < 0 || headers > int64(len(r.rest)/leastHeader) {
		return 0, nil, false
	}
	for range headers {
		r.bytes()
		r.bytes()
	}
	return delta, value, !r.bad && len(r.rest) == 0
}

// record reads the fields of one.
type record struct {
	rest []byte
	bad  bool
}

func (r *record) skip(n int64) {
	if r.bad || n > int64(len(r.rest)) {
		r.bad = true
		return
	}
	r.rest = r.rest[n:]
}

func (r *record) varint() int64 {
	v, rest, ok := varint(r.rest)
	if r.bad = r.bad || !ok; r.bad {
		return 0
	}
	r.rest = rest
	return v
}

// bytes behind their length; −1 is null.
func (r *record) bytes() []byte {
	n := r.varint()
	if r.bad || n < -1 || n > int64(len(r.rest)) {
		r.bad = true
		return nil
	}
	if n < 0 {
		return nil
	}
	b := r.rest[:n:n]
	r.rest = r.rest[n:]
	return b
}

// varint is zigzag, as Kafka writes it.
func varint(b []byte) (v int64, rest []byte, ok bool) {
	if len(b) > 1 && b[1] < 0x80 { // most are of one byte or two
		if b[0] < 0x80 {
			return int64(b[0]>>1) ^ -int64(b[0]&1), b[1:], true
		}
		u := uint64(b[0]&0x7f) | uint64(b[1])<<7
		return int64(u>>1) ^ -int64(u&1), b[2:], true
	}
	return longVarint(b)
}

func longVarint(b []byte) (v int64, rest []byte, ok bool) {
	v, n := binary.Varint(b)
	if n <= 0 {
		return 0, nil, false
	}
	return v, b[n:], true
}

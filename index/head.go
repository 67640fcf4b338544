package index

import (
	"encoding/binary"
	"errors"
	"hash/crc32"

	"rewind/journal"
)

// magic begins every index; its last byte is the format's version.
const magic = "rwindex\x01"

const (
	prefixBytes = len(magic) + 4 // magic and the head's length
	sumBytes    = 4
	maxHead     = 64 << 20
	maxPageBits = 20
	maxSection  = 1 << 31
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

func checksum(b []byte) uint32 { return crc32.Checksum(b, castagnoli) }

// head says what was indexed and where the rest of the file is.
type head struct {
	path    string
	marker  [16]byte // of the segment
	whole   bool     // all of the segment was indexed, and its SHA-256 was sum
	sum     [32]byte
	end     int64 // bytes of the segment that were indexed
	last    int64 // offset of the last entry of them
	entries int64

	lastBlock    journal.Place // of the last block that was indexed
	lastBlockSum uint32

	stretches []stretch
	items     section
	keyed     bool // the keys were indexed
	pages     []section
	prints    int64 // in all pages
}

// stretch is where one begins.
type stretch struct{ at, first, last int64 } // last is the offset before it

// section of the file.
type section struct {
	at     int64
	length int64
	sum    uint32
}

// append writes the head's own bytes: what stands behind its length and before its checksum.
func (h *head) append(b []byte) []byte {
	b = append(b, h.marker[:]...)
	b = append(b, h.sum[:]...)
	b = append(b, bit(h.whole)|bit(h.keyed)<<1)
	for _, n := range []int64{h.end, h.last, h.entries, h.lastBlock.Byte, h.lastBlock.Last + 1} {
		b = binary.AppendUvarint(b, uint64(n))
	}
	b = binary.LittleEndian.AppendUint32(b, h.lastBlockSum)
	b = binary.AppendUvarint(b, uint64(len(h.stretches)))
	var before stretch
	for _, s := range h.stretches {
		b = binary.AppendUvarint(b, uint64(s.at-before.at))
		b = binary.AppendUvarint(b, uint64(s.first-before.first))
		b = binary.AppendUvarint(b, uint64(s.first-s.last))
		before = s
	}
	b = appendSection(b, h.items)
	b = binary.AppendUvarint(b, uint64(h.prints))
	b = binary.AppendUvarint(b, uint64(len(h.pages)))
	for _, p := range h.pages {
		b = appendSection(b, p)
	}
	return b
}

func bit(set bool) byte {
	if set {
		return 1
	}
	return 0
}

func appendSection(b []byte, s section) []byte {
	return binary.LittleEndian.AppendUint32(binary.AppendUvarint(b, uint64(s.length)), s.sum)
}

var errForm = errors.New("its bytes are no index")

// parse reads what append wrote; begin is where the first section begins. It gives the length that the file must have.
func (h *head) parse(b []byte, begin int64) (size int64, err error) {
	c := cursor{rest: b}
	copy(h.marker[:], c.take(len(h.marker)))
	copy(h.sum[:], c.take(len(h.sum)))
	flags := c.take(1)
	if c.failed || flags[0] > 3 {
		return 0, errForm
	}
	h.whole, h.keyed = flags[0]&1 != 0, flags[0]&2 != 0
	h.end, h.last, h.entries = c.number(), c.number(), c.number()
	h.lastBlock = journal.Place{Byte: c.number(), Last: c.number() - 1}
	h.lastBlockSum = c.fixed()
	var before stretch
	for range c.count(3) {
		s := stretch{at: before.at + c.number(), first: before.first + c.number()}
		s.last = s.first - c.number()
		h.stretches, before = append(h.stretches, s), s
	}
	size = begin
	h.items = c.section(&size)
	h.prints = c.number()
	for range c.count(1 + sumBytes) {
		h.pages = append(h.pages, c.section(&size))
	}
	n := len(h.pages)
	if c.failed || len(c.rest) > 0 || h.keyed && (n == 0 || n&(n-1) != 0 || n > 1<<maxPageBits) || len(h.stretches) == 0 {
		return 0, errForm
	}
	return size, nil
}

// stretch gives one by its number.
func (h *head) stretch(i int) Stretch {
	s := h.stretches[i]
	end := h.end
	if i+1 < len(h.stretches) {
		end = h.stretches[i+1].at
	}
	return Stretch{From: journal.Place{Byte: s.at, Last: s.last}, End: end, First: s.first}
}

// cursor reads numbers; once it failed everything is 0.
type cursor struct {
	rest   []byte
	failed bool
}

func (c *cursor) take(n int) []byte {
	if c.failed || n < 0 || n > len(c.rest) {
		c.failed = true
		return nil
	}
	b := c.rest[:n]
	c.rest = c.rest[n:]
	return b
}

func (c *cursor) number() int64 {
	n, size := binary.Uvarint(c.rest)
	if c.failed || size <= 0 || int64(n) < 0 {
		c.failed = true
		return 0
	}
	c.rest = c.rest[size:]
	return int64(n)
}

// count reads how many parts follow, of which each takes so many bytes at least.
func (c *cursor) count(least int) int {
	n := c.number()
	if n > int64(len(c.rest)/least) {
		c.failed = true
		return 0
	}
	return int(n)
}

func (c *cursor) fixed() uint32 {
	if b := c.take(sumBytes); b != nil {
		return binary.LittleEndian.Uint32(b)
	}
	return 0
}

func (c *cursor) section(at *int64) section {
	s := section{at: *at, length: c.number(), sum: c.fixed()}
	c.failed = c.failed || s.length > maxSection // so that all of them add up
	*at += s.length
	return s
}

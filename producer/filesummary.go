package producer

import (
	"crypto/rand"
	"encoding/binary"
	"errors"
	"hash/crc32"

	"github.com/minio/highwayhash"

	"rewind/ocf"
	"rewind/table"
)

// A summary stands in a block of its own in front of a block of rows and says what is in there, so that a capture which finds the same rows
// in the table takes that block over without unpacking it.
type summary struct {
	digest   table.Digest // of the rows
	bytes    int64        // of their contents, one behind the other
	hash     [highwayhash.Size128]byte
	checksum uint32 // of the block as it is packed: CRC-32C
}

const summaryTag = 2 * summaryBranch

// hashKeyBytes is the length of the key under which a file's blocks are hashed: a hash that nobody can aim at.
const hashKeyBytes = highwayhash.Size

func newHashKey() []byte {
	key := make([]byte, hashKeyBytes)
	_, _ = rand.Read(key) // it never fails
	return key
}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// hashOf is HighwayHash-128 of rows' contents (https://arxiv.org/abs/1612.06257).
func hashOf(contents, key []byte) [highwayhash.Size128]byte { return highwayhash.Sum128(contents, key) }

func appendSummary(dst []byte, s *summary) []byte {
	dst = binary.AppendVarint(dst, summaryBranch)
	dst = binary.AppendVarint(dst, s.digest.Rows)
	dst = binary.AppendVarint(dst, s.bytes)
	dst = append(dst, s.hash[:]...)
	dst = appendFingerprint(dst, table.Fingerprint{M: s.digest.M, F: s.digest.F})
	return binary.LittleEndian.AppendUint32(dst, s.checksum)
}

// isSummary says of a block's records whether they are a summary.
func isSummary(records []byte) bool { return len(records) > 0 && records[0] == summaryTag }

func parseSummary(count int, records []byte) (s summary, err error) {
	c := cursor{rest: records[1:]}
	s.digest.Rows = c.long()
	s.bytes = c.long()
	copy(s.hash[:], c.take(int64(len(s.hash))))
	sums := c.fingerprint()
	s.digest.M, s.digest.F = sums.M, sums.F
	checksum := c.take(crc32.Size)
	if c.bad || count != 1 || len(c.rest) > 0 || s.digest.Rows <= 0 || s.bytes <= 0 || s.bytes > ocf.MaxBlock {
		return s, errors.New("a summary that is none")
	}
	s.checksum = binary.LittleEndian.Uint32(checksum)
	return s, nil
}

// fits says that the block behind a summary is the one that it was made of.
func (s *summary) fits(count int, packed []byte) bool {
	return int64(count) == s.digest.Rows && crc32.Checksum(packed, castagnoli) == s.checksum
}

// again gives memory to be used again, unless it grew for a large row.
func again(b []byte) []byte {
	if cap(b) > 1<<20 {
		return nil
	}
	return b[:0]
}

// summarize says what is in a block of rows. The contents, which it hashes, are put together in scratch.
func summarize(records, packed, key, scratch []byte) (s summary, contents []byte, err error) {
	contents = scratch[:0]
	for rest := records; len(rest) > 0; {
		record := rest
		_, print, end, behind, err := splitRecord(record)
		if err == nil && end != nil {
			err = errRecord
		}
		if err != nil {
			return s, contents, err
		}
		rest = behind
		contents = append(contents, record[:len(record)-len(rest)-fingerprintBytes]...)
		s.digest.Add(print)
	}
	s.bytes, s.hash, s.checksum = int64(len(contents)), hashOf(contents, key), crc32.Checksum(packed, castagnoli)
	return s, contents, nil
}

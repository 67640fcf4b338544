package producer

import (
	"encoding/binary"
	"errors"

	"rewind/table"
)

// Branches of the union in a snapshot file's record.
const (
	rowBranch     = 0
	endBranch     = 1
	summaryBranch = 2
)

// endTag is how the union's branch is written that is the end record.
const endTag = 2 * endBranch

const fingerprintBytes = 16

func appendRow(dst []byte, row table.Row, f table.Fingerprint) []byte {
	return appendFingerprint(appendContent(dst, row), f)
}

// appendContent appends what a row's record holds but its fingerprint.
func appendContent(dst []byte, row table.Row) []byte {
	dst = binary.AppendVarint(dst, rowBranch)
	dst = appendBytes(dst, row.Key)
	return appendBytes(dst, row.Image)
}

// splitContent takes the first row off what appendContent wrote; it aliases that.
func splitContent(b []byte) (row table.Row, rest []byte) {
	c := cursor{rest: b}
	c.long()
	row.Key, row.Image = c.bytes(), c.bytes()
	return row, c.rest
}

func appendEnd(dst []byte, end fileEnd) []byte {
	dst = binary.AppendVarint(dst, endBranch)
	dst = binary.AppendVarint(dst, end.readEnded)
	dst = binary.AppendVarint(dst, end.digest.Rows)
	return appendFingerprint(dst, table.Fingerprint{M: end.digest.M, F: end.digest.F})
}

func appendBytes(dst, b []byte) []byte {
	dst = binary.AppendVarint(dst, int64(len(b)))
	return append(dst, b...)
}

func appendFingerprint(dst []byte, f table.Fingerprint) []byte {
	dst = binary.LittleEndian.AppendUint64(dst, f.M)
	return binary.LittleEndian.AppendUint64(dst, f.F)
}

var errRecord = errors.New("a record that is none")

// splitRecord takes the first record off a block; row and end alias it.
func splitRecord(b []byte) (row table.Row, f table.Fingerprint, end *fileEnd, rest []byte, err error) {
	c := cursor{rest: b}
	switch c.long() {
	case rowBranch:
		row.Key = c.bytes()
		row.Image = c.bytes()
		f = c.fingerprint()
	case endBranch:
		end = &fileEnd{readEnded: c.long()}
		rows := c.long()
		sums := c.fingerprint()
		end.digest = table.Digest{Rows: rows, M: sums.M, F: sums.F}
	default:
		c.bad = true
	}
	if c.bad {
		return table.Row{}, table.Fingerprint{}, nil, nil, errRecord
	}
	return row, f, end, c.rest, nil
}

// cursor reads Avro values off a block; once something does not fit it is bad for good.
type cursor struct {
	rest []byte
	bad  bool
}

func (c *cursor) long() int64 {
	// Most are lengths of keys and images, of one byte or two.
	if len(c.rest) > 1 {
		if one := c.rest[0]; one < 0x80 {
			c.rest = c.rest[1:]
			return int64(one>>1) ^ -int64(one&1)
		} else if two := c.rest[1]; two < 0x80 {
			u := uint64(one&0x7f) | uint64(two)<<7
			c.rest = c.rest[2:]
			return int64(u>>1) ^ -int64(u&1)
		}
	}
	n, size := binary.Varint(c.rest)
	if size <= 0 {
		c.bad = true
		return 0
	}
	c.rest = c.rest[size:]
	return n
}

func (c *cursor) take(n int64) []byte {
	if c.bad || n < 0 || n > int64(len(c.rest)) {
		c.bad = true
		return nil
	}
	taken := c.rest[:n:n]
	c.rest = c.rest[n:]
	return taken
}

func (c *cursor) bytes() []byte { return c.take(c.long()) }

func (c *cursor) fingerprint() (f table.Fingerprint) {
	b := c.take(fingerprintBytes)
	if c.bad {
		return f
	}
	return table.Fingerprint{M: binary.LittleEndian.Uint64(b), F: binary.LittleEndian.Uint64(b[8:])}
}

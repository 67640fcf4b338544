package table

import (
	"encoding/binary"
	"math/bits"
)

// AppendLong appends an Avro int or long: zig-zag, seven bits a byte, the lowest first.
func AppendLong(dst []byte, n int64) []byte {
	u := uint64(n)<<1 ^ uint64(n>>63)
	if u < 0x80 {
		return append(dst, byte(u))
	}
	return binary.AppendUvarint(dst, u)
}

// ReadLong reads an Avro int or long in its shortest form from the start of b; size is not positive where there is none.
func ReadLong(b []byte) (n int64, size int) {
	if len(b) > 0 && b[0] < 0x80 {
		return int64(b[0]>>1) ^ -int64(b[0]&1), 1
	}
	return readLonger(b)
}

const (
	highBits = 0x8080808080808080 // of eight bytes: another byte follows
	lowBits  = ^uint64(highBits)
)

// readLonger reads a number of up to eight bytes at once.
func readLonger(b []byte) (n int64, size int) {
	var u uint64
	if len(b) >= 8 {
		u = binary.LittleEndian.Uint64(b)
	}
	ends := ^u & highBits
	if ends == 0 || len(b) < 8 {
		return readLongest(b)
	}
	size = bits.TrailingZeros64(ends)/8 + 1
	u &= ends ^ (ends-1)&lowBits
	if u>>(8*size-8) == 0 && size > 1 {
		return 0, -1
	}
	u = u&0x007F007F_007F007F | u&0x7F007F00_7F007F00>>1 // each seven bits to the seven below
	u = u&0x00003FFF_00003FFF | u&0x3FFF0000_3FFF0000>>2
	u = u&0x0FFFFFFF | u>>32<<28
	return int64(u>>1) ^ -int64(u&1), size
}

func readLongest(b []byte) (n int64, size int) {
	u, size := binary.Uvarint(b)
	if size <= 0 || b[size-1] == 0 && size > 1 {
		return 0, -1
	}
	return int64(u>>1) ^ -int64(u&1), size
}

package table

import "encoding/binary"

// AppendLong appends an Avro int or long: zig-zag, seven bits a byte, the lowest first.
func AppendLong(dst []byte, n int64) []byte {
	return binary.AppendUvarint(dst, uint64(n)<<1^uint64(n>>63))
}

// ReadLong reads an Avro int or long in its shortest form from the start of b; size is not positive where there is none.
func ReadLong(b []byte) (n int64, size int) {
	if len(b) > 0 && b[0] < 0x80 {
		return int64(b[0]>>1) ^ -int64(b[0]&1), 1
	}
	return longLong(b)
}

// longLong reads one of more than one byte.
func longLong(b []byte) (n int64, size int) {
	if len(b) > 1 && b[1] < 0x80 && b[1] != 0 {
		u := uint64(b[0]&0x7f) | uint64(b[1])<<7
		return int64(u>>1) ^ -int64(u&1), 2
	}
	u, size := binary.Uvarint(b)
	if size <= 0 || b[size-1] == 0 {
		return 0, -1
	}
	return int64(u>>1) ^ -int64(u&1), size
}

package table

import "encoding/binary"

// The constants of Impala's hash functions (be/src/util/hash-util.h).
const (
	murmurPrime = 0xc6a4a7935bd1e995
	murmurShift = 47
	fnvSeed     = 0x811C9DC5 // the 32-bit offset basis under the 64-bit prime: Impala's own mixture
	fnvPrime    = 1099511628211
)

// MurmurHash is Impala's murmur_hash: MurmurHash64A with seed 0. Numbers are hashed as little-endian bytes of their own width.
func MurmurHash(b []byte) int64 {
	h := uint64(len(b)) * murmurPrime
	for ; len(b) >= 8; b = b[8:] {
		k := binary.LittleEndian.Uint64(b) * murmurPrime
		k ^= k >> murmurShift
		h = (h ^ k*murmurPrime) * murmurPrime
	}
	if len(b) > 0 {
		var tail [8]byte
		copy(tail[:], b)
		h = (h ^ binary.LittleEndian.Uint64(tail[:])) * murmurPrime
	}
	h = (h ^ h>>murmurShift) * murmurPrime
	return int64(h ^ h>>murmurShift)
}

// FNVHash is Impala's fnv_hash. Numbers are hashed as little-endian bytes of their own width.
func FNVHash(b []byte) int64 {
	h := uint64(fnvSeed)
	for _, c := range b {
		h = (h ^ uint64(c)) * fnvPrime
	}
	return int64(h)
}

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

// murmurOfLong is MurmurHash of the 8 bytes of a number.
func murmurOfLong(n uint64) uint64 {
	k := n * murmurPrime
	k ^= k >> murmurShift
	prime := uint64(murmurPrime)
	h := (8*prime ^ k*murmurPrime) * murmurPrime
	h = (h ^ h>>murmurShift) * murmurPrime
	return h ^ h>>murmurShift
}

// FNVHash is Impala's fnv_hash. Numbers are hashed as little-endian bytes of their own width.
func FNVHash(b []byte) int64 {
	return int64(fnvOn(fnvSeed, b))
}

// fnvLanes is how many texts fnvHashes takes at once: each step waits for a multiplication, of which a processor begins one in every cycle
// and has one done in three.
const fnvLanes = 4

// fnvHashes is FNVHash of several texts at once.
func fnvHashes(texts *[fnvLanes][]byte) (h [fnvLanes]uint64) {
	n := min(len(texts[0]), len(texts[1]), len(texts[2]), len(texts[3]))
	a, b, c, d := texts[0][:n], texts[1][:n], texts[2][:n], texts[3][:n]
	b, c, d = b[:len(a)], c[:len(a)], d[:len(a)]
	h0, h1, h2, h3 := uint64(fnvSeed), uint64(fnvSeed), uint64(fnvSeed), uint64(fnvSeed)
	for i := range a {
		h0 = (h0 ^ uint64(a[i])) * fnvPrime
		h1 = (h1 ^ uint64(b[i])) * fnvPrime
		h2 = (h2 ^ uint64(c[i])) * fnvPrime
		h3 = (h3 ^ uint64(d[i])) * fnvPrime
	}
	return [fnvLanes]uint64{fnvOn(h0, texts[0][n:]), fnvOn(h1, texts[1][n:]), fnvOn(h2, texts[2][n:]), fnvOn(h3, texts[3][n:])}
}

// fnvOn goes on with a hash.
func fnvOn(h uint64, b []byte) uint64 {
	for _, c := range b {
		h = (h ^ uint64(c)) * fnvPrime
	}
	return h
}

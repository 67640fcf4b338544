package table

import (
	"encoding/binary"
	"math"
	"math/rand/v2"
	"testing"
)

// TestReadLong holds the reading of numbers against the standard library's, which reads longer forms, too: in their shortest form, with
// bytes behind them, cut at every byte, and blown up by a zero.
func TestReadLong(t *testing.T) {
	check := func(b []byte) {
		u, size := binary.Uvarint(b)
		want := int64(u>>1) ^ -int64(u&1)
		if size <= 0 || size > 1 && b[size-1] == 0 {
			want, size = 0, -1
		}
		if n, got := ReadLong(b); n != want || got != size && (got > 0 || size > 0) {
			t.Fatalf("%x: %d of %d bytes, want %d of %d", b, n, got, want, size)
		}
	}
	r := rand.New(rand.NewPCG(3, 4))
	all := []int64{0, math.MinInt64, math.MaxInt64}
	for shift := range 64 {
		for d := range int64(3) {
			all = append(all, 1<<shift+d-1, -(1<<shift)+d-1)
		}
		for range 200 {
			all = append(all, int64(r.Uint64()>>shift))
		}
	}
	for _, n := range all {
		b := AppendLong(nil, n)
		if got, size := ReadLong(b); got != n || size != len(b) {
			t.Fatalf("%d reads back as %d", n, got)
		}
		long := append(append([]byte(nil), b...), 0xFF, 0, 0x80, 1, 2, 3, 4, 5)
		for cut := range len(long) + 1 {
			check(long[:cut])
		}
		blown := append([]byte(nil), b...)
		blown[len(blown)-1] |= 0x80
		for range 9 {
			check(append(blown, 0, 1, 2, 3, 4, 5, 6, 7))
			blown = append(blown, 0x80)
		}
	}
	for range 100_000 {
		var b [12]byte
		binary.LittleEndian.PutUint64(b[:], r.Uint64()|r.Uint64()&r.Uint64())
		check(b[:r.IntN(13)])
	}
}

// TestImageEnd finds the end that the columns one by one have, of images that are whole, cut, altered, and with something behind.
func TestImageEnd(t *testing.T) {
	s, row := benchTable()
	c := mustCodec(t, s)
	byColumns := func(b []byte) int {
		at := 0
		for i := range c.fields {
			n := c.fields[i].skip(b[at:])
			if n < 0 {
				return -1
			}
			at += n
		}
		return at
	}
	image := mustImage(t, c, row)
	check := func(b []byte) {
		want := byColumns(b)
		if got := c.ImageEnd(b, 0); got != want {
			t.Fatalf("%x: ends at %d, want %d", b, got, want)
		}
		if got := c.ImageEnd(append([]byte("xyz"), b...), 3); got != want && got != want+3 {
			t.Fatalf("%x: behind others it ends at %d, want %d", b, got, want)
		}
		if n, err := c.ImageLen(b); (err == nil) != (want >= 0) || err == nil && n != want {
			t.Fatalf("%x: %d, %v; want %d", b, n, err, want)
		}
	}
	for n := range len(image) + 1 {
		check(image[:n])
	}
	for i := range image {
		for v := range 256 {
			altered := append([]byte(nil), image...)
			altered[i] = byte(v)
			check(altered)
			check(append(altered, 2, 200, 200, 0, 1))
		}
	}
}

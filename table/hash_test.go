package table

import (
	"encoding/binary"
	"testing"
)

// The values were printed by a real impalad and stand in Impala's documentation.
func TestHashesAreImpalas(t *testing.T) {
	number := func(n uint32) []byte { return binary.LittleEndian.AppendUint32(nil, n) }
	for _, test := range []struct {
		name        string
		in          []byte
		murmur, fnv int64
	}{
		{"INT 0", number(0), 6960269033020761575, -2611523532599129963},
		{"INT 1", number(1), -780611581681153783, 4307505193096137732},
		{"hello", []byte("hello"), 2191231550387646743, 6414202926103426347},
		{"world", []byte("world"), 5568329560871645431, 6535280128821139475},
		{"antidisestablishmentarianism", []byte("antidisestablishmentarianism"), -2261804666958489663, -209330013948433970},
	} {
		if got := MurmurHash(test.in); got != test.murmur {
			t.Errorf("MurmurHash(%s) = %d, want %d", test.name, got, test.murmur)
		}
		if got := FNVHash(test.in); got != test.fnv {
			t.Errorf("FNVHash(%s) = %d, want %d", test.name, got, test.fnv)
		}
	}
}

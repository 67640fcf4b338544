package change

import (
	"bytes"
	"encoding/binary"
	"runtime"
	"slices"
	"testing"
)

// lies are what a length or a number of things may claim to be, as varints.
func lies() (all [][]byte) {
	for _, v := range []int64{1 << 20, 1<<31 - 1, 1 << 40, 1<<63 - 1, -1 << 63, -2} {
		all = append(all, binary.AppendVarint(nil, v))
	}
	return append(all, bytes.Repeat([]byte{0xff}, 11))
}

// allocated is how many bytes were allocated meanwhile, freed or not.
func allocated(f func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}

// TestLyingNumbers puts numbers that lie in the place of every byte of a message of every kind, and of a journal's records of them: none is
// worth more memory than reading the whole message takes many times over.
func TestLyingNumbers(t *testing.T) {
	const most = 256 << 10 // for each; a Begin's schema is read by several codecs, which takes what it takes
	_, encoded := sample(t)
	entries, err := NewEntryDecoder(EntrySchema(orders()))
	if err != nil {
		t.Fatal(err)
	}
	tried := 0
	for _, msg := range encoded {
		record, err := AppendEntry(nil, 1<<40, msg)
		if err != nil {
			t.Fatal(err)
		}
		d := learned(t)
		for at := headerLength; at < max(len(msg), len(record)); at++ {
			if got := allocated(func() {
				for _, lie := range lies() {
					tried++
					if at < len(msg) {
						_, _ = d.Decode(slices.Concat(msg[:at], lie, msg[at+1:]))
					}
					if at < len(record) {
						lying := slices.Concat(record[:at], lie, record[at+1:])
						_, _, _ = entries.Decode(lying)
						_, _ = entries.RecordLen(lying)
					}
				}
			}); got > most*uint64(len(lies())) {
				t.Fatalf("%d bytes were allocated for numbers that lie at byte %d of % x", got, at, msg)
			}
		}
	}
	t.Logf("counted: %d messages and records whose numbers lie, none for more than %d bytes", tried, most)
}

package ocf

import (
	"bytes"
	"encoding/binary"
	"runtime"
	"slices"
	"testing"
)

// TestLyingNumbers puts numbers that lie in the place of every byte of a file: whatever they claim, reading and recovering it sets
// nothing aside for it.
func TestLyingNumbers(t *testing.T) {
	const most = 1 << 20 // for each: a step of reading, the codecs, their buffers
	lies := [][]byte{bytes.Repeat([]byte{0xff}, 11)}
	for _, v := range []int64{1 << 20, 1<<31 - 1, 1 << 40, 1<<63 - 1, -1 << 63, -2} {
		lies = append(lies, binary.AppendVarint(nil, v))
	}
	tried := 0
	for codec, step := range map[string]int{Null: 7, Snappy: 1, Deflate: 7} {
		file, _ := sampleFile(t, codec)
		for at := 0; at < len(file); at += step {
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			for _, lie := range lies {
				tried++
				lying := slices.Concat(file[:at], lie, file[at+1:])
				_, _ = readBlocks(lying)
				_, _, _, _ = Recover(bytes.NewReader(lying), int64(len(lying)))
			}
			runtime.ReadMemStats(&after)
			if got := after.TotalAlloc - before.TotalAlloc; got > most*uint64(len(lies)) {
				t.Fatalf("%s: %d bytes were allocated for numbers that lie at byte %d", codec, got, at)
			}
		}
	}
	t.Logf("counted: %d container files whose numbers lie, none for more than %d bytes", tried, most)
}

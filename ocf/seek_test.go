package ocf

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
)

// TestSeekBlock: from every byte of a file on, the first block that begins behind it is found, or that there is none.
func TestSeekBlock(t *testing.T) {
	var texts []string
	for i := range 40 {
		texts = append(texts, fmt.Sprint("block ", i, strings.Repeat("x", i*97)))
	}
	file := writeBlocks(t, Null, texts...)
	in, err := NewReader(bytes.NewReader(file))
	if err != nil {
		t.Fatal(err)
	}
	header, begins := in.Header(), []int64{}
	for {
		at := in.Offset()
		if _, _, err := in.Next(); err != nil {
			break
		}
		begins = append(begins, at)
	}
	size, next := int64(len(file)), 0
	for at := begins[0] - markerBytes; at < size; at += 13 {
		for next < len(begins) && begins[next] < at+markerBytes { // the marker before it must lie behind at, whole
			next++
		}
		found, err := SeekBlock(bytes.NewReader(file), header, size, at, len(file))
		switch {
		case err != nil:
			t.Fatal(err)
		case next == len(begins):
			if found != nil {
				t.Fatalf("byte %d: a block at %d, there is none", at, found.Offset())
			}
		case found == nil || found.Offset() != begins[next]:
			t.Fatalf("byte %d: not the block at %d", at, begins[next])
		default:
			if _, records, err := found.Next(); err != nil || string(records) != texts[next] {
				t.Fatalf("byte %d: %q, %v", at, records, err)
			}
		}
	}
	if found, err := SeekBlock(bytes.NewReader(file), header, size, begins[1], 3); found != nil && found.Offset() > begins[1]+64<<10 || err != nil {
		t.Errorf("looked further than it was to: %v", err)
	}
}

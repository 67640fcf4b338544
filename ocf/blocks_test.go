package ocf

import (
	"bytes"
	"errors"
	"io"
	"slices"
	"testing"
)

// outlined reads a file's blocks by their outline, from the last to the first, and says what a Reader would say.
func outlined(file []byte) (blocks []block, err error) {
	all, err := NewBlocks(bytes.NewReader(file), int64(len(file)))
	if all == nil {
		return nil, err
	}
	for i := all.Len() - 1; i >= 0; i-- {
		count, records, failed := all.Read(i)
		if failed != nil {
			blocks, err = nil, failed // a Reader meets it before those behind it
			continue
		}
		blocks = append(blocks, block{count, string(records)})
	}
	slices.Reverse(blocks)
	return blocks, err
}

// TestBlocksAreTheReaders holds what is read by outline against what is read in order: of a file that is whole, cut at every byte, or has
// any bit flipped.
func TestBlocksAreTheReaders(t *testing.T) {
	counted := 0
	for _, codec := range []string{Null, Snappy, Deflate} {
		file, ends := sampleFile(t, codec)
		check := func(damaged []byte) {
			counted++
			want, wantErr := readBlocks(damaged)
			got, err := outlined(damaged)
			var a, b *DamageError
			if !slices.Equal(got, want) || errors.Is(err, io.ErrUnexpectedEOF) != errors.Is(wantErr, io.ErrUnexpectedEOF) ||
				errors.As(err, &a) != errors.As(wantErr, &b) || a != nil && a.Offset != b.Offset {
				t.Fatalf("%s, %d bytes: %d blocks, %v; the reader gives %d, %v", codec, len(damaged), len(got), err, len(want), wantErr)
			}
		}
		for n := range len(file) + 1 {
			check(file[:n])
		}
		for bit := range 8 * len(file) {
			flipped := bytes.Clone(file)
			flipped[bit/8] ^= 1 << (bit % 8)
			check(flipped)
		}
		all, err := NewBlocks(bytes.NewReader(file), int64(len(file)))
		if err != nil || all.Len() != 3 || all.Start(0) != ends[0] || all.Start(3) != ends[3] || all.From(ends[1]) != 1 || all.From(ends[1]+1) != 2 {
			t.Errorf("%+v, %v", all, err)
		}
	}
	t.Logf("counted: %d damaged container files", counted)
}

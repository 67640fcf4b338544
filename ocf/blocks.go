package ocf

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"sort"
)

// outlineBytes of a file are read at once where only the blocks' beginnings are looked at.
const outlineBytes = 4 << 10

// Blocks reads a container file's blocks in any order. It finds them by their lengths and sync markers, without decompressing any.
type Blocks struct {
	in     io.ReaderAt
	header Header
	codec  codec
	starts []int64
	end    int64
	raw    []byte
	plain  []byte
}

// NewBlocks reads the header, and finds the blocks of a file of so many bytes. With an error of which the blocks are not nil, those that
// stand before it can be read; it is what Reader.Next gives there.
func NewBlocks(in io.ReaderAt, size int64) (*Blocks, error) {
	r, err := NewReader(io.NewSectionReader(in, 0, size))
	if err != nil {
		return nil, err
	}
	b := &Blocks{in: in, header: r.header, codec: r.codec, end: r.offset}
	w := window{in: in, size: size}
	for b.end < size {
		next, err := w.behind(b.end, &b.header.Sync)
		if err != nil {
			return b, explain(err, b.end)
		}
		b.starts, b.end = append(b.starts, b.end), next
	}
	return b, nil
}

// Header of the file.
func (b *Blocks) Header() Header { return b.header }

// Len is how many blocks there are.
func (b *Blocks) Len() int { return len(b.starts) }

// Start is where the i-th block begins; the Len-th where the last one ends.
func (b *Blocks) Start(i int) int64 {
	if i == len(b.starts) {
		return b.end
	}
	return b.starts[i]
}

// From is the first block that begins at or behind a byte.
func (b *Blocks) From(at int64) int {
	return sort.Search(len(b.starts), func(i int) bool { return b.starts[i] >= at })
}

// Read reads a block, as Reader.Next does.
func (b *Blocks) Read(i int) (count int, records []byte, err error) {
	at, n := b.Start(i), int(b.Start(i+1)-b.Start(i))
	if cap(b.raw) < n {
		b.raw = make([]byte, n, n+n/8)
	}
	b.raw = b.raw[:n]
	if got, err := b.in.ReadAt(b.raw, at); got < n {
		return 0, nil, fmt.Errorf("read the block at byte %d: %w", at, unexpected(err))
	}
	long, prefix, err := blockPrefix(b.raw)
	if err == nil && prefix.length+int64(prefix.bytes)+markerBytes != int64(n) {
		err = content("a block of %d bytes", prefix.length)
	}
	if err == nil && [markerBytes]byte(b.raw[n-markerBytes:]) != b.header.Sync {
		err = content("no sync marker behind the block")
	}
	if err == nil {
		if records, err = b.codec.decode(b.plain, b.raw[prefix.bytes:n-markerBytes]); err != nil {
			err = &contentError{err}
		}
	}
	if err == nil && len(records) > MaxBlock {
		err = &contentError{errTooLarge}
	}
	if err != nil {
		return 0, nil, explain(err, at)
	}
	if b.header.Codec != Null { // null's records are the raw block itself
		b.plain = records
	}
	return int(long), records, nil
}

// prefixed is what a block says of itself.
type prefixed struct {
	length int64 // of its compressed records
	bytes  int   // of the two numbers
}

// blockPrefix reads the two numbers that a block begins with.
func blockPrefix(b []byte) (count int64, p prefixed, err error) {
	count, n := binary.Varint(b)
	length, m := int64(0), 0
	if n > 0 {
		length, m = binary.Varint(b[n:])
	}
	switch {
	case n < 0 || m < 0:
		return 0, p, content("a number of more than 64 bits")
	case n == 0 || m == 0:
		return 0, p, io.ErrUnexpectedEOF
	case count <= 0 || count > MaxBlock:
		return 0, p, content("a block of %d records", count)
	case length < 0 || length > maxCompressed:
		return 0, p, content("a block of %d bytes", length)
	}
	return count, prefixed{length, n + m}, nil
}

// window is a small part of a file.
type window struct {
	in   io.ReaderAt
	size int64
	at   int64
	part []byte
}

// behind gives the place behind the block at a byte.
func (w *window) behind(at int64, sync *[markerBytes]byte) (int64, error) {
	head, err := w.read(at, 2*binary.MaxVarintLen64)
	if err != nil {
		return 0, err
	}
	_, p, err := blockPrefix(head)
	if err != nil {
		return 0, err
	}
	next := at + int64(p.bytes) + p.length + markerBytes
	if next > w.size {
		return 0, io.ErrUnexpectedEOF
	}
	marker, err := w.read(next-markerBytes, markerBytes)
	if err != nil {
		return 0, err
	}
	if [markerBytes]byte(marker) != *sync {
		return 0, content("no sync marker behind the block")
	}
	return next, nil
}

// read gives n bytes, or as many as there are.
func (w *window) read(at int64, n int) ([]byte, error) {
	n = int(min(int64(n), w.size-at))
	if at < w.at || at+int64(n) > w.at+int64(len(w.part)) {
		if w.part == nil {
			w.part = make([]byte, outlineBytes)
		}
		w.at, w.part = at, w.part[:min(outlineBytes, w.size-at)]
		if got, err := w.in.ReadAt(w.part, at); got < len(w.part) {
			w.part = w.part[:0]
			return nil, unexpected(err)
		}
	}
	return w.part[at-w.at:][:n], nil
}

// explain gives a block's error its place.
func explain(err error, at int64) error {
	switch {
	case err == io.EOF: //nolint:errorlint // next returns it bare, only at a clean end
		return io.EOF
	case isContent(err):
		return &DamageError{Offset: at, Err: err}
	case errors.Is(err, io.ErrUnexpectedEOF):
		return fmt.Errorf("the block at byte %d is cut: %w", at, io.ErrUnexpectedEOF)
	}
	return fmt.Errorf("read the block at byte %d: %w", at, err)
}

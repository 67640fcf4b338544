package ocf

import (
	"bufio"
	"io"
)

// Reader reads a container file block by block. Its memory is two blocks.
type Reader struct {
	in     *bufio.Reader
	header Header
	codec  codec
	offset int64
	prefix []byte // the block's two numbers
	raw    []byte // the block as it is in the file
	plain  []byte // decompressed
	err    error  // sticky
}

// NewReader reads the header. A file that ends inside it gives a wrapped io.ErrUnexpectedEOF, any other header that is
// none a *DamageError.
func NewReader(r io.Reader) (*Reader, error) {
	in := bufio.NewReaderSize(r, bufferBytes)
	h, size, err := readHeader(in)
	if err != nil {
		return nil, err
	}
	c, err := newCodec(h.Codec)
	if err != nil {
		return nil, &DamageError{Offset: 0, Err: err}
	}
	return &Reader{in: in, header: h, codec: c, offset: size}, nil
}

// ResumeReader reads on where a block begins, at a byte of a file whose header was read before.
func ResumeReader(r io.Reader, h Header, at int64) (*Reader, error) {
	c, err := newCodec(h.Codec)
	if err != nil {
		return nil, &DamageError{Offset: 0, Err: err}
	}
	return &Reader{in: bufio.NewReaderSize(r, bufferBytes), header: h, codec: c, offset: at}, nil
}

// Header of the file.
func (r *Reader) Header() Header { return r.header }

// Offset of the next block.
func (r *Reader) Offset() int64 { return r.offset }

// Next reads a block: its records, concatenated, valid until the next call, and how many there should be. At a clean end
// of the file it returns io.EOF, for a block that the file's end cuts a wrapped io.ErrUnexpectedEOF, for bytes that are
// no block a *DamageError. Count is protected by nothing: see that the records use exactly the bytes.
func (r *Reader) Next() (count int, records []byte, err error) {
	if r.err != nil {
		return 0, nil, r.err
	}
	count, size, records, err := r.next()
	if err == nil {
		r.offset += size
		return count, records, nil
	}
	r.err = explain(err, r.offset)
	return 0, nil, r.err
}

func (r *Reader) next() (count int, size int64, records []byte, err error) {
	var n, length int64
	if n, r.prefix, err = readLong(r.in, r.prefix[:0]); err != nil {
		return 0, 0, nil, err // io.EOF before the first byte is the clean end
	}
	if length, r.prefix, err = readLong(r.in, r.prefix); err != nil {
		return 0, 0, nil, unexpected(err)
	}
	if n <= 0 || n > MaxBlock {
		return 0, 0, nil, content("a block of %d records", n)
	}
	if length < 0 || length > maxCompressed {
		return 0, 0, nil, content("a block of %d bytes", length)
	}
	if r.raw, err = readGrowing(r.in, r.raw[:0], int(length)+markerBytes); err != nil {
		return 0, 0, nil, unexpected(err)
	}
	if [markerBytes]byte(r.raw[length:]) != r.header.Sync {
		return 0, 0, nil, content("no sync marker behind the block")
	}
	records, err = r.codec.decode(r.plain, r.raw[:length])
	if err != nil {
		return 0, 0, nil, &contentError{err}
	}
	if len(records) > MaxBlock {
		return 0, 0, nil, &contentError{errTooLarge}
	}
	if r.header.Codec != Null { // null's records are the raw block itself
		r.plain = records
	}
	return int(n), int64(len(r.prefix)) + length + markerBytes, records, nil
}

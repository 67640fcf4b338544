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
	raw    []byte // the block as it is in the file, where it lies in the buffer if it fits in there
	peeked int    // bytes of the buffer that raw takes
	grown  []byte // raw's own memory where it does not fit
	start  int64  // where the block begins
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
	if count, err = r.NextPacked(); err != nil {
		return 0, nil, err
	}
	if records, err = r.Unpack(); err != nil {
		return 0, nil, err
	}
	return count, records, nil
}

// NextPacked is Next for a block that is not, or not yet, to be decompressed: Packed gives it as it stands in the file, Unpack its
// records. Its checksum was not looked at.
func (r *Reader) NextPacked() (count int, err error) {
	if r.err != nil {
		return 0, r.err
	}
	r.start = r.offset
	count, size, err := r.next()
	if err != nil {
		return 0, r.failed(err)
	}
	r.offset += size
	return count, nil
}

// Unpack gives the records of the block that NextPacked read, as Next does. It is for a block that was read.
func (r *Reader) Unpack() (records []byte, err error) {
	if r.err != nil {
		return nil, r.err
	}
	records, err = r.codec.decode(r.plain, r.Packed())
	if err != nil {
		return nil, r.failed(&contentError{err})
	}
	if len(records) > MaxBlock {
		return nil, r.failed(&contentError{errTooLarge})
	}
	if r.header.Codec != Null { // null's records are the raw block itself
		r.plain = records
	}
	return records, nil
}

func (r *Reader) failed(err error) error {
	r.offset = r.start // of the block that is none
	r.err = explain(err, r.start)
	return r.err
}

// next reads a block as it stands in the file.
func (r *Reader) next() (count int, size int64, err error) {
	var n, length int64
	_, _ = r.in.Discard(r.peeked) // they are in the buffer
	r.peeked = 0
	if n, r.prefix, err = readLong(r.in, r.prefix[:0]); err != nil {
		return 0, 0, err // io.EOF before the first byte is the clean end
	}
	if length, r.prefix, err = readLong(r.in, r.prefix); err != nil {
		return 0, 0, unexpected(err)
	}
	if n <= 0 || n > MaxBlock {
		return 0, 0, content("a block of %d records", n)
	}
	if length < 0 || length > maxCompressed {
		return 0, 0, content("a block of %d bytes", length)
	}
	if err := r.readRaw(int(length) + markerBytes); err != nil {
		return 0, 0, unexpected(err)
	}
	if [markerBytes]byte(r.raw[length:]) != r.header.Sync {
		return 0, 0, content("no sync marker behind the block")
	}
	return int(n), int64(len(r.prefix)) + length + markerBytes, nil
}

func (r *Reader) readRaw(n int) (err error) {
	if n <= r.in.Size() {
		r.raw, err = r.in.Peek(n)
		r.peeked = len(r.raw)
		return err
	}
	r.grown, err = readGrowing(r.in, r.grown[:0], n)
	r.raw = r.grown
	return err
}

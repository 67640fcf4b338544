package ocf

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"

	"github.com/golang/snappy"
	"github.com/klauspost/compress/flate"
	"github.com/klauspost/compress/s2"
)

// codec compresses and decompresses blocks. It is not safe for concurrent use.
type codec interface {
	// append appends the compressed records to dst.
	append(dst, records []byte) ([]byte, error)
	// decode decompresses a block, into dst where it fits; the result may alias block.
	decode(dst, block []byte) ([]byte, error)
}

var errTooLarge = fmt.Errorf("a block holds more than %d bytes", MaxBlock)

func newCodec(name string) (codec, error) {
	switch name {
	case Null:
		return nullCodec{}, nil
	case Snappy, "":
		return snappyCodec{}, nil
	case Deflate:
		return &deflateCodec{}, nil
	}
	return nil, fmt.Errorf("codec %.40q is not null, snappy or deflate", name)
}

type nullCodec struct{}

func (nullCodec) append(dst, records []byte) ([]byte, error) { return append(dst, records...), nil }
func (nullCodec) decode(_, block []byte) ([]byte, error)     { return block, nil }

// snappyCodec is snappy's block format and, as Avro wants it, the big-endian CRC-32 of the uncompressed bytes. It is written by s2's
// encoder for it, which leaves out the short matches that save little: of rows a block becomes 2 % larger, is written in half the time
// and read, by any reader, in a fraction of it. What is read goes through snappy's own decoder, for s2's takes more than snappy.
type snappyCodec struct{}

func (snappyCodec) append(dst, records []byte) ([]byte, error) {
	start := len(dst)
	dst = grow(dst, max(snappy.MaxEncodedLen(len(records)), s2.MaxEncodedLen(len(records)))+crc32.Size)
	n := len(s2.EncodeSnappy(dst[start:], records))
	return binary.BigEndian.AppendUint32(dst[:start+n], crc32.ChecksumIEEE(records)), nil
}

func (snappyCodec) decode(dst, block []byte) ([]byte, error) {
	// An element of three bytes stands for 64 at most: a length beyond that is a lie, and is not allocated.
	const ratio = 22
	if len(block) < crc32.Size {
		return nil, errors.New("snappy block without its CRC")
	}
	compressed, sum := block[:len(block)-crc32.Size], binary.BigEndian.Uint32(block[len(block)-crc32.Size:])
	n, err := snappy.DecodedLen(compressed)
	if err != nil {
		return nil, err
	}
	if n > MaxBlock {
		return nil, errTooLarge
	}
	if n > len(compressed)*ratio {
		return nil, snappy.ErrCorrupt
	}
	records, err := snappy.Decode(dst[:cap(dst)], compressed)
	if err != nil {
		return nil, err
	}
	if crc32.ChecksumIEEE(records) != sum {
		return nil, errors.New("the block's CRC does not fit its records")
	}
	return records, nil
}

// deflateCodec is RFC 1951, without checksum.
type deflateCodec struct {
	out *flate.Writer
	in  io.ReadCloser
}

func (c *deflateCodec) append(dst, records []byte) ([]byte, error) {
	buf := bytes.NewBuffer(dst)
	if c.out == nil {
		w, err := flate.NewWriter(buf, flate.DefaultCompression)
		if err != nil {
			return nil, err
		}
		c.out = w
	}
	c.out.Reset(buf)
	if _, err := c.out.Write(records); err != nil {
		return nil, err
	}
	err := c.out.Close()
	return buf.Bytes(), err
}

func (c *deflateCodec) decode(dst, block []byte) ([]byte, error) {
	src := bytes.NewReader(block)
	if c.in == nil {
		c.in = flate.NewReader(src)
	} else if err := c.in.(flate.Resetter).Reset(src, nil); err != nil {
		return nil, err
	}
	buf := bytes.NewBuffer(dst[:0])
	switch n, err := io.Copy(buf, io.LimitReader(c.in, MaxBlock+1)); {
	case errors.Is(err, io.ErrUnexpectedEOF): // inside a whole block that is damage, not a cut file
		return nil, errors.New("deflate stream without its end")
	case err != nil:
		return nil, err
	case n > MaxBlock:
		return nil, errTooLarge
	case src.Len() > 0:
		return nil, errors.New("bytes behind the deflate stream")
	}
	return buf.Bytes(), nil
}

// grow makes room for n bytes and returns dst with that much more length. Memory that had to grow once has some to spare: the blocks of a
// file are of about the same size.
func grow(dst []byte, n int) []byte {
	if cap(dst)-len(dst) < n {
		room := len(dst) + n
		if cap(dst) > 0 {
			room += room / 8
		}
		dst = append(make([]byte, 0, room), dst...)
	}
	return dst[:len(dst)+n]
}

package topic

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"sync"

	"github.com/golang/snappy"
	"github.com/klauspost/compress/zstd"
	"github.com/segmentio/kafka-go/compress"
)

// Codecs of a batch, by their number.
const (
	codecNone   = 0
	codecGzip   = 1
	codecSnappy = 2
	codecLZ4    = 3
	codecZstd   = 4
)

// maxWindow bounds what zstd may look back over, and so what its decoder sets aside.
const maxWindow = 32 << 20

var errTooLarge = fmt.Errorf("unpacked it is larger than %d bytes", maxBatchBytes)

// unpack gives the records of a batch, never more than maxBatchBytes.
func unpack(codec uint16, packed []byte) ([]byte, error) {
	switch codec {
	case codecNone:
		return packed, nil
	case codecSnappy:
		return unpackSnappy(packed)
	case codecZstd:
		return unpackZstd(packed)
	case codecGzip, codecLZ4:
		stream := compress.Compression(codec).Codec().NewReader(bytes.NewReader(packed))
		defer stream.Close() //nolint:errcheck // reads from memory
		return readBounded(stream)
	}
	return nil, fmt.Errorf("it is packed by an unknown codec, %d", codec)
}

// readBounded reads a stream to its end; what is set aside grows with what comes out.
func readBounded(stream io.Reader) ([]byte, error) {
	var out bytes.Buffer
	if _, err := out.ReadFrom(io.LimitReader(stream, maxBatchBytes+1)); err != nil {
		return nil, err
	}
	if out.Len() > maxBatchBytes {
		return nil, errTooLarge
	}
	return out.Bytes(), nil
}

// zstdReaders are kept: one takes megabytes to make.
var zstdReaders = sync.Pool{}

func unpackZstd(packed []byte) ([]byte, error) {
	reader, ok := zstdReaders.Get().(*zstd.Decoder)
	if !ok {
		var err error
		reader, err = zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxWindow(maxWindow), zstd.WithDecoderMaxMemory(maxBatchBytes))
		if err != nil {
			return nil, err
		}
	}
	defer zstdReaders.Put(reader)
	if err := reader.Reset(bytes.NewReader(packed)); err != nil {
		return nil, err
	}
	return readBounded(reader)
}

// xerial begins the framing that Java's snappy writes: magic, version, least version; then blocks behind their length.
var xerial = []byte("\x82SNAPPY\x00")

const xerialHead = 16

// unpackSnappy unpacks one block, or several in xerial's framing: measured first, and then into one piece.
func unpackSnappy(packed []byte) ([]byte, error) {
	blocks, err := snappyBlocks(packed)
	if err != nil {
		return nil, err
	}
	total := 0
	for _, block := range blocks {
		n, err := snappy.DecodedLen(block)
		if err != nil {
			return nil, err
		}
		if n > len(block)*snappyRatio {
			return nil, errors.New("a block of snappy that claims more than it can hold")
		}
		if total += n; total > maxBatchBytes {
			return nil, errTooLarge
		}
	}
	out := make([]byte, total)
	rest := out
	for _, block := range blocks {
		decoded, err := snappy.Decode(rest, block)
		if err != nil {
			return nil, err
		}
		rest = rest[len(decoded):]
	}
	return out, nil
}

// snappyRatio is more than snappy can pack: a copy of 64 bytes takes 2.
const snappyRatio = 64

func snappyBlocks(packed []byte) (blocks [][]byte, err error) {
	if !bytes.HasPrefix(packed, xerial) {
		return [][]byte{packed}, nil
	}
	if len(packed) < xerialHead {
		return nil, io.ErrUnexpectedEOF
	}
	for rest := packed[xerialHead:]; len(rest) > 0; {
		if len(rest) < 4 {
			return nil, io.ErrUnexpectedEOF
		}
		n := int64(binary.BigEndian.Uint32(rest))
		if n > int64(len(rest)-4) {
			return nil, io.ErrUnexpectedEOF
		}
		blocks, rest = append(blocks, rest[4:4+n]), rest[4+n:]
	}
	return blocks, nil
}

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

var errTooLarge = errors.New("unpacked it is larger than the largest that rewind writes")

// unpack gives the records of a batch, never more than most bytes.
func unpack(codec uint16, packed []byte, most int) ([]byte, error) {
	switch codec {
	case codecNone:
		return packed, nil
	case codecSnappy:
		return unpackSnappy(packed, most)
	case codecZstd:
		return unpackZstd(packed, most)
	case codecGzip, codecLZ4:
		stream := compress.Compression(codec).Codec().NewReader(bytes.NewReader(packed))
		defer stream.Close() //nolint:errcheck // reads from memory
		return readBounded(stream, most)
	}
	return nil, fmt.Errorf("it is packed by an unknown codec, %d", codec)
}

// Pieces in which a stream is read: the first, and the largest.
const (
	firstPiece   = 4 << 10
	largestPiece = 1 << 20
)

// readBounded reads a stream to its end. Pieces as large as what came before them, and then put together: no more than twice
// what comes out is ever set aside beside largestPiece, and only once it where that is too much.
func readBounded(stream io.Reader, most int) ([]byte, error) {
	var full [][]byte
	piece, total := make([]byte, 0, firstPiece), 0
	for {
		n, err := stream.Read(piece[len(piece):cap(piece)])
		piece, total = piece[:len(piece)+n], total+n
		if total > most {
			return nil, errTooLarge
		}
		if err == io.EOF {
			break
		}
		if err != nil {
			return nil, err
		}
		if len(piece) == cap(piece) {
			full = append(full, piece)
			piece = make([]byte, 0, min(total, largestPiece))
		}
	}
	if len(full) == 0 {
		return piece, nil
	}
	return bytes.Join(append(full, piece), nil), nil
}

// zstdReaders are kept: one takes megabytes to make.
var zstdReaders = sync.Pool{}

func unpackZstd(packed []byte, most int) ([]byte, error) {
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
	return readBounded(reader, most)
}

// xerial begins the framing that Java's snappy writes: magic, version, least version; then blocks behind their length.
var xerial = []byte("\x82SNAPPY\x00")

const xerialHead = 16

// unpackSnappy unpacks one block, or several in xerial's framing: measured first, and then into one piece.
func unpackSnappy(packed []byte, most int) ([]byte, error) {
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
		if total += n; total > most {
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

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

// unpack gives the records of a batch, never more than most bytes: in memory, which is given back, perhaps larger, to be used again.
func unpack(codec uint16, packed, memory []byte, most int) (records, grown []byte, err error) {
	switch codec {
	case codecNone:
		return packed, memory, nil
	case codecSnappy:
		records, err = unpackSnappy(packed, memory, most)
	case codecZstd:
		records, err = unpackZstd(packed, memory, most)
	case codecGzip, codecLZ4:
		stream := compress.Compression(codec).Codec().NewReader(bytes.NewReader(packed))
		defer stream.Close() //nolint:errcheck // reads from memory
		records, err = readBounded(stream, roomFor(packed, memory), most)
	default:
		err = fmt.Errorf("it is packed by an unknown codec, %d", codec)
	}
	if err != nil {
		return nil, memory, err
	}
	if cap(records) > keptMemory {
		return records, nil, nil
	}
	return records, records, nil
}

// Memory to unpack into: keptMemory is the most that is used again, blockMemory more than the largest block of lz4 (4 MiB), which is
// unpacked into memory that has room for it without being copied.
const (
	keptMemory  = 8 << 20
	blockMemory = 5 << 20
	busyFrom    = 64 << 10 // bytes of a batch for which that is worth while
)

// roomFor is memory to unpack into.
func roomFor(packed, memory []byte) []byte {
	if len(packed) >= busyFrom && cap(memory) < blockMemory {
		return make([]byte, 0, blockMemory)
	}
	return memory[:0]
}

// Pieces in which a stream is read beyond the memory that there is: the first, and the largest.
const (
	firstPiece   = 4 << 10
	largestPiece = 1 << 20
)

// readBounded reads a stream to its end, into memory as far as it goes. Then come pieces as large as what came before them, and all are
// put together: no more than twice what comes out is ever set aside beside largestPiece, and only once it where that is too much.
func readBounded(stream io.Reader, memory []byte, most int) ([]byte, error) {
	if cap(memory) == 0 {
		memory = make([]byte, 0, firstPiece)
	}
	var full [][]byte
	piece, total := memory[:0], 0
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

func unpackZstd(packed, memory []byte, most int) ([]byte, error) {
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
	return readBounded(reader, memory, most)
}

// xerial begins the framing that Java's snappy writes: magic, version, least version; then blocks behind their length.
var xerial = []byte("\x82SNAPPY\x00")

const xerialHead = 16

// unpackSnappy unpacks one block, or several in xerial's framing: measured first, and then into one piece.
func unpackSnappy(packed, memory []byte, most int) ([]byte, error) {
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
	out := memory[:0]
	if cap(out) < total {
		out = make([]byte, total)
	}
	out = out[:total]
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

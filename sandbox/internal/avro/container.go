// Package avro reads Avro container files as Impala's scanner does: records of
// scalars, each field a type or a union of null and a type. It is written
// apart from rewind's own codec, so that each proves the other.
package avro

import (
	"bufio"
	"bytes"
	"compress/flate"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io"

	"github.com/golang/snappy"
)

// limits on what a file may claim.
const (
	maxMetadata = 16 << 20
	maxBlock    = 256 << 20
)

// Reader reads one container file.
type Reader struct {
	Fields []Field

	in    *bufio.Reader
	codec string
	sync  [16]byte
	block []byte
	left  int64 // records left in the block
}

var magic = []byte("Obj\x01")

// NewReader reads the header.
func NewReader(r io.Reader) (*Reader, error) {
	d := &Reader{in: bufio.NewReaderSize(r, 1<<16)}
	var head [4]byte
	if _, err := io.ReadFull(d.in, head[:]); err != nil || !bytes.Equal(head[:], magic) {
		return nil, errors.New("invalid AVRO_VERSION_HEADER: no Avro container file")
	}
	meta, err := d.metadata()
	if err != nil {
		return nil, err
	}
	if _, err := io.ReadFull(d.in, d.sync[:]); err != nil {
		return nil, fmt.Errorf("read the sync marker: %w", err)
	}
	d.codec = string(meta["avro.codec"])
	switch d.codec {
	case "", "null", "snappy", "deflate":
	default:
		return nil, fmt.Errorf("unknown Avro compression codec: %s", d.codec)
	}
	d.Fields, err = parseSchema(meta["avro.schema"])
	return d, err
}

func (d *Reader) metadata() (map[string][]byte, error) {
	meta := map[string][]byte{}
	for {
		n, err := binary.ReadVarint(d.in)
		if err != nil {
			return nil, err
		}
		if n == 0 {
			return meta, nil
		}
		if n < 0 {
			n = -n
			if _, err := binary.ReadVarint(d.in); err != nil {
				return nil, err
			}
		}
		for ; n > 0; n-- {
			k, err := d.bytes(maxMetadata)
			if err != nil {
				return nil, err
			}
			if meta[string(k)], err = d.bytes(maxMetadata); err != nil {
				return nil, err
			}
		}
	}
}

func (d *Reader) bytes(limit int64) ([]byte, error) {
	n, err := binary.ReadVarint(d.in)
	if err != nil {
		return nil, err
	}
	if n < 0 || n > limit {
		return nil, fmt.Errorf("a length of %d bytes", n)
	}
	b := make([]byte, n)
	_, err = io.ReadFull(d.in, b)
	return b, err
}

// Next decodes the next record into values; io.EOF ends the file. Values alias
// the block and are valid until the next call.
func (d *Reader) Next(values []Value) error {
	for d.left == 0 {
		if err := d.nextBlock(); err != nil {
			return err
		}
	}
	d.left--
	for i := range d.Fields {
		var err error
		if d.block, err = d.Fields[i].decode(d.block, &values[i]); err != nil {
			return fmt.Errorf("field %s: %w", d.Fields[i].Name, err)
		}
	}
	if d.left == 0 && len(d.block) > 0 {
		return errors.New("bytes after the last record of a block")
	}
	return nil
}

func (d *Reader) nextBlock() error {
	n, err := binary.ReadVarint(d.in)
	if err != nil {
		return err // io.EOF at the end
	}
	b, err := d.bytes(maxBlock)
	if err != nil {
		return unexpected(err)
	}
	var sync [16]byte
	if _, err := io.ReadFull(d.in, sync[:]); err != nil || sync != d.sync {
		return errors.Join(errors.New("bad synchronization marker"), unexpected(err))
	}
	if n < 0 {
		return fmt.Errorf("a block of %d records", n)
	}
	d.left = n
	d.block, err = d.decompress(b)
	return err
}

func unexpected(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}

func (d *Reader) decompress(b []byte) ([]byte, error) {
	switch d.codec {
	case "snappy":
		if len(b) < 4 {
			return nil, io.ErrUnexpectedEOF
		}
		n, err := snappy.DecodedLen(b[:len(b)-4])
		if err != nil || n > maxBlock {
			return nil, errors.Join(fmt.Errorf("a snappy block of %d bytes", n), err)
		}
		raw, err := snappy.Decode(nil, b[:len(b)-4])
		if err == nil && crc32.ChecksumIEEE(raw) != binary.BigEndian.Uint32(b[len(b)-4:]) {
			err = errors.New("snappy block's checksum differs")
		}
		return raw, err
	case "deflate":
		r := flate.NewReader(bytes.NewReader(b))
		raw, err := io.ReadAll(io.LimitReader(r, maxBlock))
		return raw, errors.Join(err, r.Close())
	}
	return b, nil
}

// parseSchema reads the writer's record schema.
func parseSchema(text []byte) ([]Field, error) {
	var record struct {
		Type   string
		Fields []struct {
			Name string
			Type json.RawMessage
		}
	}
	if err := json.Unmarshal(text, &record); err != nil {
		return nil, fmt.Errorf("parse the file schema: %w", err)
	}
	if record.Type != "record" {
		return nil, errors.New("the file schema is no record")
	}
	fields := make([]Field, len(record.Fields))
	for i, f := range record.Fields {
		var err error
		if fields[i], err = parseField(f.Name, f.Type); err != nil {
			return nil, err
		}
	}
	return fields, nil
}

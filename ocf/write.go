package ocf

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

// prefixBytes is the room for a block's two numbers in front of its bytes.
const prefixBytes = 2 * binary.MaxVarintLen64

// Writer writes one container file. Each block is one Write call on the underlying writer. After a Write that failed,
// every call returns its error.
type Writer struct {
	out     io.Writer
	header  Header
	codec   codec
	pending []byte // records of Append
	count   int
	block   Ahead // the block being written
	size    int64
	err     error // sticky
}

// NewWriter writes the header, with one Write.
func NewWriter(w io.Writer, h Header) (*Writer, error) {
	if h.Codec == "" {
		h.Codec = Snappy
	}
	c, err := newCodec(h.Codec)
	if err != nil {
		return nil, err
	}
	encoded, err := h.encode()
	if err != nil {
		return nil, err
	}
	writer := &Writer{out: w, header: h, codec: c}
	if err := writer.write(encoded); err != nil {
		return nil, err
	}
	return writer, nil
}

// ContinueWriter appends to a file whose header, as a Reader read it, is h. The file must end with a whole block (or
// with its header): Recover says where that is.
func ContinueWriter(w io.Writer, h Header) (*Writer, error) {
	if h.Sync == [markerBytes]byte{} {
		return nil, errors.New("container file: no sync marker to go on with")
	}
	c, err := newCodec(h.Codec)
	if err != nil {
		return nil, err
	}
	return &Writer{out: w, header: h, codec: c}, nil
}

// Spare makes the Writer store blocks of snappy as they are, behind their checksum, where compressing has lately made them hardly smaller. Any
// reader of snappy reads them, and faster.
func (w *Writer) Spare() {
	if w.header.Codec == Snappy {
		w.codec = &sparingCodec{}
	}
}

// Header as written, with its sync marker.
func (w *Writer) Header() Header { return w.header }

// Size is the number of bytes written by this Writer.
func (w *Writer) Size() int64 { return w.size }

// Append adds a record to the block in memory, and writes the block when it has grown to about 64 KiB.
func (w *Writer) Append(record []byte) error {
	if w.err != nil {
		return w.err
	}
	if len(record) > MaxBlock {
		return fmt.Errorf("container file: a record of %d bytes, at most %d", len(record), MaxBlock)
	}
	if len(w.pending) > 0 && len(w.pending)+len(record) > blockBytes {
		if err := w.Flush(); err != nil {
			return err
		}
	}
	w.pending = append(w.pending, record...)
	w.count++
	if len(w.pending) >= blockBytes {
		return w.Flush()
	}
	return nil
}

// Flush writes the block in memory, if it holds a record.
func (w *Writer) Flush() error {
	if w.err != nil || w.count == 0 {
		return w.err
	}
	err := w.writeBlock(w.count, w.pending)
	w.pending, w.count = w.pending[:0], 0
	return err
}

// WriteBlock writes records, concatenated, as one block with one Write. Records that were appended before are written
// before, as a block of their own.
func (w *Writer) WriteBlock(count int, records []byte) error {
	if err := w.Flush(); err != nil {
		return err
	}
	if count <= 0 {
		return fmt.Errorf("container file: a block of %d records", count)
	}
	return w.writeBlock(count, records)
}

func (w *Writer) writeBlock(count int, records []byte) error {
	if err := w.block.pack(w.codec, count, records); err != nil {
		return err
	}
	return w.writeAhead(&w.block)
}

// write makes the one Write call. A part of a block may be in the file after it failed: nothing may follow it.
func (w *Writer) write(b []byte) error {
	n, err := w.out.Write(b)
	w.size += int64(n)
	if err == nil && n < len(b) {
		err = io.ErrShortWrite
	}
	if err != nil {
		w.err = fmt.Errorf("write to the container file: %w", err)
	}
	return w.err
}

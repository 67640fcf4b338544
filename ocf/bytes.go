package ocf

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

// contentError: the bytes are wrong, as opposed to unreadable.
type contentError struct{ err error }

func (e *contentError) Error() string { return e.err.Error() }
func (e *contentError) Unwrap() error { return e.err }

func content(format string, args ...any) error { return &contentError{fmt.Errorf(format, args...)} }

func isContent(err error) bool {
	var c *contentError
	return errors.As(err, &c)
}

// unexpected makes an end of file one that cuts something.
func unexpected(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}

// readLong reads an Avro long and appends its bytes to raw. io.EOF means that there was not even one.
func readLong(in *bufio.Reader, raw []byte) (int64, []byte, error) {
	start := len(raw)
	for {
		b, err := in.ReadByte()
		if err != nil {
			if len(raw) > start {
				err = unexpected(err)
			}
			return 0, raw, err
		}
		raw = append(raw, b)
		if b < 0x80 {
			n, used := binary.Varint(raw[start:])
			if used != len(raw)-start {
				return 0, raw, content("a number of more than 64 bits")
			}
			return n, raw, nil
		}
		if len(raw)-start == binary.MaxVarintLen64 {
			return 0, raw, content("a number of more than 64 bits")
		}
	}
}

// readGrowing appends n bytes to dst. It allocates in steps, so that a length that lies costs no more than what there is.
func readGrowing(in *bufio.Reader, dst []byte, n int) ([]byte, error) {
	const step = 1 << 20
	for n > 0 {
		start, take := len(dst), n
		if cap(dst)-start < n {
			take = min(n, max(step, start))
		}
		dst = grow(dst, take)
		got, err := io.ReadFull(in, dst[start:])
		if err != nil {
			return dst[:start+got], unexpected(err)
		}
		n -= take
	}
	return dst, nil
}

package ocf

import (
	"bytes"
	"errors"
	"fmt"
	"io"
)

// Recover says where the valid part of a container file ends. torn is true only if everything before end is valid and
// the rest cannot hold another whole block: no sync marker of this file follows. Any other damage is a *DamageError. A
// file that was cut inside its header is torn with end 0; see NewReader for what is taken for one.
func Recover(r io.ReaderAt, size int64) (h Header, end int64, torn bool, err error) {
	return RecoverEach(r, size, nil)
}

// Block of a container file.
type Block struct {
	Offset  int64 // of its first byte in the file
	Count   int   // of the records that it should hold
	Records []byte
}

// RecoverEach is Recover with a function that sees each valid block, in order, and may refuse it: its error is wrapped in a
// *DamageError. A block's records are valid during the call.
func RecoverEach(r io.ReaderAt, size int64, each func(h *Header, b Block) error) (h Header, end int64, torn bool, err error) {
	in, err := NewReader(io.NewSectionReader(r, 0, size))
	if errors.Is(err, io.ErrUnexpectedEOF) {
		return Header{}, 0, true, nil
	}
	if err != nil {
		return Header{}, 0, false, err
	}
	for {
		at := in.offset
		count, records, err := in.Next()
		if errors.Is(err, io.EOF) {
			return in.header, in.offset, false, nil
		}
		if err != nil {
			return recoverTail(in, r, size, err)
		}
		if each == nil {
			continue
		}
		if err := each(&in.header, Block{Offset: at, Count: count, Records: records}); err != nil {
			return in.header, at, false, &DamageError{Offset: at, Err: err}
		}
	}
}

// recoverTail tells a torn tail from damage.
func recoverTail(in *Reader, r io.ReaderAt, size int64, cause error) (Header, int64, bool, error) {
	torn, err := Torn(r, in.offset, size, in.header.Sync, cause)
	if torn {
		return in.header, in.offset, true, nil
	}
	return in.header, in.offset, false, err
}

// Torn says whether the bytes in [from, size), where Next failed with cause, can be the beginning of a block that was
// never written to its end: no sync marker of the file is among them. If not, it returns what they are: a *DamageError
// for content, or the error that reading met.
func Torn(r io.ReaderAt, from, size int64, sync [16]byte, cause error) (bool, error) {
	var damage *DamageError
	cut := errors.Is(cause, io.ErrUnexpectedEOF)
	if !cut && !errors.As(cause, &damage) {
		return false, cause
	}
	found, err := markerIn(io.NewSectionReader(r, from, size-from), sync)
	if err != nil {
		return false, fmt.Errorf("look for a sync marker behind byte %d: %w", from, err)
	}
	if !found {
		return true, nil
	}
	if damage != nil {
		return false, damage
	}
	return false, &DamageError{Offset: from, Err: errors.New("a block's length goes beyond the file's end, but its sync marker does not")}
}

// markerIn looks for a sync marker, also across the pieces that it reads.
func markerIn(r io.Reader, sync [markerBytes]byte) (bool, error) {
	buf := make([]byte, blockBytes)
	kept := 0
	for {
		n, err := io.ReadFull(r, buf[kept:])
		if bytes.Contains(buf[:kept+n], sync[:]) {
			return true, nil
		}
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			return false, nil
		}
		if err != nil {
			return false, err
		}
		kept = copy(buf, buf[len(buf)-markerBytes+1:])
	}
}

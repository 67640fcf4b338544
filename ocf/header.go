package ocf

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"unicode/utf8"
)

// encode returns the header's bytes and sets Sync where it is zero.
func (h *Header) encode() ([]byte, error) {
	if err := h.check(); err != nil {
		return nil, err
	}
	entries := map[string][]byte{schemaKey: []byte(h.Schema), codecKey: []byte(h.Codec)}
	maps.Copy(entries, h.Meta)
	h.Derived = h.Sync == [markerBytes]byte{}
	if h.Derived {
		entries[markerKey] = []byte(markerValue)
	}
	metadata := binary.AppendVarint(nil, int64(len(entries)))
	for _, k := range slices.Sorted(maps.Keys(entries)) {
		metadata = append(binary.AppendVarint(metadata, int64(len(k))), k...)
		metadata = append(binary.AppendVarint(metadata, int64(len(entries[k]))), entries[k]...)
	}
	metadata = append(metadata, 0)
	if len(metadata) > MaxHeader {
		return nil, fmt.Errorf("container file: %d bytes of metadata, at most %d", len(metadata), MaxHeader)
	}
	if h.Derived {
		h.Sync = derive(metadata)
	}
	return slices.Concat([]byte(magic), metadata, h.Sync[:]), nil
}

// headerReader reads a header and keeps its bytes, for their hash and their number.
type headerReader struct {
	in  *bufio.Reader
	raw []byte
}

// readHeader reads a header and returns how many bytes it has. A file that ends inside its header gives a wrapped
// io.ErrUnexpectedEOF, but only if it can be the beginning of a header: see cut.
func readHeader(in *bufio.Reader) (h Header, size int64, err error) {
	r := &headerReader{in: in}
	h, err = r.read()
	if err == nil {
		return h, int64(len(r.raw)), nil
	}
	if isContent(err) {
		return Header{}, 0, &DamageError{Offset: 0, Err: err}
	}
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return Header{}, 0, fmt.Errorf("the header of the container file is cut: %w", io.ErrUnexpectedEOF)
	}
	return Header{}, 0, fmt.Errorf("read the header of the container file: %w", err)
}

func (r *headerReader) read() (Header, error) {
	start, err := r.takeBinary(len(magic))
	if !strings.HasPrefix(magic, string(start)) {
		return Header{}, content("it does not begin as an Avro container file does")
	}
	if err != nil {
		return Header{}, err
	}
	entries, err := r.entries()
	if err != nil {
		return Header{}, err
	}
	metadata := r.raw[len(magic):]
	sync, err := r.takeBinary(markerBytes)
	if err != nil {
		return Header{}, err
	}
	h := Header{Schema: string(entries[schemaKey]), Codec: string(entries[codecKey]), Meta: map[string][]byte{}}
	copy(h.Sync[:], sync)
	if how, ok := entries[markerKey]; ok {
		if string(how) != markerValue || derive(metadata) != h.Sync {
			return Header{}, content("the sync marker does not fit the metadata")
		}
		h.Derived = true
	}
	err = h.adopt(entries)
	return h, err
}

// adopt takes over the metadata that the specification does not reserve, and checks what it does.
func (h *Header) adopt(entries map[string][]byte) error {
	if _, ok := entries[schemaKey]; !ok {
		return content("no schema in the metadata")
	}
	if h.Codec == "" {
		h.Codec = Null // the specification's default
	}
	for k, v := range entries {
		if !strings.HasPrefix(k, avroPrefix) && k != markerKey {
			h.Meta[k] = v
		}
	}
	return nil
}

// entries reads the metadata map: blocks of entries, a block of none at the end.
func (r *headerReader) entries() (map[string][]byte, error) {
	entries := map[string][]byte{}
	for {
		n, err := r.long()
		if err != nil || n == 0 {
			return entries, err
		}
		if n < 0 { // the form that gives the block's size too
			if n = -n; n > 0 {
				_, err = r.long()
			}
		}
		if err != nil {
			return nil, err
		}
		if n < 0 || n > maxEntries-int64(len(entries)) {
			return nil, content("too many metadata entries")
		}
		for range n {
			if err := r.entry(entries); err != nil {
				return nil, err
			}
		}
	}
}

func (r *headerReader) entry(entries map[string][]byte) error {
	n, err := r.long()
	if err != nil {
		return err
	}
	if n <= 0 || n > maxKey {
		return content("a metadata key of %d bytes", n)
	}
	key, err := r.take(int(n), "a metadata key")
	if err != nil {
		return err
	}
	if _, ok := entries[string(key)]; ok || !isText(key) {
		return content("metadata key %.60q is there twice or is no text", key)
	}
	name := string(key)
	if n, err = r.long(); err != nil {
		return err
	}
	if n < 0 || n > MaxHeader {
		return content("a metadata value of %d bytes", n)
	}
	value, err := r.take(int(n), "metadata")
	entries[name] = bytes.Clone(value)
	return err
}

// long reads an Avro long.
func (r *headerReader) long() (int64, error) {
	n, raw, err := readLong(r.in, r.raw)
	r.raw = raw
	return n, err
}

// take reads n bytes. At the end of the file, what is there must be text, or the length was a lie: a whole file whose
// header is damaged would otherwise look like one that was cut, and a cut header means that no block was ever written.
func (r *headerReader) take(n int, what string) ([]byte, error) {
	b, err := r.takeBinary(n)
	if errors.Is(err, io.ErrUnexpectedEOF) && !isText(trimCutRune(b)) {
		return b, content("the length of %s goes beyond the file", what)
	}
	return b, err
}

// takeBinary reads n bytes, allocating no more than there are.
func (r *headerReader) takeBinary(n int) ([]byte, error) {
	if len(r.raw)+n > MaxHeader+len(magic)+markerBytes {
		return nil, content("the metadata has more than %d bytes", MaxHeader)
	}
	start := len(r.raw)
	var err error
	r.raw, err = readGrowing(r.in, r.raw, n)
	return r.raw[start:], err
}

// isText: valid UTF-8 without control characters but white space.
func isText(b []byte) bool {
	for _, c := range b {
		if c < ' ' && c != '\t' && c != '\n' && c != '\r' {
			return false
		}
	}
	return utf8.Valid(b)
}

// trimCutRune takes away an incomplete rune at the end.
func trimCutRune(b []byte) []byte {
	for i := 1; i < utf8.UTFMax && i <= len(b); i++ {
		if tail := b[len(b)-i:]; utf8.RuneStart(tail[0]) {
			if !utf8.FullRune(tail) {
				return b[:len(b)-i]
			}
			break
		}
	}
	return b
}

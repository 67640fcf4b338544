// Package ocf writes, reads and recovers Avro object container files of already encoded records.
//
// It follows the Avro specification, so any Avro tool reads what it writes, and it reads what others wrote. It narrows
// the format in two places, for files that must prove themselves:
//
//   - The sync marker is not random: it is the first 16 bytes of SHA-256 of the encoded metadata, and the metadata says
//     so (key "rewind.marker"). Every bit of the header is thereby checked, as the magic, as the metadata or as the
//     marker. A file without that key is read as any Avro file, and its header's Derived is false.
//   - The codec is snappy unless another is asked for, since its blocks carry a CRC-32 of what they hold. Blocks of the
//     codecs null and deflate have no checksum: damage inside them can go unseen.
//
// No codec protects a block's count: whoever splits the records must see that they use exactly the block's bytes.
package ocf

import (
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
)

// Limits. What goes beyond is refused when writing, and is damage when reading.
const (
	MaxBlock      = 64 << 20                       // bytes of records in one block, not compressed
	MaxHeader     = 16 << 20                       // bytes of encoded metadata
	maxEntries    = 1024                           // metadata entries
	maxKey        = 1 << 10                        // bytes of a metadata key
	maxCompressed = MaxBlock + MaxBlock/6 + 64     // snappy's worst case, with its CRC
	blockBytes    = 64 << 10                       // Append writes a block once it holds so many
	bufferBytes   = 16 << 10                       // a Reader's, beside the blocks, which are read past it
	markerBytes   = 16                             // of a sync marker
	magic         = "Obj\x01"                      // begins every container file
	avroPrefix    = "avro."                        // of the metadata keys that the specification reserves
	schemaKey     = avroPrefix + "schema"          //
	codecKey      = avroPrefix + "codec"           //
	markerKey     = "rewind.marker"                // says how the sync marker was made
	markerValue   = "sha256 of the metadata, 16 B" // the only way there is
)

// Codecs by their Avro names.
const (
	Null    = "null"
	Snappy  = "snappy"
	Deflate = "deflate"
)

// Header of a container file.
type Header struct {
	Schema  string            // Avro schema, JSON
	Codec   string            // "null", "snappy" or "deflate"; "" is snappy
	Meta    map[string][]byte // further metadata; keys must not begin with "avro."
	Sync    [16]byte          // zero on writing: the first 16 bytes of SHA-256 of the encoded metadata
	Derived bool              // set by the Reader: Sync is that of the metadata, so the header is undamaged
}

// check says whether a header can be written.
func (h *Header) check() error {
	if !json.Valid([]byte(h.Schema)) {
		return errors.New("container file: the schema is not JSON")
	}
	if len(h.Meta) > maxEntries-3 {
		return fmt.Errorf("container file: %d metadata entries, at most %d", len(h.Meta), maxEntries-3)
	}
	for k := range h.Meta {
		if k == "" || len(k) > maxKey || strings.HasPrefix(k, avroPrefix) || k == markerKey || !isText([]byte(k)) {
			return fmt.Errorf("container file: metadata key %q is reserved or no key", k)
		}
	}
	return nil
}

// DamageError: bytes that are no valid header or block.
type DamageError struct {
	Offset int64 // where the header or block begins
	Err    error
}

// Error names the place and what is wrong there.
func (e *DamageError) Error() string {
	return fmt.Sprintf("damaged container file at byte %d: %v", e.Offset, e.Err)
}

// Unwrap gives what is wrong.
func (e *DamageError) Unwrap() error { return e.Err }

// ExitCode is that of "corrupt".
func (e *DamageError) ExitCode() int { return 5 }

// derive computes the sync marker of encoded metadata.
func derive(metadata []byte) (sync [markerBytes]byte) {
	sum := sha256.Sum256(metadata)
	copy(sync[:], sum[:])
	return sync
}

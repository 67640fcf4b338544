package journal

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"rewind/disk"
)

const (
	headName      = "head.json"
	headVersion   = 1
	maxHeadBytes  = 64 << 10
	headDomain    = "rewind journal head 1\n" // begins what is signed: a signature for it is one for nothing else
	headKeyDigits = 16
)

// Head says where a journal ended at some time, signed by who appended to it: every byte before that place is what was
// written. The chain of segments ends in it, so that a chain that somebody computed anew shows, the active segment included.
type Head struct {
	Version   int       `json:"version"`
	Table     string    `json:"table"`
	Stream    string    `json:"stream"`
	Partition int       `json:"partition"`
	Next      int64     `json:"next_offset"` // entries below it are signed
	Segment   string    `json:"segment"`     // the name of the segment that was the last one; "" while there was none
	Bytes     int64     `json:"bytes"`       // of that segment, that are signed
	SHA256    string    `json:"sha256"`      // of these bytes, 64 hex digits
	Previous  string    `json:"previous"`    // SHA-256 of the sealed segment before it; zeros in the first
	At        time.Time `json:"at"`
	Key       string    `json:"key"` // KeyID of the public key
	Signature string    `json:"signature"`
}

// when is the time of the signature, for messages.
func (h Head) when() string { return h.At.UTC().Format("2006-01-02T15:04:05.000000Z") }

// KeyID names a public key: the first 16 hex digits of its SHA-256.
func KeyID(public ed25519.PublicKey) string {
	sum := sha256.Sum256(public)
	return hex.EncodeToString(sum[:])[:headKeyDigits]
}

// signed is what the signature is over: every field on a line of its own, in this order, text quoted.
func (h Head) signed() []byte {
	var b bytes.Buffer
	b.WriteString(headDomain)
	fmt.Fprintf(&b, "table %q\nstream %q\npartition %d\nnext_offset %d\nsegment %q\nbytes %d\nsha256 %q\nprevious %q\nat %d\nkey %q\n",
		h.Table, h.Stream, h.Partition, h.Next, h.Segment, h.Bytes, h.SHA256, h.Previous, h.At.UnixMicro(), h.Key)
	return b.Bytes()
}

// sign fills in the key and the signature.
func (h *Head) sign(key ed25519.PrivateKey) {
	h.Version = headVersion
	h.Key = KeyID(key.Public().(ed25519.PublicKey))
	h.Signature = base64.StdEncoding.EncodeToString(ed25519.Sign(key, h.signed()))
}

// Check verifies the signature.
func (h Head) Check(public ed25519.PublicKey) error {
	if id := KeyID(public); h.Key != id {
		return fmt.Errorf("it was signed with the key %.32s, not with %s", h.Key, id)
	}
	signature, err := base64.StdEncoding.DecodeString(h.Signature)
	if err != nil || !ed25519.Verify(public, h.signed(), signature) {
		return errors.New("its signature does not fit: it was changed, or was not made by this key")
	}
	return nil
}

// ParseHead reads a head as it stands in its file.
func ParseHead(text []byte) (Head, error) {
	var h Head
	if err := json.Unmarshal(text, &h); err != nil {
		return Head{}, fmt.Errorf("it is no head of a journal: %w", err)
	}
	if h.Version != headVersion {
		return Head{}, fmt.Errorf("it has version %d, this program knows version %d", h.Version, headVersion)
	}
	wrong := !isHex(h.Stream, streamDigits) || !isHex(h.SHA256, 2*sha256.Size) || !isHex(h.Previous, 2*sha256.Size) ||
		h.Partition < 0 || h.Next < 0 || h.Bytes < 0 || (h.Segment == "") != (h.Bytes == 0)
	if _, ok := segmentBase(h.Segment); wrong || h.Segment != "" && !ok {
		return Head{}, errors.New("it is no head of a journal")
	}
	return h, nil
}

// segmentBase is the offset in a segment's name.
func segmentBase(name string) (base int64, ok bool) {
	digits, ok := strings.CutSuffix(name, extension)
	if !ok || len(digits) != nameDigits {
		return 0, false
	}
	_, err := fmt.Sscanf(digits, "%d", &base)
	return base, err == nil && segmentName(base) == name
}

// HeadError: the signed head is missing, is not what it should be, or the journal is not what it signs.
type HeadError struct {
	Path   string // of the head, or of the segment that differs
	Reason string
	hint   string
}

// Error says what is wrong with which file.
func (e *HeadError) Error() string { return fmt.Sprintf("signed head %s: %s", e.Path, e.Reason) }

// ExitCode is that of "a proof failed".
func (e *HeadError) ExitCode() int { return 5 }

// Hint says what to do.
func (e *HeadError) Hint() string {
	if e.hint != "" {
		return e.hint
	}
	return "somebody changed the journal behind rewind's back, or put an old one in its place: bring the folder back from a copy; nothing was changed"
}

const signAsFoundHint = "`rewind verify` says what the journal is worth; then `rewind consume --sign-as-found` signs it as it stands"

// readHead reads a folder's head; fs.ErrNotExist where it has none.
func readHead(fsys disk.FS, dir string) (Head, error) {
	path := filepath.Join(dir, headName)
	f, err := fsys.OpenFile(path, os.O_RDONLY, 0)
	if err != nil {
		return Head{}, err
	}
	defer f.Close() //nolint:errcheck // only read
	text, err := io.ReadAll(io.LimitReader(f, maxHeadBytes+1))
	if err != nil {
		return Head{}, fmt.Errorf("read %s: %w", path, err)
	}
	if len(text) > maxHeadBytes {
		return Head{}, &HeadError{Path: path, Reason: "it is too long to be one"}
	}
	h, err := ParseHead(text)
	if err != nil {
		return Head{}, &HeadError{Path: path, Reason: err.Error()}
	}
	return h, nil
}

// Head reads the journal's signed head and checks its signature and whose it is. Hold says whether the journal is what it signs.
func (r *Reader) Head(public ed25519.PublicKey) (Head, error) {
	path := filepath.Join(r.dir, headName)
	h, err := readHead(r.options.FS, r.dir)
	if errors.Is(err, fs.ErrNotExist) {
		return Head{}, &HeadError{Path: path, Reason: "it is missing, so that nothing in this folder is signed", hint: "if the journal was never signed: " + signAsFoundHint}
	}
	if err != nil {
		return Head{}, err
	}
	return h, r.options.ours(h, path, public)
}

// ours checks a head's signature, and that it is this journal's.
func (o *Options) ours(h Head, path string, public ed25519.PublicKey) error {
	if public != nil {
		if err := h.Check(public); err != nil {
			return &HeadError{Path: path, Reason: err.Error(), hint: "is it the right key? After a change of keys: " + signAsFoundHint}
		}
	}
	if h.Stream != o.Stream || h.Partition != o.Partition {
		return &HeadError{Path: path, Reason: fmt.Sprintf("it is that of stream %s, partition %d: it was copied from elsewhere", h.Stream, h.Partition)}
	}
	return nil
}

// Behind is what stands in a journal behind its head: not signed yet.
type Behind struct {
	Segments int   `json:"segments"` // begun since
	Bytes    int64 `json:"bytes"`
}

// Hold reads what a head signs and says how much stands behind it; a *HeadError where the journal is not what was signed.
// That the sealed segments before are those that it was chained to is VerifyChain's.
func (r *Reader) Hold(h Head) (behind Behind, err error) {
	var previous [sha256.Size]byte
	found := h.Segment == ""
	for _, info := range r.Segments() {
		if wrong := (*CutError)(nil); errors.As(info.Err, &wrong) {
			return behind, wrong // nobody can tell which segments there should be
		}
		if found {
			behind.Segments++
			behind.Bytes += info.Bytes
			continue
		}
		if segmentName(info.BaseOffset) != h.Segment {
			continue
		}
		if info.Err != nil {
			return behind, info.Err
		}
		found, previous = true, info.Previous
		if behind.Bytes, err = r.holdSegment(h, info); err != nil {
			return behind, err
		}
	}
	path := filepath.Join(r.dir, h.Segment)
	if !found && r.droppedSegment(h.Segment) {
		for _, info := range r.Segments() {
			behind.Segments, behind.Bytes = behind.Segments+1, behind.Bytes+info.Bytes
		}
		return behind, nil // what it signs was dropped by retention
	}
	if !found {
		return behind, &HeadError{Path: path, Reason: fmt.Sprintf("the segment was signed at %s and is missing", h.when())}
	}
	if hex.EncodeToString(previous[:]) != h.Previous {
		return behind, &HeadError{Path: path, Reason: "the segment is chained to another one than when it was signed"}
	}
	return behind, nil
}

// droppedSegment says whether a segment lies before the cut.
func (r *Reader) droppedSegment(name string) bool {
	cut, err := r.options.cut(r.dir)
	return err == nil && cut != nil && cut.covers(name)
}

// holdSegment holds the signed bytes of one segment against the head.
func (r *Reader) holdSegment(h Head, info SegmentInfo) (behind int64, err error) {
	f, err := r.options.openSegment(segment{path: info.Path, base: info.BaseOffset})
	if err != nil {
		return 0, corrupt(info.Path, 0, err)
	}
	defer f.Close() //nolint:errcheck // only read
	if f.size < h.Bytes {
		return 0, &HeadError{Path: info.Path, Reason: fmt.Sprintf("%d of its bytes were signed at %s, it has %d", h.Bytes, h.when(), f.size)}
	}
	sum := sha256.New()
	if _, err := io.Copy(sum, io.NewSectionReader(f, 0, h.Bytes)); err != nil {
		return 0, corrupt(info.Path, 0, err)
	}
	if hex.EncodeToString(sum.Sum(nil)) != h.SHA256 {
		return 0, &HeadError{Path: info.Path, Reason: fmt.Sprintf("its first %d bytes are not those that were signed at %s", h.Bytes, h.when())}
	}
	return f.size - h.Bytes, nil
}

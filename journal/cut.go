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
	"strconv"
	"time"

	"rewind/disk"
)

const (
	cutName     = "cut.json"
	cutVersion  = 1
	cutDomain   = "rewind journal cut 1\n" // begins what is signed
	maxCutBytes = 16 << 20
)

// CutRecord says where the journals of a stream's partitions begin, because retention dropped what stood before: a proof of what that was. It lies in
// the stream's folder, beside those of the partitions.
type CutRecord struct {
	Version      int            `json:"version"`
	Table        string         `json:"table"`
	Stream       string         `json:"stream"`
	At           time.Time      `json:"at"`             // when the record was written
	Kept         string         `json:"kept"`           // what was asked to be kept, in words
	Snapshot     int64          `json:"snapshot"`       // of the restore point that the journal begins with; 0: nothing of the stream is left
	ReadEnded    time.Time      `json:"read_ended"`     // of that point
	Points       int64          `json:"points"`         // restore points that were dropped so far
	NextColumnID int            `json:"next_column_id"` // never given in the stream
	LastSnapshot int64          `json:"last_snapshot"`  // highest id of any Begin that was dropped
	Base         *CutBase       `json:"base"`           // the rows of that point; null: nothing of the stream is left
	Partitions   []CutPartition `json:"partitions"`
	Former       string         `json:"former"` // SHA-256 of the record before this one; zeros: it is the first
	Sum          string         `json:"sha256"` // of this record without this field, key and signature
	Key          string         `json:"key,omitempty"`
	Signature    string         `json:"signature,omitempty"` // ed25519, base64; where the journal is signed

	file [sha256.Size]byte // SHA-256 of the file
}

// CutBase is the file with the rows that the journal begins with.
type CutBase struct {
	Name   string `json:"name"` // without what marks an encrypted file
	Bytes  int64  `json:"bytes"`
	SHA256 string `json:"sha256"` // of its plaintext
}

// CutPartition is where the journal of one partition begins.
type CutPartition struct {
	Commit   int64  `json:"commit"`   // offset of the restore point's Commit: entries up to it are gone
	First    int64  `json:"first"`    // first offset of the first segment that is kept; -1: none is
	After    int64  `json:"after"`    // offset of the last entry before it
	Previous string `json:"previous"` // SHA-256 of the segment before it: the chain at the cut; zeros: none was dropped
	Segments int64  `json:"segments"` // dropped so far
	Bytes    int64  `json:"bytes"`    // that they had
}

// CutError: the cut record is not what it should be, or the journal does not begin where it says.
type CutError struct {
	Path   string
	Reason string
	hint   string
}

// Error names the file.
func (e *CutError) Error() string { return fmt.Sprintf("cut record %s: %s", e.Path, e.Reason) }

// ExitCode is that of "corrupt".
func (e *CutError) ExitCode() int { return 5 }

// Hint says what to do.
func (e *CutError) Hint() string {
	if e.hint != "" {
		return e.hint
	}
	return "what retention left of the stream is the cut record, its base and the segments behind them: bring the stream's folder back from a copy; or move the whole folder aside, and `rewind consume TABLE --refetch` reads again what the topic still has: where that is not all, restore points come back from the next baseline on (rewind produce TABLE --rebaseline), and what the base held is lost; a partition's folder alone cannot be read again behind a cut; nothing was changed"
}

// body is what the checksum and the signature are over.
func (c CutRecord) body() []byte {
	c.Sum, c.Key, c.Signature = "", "", ""
	text, err := json.Marshal(c)
	if err != nil {
		panic("journal: a cut record is not JSON: " + err.Error()) // its fields are numbers, texts and times
	}
	return append([]byte(cutDomain), text...)
}

// seal fills in the checksum, and with a key the signature.
func (c *CutRecord) seal(key ed25519.PrivateKey) {
	c.Version = cutVersion
	body := c.body()
	sum := sha256.Sum256(body)
	c.Sum, c.Key, c.Signature = hex.EncodeToString(sum[:]), "", ""
	if key != nil {
		c.Key = KeyID(key.Public().(ed25519.PublicKey))
		c.Signature = base64.StdEncoding.EncodeToString(ed25519.Sign(key, body))
	}
}

// ParseCut reads a cut record as it stands in its file. With a key it must be signed with it.
func ParseCut(text []byte, key ed25519.PublicKey) (*CutRecord, error) {
	c := &CutRecord{}
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	if err := d.Decode(c); err != nil {
		return nil, fmt.Errorf("it is none: %w", err)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("something follows it")
	}
	if c.Version != cutVersion {
		return nil, fmt.Errorf("it has version %d, this program knows version %d", c.Version, cutVersion)
	}
	body := c.body()
	sum := sha256.Sum256(body)
	if c.Sum != hex.EncodeToString(sum[:]) {
		return nil, errors.New("its SHA-256 is not that of what it says: it is damaged, or was changed")
	}
	c.file = sha256.Sum256(text)
	if key != nil {
		if c.Signature == "" {
			return nil, &signatureError{fmt.Sprintf("it is not signed, and the journal must be, with the key %s: it was written without journal.sign_key, or by somebody else", KeyID(key))}
		}
		signature, err := base64.StdEncoding.DecodeString(c.Signature)
		if id := KeyID(key); c.Key != id {
			return nil, &signatureError{fmt.Sprintf("it was signed with the key %.32s, and the key that is configured is %s: the key was replaced, or is the wrong one", c.Key, id)}
		}
		if err != nil || !ed25519.Verify(key, body, signature) {
			return nil, &signatureError{"its signature does not fit: it was changed, or was not made by this key"}
		}
	}
	if err := c.check(); err != nil {
		return nil, err
	}
	return c, nil
}

// check says whether it makes sense.
func (c *CutRecord) check() error {
	none := errors.New("it makes no sense")
	whole := c.Base == nil
	if !isHex(c.Stream, streamDigits) || !isHex(c.Former, 2*sha256.Size) || len(c.Partitions) == 0 || whole != (c.Snapshot == 0) || c.Snapshot < 0 {
		return none
	}
	if !whole && (!isHex(c.Base.SHA256, 2*sha256.Size) || c.Base.Bytes <= 0 || c.Base.Name != filepath.Base(c.Base.Name) || c.Base.Name == "." || c.Base.Name == "..") {
		return none
	}
	for _, p := range c.Partitions {
		if !isHex(p.Previous, 2*sha256.Size) || whole != (p.First < 0) || !whole && (p.First > p.Commit || p.After >= p.First || p.After < -1) {
			return none
		}
	}
	return nil
}

// ReadCut reads the cut record of a stream's folder; nil where nothing was dropped of it. With a key it must be signed with it.
func ReadCut(fsys disk.FS, dir string, key ed25519.PublicKey) (*CutRecord, error) {
	path := filepath.Join(dir, cutName)
	f, err := fsys.OpenFile(path, os.O_RDONLY, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer f.Close() //nolint:errcheck // only read
	text, err := io.ReadAll(io.LimitReader(f, maxCutBytes+1))
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", path, err)
	}
	if len(text) > maxCutBytes {
		return nil, &CutError{Path: path, Reason: "it is too long to be one"}
	}
	c, err := ParseCut(text, key)
	if wrong := (*signatureError)(nil); errors.As(err, &wrong) {
		return nil, &CutError{Path: path, Reason: wrong.reason, hint: signCutHint}
	}
	if err != nil {
		return nil, &CutError{Path: path, Reason: err.Error()}
	}
	if filepath.Base(dir) != c.Stream {
		return nil, &CutError{Path: path, Reason: fmt.Sprintf("it is that of stream %s: it was copied from elsewhere", c.Stream)}
	}
	return c, nil
}

// Same says whether two are the same record.
func (c *CutRecord) Same(d *CutRecord) bool {
	if c == nil || d == nil {
		return c == d
	}
	return c.file == d.file
}

// WriteCut writes a stream's cut record in the place of the one before, durably. It is chained to that one, and signed where there is a key. From
// then on what lies before the cut is gone, whether its files are there or not.
func WriteCut(fsys disk.FS, dir string, c CutRecord, former *CutRecord, key ed25519.PrivateKey) error {
	c.Former = hex.EncodeToString(make([]byte, sha256.Size))
	if former != nil {
		c.Former = hex.EncodeToString(former.file[:])
	}
	c.seal(key)
	if err := c.check(); err != nil {
		return fmt.Errorf("cut record: %w", err)
	}
	return c.write(fsys, dir)
}

func (c *CutRecord) write(fsys disk.FS, dir string) error {
	text, err := json.MarshalIndent(c, "", "  ")
	if err != nil {
		return err
	}
	return disk.WriteFile(fsys, filepath.Join(dir, cutName), append(text, '\n'), fileMode)
}

// partitionCut is where a partition's journal begins.
type partitionCut struct {
	CutPartition
	number   int
	previous [sha256.Size]byte
	whole    bool // nothing is left
	path     string
	of       *CutRecord
}

// cut reads the record that lies beside the partition's folder; nil where it says nothing of this partition.
func (o *Options) cut(dir string) (*partitionCut, error) {
	number := o.Partition
	if o.Stream == "" { // any partition's: its folder's name says which
		n, err := strconv.Atoi(filepath.Base(dir))
		if err != nil {
			return nil, nil //nolint:nilerr // no consumer made this folder
		}
		number = n
	}
	stream := filepath.Dir(filepath.Clean(dir))
	c, err := ReadCut(o.FS, stream, o.CutKey)
	if err != nil || c == nil || number >= len(c.Partitions) && c.Base != nil {
		return nil, err
	}
	p := &partitionCut{CutPartition: CutPartition{First: -1, After: -1}, number: number, whole: c.Base == nil, path: filepath.Join(stream, cutName), of: c}
	if number < len(c.Partitions) { // else it came since, and there is to be nothing of it
		p.CutPartition = c.Partitions[number]
	}
	if o.Stream != "" && c.Stream != o.Stream {
		return nil, &CutError{Path: p.path, Reason: fmt.Sprintf("it is that of stream %s: it was copied from elsewhere", c.Stream)}
	}
	_, err = hex.Decode(p.previous[:], []byte(p.Previous))
	return p, err
}

// kept leaves the segments that are not dropped. Where there is a record, the first of them must be there.
func (p *partitionCut) kept(segments []segment) ([]segment, error) {
	if p == nil {
		return segments, nil
	}
	if p.whole {
		return nil, nil
	}
	for len(segments) > 0 && segments[0].base < p.First {
		segments = segments[1:]
	}
	if len(segments) == 0 || segments[0].base != p.First {
		return segments, &CutError{Path: p.path, Reason: fmt.Sprintf("the journal of the partition begins with segment %s since %s, and that is missing", segmentName(p.First), p.of.At.UTC().Format(time.RFC3339))}
	}
	return segments, nil
}

// same says whether two records are one.
func (p *partitionCut) same(q *partitionCut) bool {
	if p == nil || q == nil {
		return p == q
	}
	return p.of.Same(q.of)
}

// dropped explains why a segment that was listed is not there any more: retention came meanwhile. Else the error stays what it is.
func (o *Options) dropped(dir string, s segment, err error) error {
	if !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	cut, cutErr := o.cut(dir)
	if cutErr != nil || cut == nil || !cut.covers(segmentName(s.base)) {
		return err
	}
	return &DroppedError{Segment: s.path, Cut: cut.of}
}

// begins says whether a segment is the one that the journal begins with since the cut.
func (p *partitionCut) begins(base int64) bool { return p != nil && !p.whole && base == p.First }

// hold holds the first segment behind the cut against the record.
func (p *partitionCut) hold(info *SegmentInfo) error {
	if !p.begins(info.BaseOffset) {
		return nil
	}
	if info.After != p.After || info.Previous != p.previous {
		return &CutError{Path: p.path, Reason: fmt.Sprintf("segment %s is not the one that the journal began with: it is chained to another one", info.Path)}
	}
	info.BehindCut = true
	return nil
}

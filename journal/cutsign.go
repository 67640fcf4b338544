package journal

import (
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"strconv"
	"strings"

	"rewind/crypt"
)

// CutLock is held in a stream's folder by who writes its cut record, or a checkpoint.
const CutLock = "checkpoint.lock"

// basePrefix begins the name of what a journal begins with since a retention.
const basePrefix = "base-"

const signCutHint = "`rewind verify` with a configuration without journal.sign_key and journal.verify_key says what the journal is worth; if that passes, and nobody but rewind can have written to the folder, `rewind consume --sign-as-found` signs the record, too, after it was held against the segments and the base; nothing was changed"

// signatureError is a record that is whole, but is not signed as it must be.
type signatureError struct{ reason string }

func (e *signatureError) Error() string { return e.reason }

// SignCut signs the cut record of a stream's folder as it was found, unless the key has signed it already, or there is none. Before, all that can
// be held is: its own SHA-256, the segments that the journals begin with, and the base's SHA-256 (but where it is encrypted and no key to
// decrypt it is here). Whoever writes a record or a checkpoint meanwhile: *disk.LockedError.
func SignCut(dir string, o Options, key ed25519.PrivateKey) (signed bool, err error) {
	if err := o.applyDefaults(); err != nil {
		return false, err
	}
	if c, err := ReadCut(o.FS, dir, key.Public().(ed25519.PublicKey)); c != nil || err == nil {
		return false, err
	}
	lock, err := o.FS.Lock(filepath.Join(dir, CutLock))
	if err != nil {
		return false, err
	}
	defer lock.Close() //nolint:errcheck // a lock goes with its process at the latest
	o.CutKey = nil
	c, err := ReadCut(o.FS, dir, nil)
	if err != nil || c == nil {
		return false, err
	}
	if err := o.holdBeginnings(dir, c); err != nil {
		return false, err
	}
	if err := o.holdBase(dir, c); err != nil {
		return false, err
	}
	c.seal(key)
	return true, c.write(o.FS, dir)
}

// holdBeginnings holds the partitions' first segments against the record.
func (o Options) holdBeginnings(dir string, c *CutRecord) error {
	if c.Base == nil {
		return nil
	}
	o.Stream = c.Stream
	for n := range c.Partitions {
		o.Partition = n
		r, err := OpenReader(filepath.Join(dir, fmt.Sprintf("%05d", n)), o)
		if err != nil {
			return err
		}
		infos := r.Segments()
		if len(infos) == 0 {
			return &CutError{Path: filepath.Join(dir, cutName), Reason: "partition " + strconv.Itoa(n) + " holds no segment behind it"}
		}
		var key *crypt.KeyError
		if err := infos[0].Err; err != nil && (!errors.As(err, &key) || !o.Keys.WriteOnly()) {
			return err
		}
	}
	return nil
}

// holdFirst holds the first segment of a partition of which no record says where it begins: behind another one it must not begin. known says
// that it can be told why: retention cut the journal, and its record is gone.
func (o *Options) holdFirst(dir string, info *SegmentInfo) (known bool, err error) {
	if info.After < 0 && info.Previous == ([sha256.Size]byte{}) {
		return false, nil
	}
	stream := filepath.Dir(filepath.Clean(dir))
	names, _ := o.FS.ReadDir(stream) //nolint:errcheck // then nothing lies beside it
	for _, n := range names {
		if strings.HasPrefix(n.Name(), basePrefix) && !strings.HasSuffix(n.Name(), temporaryExtension) {
			return true, &CutError{Path: filepath.Join(stream, cutName), Reason: fmt.Sprintf("it is missing, or says nothing of partition %s: retention dropped what stood before segment %s, and %s lies there still", filepath.Base(dir), info.Path, filepath.Join(stream, n.Name()))}
		}
	}
	return false, &CorruptionError{Segment: info.Path, Err: errors.New("a segment before it is missing")}
}

// holdBase holds the base against the record.
func (o *Options) holdBase(dir string, c *CutRecord) error {
	if c.Base == nil {
		return nil
	}
	path := filepath.Join(dir, c.Base.Name)
	f, err := o.openSegment(segment{path: path})
	wrong := func(why string) error {
		return &CutError{Path: filepath.Join(dir, cutName), Reason: fmt.Sprintf("the base that it names, %s, %s", path, why)}
	}
	var key *crypt.KeyError
	switch {
	case errors.As(err, &key) && o.Keys.WriteOnly():
		return nil
	case errors.Is(err, fs.ErrNotExist):
		return wrong("is missing")
	case err != nil:
		return err
	}
	defer f.Close() //nolint:errcheck // only read
	sum, err := f.sum()
	if err != nil {
		return err
	}
	if f.size != c.Base.Bytes || hex.EncodeToString(sum[:]) != c.Base.SHA256 {
		return wrong("has another SHA-256 than it says")
	}
	return nil
}

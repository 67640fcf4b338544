package journal

import (
	"encoding/hex"
	"errors"
	"io/fs"
	"path/filepath"

	"rewind/disk"
)

// EncryptBase encrypts the base that a stream's journals begin with, where it lies in clear and new files are encrypted: it was made before that was
// switched on. The steps are those of a sealed segment: whatever moment a crash comes at, one of the two is there whole, and both hold the same. It
// leaves a base alone that is not the one that the cut record names, and says so; and one that somebody works on, for the next time.
func EncryptBase(dir string, o Options) (encrypted bool, err error) {
	if err := o.applyDefaults(); err != nil || !o.Keys.Encrypts() {
		return false, err
	}
	if path, _, err := o.clearBase(dir); path == "" {
		return false, err
	}
	lock, err := o.FS.Lock(filepath.Join(dir, CutLock))
	if held := (*disk.LockedError)(nil); errors.As(err, &held) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	defer lock.Close() //nolint:errcheck // a lock goes with its process at the latest
	path, cut, err := o.clearBase(dir)
	if path == "" {
		return false, err
	}
	if err := o.holdBase(dir, cut); err != nil {
		return false, err
	}
	base := clearSegment{segment: segment{path: path}, known: true}
	if _, err := hex.Decode(base.sum[:], []byte(cut.Base.SHA256)); err != nil {
		return false, err
	}
	_, err = o.FS.Stat(path + ageExtension)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return false, err
	}
	base.both = err == nil
	j := &Journal{dir: dir, options: o}
	return true, j.encrypt(base)
}

// clearBase finds a base that lies in clear; "": there is none.
func (o *Options) clearBase(dir string) (path string, cut *CutRecord, err error) {
	if cut, err = ReadCut(o.FS, dir, o.CutKey); err != nil || cut == nil || cut.Base == nil {
		return "", nil, err
	}
	path = filepath.Join(dir, cut.Base.Name)
	if _, err := o.FS.Stat(path); errors.Is(err, fs.ErrNotExist) {
		return "", nil, nil
	} else if err != nil {
		return "", nil, err
	}
	return path, cut, nil
}

package disk

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// WriteFile writes name atomically and durably: temporary file, fsync, rename, fsync of the folder. After a crash the
// file holds its old or its new content, whole. The temporary file is name+".tmp": one that a crash left is overwritten
// by the next call, and two calls for one name at a time need a lock.
func WriteFile(fsys FS, name string, data []byte, perm fs.FileMode) error {
	temporary := name + ".tmp"
	err := writeSynced(fsys, temporary, data, perm)
	if err == nil {
		err = fsys.Rename(temporary, name)
	}
	if err != nil {
		_ = fsys.Remove(temporary) // the first error is the one that tells
		return fmt.Errorf("write %s: %w", name, err)
	}
	if err := fsys.SyncDir(filepath.Dir(name)); err != nil {
		return fmt.Errorf("write %s: %w", name, err)
	}
	return nil
}

func writeSynced(fsys FS, name string, data []byte, perm fs.FileMode) error {
	f, err := fsys.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, perm)
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	if err == nil {
		err = f.Sync()
	}
	return errors.Join(err, f.Close())
}

// MakeDirs makes the folder and those above it that are missing, each of them durable. It syncs the folders above
// those that were already there too: a crash may have come between making and syncing them.
func MakeDirs(fsys FS, path string, perm fs.FileMode) error {
	if err := fsys.MkdirAll(path, perm); err != nil {
		return err
	}
	for at := filepath.Clean(path); ; {
		parent := filepath.Dir(at)
		if parent == at || at == "." {
			return nil
		}
		if err := syncReadable(fsys, parent); err != nil {
			return err
		}
		at = parent
	}
}

// syncReadable syncs a folder; one that this user may not open, such as / in some containers, was not made by us.
func syncReadable(fsys FS, path string) error {
	err := fsys.SyncDir(path)
	if errors.Is(err, fs.ErrPermission) || errors.Is(err, fs.ErrInvalid) {
		return nil
	}
	return err
}

package replay

import (
	"errors"
	"io/fs"
	"path/filepath"
	"strings"

	"rewind/disk"
	"rewind/table"
)

// What Unfinished answers.
const (
	RestoreRunning = "running"
	RestoreCutOff  = "cut off"
)

// Unfinished says whether a restore of the table is under way, "" where none is: one that runs, in this process or another, or one
// that was cut off, which the next command on the table finishes or undoes. It leaves everything as it is, and asks no engine.
func Unfinished(name table.Name, o Options) (state string, err error) {
	o = o.applyDefaults("")
	files, err := o.FS.ReadDir(restoreDir(o))
	if err != nil {
		return "", ignoreNotExist(err)
	}
	for _, f := range files {
		record := strings.HasPrefix(f.Name(), loadPrefix(name)) && strings.HasSuffix(f.Name(), ".json")
		if !record && f.Name() != filepath.Base(swapPath(o, name)) {
			continue
		}
		running, err := isHeld(o.FS, lockOf(filepath.Join(restoreDir(o), f.Name())))
		if err != nil {
			return "", err
		}
		if !running {
			return RestoreCutOff, nil
		}
		state = RestoreRunning
	}
	return state, nil
}

// isHeld says whether somebody has a lock, without making its file.
func isHeld(fsys disk.FS, path string) (bool, error) {
	if _, err := fsys.Stat(path); err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			return false, nil
		}
		return false, err
	}
	lock, err := fsys.Lock(path)
	var held *disk.LockedError
	if errors.As(err, &held) {
		return true, nil
	}
	if err != nil {
		return false, err
	}
	return false, lock.Close()
}

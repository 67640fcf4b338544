// Package disk is the little of a file system that rewind's durable files need, so that the same code
// runs on the operating system and on a memory file system that fails, crashes and loses what was not synced.
//
// The rules that callers can rely on are those that POSIX promises and no more: the content of a file is durable
// after File.Sync, the name of a file is durable after SyncDir of its folder, a rename inside one folder is atomic,
// and a failed Sync says nothing about what reached the medium: the file must not be written any further.
package disk

import (
	"fmt"
	"io"
	"io/fs"
)

// FS is a file system. Paths are the operating system's.
type FS interface {
	OpenFile(name string, flag int, perm fs.FileMode) (File, error) // os.OpenFile's flags
	Rename(from, to string) error
	Remove(name string) error
	MkdirAll(path string, perm fs.FileMode) error
	ReadDir(path string) ([]fs.DirEntry, error) // sorted by name
	Stat(name string) (fs.FileInfo, error)
	SyncDir(path string) error                 // directory entries durable
	Lock(path string) (io.Closer, error)       // exclusive, non-blocking; *LockedError when another process holds it
	Free(path string) (bytes int64, err error) // bytes available to this user
}

// File is an open file.
type File interface {
	io.Reader
	io.ReaderAt
	io.Writer
	io.Seeker
	io.Closer
	Sync() error
	Truncate(size int64) error
	Stat() (fs.FileInfo, error)
}

// LockedError: another process (or another holder in this one) has the lock.
type LockedError struct {
	Path   string
	Holder string // process id of the holder, as it wrote it into the lock file; "" if it could not be read
}

// Error names the lock file and its holder.
func (e *LockedError) Error() string {
	if e.Holder == "" {
		return e.Path + " is locked by another process"
	}
	return fmt.Sprintf("%s is locked by process %s", e.Path, e.Holder)
}

// ExitCode is that of "locked by another".
func (e *LockedError) ExitCode() int { return 8 }

// Hint says what to do about it.
func (e *LockedError) Hint() string {
	if e.Holder == "" {
		return "wait until the other rewind has ended, or stop it; the lock goes with its process"
	}
	return "wait until process " + e.Holder + " has ended, or stop it; the lock goes with its process"
}

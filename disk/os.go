package disk

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"strconv"
	"strings"
	"syscall"
)

// OS is the operating system's file system.
var OS FS = osFS{}

type osFS struct{}

// OpenFile relies on package os for O_CLOEXEC: commands that a site configures must not inherit our files or locks.
func (osFS) OpenFile(name string, flag int, perm fs.FileMode) (File, error) {
	f, err := os.OpenFile(name, flag, perm)
	if err != nil {
		return nil, err // not f: a nil *os.File in a File would not be nil
	}
	return &osFile{File: f}, nil
}

// osFile begins to bring what is written to the medium while more is written, so that Sync waits for the last of it and not for all.
type osFile struct {
	*os.File
	written int // since that began last
}

// writtenAhead is after how many bytes it begins again.
const writtenAhead = 8 << 20

func (f *osFile) Write(b []byte) (int, error) {
	n, err := f.File.Write(b)
	if f.written += n; f.written >= writtenAhead {
		f.written = 0
		beginWriting(f.File)
	}
	return n, err
}

// Forget says that a file's first bytes will not be read again: their memory is better used for what is written meanwhile. Nothing depends on it,
// and of a file that is not the operating system's there is nothing to forget.
func Forget(f File, end int64) {
	if f, ok := f.(*osFile); ok {
		forget(f.File, end)
	}
}

func (osFS) Rename(from, to string) error                 { return os.Rename(from, to) }
func (osFS) Remove(name string) error                     { return os.Remove(name) }
func (osFS) MkdirAll(path string, perm fs.FileMode) error { return os.MkdirAll(path, perm) }
func (osFS) ReadDir(path string) ([]fs.DirEntry, error)   { return os.ReadDir(path) }
func (osFS) Stat(name string) (fs.FileInfo, error)        { return os.Stat(name) }

func (osFS) SyncDir(path string) error {
	d, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

func (osFS) Free(path string) (int64, error) {
	var st syscall.Statfs_t
	if err := retryInterrupted(func() error { return syscall.Statfs(path, &st) }); err != nil {
		return 0, &fs.PathError{Op: "statfs", Path: path, Err: err}
	}
	return int64(st.Bavail) * int64(st.Bsize), nil
}

// Lock takes flock(2) on the file and writes the process id into it. The file stays: removing it would let two
// processes lock two different files of that name.
func (osFS) Lock(path string) (io.Closer, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	err = retryInterrupted(func() error { return syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB) })
	if errors.Is(err, syscall.EWOULDBLOCK) {
		holder := readHolder(f)
		_ = f.Close()
		return nil, &LockedError{Path: path, Holder: holder}
	}
	if err != nil {
		return nil, errors.Join(&fs.PathError{Op: "flock", Path: path, Err: err}, f.Close())
	}
	// The process id only informs whoever is refused: a full disk must not prevent the lock.
	if err := f.Truncate(0); err == nil {
		_, _ = f.WriteAt([]byte(strconv.Itoa(os.Getpid())+"\n"), 0)
	}
	return osLock{f}, nil
}

// osLock is a held lock.
type osLock struct{ f *os.File }

// Close empties the file first, so that nobody reads the id of a process that has nothing to do with it any more.
func (l osLock) Close() error {
	_ = l.f.Truncate(0)
	return l.f.Close()
}

// readHolder reads the process id that the holder wrote; anything else in the file is not shown.
func readHolder(f io.ReaderAt) string {
	buf := make([]byte, 20)
	n, _ := f.ReadAt(buf, 0)
	s := strings.TrimSpace(string(buf[:n]))
	if _, err := strconv.ParseUint(s, 10, 32); err != nil {
		return ""
	}
	return s
}

func retryInterrupted(call func() error) error {
	for {
		if err := call(); !errors.Is(err, syscall.EINTR) {
			return err
		}
	}
}

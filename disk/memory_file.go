package disk

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"syscall"
)

// memoryFile is an open file of a Memory.
type memoryFile struct {
	fs     *Memory
	node   *node
	name   string
	flag   int
	at     int64
	closed bool
}

// do runs a counted operation.
func (f *memoryFile) do(op string, call func() error) error {
	f.fs.mu.Lock()
	defer f.fs.mu.Unlock()
	err := f.step()
	if err == nil {
		err = call()
	}
	return f.wrap(op, err)
}

func (f *memoryFile) step() error {
	if f.closed {
		return fs.ErrClosed
	}
	return f.fs.step()
}

func (f *memoryFile) wrap(op string, err error) error {
	if err == nil || err == io.EOF { //nolint:errorlint // io.EOF is returned bare, as package os does
		return err
	}
	return &fs.PathError{Op: op, Path: f.name, Err: err}
}

// Read reads on from where the last Read or Write ended.
func (f *memoryFile) Read(p []byte) (n int, err error) {
	err = f.do("read", func() error {
		n, err = f.read(p, f.at)
		f.at += int64(n)
		return err
	})
	if n > 0 {
		err = nil // package os reports the end with the next Read
	}
	return n, err
}

// ReadAt reads at an offset.
func (f *memoryFile) ReadAt(p []byte, at int64) (n int, err error) {
	err = f.do("read", func() error {
		n, err = f.read(p, at)
		return err
	})
	return n, err
}

func (f *memoryFile) read(p []byte, at int64) (int, error) {
	if f.flag&os.O_WRONLY != 0 {
		return 0, syscall.EBADF
	}
	if at < 0 {
		return 0, fs.ErrInvalid
	}
	if at >= int64(len(f.node.content)) {
		if len(p) == 0 {
			return 0, nil
		}
		return 0, io.EOF
	}
	n := copy(p, f.node.content[at:])
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}

// Write writes at the file's position. When it fails, half of the bytes are written.
func (f *memoryFile) Write(p []byte) (int, error) {
	f.fs.mu.Lock()
	defer f.fs.mu.Unlock()
	if f.flag&(os.O_WRONLY|os.O_RDWR) == 0 {
		return 0, f.wrap("write", syscall.EBADF)
	}
	wasCrashed := f.fs.crashed
	err := f.step()
	if err != nil {
		if wasCrashed || errors.Is(err, fs.ErrClosed) {
			return 0, f.wrap("write", err)
		}
		p = p[:len(p)/2]
	}
	if int64(len(p)) > f.fs.free {
		p, err = p[:f.fs.free], syscall.ENOSPC
	}
	f.fs.free -= int64(len(p))
	if f.flag&os.O_APPEND != 0 {
		f.at = int64(len(f.node.content))
	}
	if len(p) > 0 {
		f.node.change(edit{at: f.at, bytes: slices.Clone(p)})
		f.node.modified = f.fs.clock
		f.at += int64(len(p))
	}
	return len(p), f.wrap("write", err)
}

// Seek sets the position.
func (f *memoryFile) Seek(offset int64, whence int) (int64, error) {
	err := f.do("seek", func() error {
		switch whence {
		case io.SeekCurrent:
			offset += f.at
		case io.SeekEnd:
			offset += int64(len(f.node.content))
		}
		if offset < 0 {
			return fs.ErrInvalid
		}
		f.at = offset
		return nil
	})
	return f.at, err
}

// Sync makes the content durable. When it fails, what was written so far never is.
func (f *memoryFile) Sync() error {
	f.fs.mu.Lock()
	defer f.fs.mu.Unlock()
	err := f.step()
	switch {
	case err == nil:
		f.node.sync()
	case errors.Is(err, ErrInjected):
		f.node.syncFailed()
	}
	return f.wrap("fsync", err)
}

// Truncate sets the length.
func (f *memoryFile) Truncate(size int64) error {
	return f.do("truncate", func() error {
		if size < 0 {
			return fs.ErrInvalid
		}
		f.node.change(edit{truncate: true, at: size})
		return nil
	})
}

// Stat describes the file.
func (f *memoryFile) Stat() (info fs.FileInfo, err error) {
	err = f.do("stat", func() error {
		info = f.node.info(filepath.Base(f.name))
		return nil
	})
	return info, err
}

// Close closes the file; it is no operation that could fail or crash.
func (f *memoryFile) Close() error {
	f.fs.mu.Lock()
	defer f.fs.mu.Unlock()
	if f.closed {
		return f.wrap("close", fs.ErrClosed)
	}
	f.closed = true
	return nil
}

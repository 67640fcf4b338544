package disk

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"
)

// ErrCrashed is what every operation answers once a Memory has crashed.
var ErrCrashed = errors.New("the machine has crashed")

// ErrInjected is the error of an operation that was made to fail.
var ErrInjected = errors.New("injected failure")

// Memory is a file system in memory for tests: it can fail or crash at any operation, and after a crash (or at any
// moment) Restart shows what the disk would hold. It is as forgetful as POSIX allows:
//
//   - The content of a file is durable as of its last Sync. Its name is durable as of the last SyncDir of its folder:
//     creating, renaming and removing are volatile until then, and a new file that was synced itself can still vanish
//     with its name. Folders are names in their parents like files.
//   - What was not made durable is lost in whole, in part or not at all: Restart is told which. See Loss.
//   - A failed Sync leaves the content readable and forgets it: as with Linux's page cache, a later Sync succeeds
//     without making durable what the failed one did not.
//   - A Write that fails, or during which the machine crashes, has written half of its bytes.
//   - Rename inside a folder is atomic. A crash during any other operation leaves it undone.
//   - Locks vanish with the crash, their files stay.
//
// Every operation but Close counts, those that read too: a run without faults says with Ops how many there are, and
// FailAt and CrashAt take a number from 1 to that. Safe for concurrent use.
type Memory struct {
	mu      sync.Mutex
	root    *node
	locks   map[*node]bool
	ops     int64
	failAt  int64
	crashAt int64
	tripped bool
	crashed bool
	free    int64
	clock   time.Time
}

// NewMemory returns an empty file system with 1 TiB free.
func NewMemory() *Memory {
	return &Memory{root: newFolder(0o700), locks: map[*node]bool{}, free: 1 << 40, clock: time.Unix(1_700_000_000, 0).UTC()}
}

// Ops is the number of operations so far.
func (m *Memory) Ops() int64 { m.mu.Lock(); defer m.mu.Unlock(); return m.ops }

// FailAt makes the k-th operation from now (1 is the next one) fail with ErrInjected; 0 takes the fault back.
func (m *Memory) FailAt(k int64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.failAt, m.tripped = m.ops+k, false
}

// CrashAt makes the machine crash at the k-th operation from now: it and all that follow fail with ErrCrashed; 0 takes the
// fault back.
func (m *Memory) CrashAt(k int64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.crashAt, m.tripped = m.ops+k, false
}

// Tripped says whether the fault that FailAt or CrashAt asked for has happened: an enumeration ends when it has not.
func (m *Memory) Tripped() bool { m.mu.Lock(); defer m.mu.Unlock(); return m.tripped }

// SetFree sets the bytes that are free. Writing takes from it, and fails with ENOSPC when it is used up.
func (m *Memory) SetFree(bytes int64) { m.mu.Lock(); defer m.mu.Unlock(); m.free = bytes }

// Restart returns the file system that is found after a loss of power at this moment. The old one has crashed.
func (m *Memory) Restart(l Loss) *Memory {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.crashed = true
	n := NewMemory()
	n.root, n.free, n.clock = m.root.restart(l.chooser(), map[*node]*node{}), m.free, m.clock
	return n
}

// step counts an operation and decides its fate.
func (m *Memory) step() error {
	if m.crashed {
		return ErrCrashed
	}
	m.ops++
	m.clock = m.clock.Add(time.Millisecond)
	switch m.ops {
	case m.crashAt:
		m.crashed, m.tripped = true, true
		return ErrCrashed
	case m.failAt:
		m.tripped = true
		return ErrInjected
	}
	return nil
}

// find walks to a path. Relative paths begin at the root.
func (m *Memory) find(path string) (*node, error) {
	at := m.root
	for part := range strings.SplitSeq(filepath.ToSlash(filepath.Clean(path)), "/") {
		if part == "" || part == "." {
			continue
		}
		if at.names == nil {
			return nil, syscall.ENOTDIR
		}
		next, ok := at.names[part]
		if !ok {
			return nil, fs.ErrNotExist
		}
		at = next
	}
	return at, nil
}

// folderOf finds the folder that holds a path, and the path's last part.
func (m *Memory) folderOf(path string) (*node, string, error) {
	path = filepath.Clean(path)
	dir, err := m.find(filepath.Dir(path))
	if err == nil && dir.names == nil {
		err = syscall.ENOTDIR
	}
	return dir, filepath.Base(path), err
}

// OpenFile opens or creates a file; flags as in os.OpenFile.
func (m *Memory) OpenFile(name string, flag int, perm fs.FileMode) (File, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	n, err := m.open(name, flag, perm)
	if err != nil {
		return nil, &fs.PathError{Op: "open", Path: name, Err: err}
	}
	return &memoryFile{fs: m, node: n, name: name, flag: flag}, nil
}

func (m *Memory) open(name string, flag int, perm fs.FileMode) (*node, error) {
	if err := m.step(); err != nil {
		return nil, err
	}
	dir, base, err := m.folderOf(name)
	if err != nil {
		return nil, err
	}
	n, exists := dir.names[base]
	switch {
	case !exists && flag&os.O_CREATE == 0:
		return nil, fs.ErrNotExist
	case !exists:
		n = &node{mode: perm, modified: m.clock}
		dir.link(base, n)
		return n, nil
	case flag&os.O_CREATE != 0 && flag&os.O_EXCL != 0:
		return nil, fs.ErrExist
	case n.names != nil && flag&(os.O_WRONLY|os.O_RDWR) != 0:
		return nil, syscall.EISDIR
	case flag&os.O_TRUNC != 0:
		n.change(edit{truncate: true})
	}
	return n, nil
}

// Rename renames a file or folder, replacing a file.
func (m *Memory) Rename(from, to string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.rename(from, to); err != nil {
		return &os.LinkError{Op: "rename", Old: from, New: to, Err: err}
	}
	return nil
}

func (m *Memory) rename(from, to string) error {
	if err := m.step(); err != nil {
		return err
	}
	source, old, err := m.folderOf(from)
	if err != nil {
		return err
	}
	target, name, err := m.folderOf(to)
	if err != nil {
		return err
	}
	n, ok := source.names[old]
	if !ok {
		return fs.ErrNotExist
	}
	if there := target.names[name]; there != nil && there.names != nil && there != n {
		return fs.ErrExist
	}
	if source == target {
		source.move(old, name, n)
		return nil
	}
	target.link(name, n)
	source.unlink(old)
	return nil
}

// Remove removes a file or an empty folder.
func (m *Memory) Remove(name string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	err := m.step()
	if err == nil {
		err = m.remove(name)
	}
	if err != nil {
		return &fs.PathError{Op: "remove", Path: name, Err: err}
	}
	return nil
}

func (m *Memory) remove(name string) error {
	dir, base, err := m.folderOf(name)
	if err != nil {
		return err
	}
	n, ok := dir.names[base]
	if !ok {
		return fs.ErrNotExist
	}
	if len(n.names) > 0 {
		return syscall.ENOTEMPTY
	}
	dir.unlink(base)
	return nil
}

// MkdirAll makes a folder and those above it; it is one operation.
func (m *Memory) MkdirAll(path string, perm fs.FileMode) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.step(); err != nil {
		return &fs.PathError{Op: "mkdir", Path: path, Err: err}
	}
	at := m.root
	for part := range strings.SplitSeq(filepath.ToSlash(filepath.Clean(path)), "/") {
		if part == "" || part == "." {
			continue
		}
		next := at.names[part]
		if next == nil {
			next = newFolder(perm)
			next.modified = m.clock
			at.link(part, next)
		}
		if next.names == nil {
			return &fs.PathError{Op: "mkdir", Path: path, Err: syscall.ENOTDIR}
		}
		at = next
	}
	return nil
}

// ReadDir lists a folder, sorted by name.
func (m *Memory) ReadDir(path string) ([]fs.DirEntry, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	n, err := m.look(path)
	if err == nil && n.names == nil {
		err = syscall.ENOTDIR
	}
	if err != nil {
		return nil, &fs.PathError{Op: "readdir", Path: path, Err: err}
	}
	return n.list(), nil
}

// Stat describes a file or folder.
func (m *Memory) Stat(name string) (fs.FileInfo, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	n, err := m.look(name)
	if err != nil {
		return nil, &fs.PathError{Op: "stat", Path: name, Err: err}
	}
	return n.info(filepath.Base(name)), nil
}

// look is find as a counted operation.
func (m *Memory) look(path string) (*node, error) {
	if err := m.step(); err != nil {
		return nil, err
	}
	return m.find(path)
}

// SyncDir makes the names in a folder durable.
func (m *Memory) SyncDir(path string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	n, err := m.look(path)
	if err == nil && n.names == nil {
		err = syscall.ENOTDIR
	}
	if err != nil {
		return &fs.PathError{Op: "fsync", Path: path, Err: err}
	}
	n.syncNames()
	return nil
}

// Lock takes the lock of a file, which it creates.
func (m *Memory) Lock(path string) (io.Closer, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	n, err := m.open(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, &fs.PathError{Op: "lock", Path: path, Err: err}
	}
	if m.locks[n] {
		return nil, &LockedError{Path: path, Holder: "0"}
	}
	m.locks[n] = true
	return &memoryLock{fs: m, node: n}, nil
}

// Free says how many bytes can still be written.
func (m *Memory) Free(path string) (int64, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if _, err := m.look(path); err != nil {
		return 0, &fs.PathError{Op: "statfs", Path: path, Err: err}
	}
	return m.free, nil
}

// memoryLock is a held lock of a Memory.
type memoryLock struct {
	fs   *Memory
	node *node
}

// Close releases the lock.
func (l *memoryLock) Close() error {
	l.fs.mu.Lock()
	defer l.fs.mu.Unlock()
	delete(l.fs.locks, l.node)
	return nil
}

package disk

import (
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

const syncFileRangeWrite = 2 // SYNC_FILE_RANGE_WRITE of sync_file_range(2)

// beginWriting has the kernel begin to write what the file's cache holds, without waiting for it. It promises nothing: that a file is durable,
// or that it could not be made so, Sync alone tells, which also hears of what goes wrong here.
func beginWriting(f *os.File) {
	if c, err := f.SyscallConn(); err == nil {
		_ = c.Control(func(fd uintptr) { _ = syscall.SyncFileRange(int(fd), 0, 0, syncFileRangeWrite) })
	}
}

// forget gives back what the kernel's cache holds of the file's first bytes.
func forget(f *os.File, end int64) {
	if c, err := f.SyscallConn(); err == nil {
		_ = c.Control(func(fd uintptr) { _ = unix.Fadvise(int(fd), 0, end, unix.FADV_DONTNEED) })
	}
}

// Package ballast keeps Go's collector from running all the time in a process whose heap is small and whose garbage is not.
package ballast

import "sync"

var (
	mutex sync.Mutex
	held  []byte
)

// Hold takes memory that nobody touches, at least so many bytes in all: it takes no room, but counts in the heap at whose doubling Go
// collects (https://go.dev/doc/gc-guide#GOGC). Where that is a few megabytes, collecting is a tenth of the CPU; what takes room is the
// garbage of as many bytes that may lie until then. It is to be called before the heap grows, which would have it cleared, and so touched.
func Hold(bytes int) {
	mutex.Lock()
	defer mutex.Unlock()
	if len(held) < bytes {
		held = make([]byte, bytes)
	}
}

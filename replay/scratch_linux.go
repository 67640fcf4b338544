package replay

import "syscall"

const hugePages = 14 // MADV_HUGEPAGE

// scratch gives zeroed memory beside the heap, in huge pages where the system has some: it is looked into at random, and the heap would keep as much
// again in reserve. It is given back by calling free.
func scratch(bytes int) (memory []byte, free func()) {
	memory, err := syscall.Mmap(-1, 0, bytes, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_ANON|syscall.MAP_PRIVATE)
	if err != nil {
		return make([]byte, bytes), func() {}
	}
	_ = syscall.Madvise(memory, hugePages) // without them it is only slower
	return memory, func() { _ = syscall.Munmap(memory) }
}

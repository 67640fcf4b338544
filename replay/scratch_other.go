//go:build !linux

package replay

// scratch gives zeroed memory.
func scratch(bytes int) (memory []byte, free func()) { return make([]byte, bytes), func() {} }

package ballast

import (
	"runtime"
	"testing"
)

// TestHold: what is held counts in the collector's goal, the largest alone, and stays.
func TestHold(t *testing.T) {
	goal := func() int64 {
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return int64(m.NextGC)
	}
	for _, bytes := range []int64{8 << 20, 16 << 20, 4 << 20} {
		Hold(int(bytes))
		if at := goal(); at < 2*bytes || at > 2*16<<20+4<<20 {
			t.Errorf("%d held: collected at %d", bytes, at)
		}
	}
	if at := goal(); at < 2*16<<20 {
		t.Errorf("collected at %d, though 16 MiB were held", at)
	}
}

package sorting

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"rewind/disk"
)

// drain gives every record that a merge gives, written down.
func drain(t interface {
	Helper()
	Fatal(args ...any)
}, s *Sorter) (all []string) {
	t.Helper()
	m, err := s.Merge()
	if err != nil {
		t.Fatal(err)
	}
	for {
		r, err := m.Next()
		if err != nil {
			t.Fatal(err)
		}
		if r == nil {
			return all
		}
		all = append(all, fmt.Sprintf("%x %d %x", r.Key(), r.Tag(), r.Image()))
	}
}

// left says how many files a folder holds.
func left(fs disk.FS, dir string) int {
	entries, _ := fs.ReadDir(dir)
	return len(entries)
}

// TestSorterIsAMap holds the sorter against a map, whatever fits into memory.
func TestSorterIsAMap(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		fs := disk.NewMemory()
		s := New(Options{FS: fs, Dir: "/tmp", MemoryBytes: rapid.SampledFrom([]int{1, 64 << 10, 1 << 20}).Draw(t, "budget")})
		random := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 1))
		newest := map[string]string{}
		for order := range rapid.IntRange(0, 4000).Draw(t, "rows") {
			key := fmt.Sprintf("%0*d", random.IntN(12), random.IntN(900))
			image := bytes.Repeat([]byte{byte(order)}, random.IntN(40))
			newest[key] = fmt.Sprintf("%x %d %x", key, order%3, image)
			if err := s.Add([]byte(key), uint64(order), uint32(order%3), image); err != nil {
				t.Fatal(err)
			}
		}
		var want []string
		for _, row := range newest {
			want = append(want, row)
		}
		slices.SortFunc(want, byKey)
		for range 2 {
			if got := drain(t, s); !slices.Equal(got, want) {
				t.Fatalf("got %q, want %q", got, want)
			}
		}
		if err := s.Close(); err != nil || left(fs, "/tmp") > 0 {
			t.Fatalf("%v; %d files are left behind", err, left(fs, "/tmp"))
		}
	})
}

// byKey orders what drain wrote by the bytes of the key, not by their hex digits and what follows them.
func byKey(a, b string) int {
	var x, y []byte
	_, _ = fmt.Sscanf(a, "%x", &x) // an empty key scans as none
	_, _ = fmt.Sscanf(b, "%x", &y)
	if a[0] == ' ' {
		x = nil
	}
	if b[0] == ' ' {
		y = nil
	}
	return bytes.Compare(x, y)
}

// TestSorterKeepsAll: nothing is lost of equal rows, and rows of one key are ordered by their images, whatever fits into memory.
func TestSorterKeepsAll(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := New(Options{FS: disk.NewMemory(), Dir: "/tmp", KeepAll: true, MemoryBytes: rapid.SampledFrom([]int{1, 1 << 20}).Draw(t, "budget")})
		random := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 1))
		type row struct{ key, image string }
		var rows []row
		for order := range rapid.IntRange(0, 3000).Draw(t, "rows") {
			r := row{fmt.Sprintf("%08d", random.IntN(50)), fmt.Sprintf("%0*d", random.IntN(40), random.IntN(4))}
			rows = append(rows, r)
			if err := s.Add([]byte(r.key), uint64(order), 7, []byte(r.image)); err != nil {
				t.Fatal(err)
			}
		}
		slices.SortFunc(rows, func(a, b row) int {
			if a.key != b.key {
				return bytes.Compare([]byte(a.key), []byte(b.key))
			}
			return bytes.Compare([]byte(a.image), []byte(b.image))
		})
		var want []string
		for _, r := range rows {
			want = append(want, fmt.Sprintf("%x 7 %x", r.key, r.image))
		}
		if got := drain(t, s); !slices.Equal(got, want) {
			t.Fatalf("got %q, want %q", got, want)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	})
}

// TestSorterMergesRuns: many runs become one before there are too many, level by level, the memory stays within its budget, and no
// row is written more often than it has levels.
func TestSorterMergesRuns(t *testing.T) {
	fs := disk.NewMemory()
	s := New(Options{FS: fs, Dir: "/tmp", MemoryBytes: 1})
	image := make([]byte, 1000)
	rows, highest := 0, 0
	for highest < 2 {
		if err := s.Add(fmt.Appendf(nil, "%08d", rows*7919%100_000_000), uint64(rows), 0, image); err != nil {
			t.Fatal(err)
		}
		rows++
		for _, r := range s.runs {
			highest = max(highest, r.level)
		}
		if len(s.runs) > 2*maxRuns || s.used > 2*minChunk+len(image)+recordHeader+8 {
			t.Fatalf("%d runs, %d bytes in memory", len(s.runs), s.used)
		}
	}
	size := int64(rows * (recordHeader + 8 + len(image)))
	if s.Spilled() > 3*size+size/8 { // seals aside
		t.Errorf("%d bytes were written to sort %d", s.Spilled(), size)
	}
	if got := len(drain(t, s)); got != rows {
		t.Errorf("%d rows of %d", got, rows)
	}
	if err := s.Close(); err != nil || left(fs, "/tmp") > 0 {
		t.Fatalf("%v; %d files are left behind", err, left(fs, "/tmp"))
	}
}

// TestSorterFailsCleanly lets every operation of the disk fail: an error comes out, and nothing but empty files stays, which are
// removed by the next one.
func TestSorterFailsCleanly(t *testing.T) {
	for k := int64(1); ; k++ {
		fs := disk.NewMemory()
		fs.FailAt(k)
		s := New(Options{FS: fs, Dir: "/tmp", MemoryBytes: 1, KeepAll: k%2 == 0})
		failed := fillAndDrain(s)
		_ = s.Close()
		if !fs.Tripped() {
			if failed != nil {
				t.Fatal(failed)
			}
			t.Logf("counted: %d failed disk operations of a sort", k-1)
			return
		}
		if failed == nil {
			t.Fatalf("operation %d failed, and nobody said so", k)
		}
		if left(fs, "/tmp") > 1 {
			t.Fatalf("operation %d failed: %d files are left behind", k, left(fs, "/tmp"))
		}
	}
}

func fillAndDrain(s *Sorter) error {
	for i := range 600 {
		if err := s.Add(fmt.Appendf(nil, "%08d", i*7919%1000), uint64(i), 0, make([]byte, 100)); err != nil {
			return err
		}
	}
	m, err := s.Merge()
	for err == nil {
		var r Record
		if r, err = m.Next(); r == nil && err == nil {
			return nil
		}
	}
	return err
}

// TestCrashLeavesEmptyFiles: after a crash at any operation no row is on the disk, and what is there is removed when asked.
func TestCrashLeavesEmptyFiles(t *testing.T) {
	for k := int64(1); ; k++ {
		fs := disk.NewMemory()
		if err := disk.MakeDirs(fs, "/tmp", 0o700); err != nil {
			t.Fatal(err)
		}
		fs.CrashAt(k)
		s := New(Options{FS: fs, Dir: "/tmp", MemoryBytes: 1})
		_ = fillAndDrain(s)
		_ = s.Close()
		if !fs.Tripped() {
			t.Logf("counted: %d crash points of a sort", k-1)
			return
		}
		for _, loss := range []disk.Loss{disk.LoseNone(), disk.LoseAll(), disk.LoseSome(uint64(k))} {
			after := fs.Restart(loss)
			entries, err := after.ReadDir("/tmp")
			if err != nil {
				t.Fatal(err)
			}
			for _, e := range entries {
				if info, err := after.Stat("/tmp/" + e.Name()); err != nil || info.Size() > 0 {
					t.Fatalf("crash at %d: rows are left on the disk: %v, %v", k, info, err)
				}
			}
			if err := RemoveLeftovers(after, "/tmp"); err != nil || left(after, "/tmp") > 0 {
				t.Fatalf("crash at %d: %v; %d files stay", k, err, left(after, "/tmp"))
			}
		}
	}
}

// TestNoSpace: rows that the disk cannot take are refused before they are written, and what fits into memory needs none.
func TestNoSpace(t *testing.T) {
	fs := disk.NewMemory()
	fs.SetFree(20 << 10)
	s := New(Options{FS: fs, Dir: "/tmp", MemoryBytes: 1, SpareBytes: 10 << 10})
	err := fillAndDrain(s)
	var space *SpaceError
	if !errors.As(err, &space) || space.Dir != "/tmp" || space.Need <= space.Free || space.ExitCode() != 6 || space.Hint() == "" || space.Error() == "" {
		t.Fatalf("got %v", err)
	}
	if s.Spilled() == 0 || s.Spilled() > 10<<10 {
		t.Errorf("%d bytes were written although 10 KiB were to stay free", s.Spilled())
	}
	_ = s.Close()
	fs.SetFree(0)
	s = New(Options{FS: fs, Dir: "/tmp", SpareBytes: 1 << 30})
	if err := fillAndDrain(s); err != nil || s.Spilled() != 0 {
		t.Errorf("%v, %d bytes", err, s.Spilled())
	}
}

// TestRunsAreUnlinked: on the operating system's disk too, no name stays while a sort goes on.
func TestRunsAreUnlinked(t *testing.T) {
	dir := t.TempDir()
	s := New(Options{FS: disk.OS, Dir: dir + "/sort", MemoryBytes: 1})
	if err := fillAndDrain(s); err != nil || s.Spilled() == 0 {
		t.Fatalf("%v, %d bytes", err, s.Spilled())
	}
	entries, err := os.ReadDir(dir + "/sort")
	if err != nil || len(entries) > 0 {
		t.Errorf("%v, %v", entries, err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
}

// TestRunsAreSealed: no row is on the disk in clear, and of a byte that the disk changes, each in turn, a sort says so.
func TestRunsAreSealed(t *testing.T) {
	flips := 0
	for at := int64(0); ; at += 101 {
		fs := &flipping{Memory: disk.NewMemory(), at: at}
		s := New(Options{FS: fs, Dir: "/tmp", MemoryBytes: 1})
		err := fillAndDrain(s)
		_ = s.Close()
		if bytes.Contains(fs.written, []byte("00000000")) || len(fs.written) == 0 {
			t.Fatal("a key is on the disk in clear")
		}
		if !fs.flipped {
			if err != nil {
				t.Fatal(err)
			}
			t.Logf("counted: %d bytes of runs changed", flips)
			return
		}
		if flips++; !errors.Is(err, errDamagedRun) {
			t.Fatalf("byte %d was changed, and the sort says %v", at, err)
		}
	}
}

// flipping is a disk that changes one byte of what is read, counted over all reads, and keeps what was written.
type flipping struct {
	*disk.Memory
	at      int64
	flipped bool
	written []byte
}

func (f *flipping) OpenFile(name string, flag int, perm os.FileMode) (disk.File, error) {
	file, err := f.Memory.OpenFile(name, flag, perm)
	return &flippingFile{File: file, of: f}, err
}

type flippingFile struct {
	disk.File
	of *flipping
}

func (f *flippingFile) Write(p []byte) (int, error) {
	f.of.written = append(f.of.written, p...)
	return f.File.Write(p)
}

func (f *flippingFile) ReadAt(p []byte, at int64) (int, error) {
	n, err := f.File.ReadAt(p, at)
	if f.of.at >= 0 && f.of.at < int64(n) {
		p[f.of.at] ^= 0x10
		f.of.flipped = true
	}
	f.of.at -= int64(n)
	return n, err
}

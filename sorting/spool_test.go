package sorting

import (
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"testing"

	"rewind/disk"
)

// TestSpool: what was written comes back, whatever of it went onto the disk; nothing of it stands there in clear, or under a name.
func TestSpool(t *testing.T) {
	seed := rand.Uint64()
	random := rand.New(rand.NewPCG(seed, 1))
	for _, memory := range []int{1, 10_000, 1 << 20} {
		fs := disk.NewMemory()
		if err := disk.MakeDirs(fs, "/spool", 0o700); err != nil {
			t.Fatal(err)
		}
		s := NewSpool(SpoolOptions{FS: fs, Dir: "/spool", MemoryBytes: memory, MostBytes: 1 << 20})
		var want []byte
		for range 400 {
			part := bytes.Repeat([]byte("a row in clear "), random.IntN(150))
			want = append(want, part...)
			if _, err := s.Write(part); err != nil {
				t.Fatal(err)
			}
		}
		if onDisk := s.Spilled() > 0; onDisk != (memory < len(want)) {
			t.Errorf("%d bytes of memory for %d: on the disk %t", memory, len(want), onDisk)
		}
		in, err := s.Read()
		if err != nil {
			t.Fatal(err)
		}
		if got, err := io.ReadAll(in); err != nil || !bytes.Equal(got, want) {
			t.Errorf("seed %d, %d bytes of memory: %d bytes of %d came back, %v", seed, memory, len(got), len(want), err)
		}
		if s.run != nil {
			checkSealed(t, s)
		}
		if entries, err := fs.ReadDir("/spool"); err != nil || len(entries) > 0 {
			t.Errorf("%v, %v", entries, err)
		}
		if err := errors.Join(s.Close(), s.Close()); err != nil {
			t.Error(err)
		}
	}
}

// checkSealed looks for rows in the file, and damages it.
func checkSealed(t *testing.T, s *Spool) {
	t.Helper()
	onDisk := make([]byte, s.Spilled())
	if _, err := s.run.file.ReadAt(onDisk, 0); err != nil || bytes.Contains(onDisk, []byte("a row")) {
		t.Fatal("a row stands on the disk in clear", err)
	}
	if _, err := s.run.file.Seek(100, io.SeekStart); err != nil {
		t.Fatal(err)
	}
	if _, err := s.run.file.Write([]byte{onDisk[100] ^ 1}); err != nil {
		t.Fatal(err)
	}
	in, err := s.Read()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadAll(in); !errors.Is(err, errDamagedRun) {
		t.Errorf("a flipped bit: %v", err)
	}
}

// TestSpoolIsFull: a spool takes no more than it may.
func TestSpoolIsFull(t *testing.T) {
	s := NewSpool(SpoolOptions{FS: disk.NewMemory(), Dir: "/", MostBytes: 10})
	if _, err := s.Write(make([]byte, 10)); err != nil {
		t.Error(err)
	}
	if _, err := s.Write([]byte{1}); !errors.Is(err, ErrSpoolFull) {
		t.Errorf("got %v", err)
	}
}

func BenchmarkSpool(b *testing.B) {
	record := bytes.Repeat([]byte("before and after "), 16)
	for name, memory := range map[string]int{"memory": 64 << 20, "disk": 1} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			b.SetBytes(int64(10_000 * len(record)))
			for b.Loop() {
				s := NewSpool(SpoolOptions{FS: disk.OS, Dir: b.TempDir(), MemoryBytes: memory, MostBytes: 1 << 30})
				for range 10_000 {
					if _, err := s.Write(record); err != nil {
						b.Fatal(err)
					}
				}
				in, err := s.Read()
				if err != nil {
					b.Fatal(err)
				}
				if _, err := io.Copy(io.Discard, in); err != nil {
					b.Fatal(err)
				}
				_ = s.Close()
			}
		})
	}
}

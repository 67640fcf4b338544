package disk

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"os"
	"strings"
	"syscall"
	"testing"
)

const create = os.O_RDWR | os.O_CREATE

// step is one thing to do to a file system; a run of them stops at the first error.
type step func(FS) error

func write(name, content string) step {
	return onFile(name, create, func(f File) error {
		if _, err := f.Seek(0, io.SeekEnd); err != nil {
			return err
		}
		_, err := io.WriteString(f, content)
		return err
	})
}

func syncFile(name string) step {
	return onFile(name, os.O_RDWR, func(f File) error { return f.Sync() })
}
func truncate(name string, size int64) step {
	return onFile(name, os.O_RDWR, func(f File) error { return f.Truncate(size) })
}
func syncDir(name string) step    { return func(f FS) error { return f.SyncDir(name) } }
func remove(name string) step     { return func(f FS) error { return f.Remove(name) } }
func rename(from, to string) step { return func(f FS) error { return f.Rename(from, to) } }
func mkdir(name string) step      { return func(f FS) error { return f.MkdirAll(name, 0o700) } }
func durable(name, c string) step {
	return func(f FS) error { return WriteFile(f, name, []byte(c), 0o600) }
}
func onFile(name string, flag int, call func(File) error) step {
	return func(fsys FS) error {
		f, err := fsys.OpenFile(name, flag, 0o600)
		if err != nil {
			return err
		}
		return errors.Join(call(f), f.Close())
	}
}

func run(fsys FS, steps ...step) error {
	for _, s := range steps {
		if err := s(fsys); err != nil {
			return err
		}
	}
	return nil
}

// contentOf is a file's content, or "-" where there is no file.
func contentOf(t *testing.T, fsys FS, name string) string {
	t.Helper()
	f, err := fsys.OpenFile(name, os.O_RDONLY, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return "-"
	}
	if err != nil {
		t.Fatal(err)
	}
	b, err := io.ReadAll(f)
	if err := errors.Join(err, f.Close()); err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// TestLoss: what a crash takes, and what it may not take.
func TestLoss(t *testing.T) {
	tests := []struct {
		name      string
		steps     []step
		file      string
		lost      string   // with LoseAll
		kept      string   // with LoseNone
		sometimes []string // what LoseSome may leave beside these
	}{
		{"nothing synced", []step{write("f", "ab")}, "f", "-", "ab", []string{"", "a"}},
		{"content synced, name not", []step{write("f", "ab"), syncFile("f")}, "f", "-", "ab", nil},
		{"name synced, content not", []step{write("f", "ab"), syncDir("/")}, "f", "", "ab", []string{"a"}},
		{"both synced", []step{write("f", "ab"), syncFile("f"), syncDir("/")}, "f", "ab", "ab", nil},
		{"appended after", []step{durable("f", "ab"), write("f", "cd")}, "f", "ab", "abcd", []string{"abc"}},
		{"truncated after", []step{durable("f", "ab"), truncate("f", 1)}, "f", "ab", "a", nil},
		{"removed after", []step{durable("f", "ab"), remove("f")}, "f", "ab", "-", nil},
		{"removed, folder synced", []step{durable("f", "ab"), remove("f"), syncDir("/")}, "f", "-", "-", nil},
		{"renamed over", []step{durable("f", "old"), durable("g", "new"), rename("g", "f")}, "f", "old", "new", nil},
		{"folder not synced", []step{mkdir("d"), durable("d/f", "ab")}, "d/f", "-", "ab", nil},
		{"folder synced", []step{mkdir("d"), syncDir("/"), durable("d/f", "ab")}, "d/f", "ab", "ab", nil},
		{"replaced atomically", []step{durable("f", "old"), durable("f", "new")}, "f", "new", "new", nil},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			restart := func(l Loss) string {
				m := NewMemory()
				if err := run(m, test.steps...); err != nil {
					t.Fatal(err)
				}
				return contentOf(t, m.Restart(l), test.file)
			}
			if got := restart(LoseAll()); got != test.lost {
				t.Errorf("lose all: %q, not %q", got, test.lost)
			}
			if got := restart(Loss{}); got != test.lost {
				t.Errorf("the zero Loss: %q, not %q", got, test.lost)
			}
			if got := restart(LoseNone()); got != test.kept {
				t.Errorf("lose none: %q, not %q", got, test.kept)
			}
			allowed := append([]string{test.lost, test.kept}, test.sometimes...)
			seen := map[string]bool{}
			for seed := range uint64(200) {
				got := restart(LoseSome(seed))
				if seen[got] = true; !strings.Contains("|"+strings.Join(allowed, "|")+"|", "|"+got+"|") {
					t.Fatalf("seed %d: %q is none of %q", seed, got, allowed)
				}
				if again := restart(LoseSome(seed)); again != got {
					t.Fatalf("seed %d gives %q, then %q", seed, got, again)
				}
			}
			for _, a := range allowed {
				if !seen[a] {
					t.Errorf("no seed of 200 left %q", a)
				}
			}
		})
	}
}

// TestLoseSectors leaves holes of zeros, in what was not synced only.
func TestLoseSectors(t *testing.T) {
	holes := 0
	for seed := range uint64(50) {
		m := NewMemory()
		if err := run(m, durable("f", strings.Repeat("a", 1000)), write("f", strings.Repeat("b", 3000))); err != nil {
			t.Fatal(err)
		}
		got := contentOf(t, m.Restart(LoseSectors(seed)), "f")
		if len(got) < 1000 || strings.Trim(got[:1000], "a") != "" || strings.Trim(got[1000:], "b\x00") != "" {
			t.Fatalf("seed %d: %d bytes", seed, len(got))
		}
		if strings.Contains(strings.Trim(got, "\x00"), "\x00") {
			holes++
		}
	}
	if holes == 0 {
		t.Error("no holes")
	}
}

// TestFaults: operation k fails or crashes, for every k.
func TestFaults(t *testing.T) {
	steps := []step{mkdir("d"), write("d/f", "abcd"), syncFile("d/f"), rename("d/f", "d/g"), syncDir("d"), truncate("d/g", 1), remove("d/g")}
	m := NewMemory()
	if err := run(m, steps...); err != nil {
		t.Fatal(err)
	}
	total := m.Ops()
	for k := int64(1); k <= total; k++ {
		m := NewMemory()
		m.FailAt(k)
		if err := run(m, steps...); !errors.Is(err, ErrInjected) || !m.Tripped() {
			t.Errorf("failure at %d of %d: %v", k, total, err)
		}
		if err := m.MkdirAll("e", 0o700); err != nil {
			t.Errorf("after a failure: %v", err)
		}
		m = NewMemory()
		m.CrashAt(k)
		if err := run(m, steps...); !errors.Is(err, ErrCrashed) || !m.Tripped() {
			t.Errorf("crash at %d of %d: %v", k, total, err)
		}
		if _, err := m.Stat("d"); !errors.Is(err, ErrCrashed) {
			t.Errorf("after a crash: %v", err)
		}
	}
	m = NewMemory()
	m.FailAt(total + 1)
	if err := run(m, steps...); err != nil || m.Tripped() {
		t.Errorf("beyond the end: %v", err)
	}
	m.FailAt(0)
	if err := run(m, mkdir("e")); err != nil {
		t.Errorf("a fault that was taken back: %v", err)
	}
}

func TestFailedWriteIsShort(t *testing.T) {
	m := NewMemory()
	f, err := m.OpenFile("f", create, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	m.FailAt(1)
	if n, err := f.Write([]byte("abcd")); n != 2 || !errors.Is(err, ErrInjected) {
		t.Errorf("%d, %v", n, err)
	}
	if got := contentOf(t, m, "f"); got != "ab" {
		t.Errorf("%q", got)
	}
}

// TestFailedSyncForgets: a Sync that succeeds later does not make durable what the failed one did not.
func TestFailedSyncForgets(t *testing.T) {
	m := NewMemory()
	if err := run(m, durable("f", "ab")); err != nil {
		t.Fatal(err)
	}
	f, err := m.OpenFile("f", os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	_, _ = f.Seek(2, io.SeekStart)
	_, _ = io.WriteString(f, "cd")
	m.FailAt(1)
	if err := f.Sync(); !errors.Is(err, ErrInjected) {
		t.Fatal(err)
	}
	_, _ = io.WriteString(f, "ef")
	if err := f.Sync(); err != nil {
		t.Fatal(err)
	}
	if got := contentOf(t, m, "f"); got != "abcdef" {
		t.Errorf("seen: %q", got)
	}
	if got := contentOf(t, m.Restart(LoseAll()), "f"); got != "ab\x00\x00ef" {
		t.Errorf("after a crash: %q", got)
	}
}

func TestFullDisk(t *testing.T) {
	m := NewMemory()
	m.SetFree(3)
	if err := run(m, write("f", "abcd")); !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("%v", err)
	}
	if got := contentOf(t, m, "f"); got != "abc" {
		t.Errorf("%q", got)
	}
	if free, err := m.Free("/"); err != nil || free != 0 {
		t.Errorf("free %d, %v", free, err)
	}
}

// TestLocksVanish with the process that held them.
func TestLocksVanish(t *testing.T) {
	m := NewMemory()
	if _, err := m.Lock("lock"); err != nil {
		t.Fatal(err)
	}
	var locked *LockedError
	if _, err := m.Lock("lock"); !errors.As(err, &locked) {
		t.Errorf("locked twice: %v", err)
	}
	if _, err := m.Restart(LoseNone()).Lock("lock"); err != nil {
		t.Errorf("after a crash: %v", err)
	}
}

// TestWriteFileAtEveryOperation: old or new content, whole, whatever happens.
func TestWriteFileAtEveryOperation(t *testing.T) {
	for _, fail := range []bool{false, true} {
		for k := int64(1); ; k++ {
			m := NewMemory()
			if err := run(m, durable("f", "old")); err != nil {
				t.Fatal(err)
			}
			if m.CrashAt(k); fail {
				m.CrashAt(0)
				m.FailAt(k)
			}
			err := WriteFile(m, "f", []byte("new"), 0o600)
			if !m.Tripped() {
				break
			}
			if err == nil {
				t.Fatalf("operation %d: no error", k)
			}
			for seed := range uint64(6) {
				for _, l := range []Loss{LoseAll(), LoseNone(), LoseSome(seed), LoseSectors(seed)} {
					if got := contentOf(t, m.Restart(l), "f"); got != "old" && got != "new" {
						t.Fatalf("operation %d, loss %v: %q", k, l, got)
					}
				}
			}
		}
	}
}

// TestMakeDirs: a folder that was made is there after a crash, also one that an earlier process had not synced.
func TestMakeDirs(t *testing.T) {
	for k := int64(1); ; k++ {
		m := NewMemory()
		m.FailAt(k)
		err := MakeDirs(m, "a/b/c", 0o700)
		tripped := m.Tripped()
		if tripped == (err == nil) {
			t.Fatalf("operation %d: %v", k, err)
		}
		m.FailAt(0)
		if err := MakeDirs(m, "a/b/c", 0o700); err != nil {
			t.Fatal(err)
		}
		if _, err := m.Restart(LoseAll()).Stat("a/b/c"); err != nil {
			t.Fatalf("operation %d: %v", k, err)
		}
		if !tripped {
			break
		}
	}
}

// TestAgreesWithOS runs the same steps on both and compares what they say.
func TestAgreesWithOS(t *testing.T) {
	outcomes := func(fsys FS, dir string) (said []string) {
		note := func(what string, err error) {
			class := "ok"
			for _, e := range []error{fs.ErrNotExist, fs.ErrExist, syscall.ENOTDIR, syscall.EISDIR, syscall.ENOTEMPTY, fs.ErrClosed, syscall.EBADF} {
				if errors.Is(err, e) {
					class = e.Error()
				}
			}
			if class == "ok" && err != nil {
				class = "other: " + err.Error()
			}
			said = append(said, what+": "+class)
		}
		at := func(name string) string { return dir + "/" + name }
		note("mkdir", fsys.MkdirAll(at("d/e"), 0o700))
		note("mkdir again", fsys.MkdirAll(at("d/e"), 0o700))
		note("write", run(fsys, write(at("d/f"), "abcdef")))
		note("mkdir on file", fsys.MkdirAll(at("d/f"), 0o700))
		note("open missing", run(fsys, onFile(at("x"), os.O_RDWR, nil)))
		note("open in missing", run(fsys, write(at("x/y"), "")))
		note("open in file", run(fsys, write(at("d/f/y"), "")))
		note("open exclusively", run(fsys, onFile(at("d/f"), create|os.O_EXCL, nil)))
		note("open folder for writing", run(fsys, onFile(at("d"), os.O_RDWR, nil)))
		note("remove full folder", fsys.Remove(at("d")))
		note("remove missing", fsys.Remove(at("x")))
		note("rename missing", fsys.Rename(at("x"), at("y")))
		note("rename", fsys.Rename(at("d/f"), at("d/e/g")))
		note("rename folder", fsys.Rename(at("d/e"), at("h")))
		note("sync folder", fsys.SyncDir(at("h")))
		note("sync missing", fsys.SyncDir(at("x")))
		note("list missing", func() error { _, err := fsys.ReadDir(at("x")); return err }())
		note("read write-only", run(fsys, onFile(at("h/g"), os.O_WRONLY, func(f File) error { _, err := f.Read(make([]byte, 1)); return err })))
		note("write read-only", run(fsys, onFile(at("h/g"), os.O_RDONLY, func(f File) error { _, err := f.Write([]byte("x")); return err })))
		note("file", run(fsys, onFile(at("h/g"), os.O_RDWR, func(f File) error {
			var b [4]byte
			n, err := f.ReadAt(b[:], 4)
			said = append(said, string(b[:n]), err.Error())
			_ = f.Truncate(3)
			_, _ = f.Seek(-1, io.SeekEnd)
			_, _ = f.Write([]byte("XY"))
			_ = f.Truncate(6)
			_, _ = f.Seek(0, io.SeekStart)
			all, err := io.ReadAll(f)
			info, statErr := f.Stat()
			said = append(said, string(all), info.Name(), info.Mode().String())
			return errors.Join(err, statErr)
		})))
		note("truncate", run(fsys, onFile(at("h/g"), create|os.O_TRUNC|os.O_APPEND, func(f File) error { _, err := f.Write([]byte("1")); return err })))
		entries, err := fsys.ReadDir(at("h"))
		note("list", err)
		for _, e := range entries {
			info, err := e.Info()
			note(e.Name()+" "+e.Type().String(), err)
			said = append(said, info.Mode().String())
		}
		_, err = fsys.Free(dir)
		note("free", err)
		return said
	}
	m := NewMemory()
	dir := t.TempDir()
	if err := m.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	got, want := strings.Join(outcomes(m, dir), "\n"), strings.Join(outcomes(OS, dir), "\n")
	if got != want {
		t.Errorf("Memory says\n%s\n\nthe operating system says\n%s", got, want)
	}
	if !bytes.Contains([]byte(want), []byte("abXY\x00\x00")) {
		t.Errorf("%q", want)
	}
}

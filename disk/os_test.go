package disk

import (
	"bufio"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// TestMain lets the test binary be the other process that holds a lock.
func TestMain(m *testing.M) {
	if path := os.Getenv("DISK_TEST_LOCK"); path != "" {
		os.Exit(holdLock(path))
	}
	os.Exit(m.Run())
}

// holdLock takes a lock, says so, and holds it until its standard input ends.
func holdLock(path string) int {
	if _, err := OS.Lock(path); err != nil {
		os.Stdout.WriteString(err.Error() + "\n")
		return 1
	}
	os.Stdout.WriteString("locked\n")
	_, _ = bufio.NewReader(os.Stdin).ReadString('\n')
	return 0
}

// TestLockOfAnotherProcess shows the holder, and ends with it, also when it is killed.
func TestLockOfAnotherProcess(t *testing.T) {
	path := filepath.Join(t.TempDir(), "lock")
	other := exec.Command(os.Args[0])
	other.Env = append(os.Environ(), "DISK_TEST_LOCK="+path)
	stdin, err := other.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := other.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := other.Start(); err != nil {
		t.Fatal(err)
	}
	if line, err := bufio.NewReader(stdout).ReadString('\n'); err != nil || line != "locked\n" {
		t.Fatalf("%q, %v", line, err)
	}
	_, err = OS.Lock(path)
	var locked *LockedError
	if !errors.As(err, &locked) {
		t.Fatalf("%v", err)
	}
	holder := strconv.Itoa(other.Process.Pid)
	if locked.Holder != holder || locked.ExitCode() != 8 || !strings.Contains(locked.Error(), holder) || !strings.Contains(locked.Hint(), holder) {
		t.Errorf("%+v: %v", locked, err)
	}
	if err := other.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = other.Wait()
	_ = stdin.Close()
	l, err := OS.Lock(path)
	if err != nil {
		t.Fatalf("after the holder was killed: %v", err)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
}

func TestLockHolderIsANumber(t *testing.T) {
	for content, want := range map[string]string{"12\n": "12", "": "", "x; rm\n": "", "-1": "", "99999999999999999999": ""} {
		if got := readHolder(strings.NewReader(content)); got != want {
			t.Errorf("%q gives %q", content, got)
		}
	}
	if e := (&LockedError{Path: "p"}); !strings.Contains(e.Error(), "another process") || e.Hint() == "" {
		t.Error(e)
	}
}

func TestFree(t *testing.T) {
	if n, err := OS.Free(t.TempDir()); err != nil || n <= 0 {
		t.Errorf("%d, %v", n, err)
	}
	if _, err := OS.Free(filepath.Join(t.TempDir(), "none")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("%v", err)
	}
}

func TestWriteFile(t *testing.T) {
	dir := t.TempDir()
	name := filepath.Join(dir, "f")
	for _, content := range []string{"one", "two", ""} {
		if err := WriteFile(OS, name, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		got, err := os.ReadFile(name)
		if err != nil || string(got) != content {
			t.Errorf("%q, %v", got, err)
		}
	}
	if entries, err := os.ReadDir(dir); err != nil || len(entries) != 1 {
		t.Errorf("%v, %v", entries, err)
	}
	if err := WriteFile(OS, filepath.Join(dir, "none", "f"), nil, 0o600); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("%v", err)
	}
	if err := MakeDirs(OS, filepath.Join(dir, "a", "b"), 0o700); err != nil {
		t.Error(err)
	}
}

// TestForget: what was forgotten can be read all the same, and there is nothing to forget in a file that has no cache.
func TestForget(t *testing.T) {
	want := []byte(strings.Repeat("abcdefgh", 1<<13))
	for name, fsys := range map[string]FS{filepath.Join(t.TempDir(), "file"): OS, "/file": NewMemory()} {
		f, err := fsys.OpenFile(name, os.O_RDWR|os.O_CREATE, 0o600)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := f.Write(want); err != nil {
			t.Fatal(err)
		}
		for _, end := range []int64{0, 5000, int64(len(want)), 1 << 40} {
			Forget(f, end)
			got := make([]byte, len(want))
			if _, err := f.ReadAt(got, 0); err != nil || string(got) != string(want) {
				t.Errorf("%s, forgotten to %d: %v", name, end, err)
			}
		}
		if err := f.Close(); err != nil {
			t.Error(err)
		}
	}
}

package journal

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"rewind/disk"
	"rewind/ocf"
)

// TestReadBesideWriter: at every operation of a life's appends, a reader sees whole batches' blocks and no error.
func TestReadBesideWriter(t *testing.T) {
	for k := int64(1); ; k++ {
		m := disk.NewMemory()
		l := newLife(m)
		m.FailAt(k) // stops the writer in the middle of whatever it does; its process stays alive
		_ = l.run()
		if !m.Tripped() {
			break
		}
		if err := l.check(false); err != nil {
			t.Fatalf("writer stopped at operation %d: %v", k, err)
		}
	}
}

// TestReadWhileAppending reads again and again from the operating system's files while they grow.
func TestReadWhileAppending(t *testing.T) {
	dir := t.TempDir()
	o := testOptions(nil)
	o.SegmentBytes = 5000
	j := mustOpen(t, dir, o)
	const total = 3000
	done := make(chan error, 1)
	go func() {
		for offset := int64(0); offset < total; offset += 10 {
			if err := j.Append(batchOf(offset, offset+10)); err != nil {
				done <- err
				return
			}
		}
		done <- nil
	}()
	all := batchOf(0, total)
	r := j.Reader()
	for seen := 0; seen < total; {
		got, err := collect(r, 0)
		if err != nil {
			t.Fatal(err)
		}
		if len(got) < seen || len(got)%10 != 0 {
			t.Fatalf("%d entries after %d", len(got), seen)
		}
		if err := sameEntries(got, all[:len(got)]); err != nil {
			t.Fatal(err)
		}
		seen = len(got)
		select {
		case err := <-done:
			if err != nil {
				t.Fatal(err)
			}
			done <- nil
		default:
		}
	}
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	if err := r.VerifyChain(); err != nil {
		t.Error(err)
	}
	if n := len(r.Segments()); n < 3 {
		t.Errorf("%d segments", n)
	}
	mustClose(t, j)
}

func TestStopReading(t *testing.T) {
	s := newSample(t)
	fsys := s.with(t, "", nil)
	r, err := OpenReader("j", testOptions(fsys))
	if err != nil {
		t.Fatal(err)
	}
	for want := range len(s.all) {
		n := 0
		for range r.Entries(0) {
			if n++; n > want {
				break
			}
		}
		if n != want+1 {
			t.Errorf("stopped after %d, not %d", n, want+1)
		}
	}
}

func TestReadWithoutStream(t *testing.T) {
	s := newSample(t)
	o := testOptions(s.with(t, "", nil))
	o.Stream, o.Partition = "", 0
	r, err := OpenReader("j", o)
	if err != nil {
		t.Fatal(err)
	}
	got, err := collect(r, 0)
	if err := errors.Join(err, sameEntries(got, s.all)); err != nil {
		t.Error(err)
	}
	if info := r.Segments()[0]; info.Stream != testStream || info.Partition != 3 || info.After != -1 {
		t.Errorf("%+v", info)
	}
	if _, err := Open("j", o); err == nil {
		t.Error("opened for appending without a stream")
	}
}

func TestNoJournal(t *testing.T) {
	if _, err := OpenReader(filepath.Join(t.TempDir(), "none"), testOptions(nil)); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("%v", err)
	}
	r, err := OpenReader(t.TempDir(), testOptions(nil))
	if err != nil {
		t.Fatal(err)
	}
	if got, err := collect(r, 0); err != nil || len(got) != 0 || len(r.Segments()) != 0 || r.VerifyChain() != nil {
		t.Errorf("an empty folder holds %d entries, %v", len(got), err)
	}
}

func TestForeignJournal(t *testing.T) {
	s := newSample(t)
	for name, change := range map[string]func(*Options){
		"stream":    func(o *Options) { o.Stream = strings.Repeat("f", 32) },
		"partition": func(o *Options) { o.Partition = 4 },
	} {
		t.Run(name, func(t *testing.T) {
			o := testOptions(s.with(t, "", nil))
			change(&o)
			var foreign *ForeignError
			if _, err := Open("j", o); !errors.As(err, &foreign) || foreign.ExitCode() != 5 || foreign.Hint() == "" {
				t.Errorf("open: %v", err)
			}
			r, _ := OpenReader("j", o)
			if _, err := collect(r, 0); !errors.As(err, &foreign) || foreign.Partition != 3 || foreign.Stream != testStream || !strings.Contains(err.Error(), "partition 3, not") {
				t.Errorf("read: %v", err)
			}
		})
	}
}

func TestLaterVersion(t *testing.T) {
	fsys := disk.NewMemory()
	o := testOptions(fsys)
	header := o.newHeader(0, controlSchema, -1, [32]byte{})
	header.Meta[formatKey] = []byte("2")
	var file bytes.Buffer
	if _, err := ocf.NewWriter(&file, header); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(fsys.MkdirAll("j", 0o700), disk.WriteFile(fsys, "j/"+segmentName(0), file.Bytes(), 0o600)); err != nil {
		t.Fatal(err)
	}
	var version *VersionError
	if _, err := Open("j", o); !errors.As(err, &version) || version.Version != "2" || version.Hint() == "" || !strings.Contains(err.Error(), `version "2"`) {
		t.Errorf("open: %v", err)
	}
}

// TestForeignContainerFile: an Avro file of somebody else is no segment.
func TestForeignContainerFile(t *testing.T) {
	fsys := disk.NewMemory()
	o := testOptions(fsys)
	header := o.newHeader(0, controlSchema, -1, [32]byte{})
	header.Sync = [16]byte{1} // not derived
	var file bytes.Buffer
	if _, err := ocf.NewWriter(&file, header); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(fsys.MkdirAll("j", 0o700), disk.WriteFile(fsys, "j/"+segmentName(0), file.Bytes(), 0o600)); err != nil {
		t.Fatal(err)
	}
	var damage *CorruptionError
	if _, err := Open("j", o); !errors.As(err, &damage) || damage.Hint() == "" {
		t.Errorf("open: %v", err)
	}
	if infos := (&Reader{dir: "j", options: o}).Segments(); len(infos) != 1 || infos[0].Err == nil || infos[0].Bytes != int64(file.Len()) {
		t.Errorf("%+v", infos)
	}
}

func TestLocked(t *testing.T) {
	for name, fsys := range map[string]disk.FS{"os": disk.OS, "memory": disk.NewMemory()} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			j := mustOpen(t, dir, testOptions(fsys))
			var locked *disk.LockedError
			if _, err := Open(dir, testOptions(fsys)); !errors.As(err, &locked) {
				t.Errorf("opened twice: %v", err)
			}
			mustClose(t, j)
			mustClose(t, mustOpen(t, dir, testOptions(fsys)))
		})
	}
}

func TestModes(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "table", "stream", "00000")
	j := mustOpen(t, dir, testOptions(nil))
	mustAppend(t, j, batchOf(0, 3))
	mustClose(t, j)
	for path, want := range map[string]fs.FileMode{dir: 0o700, filepath.Dir(dir): 0o700, filepath.Join(dir, segmentName(0)): 0o600, filepath.Join(dir, lockName): 0o600} {
		info, err := os.Stat(path)
		if err != nil || info.Mode().Perm() != want {
			t.Errorf("%s: %v %v", path, info.Mode(), err)
		}
	}
}

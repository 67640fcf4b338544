package journal

import (
	"errors"
	"path/filepath"
	"testing"

	"rewind/disk"
)

// FuzzSegment takes any bytes for the active segment: nothing panics, an error is a typed one, and what can be read can be gone
// on with.
func FuzzSegment(f *testing.F) {
	fsys := disk.NewMemory()
	j, err := Open("j", testOptions(fsys))
	if err != nil {
		f.Fatal(err)
	}
	if err := errors.Join(j.Append(batchOf(0, 2)), j.Append(batchOf(2, 5)), j.Close()); err != nil {
		f.Fatal(err)
	}
	content := mustRead(f, fsys, "j/"+segmentName(0))
	f.Add(content)
	f.Add(content[:len(content)-4])
	f.Add(content[:100])
	f.Fuzz(func(t *testing.T, content []byte) {
		fsys := disk.NewMemory()
		name := filepath.Join("j", segmentName(0))
		if err := errors.Join(fsys.MkdirAll("j", folderMode), disk.WriteFile(fsys, name, content, fileMode)); err != nil {
			t.Fatal(err)
		}
		r, err := OpenReader("j", testOptions(fsys))
		if err != nil {
			t.Fatal(err)
		}
		got, readErr := collect(r, 0)
		j, openErr := Open("j", testOptions(fsys))
		if (readErr == nil) != (openErr == nil) {
			t.Fatalf("read: %v, open: %v", readErr, openErr)
		}
		if openErr != nil {
			if !typed(readErr) || !typed(openErr) {
				t.Fatalf("read: %v, open: %v", readErr, openErr)
			}
			return
		}
		next := j.NextOffset()
		if err := errors.Join(j.Append([]Entry{testEntry(next, "")}), j.Close()); err != nil {
			t.Fatal(err)
		}
		again, err := collect(r, 0)
		if err := errors.Join(err, sameEntries(again, append(got, testEntry(next, "")))); err != nil {
			t.Fatal(err)
		}
	})
}

func typed(err error) bool {
	var damage *CorruptionError
	var foreign *ForeignError
	var version *VersionError
	return errors.As(err, &damage) || errors.As(err, &foreign) || errors.As(err, &version)
}

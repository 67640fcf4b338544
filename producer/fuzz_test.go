package producer

import (
	"errors"
	"io"
	"os"
	"testing"

	"rewind/disk"
)

// FuzzSnapshotFile takes any bytes for a snapshot file: it is read to its end, with as many rows as that says, or it is damaged.
func FuzzSnapshotFile(f *testing.F) {
	for version := 1; version <= fileVersion; version++ {
		golden, err := os.ReadFile(goldenFile(version))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(golden)
		f.Add(golden[:len(golden)-1])
		f.Add(golden[:len(golden)/2])
	}
	f.Add([]byte("Obj\x01"))
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, content []byte) {
		memory := disk.NewMemory()
		if err := disk.WriteFile(memory, "/file", content, 0o600); err != nil {
			t.Fatal(err)
		}
		_, _, err := readTestFile(memory, "/file", nil)
		var damaged *FileError
		if !errors.Is(err, io.EOF) && (!errors.As(err, &damaged) || damaged.Hint() == "") {
			t.Errorf("not said to be damaged: %v", err)
		}
	})
}

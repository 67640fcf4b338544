package journal

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"rewind/crypt"
	"rewind/disk"
)

// FuzzEncryptedSegment takes any bytes for an encrypted segment before an active one: nothing panics, an error is a typed one, and only
// what the key's holder wrote is read.
func FuzzEncryptedSegment(f *testing.F) {
	keys, err := crypt.New(goldenKey, nil, true)
	if err != nil {
		f.Fatal(err)
	}
	e := newEncrypted(f, keys)
	whole := mustRead(f, e.fsys, "j/"+e.names[0])
	f.Add(whole)
	f.Add(whole[:len(whole)-1])
	f.Add(whole[:200])
	golden, err := os.ReadFile("testdata/encrypted-v1/" + segmentName(0) + ageExtension)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(golden)
	f.Fuzz(func(t *testing.T, content []byte) {
		fsys := e.fsys.Restart(disk.LoseNone())
		o := e.options()
		o.FS = fsys
		if err := disk.WriteFile(fsys, filepath.Join("j", e.names[0]), content, fileMode); err != nil {
			t.Fatal(err)
		}
		r, err := OpenReader("j", o)
		if err != nil {
			t.Fatal(err)
		}
		got, err := collect(r, 0)
		var key *crypt.KeyError
		if err != nil && !typed(err) && !errors.As(err, &key) {
			t.Fatal(err)
		}
		if len(got) > len(e.all) {
			t.Fatalf("%d entries", len(got))
		}
		if err := sameEntries(got, e.all[:len(got)]); err != nil {
			t.Fatal(err)
		}
		if j, err := Open("j", o); err == nil {
			mustClose(t, j)
		} else if !typed(err) && !errors.As(err, &key) {
			t.Fatal(err)
		}
	})
}

package index

import (
	"bytes"
	"context"
	"errors"
	"os"
	"testing"

	"filippo.io/age"

	"rewind/crypt"
	"rewind/disk"
)

// TestEncrypted: who can only write makes encrypted indexes and removes those in clear; who has the key reads them, and who has none is told
// so. Nothing of a key, and nothing of the table's definition, stands in the file.
func TestEncrypted(t *testing.T) {
	identity, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	writeOnly, err := crypt.New("", []string{identity.Recipient().String()}, true)
	if err != nil {
		t.Fatal(err)
	}
	keys, err := crypt.New(identity.String(), nil, true)
	if err != nil {
		t.Fatal(err)
	}
	fs, r, segments := written(t, 40, 10)
	s, ctx := segments[len(segments)-2], context.Background()
	if _, err := (Options{From: 1, FS: fs}).Update(ctx, r, s); err != nil {
		t.Fatal(err)
	}
	plain := read(t, fs, s.path(false))
	if !bytes.Contains(plain, []byte("CREATE TABLE x")) {
		t.Error("the one in clear has no definition")
	}
	if err := fs.Remove(s.path(false)); err != nil {
		t.Fatal(err)
	}
	for range 2 { // the second time there is one that it cannot read
		if _, err := (Options{From: 1, FS: fs, Keys: writeOnly}).Update(ctx, r, s); err != nil {
			t.Fatal(err)
		}
	}
	if err := disk.WriteFile(fs, s.path(false), plain, fileMode); err != nil {
		t.Fatal(err)
	}
	if err := (Options{From: 1, FS: fs, Keys: writeOnly}).RemoveClear("/j"); err != nil {
		t.Fatal(err)
	}
	if _, err := fs.Stat(s.path(false)); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the one in clear: %v", err)
	}
	if sealed := read(t, fs, s.path(true)); bytes.Contains(sealed, []byte("CREATE TABLE x")) || bytes.Contains(sealed, plain[len(plain)-64:]) {
		t.Error("it is in clear")
	}
	x, err := Options{From: 1, FS: fs, Keys: keys}.Open(r, s)
	if err != nil {
		t.Fatal(err)
	}
	checkItems(t, r, s, x)
	if err := x.Close(); err != nil {
		t.Fatal(err)
	}
	var missing *crypt.KeyError
	if _, err := (Options{From: 1, FS: fs}).Open(r, s); !errors.As(err, &missing) {
		t.Errorf("without a key: %v", err)
	}
}

func read(t *testing.T, fs disk.FS, path string) []byte {
	t.Helper()
	f, err := fs.OpenFile(path, os.O_RDONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close() //nolint:errcheck // only read
	var b bytes.Buffer
	if _, err := b.ReadFrom(f); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

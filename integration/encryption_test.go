//go:build integration

package integration

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"rewind/crypt"
)

// goldenKey opens the golden encrypted files. It protects nothing.
const goldenKey = "AGE-SECRET-KEY-15KG26SKU2E22W5SEFQMTVATH6YV7MUPP0HA5R4SGRWZS33RLENYSQNL0FD"

// rage runs a line of Python with pyrage, which is rage: an implementation of age in Rust.
func rage(t *testing.T, script string, args ...string) {
	t.Helper()
	const begin = "import pyrage, sys\nkey = pyrage.x25519.Identity.from_str(sys.argv[1])\n" +
		"read = lambda p: open(p, 'rb').read()\nwrite = lambda p, b: open(p, 'wb').write(b)\n"
	cmd := exec.Command(setting(t, "REWIND_PYTHON"), append([]string{"-c", begin + script, goldenKey}, args...)...)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
}

// TestAnotherProgramDecrypts: rage opens what rewind encrypted, and finds the files in clear; and rewind what rage did.
func TestAnotherProgramDecrypts(t *testing.T) {
	files := map[string]string{}
	for _, version := range []string{"v1", "v2"} {
		file := "../producer/testdata/snapshot-" + version
		files[file+"-encrypted.avro"] = file + ".avro"
	}
	segments, err := filepath.Glob("../journal/testdata/encrypted-v1/*.avro.age")
	if err != nil || len(segments) == 0 {
		t.Fatal(segments, err)
	}
	for _, s := range segments {
		files[s] = "../journal/testdata/v1/" + strings.TrimSuffix(filepath.Base(s), ".age")
	}
	keys, err := crypt.New(goldenKey, nil, true)
	if err != nil {
		t.Fatal(err)
	}
	for encrypted, clear := range files {
		want, err := os.ReadFile(clear)
		if err != nil {
			t.Fatal(err)
		}
		plain, theirs := filepath.Join(t.TempDir(), "plain"), filepath.Join(t.TempDir(), "theirs")
		rage(t, "write(sys.argv[3], pyrage.decrypt(read(sys.argv[2]), [key]))", encrypted, plain)
		if got, err := os.ReadFile(plain); err != nil || !bytes.Equal(got, want) {
			t.Errorf("rage reads %d bytes in %s, not those of %s: %v", len(got), encrypted, clear, err)
		}
		rage(t, "write(sys.argv[3], pyrage.encrypt(read(sys.argv[2]), [key.to_public()]))", clear, theirs)
		f, err := os.ReadFile(theirs)
		if err != nil {
			t.Fatal(err)
		}
		opened, size, err := keys.Open(theirs, bytes.NewReader(f), int64(len(f)))
		if err != nil {
			t.Fatal(err)
		}
		got := make([]byte, size)
		if _, err := opened.ReadAt(got, 0); int64(len(want)) != size || !bytes.Equal(got, want) {
			t.Errorf("rewind reads %d bytes in what rage made of %s: %v", size, clear, err)
		}
	}
}

// encrypt switches on encryption at rest; each batch seals the segment before it.
func (p *project) encrypt() {
	p.t.Helper()
	if err := os.WriteFile(filepath.Join(p.dir, "key.txt"), []byte(goldenKey+"\n"), 0o600); err != nil {
		p.t.Fatal(err)
	}
	f, err := os.OpenFile(filepath.Join(p.dir, "rewind.yaml"), os.O_WRONLY|os.O_APPEND, 0)
	if err != nil {
		p.t.Fatal(err)
	}
	defer f.Close()
	if _, err := f.WriteString("encryption: {identity: key.txt, seal_after: 1ms}\n"); err != nil {
		p.t.Fatal(err)
	}
}

// decrypted gives for each segment a file in clear: itself, or what rage finds in it.
func decrypted(t *testing.T, segments []string) (clear []string) {
	t.Helper()
	var work []string
	dir := t.TempDir()
	for i, s := range segments {
		if strings.HasSuffix(s, ".age") {
			s = filepath.Join(dir, fmt.Sprint(i, ".avro"))
			work = append(work, segments[i], s)
		}
		clear = append(clear, s)
	}
	if len(work) > 0 {
		rage(t, "for i in range(2, len(sys.argv), 2): write(sys.argv[i+1], pyrage.decrypt(read(sys.argv[i]), [key]))", work...)
	}
	return clear
}

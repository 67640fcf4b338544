package producer

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"testing"

	"rewind/crypt"
	"rewind/disk"
	"rewind/sandbox/racing"
)

// goldenKey opens the encrypted golden file. It protects nothing.
const goldenKey = "AGE-SECRET-KEY-15KG26SKU2E22W5SEFQMTVATH6YV7MUPP0HA5R4SGRWZS33RLENYSQNL0FD"

// TestGoldenEncryptedSnapshotFile: the golden file is the one in clear, encrypted.
func TestGoldenEncryptedSnapshotFile(t *testing.T) {
	keys, err := crypt.New(goldenKey, nil, true)
	if err != nil {
		t.Fatal(err)
	}
	if *update {
		writeTestFile(t, disk.OS, goldenEncrypted(fileVersion), 3, keys)
	}
	for version := 1; version <= fileVersion; version++ {
		checkGoldenEncrypted(t, version, keys)
	}
}

func goldenEncrypted(version int) string {
	return filepath.Join("testdata", fmt.Sprintf("snapshot-v%d-encrypted.avro", version))
}

func checkGoldenEncrypted(t *testing.T, version int, keys *crypt.Keys) {
	t.Helper()
	golden := goldenEncrypted(version)
	_, rows, err := readTestFile(disk.OS, golden, keys)
	if !errors.Is(err, io.EOF) || rows != 3 {
		t.Fatalf("%d rows, %v", rows, err)
	}
	whole, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	plain, size, err := keys.Open(golden, bytes.NewReader(whole), int64(len(whole)))
	if err != nil {
		t.Fatal(err)
	}
	got, err := io.ReadAll(io.NewSectionReader(plain, 0, size))
	clear, errClear := os.ReadFile(goldenFile(version))
	if err := errors.Join(err, errClear); err != nil || !bytes.Equal(got, clear) {
		t.Errorf("decrypted, it is another file than the one in clear: %v", err)
	}
}

// TestDamagedEncryptedSnapshotFile: every bit turned and every byte cut off shows as damage; a wrong key does not.
func TestDamagedEncryptedSnapshotFile(t *testing.T) {
	memory, keys := disk.NewMemory(), newKeys(t)
	writeTestFile(t, memory, "/whole", 3, keys)
	f, err := memory.OpenFile("/whole", os.O_RDONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	whole, err := io.ReadAll(f)
	if err != nil || bytes.Contains(whole, []byte("row 1")) || bytes.Contains(whole, []byte("rewind.snapshot")) {
		t.Fatal("the file shows its content", err)
	}
	flips, cuts := 0, 0
	try := func(what string, content []byte) {
		t.Helper()
		if err := disk.WriteFile(memory, "/file", content, 0o600); err != nil {
			t.Fatal(err)
		}
		_, rows, err := readTestFile(memory, "/file", keys)
		var damaged *FileError
		if !errors.As(err, &damaged) || damaged.ExitCode() != 5 || rows != 0 {
			t.Fatalf("%s: %d rows, %v", what, rows, err)
		}
	}
	for bit := 0; bit < 8*len(whole); bit += racing.Step {
		damaged := bytes.Clone(whole)
		damaged[bit/8] ^= 1 << (bit % 8)
		try(fmt.Sprint("bit ", bit), damaged)
		flips++
	}
	for n := range whole {
		try(fmt.Sprint("cut at ", n), whole[:n])
		cuts++
	}
	for name, other := range map[string]*crypt.Keys{"no key": nil, "another key": newKeys(t)} {
		var wrong *crypt.KeyError
		var damaged *FileError
		if _, _, err := readTestFile(memory, "/whole", other); !errors.As(err, &wrong) || errors.As(err, &damaged) || wrong.Path != "/whole" {
			t.Errorf("%s: %v", name, err)
		}
	}
	t.Logf("counted: %d turned bits and %d cuts of an encrypted snapshot file", flips, cuts)
}

// TestLostKey: without the key a capture changes nothing, neither on the disk nor in the topic; a baseline that is asked for
// does without the old file.
func TestLostKey(t *testing.T) {
	w := newWorld(t, 2, "Alice", "Bob")
	w.keys = newKeys(t)
	p := w.start()
	w.capture(p, TableOptions{})
	_ = p.Close()
	before := len(w.committed())
	old := w.keys
	w.keys = newKeys(t)
	p = w.start()
	w.engine.set(1, "Bob")
	_, err := p.Capture(context.Background(), orders, TableOptions{})
	var wrong *crypt.KeyError
	if !errors.As(err, &wrong) || wrong.ExitCode() != 2 {
		t.Fatal(err)
	}
	if n := len(w.committed()); n != before {
		t.Errorf("%d restore points, there were %d", n, before)
	}
	_ = p.Close()
	w.keys = old
	p = w.start()
	if r := w.capture(p, TableOptions{}); r.Counts.Updates != 1 {
		t.Errorf("with the key again: %+v", r.Counts)
	}
	_ = p.Close()
	w.keys = newKeys(t)
	p = w.start()
	if r := w.capture(p, TableOptions{Rebaseline: true}); !r.Baseline {
		t.Errorf("%+v", r)
	}
}

// TestCrashBeforeTheNewKeyIsLost: a capture under a new key is cut off at every operation, and then the key is missing. The file
// may be that of a committed snapshot: it stays until the key is back.
func TestCrashBeforeTheNewKeyIsLost(t *testing.T) {
	secrets := [2]string{newSecret(t), newSecret(t)}
	keys := func(text string) *crypt.Keys {
		k, err := crypt.New(text, nil, true)
		if err != nil {
			t.Fatal(err)
		}
		return k
	}
	old, both := keys(secrets[0]), keys(secrets[1]+"\n"+secrets[0])
	refused := 0
	for k := int64(1); ; k += racing.Step {
		w := newWorld(t, 2, "Alice", "Bob")
		a := &attempts{w: w, acked: map[int]int64{}}
		try := func(keys *crypt.Keys) error {
			w.keys = keys
			p := w.startOn(w.fs)
			defer func() { _ = p.Close() }()
			return a.try(context.Background(), p)
		}
		if err := try(old); err != nil {
			t.Fatal(err)
		}
		memory := w.fs.(*disk.Memory)
		memory.CrashAt(k)
		_ = try(both)
		if !memory.Tripped() {
			w.close()
			break
		}
		w.fs = memory.Restart(disk.LoseNone())
		var missing *crypt.KeyError
		if err := try(old); errors.As(err, &missing) {
			refused++
		} else if err != nil {
			t.Fatalf("crash at operation %d, the key lost: %v", k, err)
		}
		if err := try(both); err != nil {
			t.Fatalf("crash at operation %d, the key back: %v", k, err)
		}
		a.check(t, fmt.Sprint("crash at operation ", k))
		w.close()
	}
	if refused == 0 {
		t.Error("the key was never missed")
	}
	t.Logf("counted: %d crashes after which the key was missing", refused)
}

// TestWriteOnlyIsRefused: a snapshot file that could not be read again is not written.
func TestWriteOnlyIsRefused(t *testing.T) {
	w := newWorld(t, 1, "Alice")
	only, err := crypt.New("", newKeys(t).Recipients(), true)
	if err != nil {
		t.Fatal(err)
	}
	w.keys = only
	_, err = w.start().Capture(context.Background(), orders, TableOptions{})
	var late *crypt.KeyError
	if err == nil || errors.As(err, &late) {
		t.Errorf("refused only when it was to be read again: %v", err)
	}
	if n := len(w.committed()); n != 0 {
		t.Errorf("%d restore points", n)
	}
}

package crypt

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"filippo.io/age"
	"go.uber.org/goleak"

	"rewind/sandbox/racing"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// goldenKey opens the golden file and the corpus of the fuzz test. It protects nothing.
const goldenKey = "AGE-SECRET-KEY-10HXSFLM6DANW4ZWGH4CMC53RJZ4UTKLGH5UKMMNLZVWGC8KZC0AQHL638P"

func newKeys(t testing.TB) (one, two *Keys, text [2]string) {
	t.Helper()
	var keys [2]*Keys
	for i := range keys {
		identity, err := age.GenerateX25519Identity()
		if err != nil {
			t.Fatal(err)
		}
		text[i] = identity.String()
		if keys[i], err = New(text[i], nil, true); err != nil {
			t.Fatal(err)
		}
	}
	return keys[0], keys[1], text
}

func encrypt(t testing.TB, k *Keys, plain []byte) []byte {
	t.Helper()
	var out bytes.Buffer
	w, err := k.NewWriter(&out)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write(plain); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// decrypt reads a whole file.
func decrypt(k *Keys, file []byte) ([]byte, error) {
	plain, length, err := k.Open("f.age", bytes.NewReader(file), int64(len(file)))
	if err != nil {
		return nil, err
	}
	return io.ReadAll(io.NewSectionReader(plain, 0, length))
}

func text(n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(i * i / 7)
	}
	return b
}

func TestRoundTrip(t *testing.T) {
	one, _, secret := newKeys(t)
	for _, n := range []int{0, 1, 1000, 65535, 65536, 65537, 131072, 300_001} {
		plain := text(n)
		file := encrypt(t, one, plain)
		got, err := decrypt(one, file)
		if err != nil || !bytes.Equal(got, plain) {
			t.Errorf("%d bytes: %d came back, %v", n, len(got), err)
		}
		at, length, err := one.Open("f.age", bytes.NewReader(file), int64(len(file)))
		if err != nil || length != int64(n) {
			t.Fatal(length, err)
		}
		for off := range max(1, n/5) { // pieces from everywhere
			piece := make([]byte, 7)
			m, err := at.ReadAt(piece, int64(off*5))
			if want := plain[min(n, off*5):min(n, off*5+7)]; !bytes.Equal(piece[:m], want) || (err == nil) != (m == 7 && off*5+7 < n) {
				t.Fatalf("%d bytes at %d of %d: %q, want %q, %v", m, off*5, n, piece[:m], want, err)
			}
			if off > 2000 {
				break
			}
		}
		if _, err := at.ReadAt(make([]byte, 1), int64(n)+5); err != io.EOF { //nolint:errorlint // bare, as package os has it
			t.Errorf("behind the end: %v", err)
		}
		// Any age program reads it.
		identities, _ := age.ParseIdentities(strings.NewReader(secret[0]))
		r, err := age.Decrypt(bytes.NewReader(file), identities...)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := io.ReadAll(r); err != nil || !bytes.Equal(got, plain) {
			t.Errorf("age itself reads %d of %d bytes, %v", len(got), n, err)
		}
		if is, err := IsEncrypted(bytes.NewReader(file)); !is || err != nil {
			t.Error("not taken for an encrypted file", err)
		}
	}
	if is, err := IsEncrypted(strings.NewReader("Obj\x01")); is || err != nil {
		t.Error("taken for an encrypted file", err)
	}
}

// TestWrongKey: a wrong or missing key is a KeyError that names the file, the key that it needs and those that were tried.
func TestWrongKey(t *testing.T) {
	one, two, _ := newKeys(t)
	file := encrypt(t, one, text(100))
	none, err := New("", one.Recipients(), true)
	if err != nil {
		t.Fatal(err)
	}
	for name, k := range map[string]*Keys{"other": two, "none": nil, "recipients only": none} {
		_, err := decrypt(k, file)
		var wrong *KeyError
		if !errors.As(err, &wrong) || wrong.ExitCode() != 2 || wrong.Path != "f.age" || wrong.Hint() == "" {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if !strings.Contains(err.Error(), one.Recipients()[0]) {
			t.Errorf("%s: it does not say which key: %v", name, err)
		}
		if k.Opens() && !strings.Contains(err.Error(), two.Recipients()[0]) {
			t.Errorf("%s: it does not say which key was tried: %v", name, err)
		}
	}
}

// TestRotation: a new key is put before the old one; old files stay readable, new ones are the new key's alone.
func TestRotation(t *testing.T) {
	one, two, secret := newKeys(t)
	both, err := New("# new\n"+secret[1]+"\r\n\n# old\n"+secret[0]+"\n", nil, true)
	if err != nil {
		t.Fatal(err)
	}
	old, fresh := encrypt(t, one, text(10)), encrypt(t, both, text(20))
	for name, c := range map[string]struct {
		k    *Keys
		file []byte
		ok   bool
	}{
		"old file": {both, old, true}, "new file": {both, fresh, true}, "new file, new key": {two, fresh, true},
		"new file, old key": {one, fresh, false}, "old file, new key": {two, old, false},
	} {
		if _, err := decrypt(c.k, c.file); (err == nil) != c.ok {
			t.Errorf("%s: %v", name, err)
		}
	}
	many, err := New(secret[0], []string{one.Recipients()[0], two.Recipients()[0]}, true)
	if err != nil {
		t.Fatal(err)
	}
	file := encrypt(t, many, text(5))
	for _, k := range []*Keys{one, two} {
		if _, err := decrypt(k, file); err != nil {
			t.Error(err)
		}
	}
	off, err := New(secret[0], nil, false)
	if err != nil || off.Encrypts() || !off.Opens() {
		t.Fatal("switched off, it encrypts", err)
	}
	if _, err := off.NewWriter(io.Discard); err == nil {
		t.Error("switched off, it encrypts")
	}
	if _, err := decrypt(off, file); err != nil {
		t.Error(err)
	}
}

func TestPostQuantum(t *testing.T) {
	identity, err := age.GenerateHybridIdentity()
	if err != nil {
		t.Fatal(err)
	}
	k, err := New(identity.String(), nil, true)
	if err != nil {
		t.Fatal(err)
	}
	file := encrypt(t, k, text(70_000))
	if got, err := decrypt(k, file); err != nil || !bytes.Equal(got, text(70_000)) {
		t.Error(err)
	}
	if name := k.Recipients()[0]; len(name) > 70 {
		t.Errorf("its name has %d characters", len(name))
	}
	one, _, _ := newKeys(t)
	if _, err := New("", []string{identity.Recipient().String(), one.Recipients()[0]}, true); err == nil {
		t.Error("mixed with a classic recipient")
	}
}

func TestRefusedKeys(t *testing.T) {
	one, _, secret := newKeys(t)
	for name, c := range map[string]struct {
		identities string
		recipients []string
		encrypt    bool
	}{
		"nothing":            {"", nil, true},
		"off without a key":  {"", one.Recipients(), false},
		"no identity":        {"hello", nil, true},
		"cut identity":       {secret[0][:40], nil, true},
		"secret recipient":   {"", []string{secret[0]}, true},
		"no recipient":       {secret[0], []string{"age1hello"}, true},
		"empty recipient":    {secret[0], []string{""}, true},
		"two in one":         {secret[0], []string{one.Recipients()[0] + "\n" + one.Recipients()[0]}, true},
		"comments alone":     {"# nothing\n", nil, true},
		"identity with more": {secret[0] + "\nmore", nil, true},
	} {
		k, err := New(c.identities, c.recipients, c.encrypt)
		if err == nil {
			t.Errorf("%s: accepted", name)
			continue
		}
		if strings.Contains(err.Error(), secret[0][20:38]) {
			t.Errorf("%s: the error shows the secret: %v", name, err)
		}
		_ = k
	}
	for _, shown := range []string{fmt.Sprintf("%v", one), fmt.Sprintf("%+v", one), fmt.Sprintf("%#v", one)} {
		if strings.Contains(shown, "SECRET") || strings.Contains(shown, secret[0][20:38]) {
			t.Errorf("printed, it shows the secret: %s", shown)
		}
	}
}

// TestEveryBitFlipped: no flipped bit yields a byte of plaintext that was not written, or passes unseen.
func TestEveryBitFlipped(t *testing.T) {
	one, two, _ := newKeys(t)
	file := encrypt(t, one, text(300))
	flips := 0
	for bit := 0; bit < 8*len(file); bit += racing.Step {
		damaged := bytes.Clone(file)
		damaged[bit/8] ^= 1 << (bit % 8)
		flips++
		_, err := decrypt(one, damaged)
		var damage *DamageError
		if !errors.As(err, &damage) || damage.Path != "f.age" {
			t.Fatalf("bit %d flipped: %v", bit, err)
		}
		var wrong *KeyError
		if _, err := decrypt(two, damaged); !errors.As(err, &damage) && !errors.As(err, &wrong) {
			t.Fatalf("bit %d flipped, other key: %v", bit, err)
		}
	}
	t.Logf("counted: %d flipped bits of an encrypted file", flips)
}

// TestCutAtEveryByte: a file that was cut, or goes on, is not opened.
func TestCutAtEveryByte(t *testing.T) {
	one, _, _ := newKeys(t)
	file := encrypt(t, one, text(66_000)) // two pieces
	header := len(file) - 66_000
	cuts := 0
	for size := range len(file) {
		if size > header && size < len(file)-2000 && size%997 != 0 {
			continue // within the pieces
		}
		cuts++
		_, _, err := one.Open("f.age", bytes.NewReader(file[:size]), int64(size))
		var damage *DamageError
		if !errors.As(err, &damage) {
			t.Fatalf("cut at %d of %d: %v", size, len(file), err)
		}
	}
	for _, tail := range []int{1, 16, 17, 65552} {
		longer := append(bytes.Clone(file), make([]byte, tail)...)
		if _, _, err := one.Open("f.age", bytes.NewReader(longer), int64(len(longer))); err == nil {
			t.Errorf("%d bytes behind the end were not noticed", tail)
		}
	}
	// Pieces exchanged, each of them authentic.
	long := encrypt(t, one, text(200_000))
	start := len(long) - 200_000 - 4*16
	swapped := bytes.Clone(long)
	copy(swapped[start:], long[start+65552:start+2*65552])
	copy(swapped[start+65552:], long[start:start+65552])
	if got, err := decrypt(one, swapped); err == nil || len(got) > 0 {
		t.Errorf("exchanged pieces: %d bytes, %v", len(got), err)
	}
	t.Logf("counted: %d cuts of an encrypted file", cuts)
}

// failing fails at its k-th read.
type failing struct {
	io.ReaderAt
	left int
}

var errDisk = errors.New("the disk cannot read")

func (f *failing) ReadAt(p []byte, off int64) (int, error) {
	if f.left--; f.left == 0 {
		return 0, errDisk
	}
	return f.ReaderAt.ReadAt(p, off)
}

// TestReadFails: an error of the disk stays what it is, at every read; it is neither damage nor a wrong key.
func TestReadFails(t *testing.T) {
	one, two, _ := newKeys(t)
	file := encrypt(t, one, text(200_000))
	sum := sha256.Sum256(text(200_000))
	reads := 0
	for k := 1; ; k++ {
		in := &failing{bytes.NewReader(file), k}
		plain, length, err := one.Open("f.age", in, int64(len(file)))
		if err == nil {
			h := sha256.New()
			if _, err = io.Copy(h, io.NewSectionReader(plain, 0, length)); err == nil {
				if in.left > 0 && bytes.Equal(h.Sum(nil), sum[:]) {
					break
				}
				t.Fatal("a failed read was not noticed")
			}
		}
		if !errors.Is(err, errDisk) {
			t.Fatalf("read %d failed: %v", k, err)
		}
		reads++
	}
	if _, _, err := two.Open("f.age", &failing{bytes.NewReader(file), 1}, int64(len(file))); !errors.Is(err, errDisk) {
		t.Error(err)
	}
	t.Logf("counted: %d failed reads of an encrypted file", reads)
}

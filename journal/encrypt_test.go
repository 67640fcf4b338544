package journal

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"rewind/crypt"
	"rewind/disk"
	"rewind/sandbox/racing"
)

// encrypted is a journal of two encrypted segments and an active one, with what it should read as.
type encrypted struct {
	fsys  *disk.Memory
	keys  *crypt.Keys
	all   []Entry
	names []string // of the encrypted segments
	plain map[string][]byte
}

func newEncrypted(t testing.TB, keys *crypt.Keys) *encrypted {
	t.Helper()
	one, two := rowSchema(1), rowSchema(2)
	e := &encrypted{fsys: disk.NewMemory(), keys: keys, plain: map[string][]byte{}}
	j, err := Open("j", e.options())
	if err != nil {
		t.Fatal(err)
	}
	for _, b := range [][]Entry{{testEntry(1, one), testEntry(2, "")}, {testEntry(3, two)}, {testEntry(4, one), testEntry(6, "")}} {
		if err := j.Append(b); err != nil {
			t.Fatal(err)
		}
		e.all = append(e.all, b...)
	}
	for _, c := range j.unsealed {
		name := filepath.Base(c.path)
		e.plain[name] = mustRead(t, e.fsys, c.path)
		e.names = append(e.names, name+ageExtension)
	}
	if err := errors.Join(encryptAll(j), j.Close()); err != nil || len(e.names) != 2 {
		t.Fatal(e.names, err)
	}
	return e
}

func (e *encrypted) options() Options {
	o := testOptions(e.fsys)
	o.Keys = e.keys
	return o
}

func (e *encrypted) read(t testing.TB, o Options) ([]Entry, error) {
	t.Helper()
	r, err := OpenReader("j", o)
	if err != nil {
		t.Fatal(err)
	}
	got, err := collect(r, 0)
	return got, errors.Join(err, r.VerifyChain())
}

func (e *encrypted) write(t testing.TB, name string, content []byte) {
	t.Helper()
	if err := disk.WriteFile(e.fsys, "j/"+name, content, fileMode); err != nil {
		t.Fatal(err)
	}
}

// TestEncrypted: sealed segments hold nothing of the entries, everything reads as before, and the journal goes on.
func TestEncrypted(t *testing.T) {
	e := newEncrypted(t, newKeys(t))
	for _, name := range e.names {
		content := mustRead(t, e.fsys, "j/"+name)
		if bytes.Contains(content, []byte("value")) || bytes.Contains(content, []byte("rewind.base")) {
			t.Errorf("%s shows its content", name)
		}
		if _, err := e.fsys.Stat("j/" + strings.TrimSuffix(name, ageExtension)); err == nil {
			t.Errorf("%s is there in clear too", name)
		}
	}
	got, err := e.read(t, e.options())
	if err := errors.Join(err, sameEntries(got, e.all)); err != nil {
		t.Fatal(err)
	}
	j := mustOpen(t, "j", e.options())
	if j.NextOffset() != 7 || j.Unencrypted() != 0 {
		t.Errorf("next %d, %d to encrypt", j.NextOffset(), j.Unencrypted())
	}
	infos := j.Reader().Segments()
	for i, info := range infos {
		if info.Encrypted != (i < 2) || info.Sealed != (i < 2) || i < 2 && info.Bytes != int64(len(e.plain[segmentName(info.BaseOffset)])) {
			t.Errorf("segment %+v", info)
		}
	}
	mustAppend(t, j, []Entry{testEntry(9, "")})
	mustClose(t, j)
}

// TestEncryptedDamage: every bit of the encrypted files, and every length of them.
func TestEncryptedDamage(t *testing.T) {
	e := newEncrypted(t, newKeys(t))
	flips, cuts := 0, 0
	for i, name := range e.names {
		whole := mustRead(t, e.fsys, "j/"+name)
		try := func(what string, content []byte) {
			e.write(t, name, content)
			got, err := e.read(t, e.options())
			var damage *CorruptionError
			if !errors.As(err, &damage) || damage.Segment != "j/"+name || damage.ExitCode() != 5 {
				t.Fatalf("%s, %s: %v", name, what, err)
			}
			if before := []int{0, 2}[i]; len(got) != before {
				t.Fatalf("%s, %s: %d entries before the damage, not %d", name, what, len(got), before)
			}
			if err := sameEntries(got, e.all[:len(got)]); err != nil {
				t.Fatalf("%s, %s: %v", name, what, err)
			}
		}
		for bit := 0; bit < 8*len(whole); bit += racing.Step {
			content := bytes.Clone(whole)
			content[bit/8] ^= 1 << (bit % 8)
			try(fmt.Sprint("bit ", bit), content)
			flips++
		}
		for size := range len(whole) {
			try(fmt.Sprint("cut at ", size), whole[:size])
			cuts++
		}
		try("longer", append(bytes.Clone(whole), 0))
		e.write(t, name, whole)
	}
	// Exchanged files, each of them whole.
	first, second := mustRead(t, e.fsys, "j/"+e.names[0]), mustRead(t, e.fsys, "j/"+e.names[1])
	e.write(t, e.names[0], second)
	e.write(t, e.names[1], first)
	var damage *CorruptionError
	if _, err := e.read(t, e.options()); !errors.As(err, &damage) {
		t.Errorf("exchanged: %v", err)
	}
	t.Logf("counted: %d flipped bits and %d cuts of a journal's encrypted segments", flips, cuts)
}

// TestEncryptedWithoutTheKey: a missing or wrong key is said, by reader and writer; it is no damage, and nothing is changed.
func TestEncryptedWithoutTheKey(t *testing.T) {
	e := newEncrypted(t, newKeys(t))
	for name, keys := range map[string]*crypt.Keys{"none": nil, "other": newKeys(t)} {
		o := e.options()
		o.Keys = keys
		got, err := e.read(t, o)
		var wrong *crypt.KeyError
		var damage *CorruptionError
		if !errors.As(err, &wrong) || errors.As(err, &damage) || wrong.Path != "j/"+e.names[0] || len(got) != 0 {
			t.Errorf("%s: %d entries, %v", name, len(got), err)
		}
		if _, err := Open("j", o); !errors.As(err, &wrong) || errors.As(err, &damage) {
			t.Errorf("%s: open: %v", name, err)
		}
	}
	if got, err := e.read(t, e.options()); err != nil || len(got) != len(e.all) {
		t.Error(len(got), err)
	}
}

// TestWriteOnly: with recipients alone the journal goes on, and what was sealed cannot be read.
func TestWriteOnly(t *testing.T) {
	keys := newKeys(t)
	e := newEncrypted(t, keys)
	only, err := crypt.New("", keys.Recipients(), true)
	if err != nil {
		t.Fatal(err)
	}
	o := e.options()
	o.Keys = only
	j := mustOpen(t, "j", o)
	more := []Entry{testEntry(8, rowSchema(2)), testEntry(9, "")} // rolls
	mustAppend(t, j, more)
	if j.Unencrypted() != 1 {
		t.Fatalf("%d to encrypt", j.Unencrypted())
	}
	if err := encryptAll(j); err != nil {
		t.Fatal(err)
	}
	mustClose(t, j)
	var wrong *crypt.KeyError
	if _, err := e.read(t, o); !errors.As(err, &wrong) {
		t.Errorf("it reads: %v", err)
	}
	got, err := e.read(t, e.options())
	if err := errors.Join(err, sameEntries(got, append(e.all, more...))); err != nil {
		t.Fatal(err)
	}
	// The active segment is lost: only the key tells where the journal goes on.
	if err := e.fsys.Remove("j/" + segmentName(8)); err != nil {
		t.Fatal(err)
	}
	if _, err := Open("j", o); !errors.As(err, &wrong) {
		t.Errorf("it goes on behind a segment that it cannot read: %v", err)
	}
	j = mustOpen(t, "j", e.options())
	if j.NextOffset() != 7 {
		t.Errorf("it goes on at %d", j.NextOffset())
	}
	mustAppend(t, j, more)
	if err := encryptAll(j); err != nil {
		t.Fatal(err)
	}
	got, err = e.read(t, e.options())
	if err := errors.Join(err, sameEntries(got, append(e.all, more...))); err != nil {
		t.Fatal(err)
	}
	mustClose(t, j)
}

// goldenKey opens the golden journal. It protects nothing.
const goldenKey = "AGE-SECRET-KEY-15KG26SKU2E22W5SEFQMTVATH6YV7MUPP0HA5R4SGRWZS33RLENYSQNL0FD"

// TestGoldenEncryptedJournal reads a journal that an earlier version encrypted: it is the golden one in clear.
func TestGoldenEncryptedJournal(t *testing.T) {
	keys, err := crypt.New(goldenKey, nil, true)
	if err != nil {
		t.Fatal(err)
	}
	o := goldenOptions(t, controlSchemaOf(t, "testdata/v1"))
	clear, err := OpenReader("testdata/v1", o)
	if err != nil {
		t.Fatal(err)
	}
	want, err := collect(clear, 0)
	if err != nil {
		t.Fatal(err)
	}
	o.Keys = keys
	if *update {
		if err := os.CopyFS("testdata/encrypted-v1", os.DirFS("testdata/v1")); err != nil {
			t.Fatal(err)
		}
		j := mustOpen(t, "testdata/encrypted-v1", o)
		if err := errors.Join(encryptAll(j), j.Close(), os.Remove("testdata/encrypted-v1/lock")); err != nil {
			t.Fatal(err)
		}
	}
	r, err := OpenReader("testdata/encrypted-v1", o)
	if err != nil {
		t.Fatal(err)
	}
	got, err := collect(r, 0)
	if err := errors.Join(err, sameEntries(got, want), r.VerifyChain()); err != nil {
		t.Error(err)
	}
	n := 0
	for _, info := range r.Segments() {
		if info.Encrypted {
			n++
		}
	}
	if n == 0 || len(want) == 0 {
		t.Errorf("%d encrypted segments, %d entries", n, len(want))
	}
}

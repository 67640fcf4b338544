package journal

import (
	"bytes"
	"crypto/ed25519"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"rewind/crypt"
	"rewind/disk"
)

var (
	cutStreamDir = "/data/t/" + testStream
	cutDir       = cutStreamDir + "/00003"
)

// segmented writes a journal of one segment an entry, offsets 10, 11, …
func segmented(t testing.TB, fsys disk.FS, n int, keys *crypt.Keys) *Journal {
	t.Helper()
	o := testOptions(fsys)
	o.SegmentBytes, o.Keys = 1, keys
	j, err := Open(cutDir, o)
	if err != nil {
		t.Fatal(err)
	}
	for i := range n {
		if err := j.Append([]Entry{testEntry(int64(10+i), "")}); err != nil {
			t.Fatal(err)
		}
	}
	return j
}

func cutReader(t testing.TB, fsys disk.FS, keys *crypt.Keys) *Reader {
	t.Helper()
	o := testOptions(fsys)
	o.Keys = keys
	r, err := OpenReader(cutDir, o)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// cutAt makes the record of a journal that begins with the segment of an offset.
func cutAt(t testing.TB, r *Reader, first int64) CutRecord {
	t.Helper()
	at := CutPartition{Commit: first, First: first, Previous: strings.Repeat("00", 32)}
	for _, s := range r.Segments() {
		if s.BaseOffset == first {
			at.After, at.Previous = s.After, hex.EncodeToString(s.Previous[:])
		}
		if s.BaseOffset < first {
			at.Segments, at.Bytes = at.Segments+1, at.Bytes+s.Bytes
		}
	}
	return CutRecord{Table: "shop.orders", Stream: testStream, At: time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC), Kept: "a test", Snapshot: 77, NextColumnID: 3,
		Base: &CutBase{Name: "base.avro", Bytes: 1, SHA256: strings.Repeat("0b", 32)}, Partitions: []CutPartition{at, at, at, at}}
}

func TestJournalBehindACut(t *testing.T) {
	for _, keys := range []*crypt.Keys{nil, newKeys(t)} {
		fsys := disk.NewMemory()
		j := segmented(t, fsys, 6, keys)
		r := cutReader(t, fsys, keys)
		if err := encryptAll(j); err != nil {
			t.Fatal(err)
		}
		if err := WriteCut(fsys, cutStreamDir, cutAt(t, r, 13), nil, nil); err != nil {
			t.Fatal(err)
		}
		hold := func(what string, last int64) {
			t.Helper()
			var want []Entry
			for o := int64(13); o <= last; o++ {
				want = append(want, testEntry(o, ""))
			}
			got, err := collect(r, 0)
			if err := errors.Join(err, sameEntries(got, want), r.VerifyChain()); err != nil {
				t.Fatalf("%s: %v", what, err)
			}
			if s := r.Segments(); len(s) != len(want) || !s[0].BehindCut || s[1].BehindCut {
				t.Fatalf("%s: %d segments", what, len(s))
			}
		}
		hold("not dropped yet", 15)
		if _, err := collect(r, 11); !errors.As(err, new(*DroppedError)) {
			t.Errorf("from before the cut: %v", err)
		}
		if err := j.Append([]Entry{testEntry(16, "")}); err != nil { // the writer beside goes on
			t.Fatal(err)
		}
		if files, err := DropCut(cutDir, testOptions(fsys)); err != nil || files != 3 {
			t.Fatalf("%d files, %v", files, err)
		}
		hold("dropped", 16)
		mustClose(t, j)
		o := testOptions(fsys)
		o.Keys = keys
		j, err := Open(cutDir, o)
		if err != nil || j.NextOffset() != 17 {
			t.Fatalf("opened again: %v", err)
		}
		mustClose(t, j)
		hold("opened again", 16)
		first := r.Segments()[0].Path
		must(t, fsys.Remove(first))
		for _, s := range r.Segments() {
			err = errors.Join(err, s.Err)
		}
		_, readErr := collect(r, 0)
		_, openErr := Open(cutDir, o)
		for _, err := range []error{err, readErr, openErr, r.VerifyChain()} {
			if wrong := (*CutError)(nil); !errors.As(err, &wrong) || wrong.ExitCode() != 5 || wrong.Hint() == "" {
				t.Errorf("without its first segment: %v", err)
			}
		}
		must(t, fsys.Remove(filepath.Join(cutStreamDir, cutName)))
		if err := r.VerifyChain(); !errors.As(err, new(*CorruptionError)) {
			t.Errorf("without its record: %v", err)
		}
	}
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// TestEncryptingWhatWasDropped: a writer that had still to encrypt a segment passes over it once it is gone.
func TestEncryptingWhatWasDropped(t *testing.T) {
	fsys := disk.NewMemory()
	keys := newKeys(t)
	j := segmented(t, fsys, 6, keys)
	must(t, WriteCut(fsys, cutStreamDir, cutAt(t, cutReader(t, fsys, keys), 13), nil, nil))
	if files, err := DropCut(cutDir, testOptions(fsys)); err != nil || files != 3 {
		t.Fatal(files, err)
	}
	must(t, encryptAll(j))
	must(t, j.Append([]Entry{testEntry(16, "")}))
	mustClose(t, j)
	if got, err := collect(cutReader(t, fsys, keys), 0); err != nil || len(got) != 4 {
		t.Errorf("%d entries, %v", len(got), err)
	}
}

// TestCrashWhileDropping stops the machine at, and fails, each operation of a drop, then of the writer that finishes it.
func TestCrashWhileDropping(t *testing.T) {
	clean := disk.NewMemory()
	mustClose(t, segmented(t, clean, 7, nil))
	must(t, WriteCut(clean, cutStreamDir, cutAt(t, cutReader(t, clean, nil), 14), nil, nil))
	count := 0
	for _, crash := range []bool{true, false} {
		for k := int64(1); ; k++ {
			m := clean.Restart(disk.LoseNone())
			if crash {
				m.CrashAt(k)
			} else {
				m.FailAt(k)
			}
			_, err := DropCut(cutDir, testOptions(m))
			if !m.Tripped() {
				must(t, err)
				break
			}
			for _, loss := range []disk.Loss{disk.LoseAll(), disk.LoseNone(), disk.LoseSome(uint64(k)), disk.LoseNames(uint64(k))} {
				count++
				after := m.Restart(loss)
				r := cutReader(t, after, nil)
				if got, err := collect(r, 0); errors.Join(err, r.VerifyChain()) != nil || len(got) != 3 {
					t.Fatalf("operation %d, %s: %d entries, %v", k, loss, len(got), err)
				}
				j, err := Open(cutDir, testOptions(after))
				must(t, err)
				mustClose(t, j)
				names, err := after.ReadDir(cutDir)
				must(t, err)
				if n := slices.IndexFunc(names, func(n fs.DirEntry) bool { return strings.HasSuffix(n.Name(), ".avro") }); names[n].Name() != segmentName(14) {
					t.Fatalf("%s is left", names[n].Name())
				}
			}
		}
	}
	t.Logf("counted: %d crash points of dropping segments", count)
}

// TestCutRecords: what is not as it was written is refused: each bit, another stream, another version, other fields.
func TestCutRecords(t *testing.T) {
	fsys := disk.NewMemory()
	j := segmented(t, fsys, 4, nil)
	defer mustClose(t, j)
	_, key, err := ed25519.GenerateKey(nil)
	must(t, err)
	public := key.Public().(ed25519.PublicKey)
	first := cutAt(t, j.Reader(), 11)
	must(t, WriteCut(fsys, cutStreamDir, first, nil, key))
	former, err := ReadCut(fsys, cutStreamDir, public)
	must(t, err)
	must(t, WriteCut(fsys, cutStreamDir, cutAt(t, j.Reader(), 12), former, key))
	now, err := ReadCut(fsys, cutStreamDir, public)
	if err != nil || now.Former != hex.EncodeToString(former.file[:]) || now.Same(former) || !now.Same(now) {
		t.Fatalf("%+v, %v", now, err)
	}
	path := filepath.Join(cutStreamDir, cutName)
	whole := textOf(t, fsys, path)
	count := 0
	for i := range whole {
		for bit := range 8 {
			b := bytes.Clone(whole)
			b[i] ^= 1 << bit
			count++
			got, err := ParseCut(b, []ed25519.PublicKey{public, nil}[i%2])
			if err == nil && fmt.Sprint(got.Partitions, got.Base, got.Snapshot, got.Former, got.At) != fmt.Sprint(now.Partitions, now.Base, now.Snapshot, now.Former, now.At) {
				t.Fatalf("bit %d of byte %d: %+v", bit, i, got)
			}
		}
		if _, err := ParseCut(whole[:i], public); err == nil && i < len(whole)-1 {
			t.Fatalf("cut at byte %d it is believed", i)
		}
		count++
	}
	for name, change := range map[string]func(c *CutRecord){
		"a base elsewhere":  func(c *CutRecord) { c.Base.Name = "../base" },
		"no base":           func(c *CutRecord) { c.Base = nil },
		"no partition":      func(c *CutRecord) { c.Partitions = nil },
		"behind the commit": func(c *CutRecord) { c.Partitions[1].First = c.Partitions[1].Commit + 1 },
		"no hash":           func(c *CutRecord) { c.Partitions[1].Previous = "" },
		"no stream":         func(c *CutRecord) { c.Stream = "" },
	} {
		c := cutAt(t, j.Reader(), 12)
		change(&c)
		if err := WriteCut(fsys, cutStreamDir, c, nil, nil); err == nil {
			t.Errorf("%s: it was written", name)
		}
		count++
	}
	if _, err := ParseCut([]byte(strings.Replace(string(whole), "{", `{"more": 1,`, 1)), nil); err == nil {
		t.Error("a field more")
	}
	unsigned := *now
	must(t, WriteCut(fsys, cutStreamDir, unsigned, nil, nil))
	if _, err := ReadCut(fsys, cutStreamDir, public); !errors.As(err, new(*CutError)) {
		t.Errorf("not signed: %v", err)
	}
	t.Logf("counted: %d changed cut records", count)
}

func textOf(t testing.TB, fsys disk.FS, path string) []byte {
	t.Helper()
	f, err := fsys.OpenFile(path, 0, 0)
	must(t, err)
	defer f.Close() //nolint:errcheck // only read
	var b bytes.Buffer
	_, err = b.ReadFrom(f)
	must(t, err)
	return b.Bytes()
}

// FuzzCut reads whatever as a cut record, as it is and with the SHA-256 that it would need: an error, or one that makes sense and is written as it
// was read.
func FuzzCut(f *testing.F) {
	fsys := disk.NewMemory()
	j := segmented(f, fsys, 3, nil)
	defer j.Close() //nolint:errcheck // in memory
	must(f, WriteCut(fsys, cutStreamDir, cutAt(f, j.Reader(), 11), nil, nil))
	f.Add(textOf(f, fsys, filepath.Join(cutStreamDir, cutName)))
	f.Add([]byte(`{"version":1,"partitions":[{}]}`))
	hold := func(t *testing.T, text []byte) {
		c, err := ParseCut(text, nil)
		if err != nil {
			return
		}
		again := *c
		again.seal(nil)
		if again.Sum != c.Sum {
			t.Fatalf("%s", text)
		}
		if whole := c.Base == nil; whole != (c.Snapshot == 0) || len(c.Partitions) == 0 || !whole && strings.ContainsRune(c.Base.Name, filepath.Separator) {
			t.Fatalf("it makes no sense: %s", text)
		}
		for _, p := range c.Partitions {
			if p.First < 0 != (c.Base == nil) || p.First >= 0 && (p.First <= p.After || p.First > p.Commit) {
				t.Fatalf("it makes no sense: %s", text)
			}
		}
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		hold(t, text)
		var c CutRecord
		if json.Unmarshal(text, &c) != nil {
			return
		}
		c.seal(nil)
		sealed, err := json.Marshal(c)
		must(t, err)
		hold(t, sealed)
	})
}

// TestGoldenCut: a record of version 1 is read forever, and written so.
func TestGoldenCut(t *testing.T) {
	const golden = "testdata/cut-1.json"
	fsys := disk.NewMemory()
	j := segmented(t, fsys, 4, nil)
	defer mustClose(t, j)
	key := ed25519.NewKeyFromSeed(bytes.Repeat([]byte{7}, ed25519.SeedSize))
	must(t, WriteCut(fsys, cutStreamDir, cutAt(t, j.Reader(), 11), nil, key))
	written := textOf(t, fsys, filepath.Join(cutStreamDir, cutName))
	if *update {
		must(t, os.WriteFile(golden, written, 0o600))
	}
	want, err := os.ReadFile(golden)
	must(t, err)
	if !bytes.Equal(written, want) {
		t.Errorf("it is written otherwise:\n%s", written)
	}
	if c, err := ParseCut(want, key.Public().(ed25519.PublicKey)); err != nil || c.Snapshot != 77 || c.Partitions[3].First != 11 {
		t.Errorf("%+v, %v", c, err)
	}
}

// TestCutOfAnotherChain: the first segment that is kept must be chained to what the record says was dropped.
func TestCutOfAnotherChain(t *testing.T) {
	for name, change := range map[string]func(p *CutPartition){
		"chain": func(p *CutPartition) { p.Previous = strings.Repeat("0c", 32) },
		"after": func(p *CutPartition) { p.After-- },
	} {
		fsys := disk.NewMemory()
		mustClose(t, segmented(t, fsys, 5, nil))
		r := cutReader(t, fsys, nil)
		c := cutAt(t, r, 12)
		change(&c.Partitions[3])
		must(t, WriteCut(fsys, cutStreamDir, c, nil, nil))
		_, readErr := collect(r, 0)
		_, openErr := Open(cutDir, testOptions(fsys))
		for _, err := range []error{readErr, openErr, r.VerifyChain()} {
			if wrong := (*CutError)(nil); !errors.As(err, &wrong) {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
}

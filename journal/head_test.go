package journal

import (
	"bytes"
	"crypto/ed25519"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"rewind/disk"
	"rewind/sandbox/racing"
)

var (
	testKey   = ed25519.NewKeyFromSeed([]byte("a seed of thirty-two bytes, fixed"[:32]))
	testPub   = testKey.Public().(ed25519.PublicKey)
	otherKey  = ed25519.NewKeyFromSeed([]byte("another seed of thirty-two bytes."[:32]))
	signedDir = "data/journal"
)

// signedOptions roll a segment now and then.
func signedOptions(fsys disk.FS) Options {
	o := testOptions(fsys)
	o.SegmentBytes, o.Signing = 700, Signing{Key: testKey, Table: "shop.orders"}
	return o
}

// signedJournal has several segments and its head at the very end.
func signedJournal(t *testing.T) *disk.Memory {
	t.Helper()
	fsys := disk.NewMemory()
	j := mustOpen(t, signedDir, signedOptions(fsys))
	for at := int64(0); at < 60; at += 5 {
		mustAppend(t, j, batchOf(at, at+5))
	}
	mustClose(t, j)
	return fsys
}

func readerOf(t *testing.T, fsys disk.FS) *Reader {
	t.Helper()
	r, err := OpenReader(signedDir, signedOptions(fsys))
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// hold checks head and journal as a verifier does.
func hold(r *Reader) (Head, Behind, error) {
	h, err := r.Head(testPub)
	if err != nil {
		return h, Behind{}, err
	}
	behind, err := r.Hold(h)
	return h, behind, errors.Join(err, r.VerifyChain())
}

func TestHeadSignsTheWholeJournal(t *testing.T) {
	fsys := signedJournal(t)
	h, behind, err := hold(readerOf(t, fsys))
	if err != nil || h.Next != 60 || h.Table != "shop.orders" || h.Stream != testStream || h.Partition != 3 || behind != (Behind{}) {
		t.Fatalf("%+v, behind %+v, %v", h, behind, err)
	}
	if n := len(readerOf(t, fsys).Segments()); n < 3 {
		t.Fatalf("%d segments", n)
	}
	j := mustOpen(t, signedDir, signedOptions(fsys))
	if j.SignedNext() != 60 {
		t.Errorf("signed below %d", j.SignedNext())
	}
	mustClose(t, j)
}

// TestHeadIsSignedInTime: at once in a new segment and when the last signature is old, else a while later, and at the end.
func TestHeadIsSignedInTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fsys := disk.NewMemory()
		o := signedOptions(fsys)
		o.SegmentBytes = 1 << 20
		j := mustOpen(t, signedDir, o)
		next := func() int64 {
			h, behind, err := hold(readerOf(t, fsys))
			if err != nil || (behind.Bytes == 0) != (h.Next == j.NextOffset()) {
				t.Fatalf("head %+v, behind %+v, %v", h, behind, err)
			}
			return h.Next
		}
		mustAppend(t, j, batchOf(0, 5))
		if next() != 5 {
			t.Fatal("the first segment's head did not come at once")
		}
		mustAppend(t, j, batchOf(5, 6))
		if next() != 5 {
			t.Fatal("every batch is signed")
		}
		time.Sleep(defaultSignEvery + time.Second)
		synctest.Wait()
		if next() != 6 {
			t.Fatal("what was appended last is never signed")
		}
		time.Sleep(time.Hour)
		mustAppend(t, j, batchOf(6, 7))
		if next() != 7 {
			t.Fatal("an old head was not replaced at once")
		}
		mustAppend(t, j, batchOf(7, 8))
		mustClose(t, j)
		j.next = 8
		if next() != 8 {
			t.Fatal("the end is not signed")
		}
	})
}

// TestHeadAfterEveryCrash: whatever is lost, the head never signs what the journal does not hold, and the next run goes on.
func TestHeadAfterEveryCrash(t *testing.T) {
	run := func(fsys disk.FS) error {
		for at := int64(0); at < 40; at += 10 {
			j, err := Open(signedDir, signedOptions(fsys))
			if err != nil {
				return err
			}
			if err := j.Sign(); err != nil {
				return errors.Join(err, j.Close())
			}
			for b := max(at, j.NextOffset()); b < at+10; b = j.NextOffset() {
				if err := j.Append(batchOf(b, min(b+3, at+10))); err != nil {
					return errors.Join(err, j.Close())
				}
			}
			if err := j.Close(); err != nil {
				return err
			}
		}
		return nil
	}
	points := 0
	for k := int64(1); ; k += racing.Step {
		tripped := false
		for _, loss := range []disk.Loss{disk.LoseAll(), disk.LoseNone(), disk.LoseSome(uint64(k))} {
			memory := disk.NewMemory()
			memory.CrashAt(k)
			_ = run(memory)
			tripped = memory.Tripped()
			if !tripped {
				break
			}
			points++
			after := memory.Restart(loss)
			if r, err := OpenReader(signedDir, signedOptions(after)); err == nil && len(r.Segments()) > 0 {
				if h, _, err := hold(r); err != nil && !errors.As(err, new(*HeadError)) || err != nil && h.Bytes > 0 {
					t.Fatalf("crash at %d, lost %v: %v", k, loss, err)
				}
			}
			if err := run(after); err != nil {
				t.Fatalf("crash at %d, lost %v: go on: %v", k, loss, err)
			}
			if h, behind, err := hold(readerOf(t, after)); err != nil || h.Next != 40 || behind.Bytes != 0 {
				t.Fatalf("crash at %d, lost %v: %+v, %+v, %v", k, loss, h, behind, err)
			}
		}
		if !tripped {
			break
		}
	}
	t.Logf("counted: %d crashes of a journal that signs its head", points)
}

// TestHeadSeesEveryFlip: no bit of the head file that is read, and none of the signed segments.
func TestHeadSeesEveryFlip(t *testing.T) {
	fsys := signedJournal(t)
	r := readerOf(t, fsys)
	files := []string{filepath.Join(signedDir, headName)}
	for _, s := range r.Segments() {
		files = append(files, s.Path)
	}
	flips := 0
	for _, path := range files {
		whole := contentOf(t, fsys, path)
		for bit := 0; bit < 8*len(whole); bit++ {
			if path != files[0] && bit%7 != 0 {
				continue
			}
			changed := bytes.Clone(whole)
			changed[bit/8] ^= 1 << (bit % 8)
			setContent(t, fsys, path, changed)
			h, _, err := hold(r)
			flips++
			if err == nil && (path != files[0] || h.Next != 60 || h.SHA256 == "") {
				t.Fatalf("%s: bit %d is not noticed", path, bit)
			}
		}
		setContent(t, fsys, path, whole)
	}
	if _, _, err := hold(r); err != nil {
		t.Fatal(err)
	}
	t.Logf("counted: %d bits flipped in a signed journal and its head", flips)
}

func contentOf(t *testing.T, fsys disk.FS, path string) []byte {
	t.Helper()
	f, err := fsys.OpenFile(path, os.O_RDONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var b bytes.Buffer
	if _, err := b.ReadFrom(f); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func setContent(t *testing.T, fsys disk.FS, path string, text []byte) {
	t.Helper()
	f, err := fsys.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := f.Write(text); err != nil {
		t.Fatal(err)
	}
}

// TestConsumerDoesNotSignWhatWasChanged: a writer that finds another journal than it signed refuses to go on, and to launder it.
func TestConsumerDoesNotSignWhatWasChanged(t *testing.T) {
	last := func(fsys disk.FS) string {
		all := readerOf(t, fsys).Segments()
		return all[len(all)-1].Path
	}
	for name, c := range map[string]struct {
		change func(t *testing.T, fsys *disk.Memory)
		want   string
	}{
		"the head is gone": {func(t *testing.T, fsys *disk.Memory) {
			if err := fsys.Remove(filepath.Join(signedDir, headName)); err != nil {
				t.Fatal(err)
			}
		}, "missing"},
		"the last segment is gone": {func(t *testing.T, fsys *disk.Memory) {
			if err := fsys.Remove(last(fsys)); err != nil {
				t.Fatal(err)
			}
		}, "the segment was signed at"},
		"whole blocks are cut off its end": {func(t *testing.T, fsys *disk.Memory) {
			text := contentOf(t, fsys, last(fsys))
			marker := text[len(text)-16:]
			end := bytes.LastIndex(text[:len(text)-16], marker) + 16
			setContent(t, fsys, last(fsys), text[:end])
		}, "bytes were signed at"},
		"another content, all of it valid": {func(t *testing.T, fsys *disk.Memory) { forge(t, fsys) }, "are not those that were signed"},
		"a head by another key": {func(t *testing.T, fsys *disk.Memory) {
			forge(t, fsys)
			o := signedOptions(fsys)
			o.Signing.Key, o.Signing.AsFound = otherKey, true
			j := mustOpen(t, signedDir, o)
			if err := j.Sign(); err != nil {
				t.Fatal(err)
			}
			mustClose(t, j)
		}, "it was signed with the key"},
	} {
		t.Run(name, func(t *testing.T) {
			fsys := signedJournal(t)
			c.change(t, fsys)
			_, err := Open(signedDir, signedOptions(fsys))
			var refused *HeadError
			if !errors.As(err, &refused) || !strings.Contains(err.Error(), c.want) || refused.ExitCode() != 5 || refused.Hint() == "" {
				t.Fatalf("opened: %v", err)
			}
			if _, _, err := hold(readerOf(t, fsys)); err == nil {
				t.Error("a verifier finds nothing")
			}
			o := signedOptions(fsys)
			o.Signing.AsFound = true
			j := mustOpen(t, signedDir, o)
			if err := j.Sign(); err != nil {
				t.Fatal(err)
			}
			mustClose(t, j)
			if _, _, err := hold(readerOf(t, fsys)); err != nil {
				t.Errorf("signed as found: %v", err)
			}
		})
	}
}

// forge writes the journal anew, chain and all, with one value changed: who knows the format can do that, the key alone is missing.
func forge(t *testing.T, fsys *disk.Memory) {
	t.Helper()
	entries, err := collect(readerOf(t, fsys), 0)
	if err != nil {
		t.Fatal(err)
	}
	head := contentOf(t, fsys, filepath.Join(signedDir, headName))
	names, err := fsys.ReadDir(signedDir)
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range names {
		if err := fsys.Remove(filepath.Join(signedDir, n.Name())); err != nil {
			t.Fatal(err)
		}
	}
	o := signedOptions(fsys)
	o.Signing = Signing{}
	j := mustOpen(t, signedDir, o)
	entries[1] = entryOf(1, []byte("the value at offset X"), "")
	for batch := range slices.Chunk(entries, 5) {
		mustAppend(t, j, batch)
	}
	mustClose(t, j)
	setContent(t, fsys, filepath.Join(signedDir, headName), head)
	if err := readerOf(t, fsys).VerifyChain(); err != nil {
		t.Fatal("the forgery is not even well-formed:", err)
	}
}

// TestHeadIsReadForever: a head of version 1, as it was signed once.
func TestHeadIsReadForever(t *testing.T) {
	h := Head{Table: "shop.orders", Stream: testStream, Partition: 3, Next: 60, Segment: segmentName(42), Bytes: 555,
		SHA256: strings.Repeat("ab", 32), Previous: strings.Repeat("cd", 32), At: time.Date(2026, 11, 23, 9, 0, 0, 123456000, time.UTC)}
	h.sign(testKey)
	golden, err := os.ReadFile("testdata/head.json")
	if err != nil {
		t.Fatal(err)
	}
	read, err := ParseHead(golden)
	if err != nil || read != h {
		t.Fatalf("%+v, %v, want %+v", read, err, h)
	}
	if err := read.Check(testPub); err != nil {
		t.Fatal(err)
	}
	read.Next++
	if read.Check(testPub) == nil {
		t.Error("another offset has the same signature")
	}
	for _, text := range []string{"", "{}", "[]", "null", strings.Replace(string(golden), `"version": 1`, `"version": 2`, 1),
		strings.Replace(string(golden), `"bytes": 555`, `"bytes": -1`, 1), strings.Replace(string(golden), ".avro", "/../x.avro", 1)} {
		if _, err := ParseHead([]byte(text)); err == nil {
			t.Errorf("read as a head: %s", text)
		}
	}
}

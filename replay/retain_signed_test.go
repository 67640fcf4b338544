package replay

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"errors"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"maps"
	"rewind/disk"
	"rewind/journal"
	"time"
)

// TestSigningACut: the record of a retention is signed, or signed anew with another key, once it was asked for; only as it holds.
func TestSigningACut(t *testing.T) {
	public, private, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	_, former, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	for name, key := range map[string]ed25519.PrivateKey{"it was not signed": nil, "it was signed with another key": former} {
		_, m, eras := retainable(t, nil, 1)
		j := openReplay(t, m)
		if _, err := j.Retain(context.Background(), RetainOptions{AcceptClock: true, Since: j.Points()[2].ReadEnded, Key: key}); err != nil {
			t.Fatal(err)
		}
		dir := j.streamDir(j.streams[0].id)
		o := journal.Options{FS: m, Splitter: decoders{}.split}
		record, base := filepath.Join(dir, "cut.json"), filepath.Join(dir, j.streams[0].cut.Base.Name)
		var wrong *journal.CutError
		if err := holdOpen(t, m, Options{CutKey: public}).Damage(); !errors.As(err, &wrong) || !strings.Contains(wrong.Hint(), "--sign-as-found") || !strings.Contains(err.Error(), journal.KeyID(public)) {
			t.Errorf("%s: %v", name, err)
		}
		for path, at := range map[string]int{record: 200, base: 5000, segmentsOf(t, m)[0].Path: 300} {
			whole, was := bytesOf(t, m, path), bytesOf(t, m, record)
			spoiled := bytes.Clone(whole)
			spoiled[min(at, len(spoiled)-1)] ^= 1
			putFile(t, m, path, spoiled)
			if signed, err := journal.SignCut(dir, o, private); signed || !isDamage(err) {
				t.Errorf("%s: %s is damaged: %t, %v", name, path, signed, err)
			}
			putFile(t, m, path, whole)
			if !bytes.Equal(bytesOf(t, m, record), was) {
				t.Errorf("%s: something was written", name)
			}
		}
		for _, first := range []bool{true, false} {
			if signed, err := journal.SignCut(dir, o, private); err != nil || signed != first {
				t.Fatalf("%s: %t, %v", name, signed, err)
			}
		}
		keyed := holdOpen(t, m, Options{CutKey: public})
		if keyed.Damage() != nil {
			t.Fatalf("%s: %v", name, keyed.Damage())
		}
		holdEras(t, keyed, eras[2:])
	}
	if signed, err := journal.SignCut("nowhere", journal.Options{FS: disk.NewMemory(), Splitter: decoders{}.split}, private); signed || err != nil {
		t.Errorf("no record: %t, %v", signed, err)
	}
}

// TestRetainWithoutTheKey: where a head is signed, a record that is not is refused before anything is written.
func TestRetainWithoutTheKey(t *testing.T) {
	_, private, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	_, m, eras := retainable(t, private, 1)
	j := openReplay(t, m)
	var refused *RetainError
	if _, err := retainSince(j, j.Points()[2].ReadEnded); !errors.As(err, &refused) || refused.ExitCode() != exitRefused || !strings.Contains(refused.Hint(), "sign_key") || j.Dropped() != nil {
		t.Errorf("%v", err)
	}
	holdEras(t, openReplay(t, m), eras)
}

// TestRetainHoldsTheHeads: a journal whose end is not what was signed, or that no head signs, keeps its past, as verify says of it; who has no key
// cannot tell.
func TestRetainHoldsTheHeads(t *testing.T) {
	public, private, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		sign  ed25519.PrivateKey
		spoil func(t *testing.T, m *disk.Memory, dir string)
		hint  string
	}{
		"whole": {private, func(*testing.T, *disk.Memory, string) {}, ""},
		"its last block is gone": {private, func(t *testing.T, m *disk.Memory, dir string) {
			of := segmentsOf(t, m)
			path := of[slices.IndexFunc(of, func(s journal.SegmentInfo) bool { return filepath.Dir(s.Path) == dir && !s.Sealed })].Path
			content := bytesOf(t, m, path)
			marker := content[len(content)-16:] // each block ends with it
			putFile(t, m, path, content[:bytes.LastIndex(content[:len(content)-16], marker)+16])
		}, "copy"},
		"its head is gone": {private, func(t *testing.T, m *disk.Memory, dir string) {
			if err := m.Remove(filepath.Join(dir, "head.json")); err != nil {
				t.Fatal(err)
			}
		}, "--sign-as-found"},
		"never signed": {nil, func(*testing.T, *disk.Memory, string) {}, "--sign-as-found"},
	} {
		_, m, _ := retainableBy(t, func(tp *tape) { tp.segment, tp.sign = 8<<10, c.sign })
		c.spoil(t, m, openReplay(t, m).streams[0].partitions[0].dir)
		_, wrong := Verify(context.Background(), testRoot, orders, Options{FS: m}, VerifyOptions{Full: true, Key: public})
		j := holdOpen(t, m, Options{CutKey: public})
		before := len(segmentsOf(t, m))
		r, err := j.Retain(context.Background(), RetainOptions{AcceptClock: true, Since: j.Points()[1].ReadEnded, Key: private})
		if c.hint == "" {
			if err != nil || wrong != nil || !r.Applied {
				t.Errorf("%s: %+v, %v, %v", name, r, err, wrong)
			}
			continue
		}
		var head *journal.HeadError
		var refused *RetainError
		if !errors.As(wrong, &head) || !errors.As(err, &head) || !errors.As(err, &refused) || refused.ExitCode() != exitCorrupt || !strings.Contains(refused.Hint(), c.hint) {
			t.Errorf("%s: verify says %v; retain %v", name, wrong, err)
		}
		if after := len(segmentsOf(t, m)); after != before || j.Dropped() != nil {
			t.Errorf("%s: %d segments of %d are left, dropped %+v", name, after, before, j.Dropped())
		}
	}
}

// TestRetainKeepsWhatTheHeadSigns: a writer that was killed before it signed a new segment finds the one that it signed.
func TestRetainKeepsWhatTheHeadSigns(t *testing.T) {
	_, private, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	tp, m, _ := retainable(t, private, 1)
	head := filepath.Join(openReplay(t, m).streams[0].partitions[0].dir, "head.json")
	signed := bytesOf(t, m, head)
	tp.openJournals()
	for range 2 {
		tp.snapshot(maps.Clone(tp.current), published{})
	}
	tp.follow()
	tp.close()
	putFile(t, m, head, signed)
	if r, err := openReplay(t, m).Retain(context.Background(), RetainOptions{AcceptClock: true, Since: time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC), Key: private}); err != nil || !r.Applied {
		t.Fatalf("%+v, %v", r, err)
	}
	tp.openJournals()
	for _, err := range tp.journals[0].Reader().Entries(tp.journals[0].SignedNext()) { // what it holds against the topic
		if err != nil {
			t.Fatal(err)
		}
	}
	tp.snapshot(maps.Clone(tp.current), published{})
	tp.close()
	if j := openReplay(t, m); j.Damage() != nil || len(j.Points()) != 2 {
		t.Errorf("%d points, %v", len(j.Points()), j.Damage())
	}
}

// TestSignedCut: where the journal is signed, a record that is not, or is another's, is refused, and with it the whole stream.
func TestSignedCut(t *testing.T) {
	public, private, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	_, other, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	for name, key := range map[string]ed25519.PrivateKey{"signed": private, "not signed": nil, "signed by another": other} {
		sign := private
		if name == "not signed" {
			sign = nil
		}
		tp, m, eras := retainable(t, sign, 1)
		j := openReplay(t, m)
		if _, err := j.Retain(context.Background(), RetainOptions{Since: j.Points()[2].ReadEnded, Key: key}); err != nil {
			t.Fatal(err)
		}
		holdEras(t, openReplay(t, m), eras[2:]) // who has no key
		keyed := holdOpen(t, m, Options{CutKey: public})
		_, err := Verify(context.Background(), testRoot, orders, Options{FS: m}, VerifyOptions{Key: public})
		var wrong *journal.CutError
		if name == "signed" {
			tp.openJournals()
			tp.close()
			if err != nil || keyed.Damage() != nil || len(keyed.Points()) != 2 {
				t.Errorf("%s: %d points, %v, %v", name, len(keyed.Points()), keyed.Damage(), err)
			}
			continue
		}
		if !errors.As(err, &wrong) || !errors.As(keyed.Damage(), &wrong) || len(keyed.Points()) != 0 || wrong.ExitCode() != exitCorrupt {
			t.Errorf("%s: %d points, %v, %v", name, len(keyed.Points()), keyed.Damage(), err)
		}
	}
}

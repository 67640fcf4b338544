package replay

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"errors"
	"path/filepath"
	"strings"
	"testing"

	"rewind/disk"
	"rewind/journal"
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

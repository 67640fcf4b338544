package replay

import (
	"path/filepath"
	"testing"

	"bytes"
	"errors"
	"io/fs"
	"rewind/crypt"
	"rewind/disk"
	"rewind/journal"
)

// TestBaseIsEncrypted: a base from before encryption was switched on is encrypted as sealed segments are. The machine stops at, and each
// operation fails: the journal can be read, and the next try ends with the encrypted one alone.
func TestBaseIsEncrypted(t *testing.T) {
	keys := newKeys(t)
	_, clean, eras := retainable(t, nil, 8<<10)
	j := openReplay(t, clean)
	if _, err := retainSince(j, j.Points()[2].ReadEnded); err != nil {
		t.Fatal(err)
	}
	dir, base := j.streamDir(j.streams[0].id), j.streams[0].cut.Base.Name
	clean = clean.Restart(disk.LoseNone())
	encrypt := func(m *disk.Memory) (bool, error) {
		return journal.EncryptBase(dir, journal.Options{FS: m, Keys: keys, Splitter: decoders{}.split})
	}
	count, seen := 0, map[string]bool{}
	for _, crash := range []bool{true, false} {
		for k := int64(1); ; k++ {
			m := clean.Restart(disk.LoseNone())
			if crash {
				m.CrashAt(k)
			} else {
				m.FailAt(k)
			}
			if _, err := encrypt(m); !m.Tripped() {
				if err != nil {
					t.Fatal(err)
				}
				break
			}
			for _, loss := range []disk.Loss{disk.LoseAll(), disk.LoseNone(), disk.LoseNames(2), disk.LoseSome(uint64(k))} {
				count++
				after := m.Restart(loss)
				state := contentsOf(t, after)
				if seen[state] {
					continue
				}
				seen[state] = true
				o := Options{FS: after, Keys: keys}
				holdEras(t, holdOpen(t, after, o), eras[2:])
				if _, err := encrypt(after); err != nil {
					t.Fatalf("operation %d: again: %v", k, err)
				}
				if again, err := encrypt(after); err != nil || again {
					t.Fatalf("operation %d: a third time: %t, %v", k, again, err)
				}
				holdEras(t, holdOpen(t, after, o), eras[2:])
				if _, err := after.Stat(filepath.Join(dir, base)); err == nil {
					t.Fatalf("operation %d: it still lies in clear", k)
				}
			}
		}
	}
	m := clean.Restart(disk.LoseNone())
	spoil(t, m, filepath.Join(dir, base), 3000)
	if _, err := encrypt(m); !isDamage(err) {
		t.Errorf("damaged: %v", err)
	}
	if _, err := m.Stat(filepath.Join(dir, base+".age")); err == nil {
		t.Error("a damaged base was encrypted")
	}
	t.Logf("counted: %d crash points of encrypting a base", count)
}

// TestRetainOfEncrypted: the base is encrypted as the segments are, is no use without the key, and damage of it is found wherever it is.
func TestRetainOfEncrypted(t *testing.T) {
	keys := newKeys(t)
	_, m, eras := retainableBy(t, func(tp *tape) { tp.keys, tp.segment = keys, 1 })
	o := Options{FS: m, Keys: keys}
	j := holdOpen(t, m, o)
	if r, err := retainSince(j, j.Points()[2].ReadEnded); err != nil || !r.Applied || r.Points != 2 {
		t.Fatalf("%+v, %v", r, err)
	}
	base := filepath.Join(j.streamDir(j.streams[0].id), j.streams[0].cut.Base.Name)
	if _, err := m.Stat(base); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the base lies in clear: %v", err)
	}
	base += ".age"
	content := bytesOf(t, m, base)
	if bytes.Contains(content, []byte("item 1")) {
		t.Errorf("%s can be read by everybody", base)
	}
	holdEras(t, holdOpen(t, m, o), eras[2:])
	if err := oldestOf(t, m, Options{}); !errors.As(err, new(*crypt.KeyError)) {
		t.Errorf("without the key: %v", err)
	}
	damages := 0
	for at := 0; at < len(content); at += 101 {
		damaged := m.Restart(disk.LoseNone())
		spoil(t, damaged, base, at)
		if err := oldestOf(t, damaged, o); err == nil {
			t.Errorf("byte %d of the base: its rows were believed", at)
		}
		damages++
		m = damaged.Restart(disk.LoseNone())
		spoil(t, m, base, at) // as it was
	}
	holdEras(t, holdOpen(t, m, Options{Keys: keys}), eras[2:])
	t.Logf("counted: %d damages of an encrypted base", damages)
}

// oldestOf folds the oldest point that a journal is opened with.
func oldestOf(t *testing.T, m *disk.Memory, o Options) error {
	t.Helper()
	o.FS = m
	j, err := Open(testRoot, orders, o)
	if err == nil && len(j.Points()) == 0 {
		err = j.Damage()
	}
	if err != nil {
		return err
	}
	_, err = collect(t, j, j.Points()[0])
	return err
}

package journal

import (
	"bytes"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"rewind/crypt"
)

// TestSwitchedOnAndOff: sealed segments are encrypted when encryption is switched on, the active one at the next Append; when
// it is switched off they stay as they are and are read.
func TestSwitchedOnAndOff(t *testing.T) {
	s := newSample(t)
	fsys := s.with(t, "", nil)
	secret := newSecret(t)
	keys, err := crypt.New(secret, nil, true)
	if err != nil {
		t.Fatal(err)
	}
	o := testOptions(fsys)
	o.Keys, o.SegmentAge = keys, time.Hour
	now := time.Unix(1_700_000_000, 0)
	o.Now = func() time.Time { return now }
	j := mustOpen(t, "j", o)
	if j.Unencrypted() != 2 {
		t.Fatalf("%d segments to encrypt", j.Unencrypted())
	}
	if err := encryptAll(j); err != nil {
		t.Fatal(err)
	}
	all := slices.Concat(s.all, []Entry{testEntry(20, "")})
	mustAppend(t, j, all[len(s.all):]) // nobody knows how old the active one is: it is sealed
	if err := encryptAll(j); err != nil {
		t.Fatal(err)
	}
	encryptedNow := func(want int) {
		t.Helper()
		n := 0
		for _, info := range j.Reader().Segments() {
			if info.Encrypted {
				n++
			}
		}
		if n != want {
			t.Errorf("%d segments are encrypted, not %d", n, want)
		}
	}
	encryptedNow(3)
	now = now.Add(59 * time.Minute)
	all = append(all, testEntry(21, ""))
	mustAppend(t, j, all[len(all)-1:])
	mustClose(t, j)
	j = mustOpen(t, "j", o) // its age is remembered
	all = append(all, testEntry(22, ""))
	mustAppend(t, j, all[len(all)-1:])
	if j.Unencrypted() != 0 {
		t.Error("it was sealed before its time")
	}
	now = now.Add(time.Minute)
	all = append(all, testEntry(23, ""))
	mustAppend(t, j, all[len(all)-1:])
	if err := encryptAll(j); err != nil {
		t.Fatal(err)
	}
	encryptedNow(4)
	mustClose(t, j)

	off, err := crypt.New(secret, nil, false)
	if err != nil {
		t.Fatal(err)
	}
	o.Keys = off
	now = now.Add(24 * time.Hour)
	j = mustOpen(t, "j", o)
	all = append(all, testEntry(24, rowSchema(1)))
	mustAppend(t, j, all[len(all)-1:]) // rolls by schema
	if j.Unencrypted() != 0 {
		t.Error("switched off, it encrypts")
	}
	encryptedNow(4)
	got, err := collect(j.Reader(), 0)
	if err := errors.Join(err, sameEntries(got, all), j.Reader().VerifyChain()); err != nil {
		t.Fatal(err)
	}
	mustClose(t, j)
}

// TestBothFilesAreThere: a crash came between writing the encrypted file and removing the one in clear.
func TestBothFilesAreThere(t *testing.T) {
	keys := newKeys(t)
	other := newEncrypted(t, keys) // the same journal, encrypted otherwise
	for name, c := range map[string]struct {
		change  func(e *encrypted)
		damaged string
	}{
		"alike":             {func(*encrypted) {}, ""},
		"encrypted anew":    {func(e *encrypted) { e.write(t, e.names[0], mustRead(t, other.fsys, "j/"+other.names[0])) }, ""},
		"another encrypted": {func(e *encrypted) { e.write(t, e.names[0], mustRead(t, e.fsys, "j/"+e.names[1])) }, ageExtension},
		"encrypted cut": {func(e *encrypted) {
			whole := mustRead(t, e.fsys, "j/"+e.names[0])
			e.write(t, e.names[0], whole[:len(whole)-1])
		}, ageExtension},
		"clear cut": {func(e *encrypted) {
			clear := strings.TrimSuffix(e.names[0], ageExtension)
			e.write(t, clear, e.plain[clear][:len(e.plain[clear])-1])
		}, extension},
	} {
		t.Run(name, func(t *testing.T) {
			e := newEncrypted(t, keys)
			clear := strings.TrimSuffix(e.names[0], ageExtension)
			e.write(t, clear, e.plain[clear])
			e.write(t, clear+ageExtension+temporaryExtension, []byte("left by a crash"))
			c.change(e)
			j := mustOpen(t, "j", e.options())
			defer mustClose(t, j)
			err := encryptAll(j)
			var damage *CorruptionError
			if c.damaged != "" {
				if !errors.As(err, &damage) || !strings.HasSuffix(damage.Segment, c.damaged) {
					t.Fatalf("damage of %s: %v", c.damaged, err)
				}
				if _, err := e.fsys.Stat("j/" + clear); err != nil {
					t.Errorf("the one in clear is gone: %v", err)
				}
				return
			}
			got, readErr := e.read(t, e.options())
			if err := errors.Join(err, readErr, sameEntries(got, e.all)); err != nil {
				t.Fatal(err)
			}
			names, _ := e.fsys.ReadDir("j")
			for _, n := range names {
				if n.Name() == clear || strings.HasSuffix(n.Name(), temporaryExtension) {
					t.Errorf("%s is left", n.Name())
				}
			}
		})
	}
}

// TestDamagedIsNotEncrypted: a sealed segment that is not what the next one was chained to stays as it is.
func TestDamagedIsNotEncrypted(t *testing.T) {
	s := newSample(t)
	content := bytes.Clone(s.files[s.names[0]])
	content[len(content)-30] ^= 1 // in its last block
	fsys := s.with(t, s.names[0], content)
	o := testOptions(fsys)
	o.Keys = newKeys(t)
	j := mustOpen(t, "j", o)
	defer mustClose(t, j)
	var damage *CorruptionError
	if err := encryptAll(j); !errors.As(err, &damage) || damage.Segment != "j/"+s.names[0] {
		t.Fatal(err)
	}
	if got := mustRead(t, fsys, "j/"+s.names[0]); !bytes.Equal(got, content) {
		t.Error("it was changed")
	}
	if _, err := fsys.Stat("j/" + s.names[0] + ageExtension); err == nil {
		t.Error("it was encrypted")
	}
}

package journal

import (
	"errors"
	"io/fs"
	"path/filepath"
	"testing"

	"rewind/disk"
	"rewind/sandbox/racing"
)

// meeting is a disk on which something happens just before a file is opened.
type meeting struct {
	disk.FS
	before func(name string)
}

func (m *meeting) OpenFile(name string, flag int, perm fs.FileMode) (disk.File, error) {
	m.before(name)
	return m.FS.OpenFile(name, flag, perm)
}

// TestReadBesideEncrypting: a segment is encrypted after a reader has listed it and before it opens it.
func TestReadBesideEncrypting(t *testing.T) {
	s := newSample(t)
	fsys := s.with(t, "", nil)
	o := testOptions(fsys)
	o.Keys = newKeys(t)
	j := mustOpen(t, "j", o)
	defer mustClose(t, j)
	met := 0
	o.FS = &meeting{FS: fsys, before: func(name string) {
		if n := len(j.unsealed); n > 0 && name == filepath.Join("j", s.names[2-n]) {
			met++
			if err := j.EncryptNext(); err != nil {
				t.Error(err)
			}
		}
	}}
	r, err := OpenReader("j", o)
	if err != nil {
		t.Fatal(err)
	}
	got, err := collect(r, 0)
	if err := errors.Join(err, sameEntries(got, s.all), r.VerifyChain()); err != nil || met != 2 {
		t.Fatal(met, err)
	}
}

// TestReadFailsAtEveryOperation: an error of the disk is that, never damage, and what was read before it is right.
func TestReadFailsAtEveryOperation(t *testing.T) {
	t.Parallel()
	for name, newLife := range lives(t) {
		t.Run(name, func(t *testing.T) {
			m := disk.NewMemory()
			l := newLife(m)
			if err := l.run(); err != nil {
				t.Fatal(err)
			}
			failures := 0
			for k := int64(1); ; k += racing.Step {
				m.FailAt(k)
				r, err := OpenReader("data/journal", l.options())
				var got []Entry
				if err == nil {
					if got, err = collect(r, 0); err == nil {
						err = r.VerifyChain()
					}
				}
				if !m.Tripped() {
					t.Logf("counted: %d failed reads of a journal (%s)", failures, name)
					if err := errors.Join(err, sameEntries(got, l.all())); err != nil {
						t.Fatal(err)
					}
					return
				}
				failures++
				var damage *CorruptionError
				if !errors.Is(err, disk.ErrInjected) || errors.As(err, &damage) {
					t.Fatalf("operation %d: %v", k, err)
				}
				if err := sameEntries(got, l.all()[:len(got)]); err != nil {
					t.Fatalf("operation %d: %v", k, err)
				}
			}
		})
	}
}

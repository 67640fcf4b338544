package replay

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"testing"

	"filippo.io/age"

	"rewind/checkpoint"
	"rewind/crypt"
	"rewind/disk"
)

// TestStrayBase: a retention was killed before it wrote the first record, and encryption was switched on, or off, before the next one, which chooses
// the same point: whatever moment the machine stops at, the base that the record names is the one that is read, and in the end it lies alone.
func TestStrayBase(t *testing.T) {
	identity, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	count, seen := 0, map[string]bool{}
	for _, switchedOn := range []bool{true, false} {
		former, err := crypt.New(identity.String(), nil, !switchedOn)
		if err != nil {
			t.Fatal(err)
		}
		o := Options{}
		if o.Keys, err = crypt.New(identity.String(), nil, switchedOn); err != nil {
			t.Fatal(err)
		}
		clean, eras, stray := withStray(t, Options{Keys: former})
		retain := func(arm func(m *disk.Memory)) (m *disk.Memory, operations int64) {
			m = clean.Restart(disk.LoseNone())
			o.FS = m
			j := holdOpen(t, m, o)
			since, before := j.Points()[2].ReadEnded, m.Ops()
			arm(m)
			if _, err := retainSince(j, since); err != nil && !m.Tripped() {
				t.Fatal(err)
			}
			return m, m.Ops() - before
		}
		whole, last := retain(func(*disk.Memory) {})
		holdStray(t, whole, o, eras, stray)
		for k := last; k > 0; k-- { // until it only reads
			m, _ := retain(func(m *disk.Memory) { m.CrashAt(k) })
			found, err := checkpoint.List(m.Restart(disk.LoseNone()), filepath.Dir(stray))
			if err != nil || len(found) == 1 && found[0].Path == stray {
				break
			}
			for _, loss := range []disk.Loss{disk.LoseAll(), disk.LoseNone(), disk.LoseNames(uint64(k))} {
				count++
				after := m.Restart(loss)
				if state := fmt.Sprint(switchedOn, namesIn(t, after, filepath.Dir(stray))); !seen[state] {
					seen[state] = true
					holdStray(t, after, o, eras, stray)
				}
			}
		}
	}
	t.Logf("counted: %d crash points of a retain beside a stray base", count)
}

// namesIn tells what lies in a folder and those in it, and how large it is: when a base was made, which is in it, is another time with each try.
func namesIn(t *testing.T, fs disk.FS, dir string) (all []string) {
	t.Helper()
	names, err := fs.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range names {
		if n.IsDir() {
			all = append(all, namesIn(t, fs, filepath.Join(dir, n.Name()))...)
			continue
		}
		info, err := n.Info()
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, fmt.Sprint(dir, n.Name(), info.Size()))
	}
	return all
}

// withStray is a journal beside which lies a base that no record names, as a crash leaves it.
func withStray(t *testing.T, o Options) (clean *disk.Memory, eras []rows, stray string) {
	t.Helper()
	_, m, eras := retainable(t, nil, 8<<10)
	clean, m = m.Restart(disk.LoseNone()), m.Restart(disk.LoseNone())
	j := holdOpen(t, m, o)
	if _, err := retainSince(j, j.Points()[2].ReadEnded); err != nil {
		t.Fatal(err)
	}
	found, err := checkpoint.List(m, j.streamDir(j.streams[0].id))
	if err != nil || len(found) != 1 || !found[0].Base {
		t.Fatalf("%+v, %v", found, err)
	}
	stray = found[0].Path
	putFile(t, clean, stray, bytesOf(t, m, stray))
	return clean, eras, stray
}

// holdStray holds what is left against what it was, and then the end of another try.
func holdStray(t *testing.T, after *disk.Memory, o Options, eras []rows, stray string) {
	t.Helper()
	j := holdOpen(t, after, o)
	points := j.Points()
	holdEras(t, j, eras[len(eras)-len(points):])
	if len(points) == len(eras) {
		if r, err := retainSince(j, points[2].ReadEnded); err != nil || !r.Applied {
			t.Fatalf("tried again: %+v, %v", r, err)
		}
	}
	o.FS = after
	if _, err := Verify(context.Background(), testRoot, orders, o, VerifyOptions{Full: true, Fold: true}); err != nil {
		t.Fatal(err)
	}
	j = holdOpen(t, after, o)
	holdEras(t, j, eras[2:])
	found, err := checkpoint.List(after, j.streamDir(j.streams[0].id))
	bases := slices.DeleteFunc(found, func(c checkpoint.Found) bool { return !c.Base })
	if err != nil || len(bases) != 1 || bases[0].Path == stray || filepath.Dir(bases[0].Path) != filepath.Dir(stray) {
		t.Fatalf("beside %s: %+v, %v", stray, bases, err)
	}
}

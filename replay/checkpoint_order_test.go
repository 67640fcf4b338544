package replay

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"maps"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"testing"

	"rewind/checkpoint"
	"rewind/disk"
	"rewind/journal"
)

// shuffledJournal is one of which no snapshot's changes lie in the order of their keys.
func shuffledJournal(t *testing.T, r *rand.Rand, partitions int) (*disk.Memory, []rows) {
	t.Helper()
	m := disk.NewMemory()
	tp := newTape(t, m, partitions)
	tp.shuffle = func(keys []string) { r.Shuffle(len(keys), func(a, b int) { keys[a], keys[b] = keys[b], keys[a] }) }
	tp.open(1)
	tp.use(ordersSchema(itemColumn))
	var eras []rows
	for range 4 {
		next := randomRows(t, r, tp.schema, tp.current, 40)
		tp.snapshot(next, published{})
		eras = append(eras, next)
	}
	tp.follow()
	tp.close()
	return m, eras
}

// TestCheckpointWithoutKeyOrder: rows of a baseline that come late to a fold stand in a checkpoint, and in a base, where they belong.
func TestCheckpointWithoutKeyOrder(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 0))
	for _, partitions := range []int{1, 2} {
		for _, memory := range []int{1, 0} {
			m, eras := shuffledJournal(t, r, partitions)
			logger, text := warned()
			j, err := Open(testRoot, orders, Options{FS: m, MemoryBytes: memory, Logger: logger})
			if err != nil {
				t.Fatal(err)
			}
			if foldedAs(t, j, eras) == 0 {
				t.Fatal("no row comes late")
			}
			for i, p := range j.Points()[:2] {
				mustCheckpoint(t, j, p)
				if got, err := collect(t, j, p); err != nil || !sameRows(got, eras[i]) { // collect takes keys in order alone
					t.Fatalf("point %d: %d rows of %d, %v", i, len(got), len(eras[i]), err)
				}
			}
			if _, err := retainSince(j, j.Points()[1].ReadEnded); err != nil {
				t.Fatal(err)
			}
			holdEras(t, j, eras[len(eras)-len(j.Points()):])
			if text.Len() > 0 {
				t.Errorf("%d partitions, %d bytes: %s", partitions, memory, text)
			}
		}
	}
}

// putUnreadable writes the checkpoint at a path anew, whole, but for its last row, which ends too early.
func putUnreadable(t *testing.T, m *disk.Memory, path string, all rows) {
	t.Helper()
	f, err := checkpoint.Open(m, nil, path)
	if err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	w, err := checkpoint.Create(m, nil, filepath.Dir(path), f.Header)
	if err != nil {
		t.Fatal(err)
	}
	keys := slices.Sorted(maps.Keys(all))
	for i, k := range keys {
		image := all[k]
		if i == len(keys)-1 {
			image = image[:len(image)-1]
		}
		err = errors.Join(err, w.Add(tableRow(k, image)))
	}
	written, finished := w.Finish()
	if err := errors.Join(err, finished, m.Rename(written, path)); err != nil {
		t.Fatal(err)
	}
}

// TestUnreadableCheckpoint: of a checkpoint that is whole, but whose rows are none, only their reading tells. It is passed over then; a base like that
// is refused.
func TestUnreadableCheckpoint(t *testing.T) {
	tp, m, eras := growing(t, 5, 4, func(tp *tape) { tp.segment = 1 << 10 })
	tp.follow()
	tp.close()
	unreadable := func() (*Journal, *bytes.Buffer) {
		t.Helper()
		logger, text := warned()
		j, err := Open(testRoot, orders, Options{FS: m, Logger: logger})
		if err != nil {
			t.Fatal(err)
		}
		putUnreadable(t, m, mustCheckpoint(t, j, j.Points()[2]).Path, eras[2])
		return j, text
	}
	told := func(what string, text *bytes.Buffer, err error) {
		t.Helper()
		if err != nil || !bytes.Contains(text.Bytes(), []byte("it is not used again")) {
			t.Fatalf("%s: %v, %s", what, err, text)
		}
	}
	j, text := unreadable()
	e, at := newEngine(), j.Points()[3]
	_, err := j.Restore(context.Background(), e, RestoreOptions{At: Spec{Snapshot: at.ID}, Into: then})
	told("restore", text, err)
	if !sameRows(e.tables[then.String()].rows, eras[3]) {
		t.Error("another table was restored")
	}
	for _, i := range []int{2, 4} {
		j, text = unreadable()
		c, err := j.Checkpoint(context.Background(), j.Points()[i])
		if told("checkpoint", text, err); c.Existed {
			t.Errorf("%+v", c)
		}
		holdEras(t, j, eras)
		if err := m.Remove(c.Path); err != nil {
			t.Fatal(err)
		}
	}
	j, text = unreadable()
	_, err = retainSince(j, j.Points()[2].ReadEnded)
	told("retain", text, err)
	holdEras(t, j, eras[2:])

	b := j.streams[0].begun
	cut := *b.cut
	base := *cut.Base
	path := filepath.Join(b.dir, base.Name)
	putUnreadable(t, m, path, eras[2])
	sum := sha256.Sum256(bytesOf(t, m, path))
	base.Bytes, base.SHA256 = int64(len(bytesOf(t, m, path))), hex.EncodeToString(sum[:])
	cut.Base = &base
	if err := journal.WriteCut(m, b.dir, cut, b.cut, nil); err != nil {
		t.Fatal(err)
	}
	j = openReplay(t, m)
	for range 2 {
		_, err := j.Restore(context.Background(), newEngine(), RestoreOptions{At: Spec{Snapshot: j.Points()[0].ID}, Into: then})
		if damage := (*checkpoint.Damage)(nil); !errors.As(err, &damage) {
			t.Fatalf("a base that cannot be read: %v", err)
		}
	}
}

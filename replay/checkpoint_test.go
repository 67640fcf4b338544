package replay

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"rewind/checkpoint"
	"rewind/crypt"
	"rewind/disk"
	"rewind/table"
)

// warned collects what is logged as a warning.
func warned() (*slog.Logger, *bytes.Buffer) {
	text := &bytes.Buffer{}
	return slog.New(slog.NewTextHandler(text, &slog.HandlerOptions{Level: slog.LevelWarn})), text
}

func mustCheckpoint(t fataler, j *Journal, p Point) Checkpointed {
	t.Helper()
	c, err := j.Checkpoint(context.Background(), p)
	if err != nil {
		t.Fatalf("checkpoint of %d: %v", p.ID, err)
	}
	return c
}

// TestFoldFromCheckpoints holds the law for histories with checkpoints at random points, in the order of the dice: every point folds to the same rows
// as without, from the nearest checkpoint before it.
func TestFoldFromCheckpoints(t *testing.T) {
	t.Parallel()
	used := 0
	rapid.Check(t, func(t *rapid.T) {
		fs := disk.NewMemory()
		l := live(t, fs, 6)
		o := Options{FS: fs, MemoryBytes: rapid.SampledFrom([]int{1, 0}).Draw(t, "memory"), indexFrom: rapid.SampledFrom([]int64{1, 0}).Draw(t, "indexed")}
		j, err := Open(testRoot, orders, o)
		if err != nil {
			t.Fatal(err)
		}
		points := j.Points()
		for range rapid.IntRange(1, 4).Draw(t, "checkpoints") {
			mustCheckpoint(t, j, rapid.SampledFrom(points).Draw(t, "point"))
		}
		found, err := checkpoint.List(fs, j.streamDir(points[0].Stream))
		if err != nil || len(found) > keptCheckpoints+1 {
			t.Fatalf("%d checkpoints are kept, %v", len(found), err)
		}
		for i, e := range l.eras {
			f, err := j.fold(context.Background(), points[i])
			if err != nil {
				t.Fatal(err)
			}
			if f.under != nil {
				used++
			}
			f.release()
			got, err := collect(t, j, points[i])
			if err != nil || !sameRows(got, e.rows) {
				t.Fatalf("point %d: %d rows, want %d: %v", i, len(got), len(e.rows), err)
			}
		}
		checkVerified(t, j, len(l.eras))
	})
	if used == 0 {
		t.Error("no fold began with a checkpoint")
	}
	t.Logf("counted: %d folds from checkpoints", used)
}

// checkpointed is a journal of a few points with a checkpoint at the third.
func checkpointed(t *testing.T, keys *crypt.Keys) (*disk.Memory, []rows, string) {
	t.Helper()
	tp, m, eras := growing(t, 5, 4, func(tp *tape) { tp.keys, tp.segment = keys, 1<<20 })
	tp.close()
	j, err := Open(testRoot, orders, Options{FS: m, Keys: keys})
	if err != nil {
		t.Fatal(err)
	}
	c := mustCheckpoint(t, j, j.Points()[2])
	return m, eras, c.Path
}

func holdEras(t *testing.T, j *Journal, eras []rows) {
	t.Helper()
	points := j.Points()
	if len(points) != len(eras) {
		t.Fatalf("%d points of %d, damage %v", len(points), len(eras), j.Damage())
	}
	for i, p := range points {
		got, err := collect(t, j, p)
		if err != nil || !sameRows(got, eras[i]) {
			t.Fatalf("point %d: %d rows of %d, %v", i, len(got), len(eras[i]), err)
		}
	}
}

// TestDamagedCheckpoint changes each byte of a checkpoint, and cuts it: it is passed over with a warning, and every point folds as before.
func TestDamagedCheckpoint(t *testing.T) {
	m, eras, path := checkpointed(t, nil)
	whole := bytesOf(t, m, path)
	count := 0
	try := func(b []byte) {
		t.Helper()
		count++
		putFile(t, m, path, b)
		logger, text := warned()
		j, err := Open(testRoot, orders, Options{FS: m, Logger: logger})
		if err != nil {
			t.Fatal(err)
		}
		holdEras(t, j, eras)
		if !strings.Contains(text.String(), "a checkpoint is not used") {
			t.Fatalf("no warning: %s", text)
		}
	}
	for i := 0; i < len(whole); i += 23 {
		b := bytes.Clone(whole)
		b[i] ^= 1 << (i % 8)
		try(b)
	}
	try(whole[:len(whole)-1])
	try(nil)
	t.Logf("counted: %d damaged checkpoints passed over by a fold", count)
}

// TestForeignCheckpoint puts checkpoints in the place of the right one that are whole, but not of this journal or not of its rows.
func TestForeignCheckpoint(t *testing.T) {
	m, eras, path := checkpointed(t, nil)
	kinds := map[string]func(h *checkpoint.Header, rows rows){
		"another row": func(_ *checkpoint.Header, all rows) {
			k := slices.Sorted(maps.Keys(all))[0]
			all[k] = all[slices.Sorted(maps.Keys(all))[1]]
		},
		"another segment":  func(h *checkpoint.Header, _ rows) { h.Partitions[0].Segment = 0 },
		"another chain":    func(h *checkpoint.Header, _ rows) { h.Partitions[1].Previous = strings.Repeat("0f", 32) },
		"another place":    func(h *checkpoint.Header, _ rows) { h.Partitions[1].To++ },
		"another begin":    func(h *checkpoint.Header, _ rows) { h.Partitions[1].From-- },
		"of another table": func(h *checkpoint.Header, _ rows) { h.Table = "shop.other" },
	}
	for name, change := range kinds {
		j := openReplay(t, m)
		h, err := j.checkpointHeader(j.Points()[2])
		if err != nil {
			t.Fatal(err)
		}
		all := maps.Clone(eras[2])
		change(&h, all)
		w, err := checkpoint.Create(m, nil, filepath.Dir(path), h)
		if name == "of another table" {
			if err == nil {
				t.Errorf("%s: it was written", name)
			}
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		for _, k := range slices.Sorted(maps.Keys(all)) {
			if err := w.Add(tableRow(k, all[k])); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := w.Finish(); err != nil {
			t.Fatal(err)
		}
		logger, text := warned()
		if j, err = Open(testRoot, orders, Options{FS: m, Logger: logger}); err != nil {
			t.Fatal(err)
		}
		p := j.Points()[3]
		if name == "another row" { // nothing but the digest tells
			var proof *ProofError
			if _, err := collect(t, j, p); !errors.As(err, &proof) {
				t.Fatalf("%s: %v", name, err)
			}
			e := newEngine()
			if _, err := openReplay(t, m).Restore(context.Background(), e, RestoreOptions{At: Spec{Snapshot: p.ID}, Into: then}); err != nil || !sameRows(e.tables[then.String()].rows, eras[3]) {
				t.Fatalf("%s: a restore: %v", name, err)
			}
		}
		holdEras(t, j, eras)
		if text.Len() == 0 {
			t.Errorf("%s: no warning", name)
		}
		if v, err := j.Verify(context.Background(), VerifyOptions{Full: true, Fold: true}); err != nil || v.Now != len(eras) {
			t.Errorf("%s: verify looks at checkpoints: %+v, %v", name, v, err)
		}
	}
	t.Logf("counted: %d foreign checkpoints", len(kinds))
}

func TestCheckpointIsEncrypted(t *testing.T) {
	keys := newKeys(t)
	m, eras, path := checkpointed(t, keys)
	if b := bytesOf(t, m, path); !strings.HasSuffix(path, ".age") || bytes.Contains(b, []byte("item 1")) {
		t.Errorf("%s is in clear", path)
	}
	j, err := Open(testRoot, orders, Options{FS: m, Keys: keys})
	if err != nil {
		t.Fatal(err)
	}
	holdEras(t, j, eras)
}

// TestCrashOfACheckpoint stops the machine at, and fails, each operation of making one: whatever is left, every point folds as before, and the
// next one is made.
func TestCrashOfACheckpoint(t *testing.T) {
	count, seen := 0, map[string]bool{}
	clean, eras, _ := checkpointed(t, nil)
	for _, crash := range []bool{true, false} {
		for k := int64(1); ; k++ {
			m := clean.Restart(disk.LoseNone())
			j := openReplay(t, m)
			if crash {
				m.CrashAt(k)
			} else {
				m.FailAt(k)
			}
			_, err := j.Checkpoint(context.Background(), j.Points()[4])
			if !m.Tripped() {
				if err != nil {
					t.Fatal(err)
				}
				break
			}
			for _, loss := range []disk.Loss{disk.LoseAll(), disk.LoseNone(), disk.LoseSome(uint64(k))} {
				count++
				after := m.Restart(loss)
				state := contentsOf(t, after)
				if seen[state] {
					continue
				}
				seen[state] = true
				j := openReplay(t, after)
				for _, i := range []int{2, 4} {
					if got, err := collect(t, j, j.Points()[i]); err != nil || !sameRows(got, eras[i]) {
						t.Fatalf("point %d: %d rows, %v", i, len(got), err)
					}
				}
				if loss == disk.LoseNone() {
					mustCheckpoint(t, j, j.Points()[4])
				}
			}
		}
	}
	t.Logf("counted: %d crash points of a checkpoint", count)
}

// TestCheckpointLeavesRoom: the journal must be able to go on.
func TestCheckpointLeavesRoom(t *testing.T) {
	m, eras, path := checkpointed(t, nil)
	if err := m.Remove(path); err != nil {
		t.Fatal(err)
	}
	j := openReplay(t, m)
	m.SetFree(defaultSpareBytes)
	if _, err := j.Checkpoint(context.Background(), j.Points()[4]); err == nil || !strings.Contains(err.Error(), "are to stay so") {
		t.Errorf("it is written: %v", err)
	}
	m.SetFree(2 * defaultSpareBytes)
	mustCheckpoint(t, j, j.Points()[4])
	holdEras(t, j, eras)
}

func TestSinceCheckpoint(t *testing.T) {
	m, _, path := checkpointed(t, nil)
	j := openReplay(t, m)
	since, ok, err := j.SinceCheckpoint()
	if err != nil || !ok || since.Newest.ID != j.Points()[4].ID || since.Entries != 2*(4+2*2) { // two snapshots: four changes, a Begin and a Commit in each partition
		t.Errorf("%+v, %t, %v", since, ok, err)
	}
	end := int64(0)
	for _, p := range j.streams[0].partitions {
		end += p.next
	}
	if since.End != end {
		t.Errorf("%+v, which ends at %d", since, end)
	}
	if err := m.Remove(path); err != nil {
		t.Fatal(err)
	}
	if since, _, err = j.SinceCheckpoint(); err != nil || since.Entries < 5*8-2 || since.End != end {
		t.Errorf("%+v, %v", since, err)
	}
	lock, err := m.Lock(filepath.Join(filepath.Dir(path), checkpointLock))
	if err != nil {
		t.Fatal(err)
	}
	defer lock.Close() //nolint:errcheck // in memory
	if _, err := j.Checkpoint(context.Background(), since.Newest); !errors.As(err, new(*disk.LockedError)) {
		t.Errorf("while another makes one: %v", err)
	}
}

func tableRow(key string, image []byte) table.Row { return table.Row{Key: []byte(key), Image: image} }

package replay

import (
	"bytes"
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"rewind/checkpoint"
	"rewind/disk"
)

// TestCheckpointBeforeDamage damages a journal behind a restore point that has a checkpoint: it is bound to what stands before it still, and is
// neither passed over nor written anew.
func TestCheckpointBeforeDamage(t *testing.T) {
	for _, retained := range []bool{false, true} {
		m, _, _ := checkpointed(t, nil)
		j := openReplay(t, m)
		points := j.Points()
		p := points[2]
		if retained { // the journal begins with the point
			if _, err := retainSince(j, p.ReadEnded); err != nil {
				t.Fatal(err)
			}
			mustCheckpoint(t, openReplay(t, m), openReplay(t, m).Points()[0])
		}
		held := 0
		for _, segment := range segmentFiles(t, m, j.streamDir(p.Stream)) {
			whole := bytesOf(t, m, segment)
			for i := 0; i < len(whole); i += 101 {
				b := bytes.Clone(whole)
				b[i] ^= 1 << (i % 8)
				putFile(t, m, segment, b)
				logger, text := warned()
				damaged, err := Open(testRoot, orders, Options{FS: m, Logger: logger, ReadOnly: true})
				if err != nil {
					t.Fatal(err)
				}
				known := damaged.Points()
				at := slices.IndexFunc(known, func(q Point) bool { return q.ID == p.ID })
				if at < 0 {
					continue
				}
				c, err := damaged.Checkpoint(context.Background(), known[at])
				if err != nil || !c.Existed || text.Len() > 0 {
					t.Fatalf("retained %t, byte %d of %d of %s, %d points, damage %v: %+v, %v, %s", retained, i, len(whole), segment, len(known), damaged.Damage(), c, err, text)
				}
				held++
			}
			putFile(t, m, segment, whole)
		}
		t.Logf("counted: %d damages behind a checkpoint, retained %t", held, retained)
	}
}

// TestKeptCheckpoints: the newest two stay, and the one that was written last where it is older.
func TestKeptCheckpoints(t *testing.T) {
	m, _, _ := checkpointed(t, nil)
	j := openReplay(t, m)
	points := j.Points()
	for _, step := range []struct {
		write int
		stay  []int
	}{{0, []int{0, 2}}, {3, []int{2, 3}}, {4, []int{3, 4}}, {0, []int{0, 3, 4}}, {1, []int{1, 3, 4}}, {4, []int{3, 4}}} {
		mustCheckpoint(t, j, points[step.write])
		found, err := checkpoint.List(m, j.streamDir(points[0].Stream))
		if err != nil {
			t.Fatal(err)
		}
		var got, want []int64
		for _, c := range found {
			got = append(got, c.Snapshot)
		}
		for _, i := range step.stay {
			want = append(want, points[i].ID)
		}
		if !slices.Equal(got, want) {
			t.Errorf("after that of %d: %d, want %d", step.write, got, want)
		}
	}
}

// segmentFiles are the segments of a stream's partitions.
func segmentFiles(t *testing.T, m *disk.Memory, dir string) (paths []string) {
	t.Helper()
	for number := range 2 {
		folder := filepath.Join(dir, fmt.Sprintf("%05d", number))
		files, err := m.ReadDir(folder)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range files {
			if strings.HasSuffix(f.Name(), ".avro") {
				paths = append(paths, filepath.Join(folder, f.Name()))
			}
		}
	}
	return paths
}

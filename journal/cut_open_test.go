package journal

import (
	"errors"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"rewind/disk"
)

// filesOf tells what is in a folder, by name and content.
func filesOf(t testing.TB, fsys disk.FS, dir string) (files []string) {
	t.Helper()
	names, err := fsys.ReadDir(dir)
	must(t, err)
	for _, n := range names {
		if n.Name() != lockName {
			files = append(files, n.Name()+": "+string(textOf(t, fsys, filepath.Join(dir, n.Name()))))
		}
	}
	return files
}

// wholeCut makes the record of a stream of which nothing is left.
func wholeCut(t testing.TB, r *Reader) CutRecord {
	t.Helper()
	c := cutAt(t, r, 10)
	c.Snapshot, c.Base = 0, nil
	for i := range c.Partitions {
		c.Partitions[i] = CutPartition{First: -1, After: 15, Previous: strings.Repeat("00", 32)}
	}
	return c
}

// TestNoAppendToADroppedStream: who would go on with a stream that was dropped as a whole is refused, in each of its partitions and in one that came
// since; moving the folder aside, as the hint says, lets it begin anew. Otherwise what it had acknowledged would be hidden, and then deleted.
func TestNoAppendToADroppedStream(t *testing.T) {
	for name, dir := range map[string]string{"partition": cutDir, "partition without a folder": cutStreamDir + "/00001", "new partition": cutStreamDir + "/00007"} {
		fsys := disk.NewMemory()
		j := segmented(t, fsys, 6, nil)
		must(t, WriteCut(fsys, cutStreamDir, wholeCut(t, j.Reader()), nil, nil))
		mustClose(t, j)
		before := filesOf(t, fsys, cutDir)
		o := testOptions(fsys)
		o.Partition = map[string]int{cutDir: o.Partition, cutStreamDir + "/00001": 1, cutStreamDir + "/00007": 7}[dir]
		for range 2 {
			j, err := Open(dir, o)
			var wrong *CutError
			if !errors.As(err, &wrong) || wrong.ExitCode() != 5 || !strings.Contains(err.Error(), "dropped as a whole by retention on 2026-11-23") || !strings.Contains(wrong.Hint(), cutStreamDir+" aside") {
				t.Fatalf("%s: %v (%v)", name, err, j)
			}
		}
		if after := filesOf(t, fsys, cutDir); !slices.Equal(after, before) {
			t.Errorf("%s: the refused writer left %d files of %d", name, len(after), len(before))
		}
		must(t, fsys.Rename(cutStreamDir, cutStreamDir+".aside"))
		j, err := Open(dir, o)
		must(t, err)
		must(t, j.Append([]Entry{testEntry(20, "")}))
		mustClose(t, j)
		if j, err = Open(dir, o); err != nil || j.NextOffset() != 21 {
			t.Fatalf("%s: begun anew: %v", name, err)
		}
		mustClose(t, j)
	}
}

// TestDropCutLeavesWhatTheRecordDoesNotName: segments of a partition that came behind the record of a whole stream are nobody's to delete.
func TestDropCutLeavesWhatTheRecordDoesNotName(t *testing.T) {
	fsys := disk.NewMemory()
	j := segmented(t, fsys, 6, nil)
	c := wholeCut(t, j.Reader())
	c.Partitions = c.Partitions[:3]
	must(t, WriteCut(fsys, cutStreamDir, c, nil, nil))
	if n, err := DropCut(cutDir, testOptions(fsys)); err != nil || n != 0 {
		t.Errorf("%d files are gone, %v", n, err)
	}
	mustClose(t, j)
}

// TestJournalThatEndsBeforeTheCut: where what the cut relies on is not there, the writer is refused, and nothing is removed: not what is torn, not a
// segment that was never begun, not what was dropped and is still there.
func TestJournalThatEndsBeforeTheCut(t *testing.T) {
	whole := disk.NewMemory()
	mustClose(t, segmented(t, whole, 6, nil))
	first := filepath.Join(cutDir, segmentName(15)) // the last one: that of the Commit
	size := len(textOf(t, whole, first))
	count := 0
	for at := size; at >= 0; at-- {
		fsys := whole.Restart(disk.LoseNone())
		must(t, WriteCut(fsys, cutStreamDir, cutAt(t, cutReader(t, fsys, nil), 15), nil, nil))
		f, err := fsys.OpenFile(first, 2, 0)
		must(t, err)
		must(t, errors.Join(f.Truncate(int64(at)), f.Close()))
		before := filesOf(t, fsys, cutDir)
		j, err := Open(cutDir, testOptions(fsys))
		if at == size {
			must(t, err)
			mustClose(t, j)
			if n, err := listSegments(fsys, cutDir); err != nil || len(n) != 1 {
				t.Fatalf("%d segments, %v", len(n), err)
			}
			continue
		}
		count++
		if wrong := (*CutError)(nil); !errors.As(err, &wrong) {
			t.Fatalf("cut at byte %d of %d: %v", at, size, err)
		}
		if after := filesOf(t, fsys, cutDir); !slices.Equal(after, before) {
			t.Fatalf("cut at byte %d: %d files of %d are left", at, len(after), len(before))
		}
	}
	for _, commit := range []int64{11, 12} { // of several entries behind the first one kept, the last is a segment's that was never begun
		fsys := whole.Restart(disk.LoseNone())
		c := cutAt(t, cutReader(t, fsys, nil), 14)
		for i := range c.Partitions {
			c.Partitions[i].Commit = commit + 4
		}
		must(t, WriteCut(fsys, cutStreamDir, c, nil, nil))
		f, err := fsys.OpenFile(first, 2, 0)
		must(t, err)
		must(t, errors.Join(f.Truncate(0), f.Close()))
		count++
		j, err := Open(cutDir, testOptions(fsys))
		if wrong := (*CutError)(nil); !errors.As(err, &wrong) {
			t.Fatalf("commit at %d: %v, %v", commit+4, j, err)
		}
		if _, err := fsys.Stat(first); errors.Is(err, fs.ErrNotExist) {
			t.Error("the segment is gone")
		}
	}
	t.Logf("counted: %d journals that end before the cut", count)
}

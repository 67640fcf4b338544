package replay

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"rewind/change"
	"rewind/disk"
	"rewind/journal"
)

func TestVerifySaysWhichPointIsWrong(t *testing.T) {
	tp, one, two := shop(t, 2)
	tp.snapshot(one, published{})
	wrong := tp.snapshot(two, published{wrong: true})
	tp.snapshot(one, published{})
	tp.close()
	v, err := openReplay(t, tp.fs).Verify(context.Background(), VerifyOptions{})
	var proof *ProofError
	if !errors.As(err, &proof) || proof.Snapshot != wrong || len(v.Damage) != 1 {
		t.Fatalf("%v, damage %q", err, v.Damage)
	}
	for i, p := range v.Points {
		if p.Proved != (i != 1) || p.Proved != (p.Why == "") {
			t.Errorf("point %d: %+v", i, p)
		}
	}
	if v.Points[0].How != ProofRecomputed || v.Points[2].How != ProofFolded || v.Segments < 2 || v.Entries == 0 || v.Bytes == 0 {
		t.Errorf("%+v", v)
	}
}

// TestVerifySeesWhatIsNotSo: a change that cannot be, each in its own journal.
func TestVerifySeesWhatIsNotSo(t *testing.T) {
	for name, spoil := range map[string]func(tp *tape, m *change.Change){
		"another row's image":  func(tp *tape, m *change.Change) { _, m.After = row(tp.t, tp.schema, "9", "z", "Mallory") },
		"no image after":       func(_ *tape, m *change.Change) { m.After = nil },
		"an op without images": func(_ *tape, m *change.Change) { m.Op = change.Delete },
		"a seq that jumps":     func(_ *tape, m *change.Change) { m.Seq++ },
		"a read in a diff":     func(_ *tape, m *change.Change) { m.Op = change.Read },
		"another snapshot":     func(_ *tape, m *change.Change) { m.Snapshot++ },
	} {
		t.Run(name, func(t *testing.T) {
			tp, one, two := shop(t, 1)
			tp.snapshot(one, published{})
			tp.spoil = spoil
			tp.snapshot(two, published{})
			tp.close()
			j := openReplay(t, tp.fs)
			v, err := j.Verify(context.Background(), VerifyOptions{})
			var sequence *SequenceError
			if !errors.As(err, &sequence) || sequence.Offset == 0 || sequence.Segment == "" {
				t.Fatalf("%v", err)
			}
			if !v.Points[0].Proved {
				t.Errorf("the point before the damage: %+v", v.Points[0])
			}
			for _, p := range v.Points[1:] {
				if p.Proved {
					t.Errorf("%d is proved", p.Point.ID)
				}
			}
		})
	}
}

// TestVerifyFindsEveryFlippedByte flips bits all over a journal: nothing but the last block may hide one, as a torn tail.
func TestVerifyFindsEveryFlippedByte(t *testing.T) {
	t.Parallel()
	tp, one, two := shop(t, 1)
	tp.snapshot(one, published{})
	tp.snapshot(two, published{})
	tp.close()
	fs := tp.fs.(*disk.Memory)
	j := openReplay(t, fs)
	reader, err := j.streams[0].partitions[0].open(decoders{})
	if err != nil {
		t.Fatal(err)
	}
	segments := reader.Segments()
	last := segments[len(segments)-1]
	points, found, torn := len(j.Points()), 0, 0
	for at := int64(0); at < last.Bytes; at += 7 * thinned {
		flip(t, fs, last.Path, at)
		j, err := Open(testRoot, orders, Options{FS: fs})
		if err != nil {
			t.Fatal(err)
		}
		_, err = j.Verify(context.Background(), VerifyOptions{})
		var corrupt *journal.CorruptionError
		switch {
		case errors.As(err, &corrupt):
			found++
		case err == nil && len(j.Points()) < points:
			torn++
		default:
			t.Errorf("byte %d: %v, %d points", at, err, len(j.Points()))
		}
		flip(t, fs, last.Path, at)
	}
	t.Logf("%d flips found, %d read as a torn tail", found, torn)
}

func flip(t *testing.T, fs disk.FS, path string, at int64) {
	t.Helper()
	f, err := fs.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	b := make([]byte, 1)
	if _, err := f.ReadAt(b, at); err != nil {
		t.Fatal(err)
	}
	b[0] ^= 0x10
	if _, err := f.Seek(at, 0); err != nil {
		t.Fatal(err)
	}
	if _, err := f.Write(b); err != nil {
		t.Fatal(err)
	}
}

func TestProofsAreDerived(t *testing.T) {
	tp, one, two := shop(t, 2)
	tp.snapshot(one, published{})
	tp.snapshot(two, published{})
	tp.close()
	fs := tp.fs.(*disk.Memory)
	j := openReplay(t, fs)
	if _, err := j.Verify(context.Background(), VerifyOptions{}); err != nil {
		t.Fatal(err)
	}
	proved := func() (n int) {
		for _, p := range openReplay(t, fs).Points() {
			if p.Proved != nil {
				n++
			}
		}
		return n
	}
	if proved() != 2 {
		t.Fatalf("%d proved", proved())
	}
	f, err := fs.OpenFile(j.proofPath(), os.O_WRONLY|os.O_TRUNC, 0)
	if err != nil {
		t.Fatal(err)
	}
	fmt.Fprint(f, "{ damaged")
	f.Close()
	if proved() != 0 {
		t.Error("a damaged record of proofs proves something")
	}
	if _, err := openReplay(t, fs).Verify(context.Background(), VerifyOptions{}); err != nil || proved() != 2 {
		t.Errorf("proved anew: %d, %v", proved(), err)
	}
	if err := fs.Remove(j.proofPath()); err != nil || proved() != 0 {
		t.Errorf("without the record: %d, %v", proved(), err)
	}
}

// TestProofsSurviveEveryCrash: after a loss of power at any operation of the recording the file is there whole, old or new.
func TestProofsSurviveEveryCrash(t *testing.T) {
	for k := int64(1); ; k++ {
		tp, one, two := shop(t, 1)
		a := tp.snapshot(one, published{})
		b := tp.snapshot(two, published{})
		tp.close()
		fs := tp.fs.(*disk.Memory)
		j := openReplay(t, fs)
		first, _ := j.Point(a)
		second, _ := j.Point(b)
		if err := j.recordProofs(ProofFolded, first); err != nil {
			t.Fatal(err)
		}
		fs.CrashAt(k)
		err := j.recordProofs(ProofFolded, second)
		if !fs.Tripped() {
			break
		}
		after := openReplay(t, fs.Restart(disk.LoseSome(uint64(k)))).Points()
		if after[0].Proved == nil || err == nil && after[1].Proved == nil {
			t.Fatalf("operation %d: %+v, %v", k, after, err)
		}
	}
}

// TestVerifyMissesAJournal: without one partition's folder no snapshot is whole, and that is not the same as none at all.
func TestVerifyMissesAJournal(t *testing.T) {
	for partition := range 3 {
		tp, one, two := shop(t, 3)
		first := tp.snapshot(one, published{})
		tp.snapshot(two, published{})
		tp.close()
		dir := openReplay(t, tp.fs).streams[0].partitions[partition].dir
		files, err := tp.fs.ReadDir(dir)
		tp.must(err)
		for _, f := range files {
			tp.must(tp.fs.Remove(filepath.Join(dir, f.Name())))
		}
		tp.must(tp.fs.Remove(dir))
		_, err = openReplay(t, tp.fs).Verify(context.Background(), VerifyOptions{})
		var missing *MissingJournalError
		if !errors.As(err, &missing) || missing.Partition != partition || missing.Dir != dir || missing.Snapshot != first {
			t.Errorf("partition %d: %v", partition, err)
		}
		_, err = openReplay(t, tp.fs).At(Spec{Snapshot: first})
		var none *NoPointsError
		if !errors.As(err, &none) || !strings.Contains(err.Error(), dir) || !strings.Contains(none.Hint(), "copy of the journal") {
			t.Errorf("partition %d: asked for a point: %v", partition, err)
		}
	}
}

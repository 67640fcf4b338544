package replay

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"rewind/disk"
	"rewind/journal"
	"rewind/table"
)

// longShop has several partitions with several sealed segments each, and a schema that changes on the way.
func longShop(t *testing.T, partitions, snapshots int) *tape {
	t.Helper()
	return shopOf(t, partitions, snapshots, 1<<10)
}

func shopOf(t *testing.T, partitions, snapshots int, segment int64) *tape {
	t.Helper()
	tp, _, _ := shop(t, partitions)
	tp.segment = segment
	tp.close()
	tp.openJournals()
	random := rand.New(rand.NewPCG(7, 7))
	for n := range snapshots {
		if n == snapshots/2 {
			tp.use(ordersSchema(itemColumn, quantityColumn))
		}
		tp.snapshot(shuffled(tp, random), published{})
	}
	return tp
}

// shuffled changes about half of the current rows.
func shuffled(tp *tape, random *rand.Rand) rows {
	next := rows{}
	for k, image := range tp.current {
		next[k] = image
	}
	for range 6 {
		text := fmt.Sprintf("item %d", random.IntN(1000))
		if tp.segment > 1<<16 {
			for range 2000 {
				text += string(rune('0' + random.IntN(1<<12)))
			}
		}
		k, image := row(tp.t, tp.schema, fmt.Sprint(random.IntN(9)), "a", text)
		if _, there := next[k]; there && random.IntN(4) == 0 {
			delete(next, k)
		} else {
			next[k] = image
		}
	}
	return next
}

var quantityColumn = table.Column{ID: 4, Name: "quantity", Type: table.Type{Kind: table.Int}}

// segmentsOf lists the segments of all partitions of the first stream.
func segmentsOf(t *testing.T, fs disk.FS) (all []journal.SegmentInfo) {
	t.Helper()
	for _, p := range openReplay(t, fs).streams[0].partitions {
		reader, err := p.open(decoders{})
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, reader.Segments()...)
	}
	return all
}

// readFiles counts which files are read through it, and how much of each.
type readFiles struct {
	disk.FS
	bytes map[string]int64
}

func (r *readFiles) OpenFile(name string, flag int, perm os.FileMode) (disk.File, error) {
	f, err := r.FS.OpenFile(name, flag, perm)
	if err != nil {
		return nil, err
	}
	return &readFile{f, r, name}, nil
}

type readFile struct {
	disk.File
	of   *readFiles
	name string
}

func (f *readFile) ReadAt(p []byte, off int64) (int, error) {
	n, err := f.File.ReadAt(p, off)
	f.of.bytes[f.name] += int64(n)
	return n, err
}

func (f *readFile) Read(p []byte) (int, error) {
	n, err := f.File.Read(p)
	f.of.bytes[f.name] += int64(n)
	return n, err
}

func verifyWith(t *testing.T, fs disk.FS, o VerifyOptions) (Verdict, error) {
	t.Helper()
	return Verify(context.Background(), testRoot, orders, Options{FS: fs}, o)
}

func mustVerify(t *testing.T, fs disk.FS, o VerifyOptions) Verdict {
	t.Helper()
	v, err := verifyWith(t, fs, o)
	if err != nil || v.Not != 0 || len(v.Warnings) > 0 {
		t.Fatalf("%v: %+v", err, v)
	}
	return v
}

// TestVerifyGoesOn: what was proved is not read again but for the sample, new points are proved, and both together are what
// a walk over everything says.
func TestVerifyGoesOn(t *testing.T) {
	t.Parallel()
	tp := shopOf(t, 3, 36, 1<<17)
	first := mustVerify(t, tp.fs, VerifyOptions{})
	if first.Now != 36 || first.Earlier != 0 || first.SegmentsRead != first.Segments || first.Segments < 12 || first.Seed != 0 {
		t.Fatalf("%d now, %d of %d segments", first.Now, first.SegmentsRead, first.Segments)
	}
	random := rand.New(rand.NewPCG(1, 1))
	tp.snapshot(shuffled(tp, random), published{})
	tp.snapshot(shuffled(tp, random), published{})

	counted := &readFiles{tp.fs, map[string]int64{}}
	v := mustVerify(t, counted, VerifyOptions{Sample: -1})
	if v.Now+v.Earlier != 38 || v.Now < 2 || v.Now > 20 || v.SegmentsEarlier < 9 || v.SegmentsRead+v.SegmentsEarlier != v.Segments || v.SegmentsSampled != 0 {
		t.Fatalf("%d now, %d earlier, segments %d earlier, %d read of %d", v.Now, v.Earlier, v.SegmentsEarlier, v.SegmentsRead, v.Segments)
	}
	sealed, read, skipped := int64(0), int64(0), 0
	for _, s := range segmentsOf(t, tp.fs) {
		if got := counted.bytes[s.Path]; got < 2*s.Bytes {
			skipped++
			sealed, read = sealed+s.Bytes, read+got
		}
	}
	if skipped < v.SegmentsEarlier {
		t.Errorf("%d segments were not read, %d are said to be", skipped, v.SegmentsEarlier)
	}
	if v.Entries <= first.Entries || v.EntriesRead >= v.Entries*2/3 {
		t.Errorf("%d of %d entries read", v.EntriesRead, v.Entries)
	}
	for i, p := range v.Points[:16] {
		if !p.Earlier || p.At != first.Points[i].At || p.How != first.Points[i].How {
			t.Errorf("point %d: %v %s %v, at first %s %v", i, p.Earlier, p.How, p.At, first.Points[i].How, first.Points[i].At)
		}
	}
	full := mustVerify(t, tp.fs, VerifyOptions{Full: true})
	if full.Now != 38 || full.SegmentsEarlier != 0 || full.Entries != v.Entries || full.EntriesRead != full.Entries {
		t.Errorf("%d now, %d entries, %d read", full.Now, full.Entries, full.EntriesRead)
	}
	t.Logf("%d of %d bytes of the segments proved before are read for their headers", read, sealed)
	tp.close()
}

// TestVerifyDrawsASample: the same seed reads the same segments again, another one others, and a share of all reads all.
func TestVerifyDrawsASample(t *testing.T) {
	tp := longShop(t, 3, 20)
	tp.close()
	mustVerify(t, tp.fs, VerifyOptions{})
	one := mustVerify(t, tp.fs, VerifyOptions{Seed: 42, Sample: 0.3})
	same := mustVerify(t, tp.fs, VerifyOptions{Seed: 42, Sample: 0.3})
	other := mustVerify(t, tp.fs, VerifyOptions{Seed: 43, Sample: 0.3})
	if one.Seed != 42 || one.SegmentsSampled < 3 || !reflect.DeepEqual(one.Sampled, same.Sampled) || reflect.DeepEqual(one.Sampled, other.Sampled) {
		t.Errorf("%v\n%v\n%v", one.Sampled, same.Sampled, other.Sampled)
	}
	fresh := mustVerify(t, tp.fs, VerifyOptions{})
	if fresh.Seed == 0 || fresh.SegmentsSampled != int(float64(one.SegmentsSampled+one.SegmentsEarlier)*DefaultSample+0.5) {
		t.Errorf("%d of %d sampled by %d", fresh.SegmentsSampled, fresh.Segments, fresh.Seed)
	}
	all := mustVerify(t, tp.fs, VerifyOptions{Sample: 1})
	if all.SegmentsEarlier != 0 || all.Earlier == 0 {
		t.Errorf("%d not read again", all.SegmentsEarlier)
	}
}

// TestWhatAWalkRemembers: going on from the record at any place leaves exactly the state that one walk over everything has.
func TestWhatAWalkRemembers(t *testing.T) {
	t.Parallel()
	tp := longShop(t, 2, 1)
	random := rand.New(rand.NewPCG(2, 2))
	resumes := 0
	for step := range 24 {
		switch step % 6 {
		case 2:
			tp.snapshot(shuffled(tp, random), published{half: true}) // left open
		case 3:
			tp.open(int64(step + 2))
		case 4:
			tp.gap(step%2, "lost", func() { tp.snapshot(shuffled(tp, random), published{}) })
		case 5:
			tp.snapshot(shuffled(tp, random), published{baseline: true})
		default:
			tp.snapshot(shuffled(tp, random), published{})
		}
		went := stateOf(t, tp.fs, false)
		whole := stateOf(t, tp.fs, true)
		for i := range went {
			if went[i].known != nil {
				resumes++
			}
			if !reflect.DeepEqual(went[i].part, whole[i].part) || !reflect.DeepEqual(went[i].moved, whole[i].moved) ||
				went[i].share != whole[i].share || went[i].delta != whole[i].delta || went[i].count != whole[i].count {
				t.Fatalf("step %d, partition %d:\n%+v\n%+v", step, i, went[i].part, whole[i].part)
			}
		}
	}
	tp.close()
	if resumes < 20 {
		t.Errorf("%d walks went on from a record", resumes)
	}
	t.Logf("counted: %d walks that went on from a record, each equal to a whole one", resumes)
}

// stateOf runs a verify and gives its walks; a whole one forgets what was remembered.
func stateOf(t *testing.T, fs disk.FS, full bool) []*walk {
	t.Helper()
	v, err := verify(context.Background(), testRoot, orders, Options{FS: fs}.applyDefaults(testRoot), VerifyOptions{Full: full, Sample: -1})
	if err != nil || v.walkDamaged {
		t.Fatal(err, v.Damage)
	}
	walks := v.walks[v.j.streams[0].id]
	for _, w := range walks {
		w.part.fs, w.part.known = nil, nil // one meter each
	}
	return walks
}

// TestRecordsOfWalksProveNothing: a record that was changed, in every byte, of a whole journal and of an altered one. The
// altered segment keeps its length and time, so that the record alone could tell.
func TestRecordsOfWalksProveNothing(t *testing.T) {
	t.Parallel()
	tp := longShop(t, 1, 8)
	tp.close()
	fs := tp.fs.(*disk.Memory)
	mustVerify(t, fs, VerifyOptions{})
	record := openReplay(t, fs).rememberedPath(tp.stream, 0)
	whole := contentOf(t, fs, record)
	tried := 0
	for at := 0; at < len(whole); at += max(1, len(whole)/150) * thinned {
		changed := append([]byte{}, whole...)
		changed[at] ^= 1 << (at % 8)
		setContent(t, fs, record, changed)
		v, err := verifyWith(t, fs, VerifyOptions{Sample: -1})
		if err != nil || v.Not != 0 || len(v.Points) != 8 {
			t.Fatalf("byte %d of the record: %v, %+v", at, err, v)
		}
		tried++
	}
	t.Logf("counted: %d damaged records of an earlier verify", tried)
}

func contentOf(t *testing.T, fs disk.FS, path string) []byte {
	t.Helper()
	f, err := fs.OpenFile(path, os.O_RDONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	stat, err := f.Stat()
	if err != nil {
		t.Fatal(err)
	}
	text := make([]byte, stat.Size())
	if _, err := f.ReadAt(text, 0); err != nil && stat.Size() > 0 {
		t.Fatal(err)
	}
	return text
}

func setContent(t *testing.T, fs disk.FS, path string, text []byte) {
	t.Helper()
	f, err := fs.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := f.Write(text); err != nil {
		t.Fatal(err)
	}
}

// TestForgottenProofs: without the record of proofs, or of walks, everything is proved anew.
func TestForgottenProofs(t *testing.T) {
	tp := longShop(t, 2, 8)
	tp.close()
	mustVerify(t, tp.fs, VerifyOptions{})
	j := openReplay(t, tp.fs)
	for _, path := range []string{j.proofPath(), j.rememberedPath(tp.stream, 1)} {
		if err := tp.fs.Remove(path); err != nil {
			t.Fatal(err)
		}
		if v := mustVerify(t, tp.fs, VerifyOptions{}); v.Now != 8 {
			t.Errorf("without %s: %+v", filepath.Base(path), v)
		}
		if v := mustVerify(t, tp.fs, VerifyOptions{}); v.Earlier == 0 || strings.Contains(fmt.Sprint(v.Points), "0001-01-01") {
			t.Errorf("then: %+v", v)
		}
	}
}

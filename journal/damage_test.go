package journal

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"rewind/disk"
	"rewind/ocf"
	"rewind/sandbox/racing"
)

// sample is a journal of two sealed segments and an active one of three blocks.
type sample struct {
	files map[string][]byte
	names []string // of the segments, in order
	all   []Entry
	last  int // entries in the last block
	cuts  []int64
}

func newSample(t *testing.T) *sample {
	t.Helper()
	fsys := disk.NewMemory()
	one, two := rowSchema(1), rowSchema(2)
	batches := [][]Entry{
		{testEntry(1, one), testEntry(2, one)}, {testEntry(3, "")},
		{testEntry(4, two)}, {testEntry(6, "")},
		{testEntry(7, one)}, {testEntry(8, one), testEntry(9, "")}, {testEntry(10, one), testEntry(11, ""), testEntry(12, one)},
	}
	j := mustOpen(t, "j", testOptions(fsys))
	s := &sample{files: map[string][]byte{}, last: len(batches[len(batches)-1])}
	for _, b := range batches {
		mustAppend(t, j, b)
		s.all = append(s.all, b...)
		s.cuts = append(s.cuts, j.active.bytes)
	}
	mustClose(t, j)
	for _, info := range j.Reader().Segments() {
		s.names = append(s.names, filepath.Base(info.Path))
		s.files[filepath.Base(info.Path)] = mustRead(t, fsys, info.Path)
	}
	if len(s.names) != 3 {
		t.Fatalf("the sample has %d segments", len(s.names))
	}
	return s
}

func mustRead(t testing.TB, fsys disk.FS, name string) []byte {
	t.Helper()
	f, err := fsys.OpenFile(name, os.O_RDONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	content, err := io.ReadAll(f)
	if err := errors.Join(err, f.Close()); err != nil {
		t.Fatal(err)
	}
	return content
}

// with returns a disk that holds the sample with one file replaced; nil removes it.
func (s *sample) with(t *testing.T, name string, content []byte) *disk.Memory {
	t.Helper()
	fsys := disk.NewMemory()
	if err := fsys.MkdirAll("j", folderMode); err != nil {
		t.Fatal(err)
	}
	for n, c := range s.files {
		if n == name {
			c = content
		}
		if c == nil {
			continue
		}
		if err := disk.WriteFile(fsys, filepath.Join("j", n), c, fileMode); err != nil {
			t.Fatal(err)
		}
	}
	return fsys
}

// read reads the journal and checks the law: an error is a corruption, what comes before it is right.
func (s *sample) read(t *testing.T, fsys disk.FS) (got []Entry, err error) {
	t.Helper()
	r, err := OpenReader("j", testOptions(fsys))
	if err != nil {
		t.Fatal(err)
	}
	got, err = collect(r, 0)
	var damage *CorruptionError
	if err != nil && (!errors.As(err, &damage) || damage.ExitCode() != 5 || damage.Segment == "") {
		t.Fatalf("not a corruption: %v", err)
	}
	if len(got) > len(s.all) {
		t.Fatalf("%d entries of %d", len(got), len(s.all))
	}
	if err := sameEntries(got, s.all[:len(got)]); err != nil {
		t.Fatal(err)
	}
	return got, err
}

// reopen opens the journal for appending and appends what is missing, if it can be opened, which it must be if and only if
// it could be read to its end and no sealed segment's header is damaged.
func (s *sample) reopen(t *testing.T, fsys disk.FS, got []Entry, readErr error) {
	t.Helper()
	j, err := Open("j", testOptions(fsys))
	var damage *CorruptionError
	if errors.As(err, &damage) {
		if readErr == nil {
			t.Fatalf("readable, but not to be opened: %v", err)
		}
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	if readErr != nil { // a sealed segment's blocks, which Open does not read
		mustClose(t, j)
		return
	}
	if n := len(got); n > 0 && j.NextOffset() != got[n-1].Offset+1 {
		t.Fatalf("read up to offset %d, but the next one is %d", got[n-1].Offset, j.NextOffset())
	}
	mustAppend(t, j, s.all[len(got):])
	mustClose(t, j)
	again, err := s.read(t, fsys)
	if err := errors.Join(err, sameEntries(again, s.all), j.Reader().VerifyChain()); err != nil {
		t.Fatal(err)
	}
}

// TestTruncatedAtEveryByte: the active segment goes on with its whole blocks; a sealed one is reported.
func TestTruncatedAtEveryByte(t *testing.T) {
	s, cuts := newSample(t), 0
	for i, name := range s.names {
		content := s.files[name]
		for size := range len(content) {
			cuts++
			fsys := s.with(t, name, content[:size])
			got, err := s.read(t, fsys)
			active := i == len(s.names)-1
			if active != (err == nil) {
				t.Fatalf("%s cut at %d of %d: %v", name, size, len(content), err)
			}
			if active {
				if want := s.wholeBlocks(int64(size)); len(got) != want {
					t.Fatalf("cut at %d: %d entries, not %d", size, len(got), want)
				}
			}
			s.reopen(t, fsys, got, err)
		}
	}
	t.Logf("counted: %d cuts of a journal's segments", cuts)
}

// wholeBlocks is the number of entries that a journal holds whose active segment is cut.
func (s *sample) wholeBlocks(size int64) int {
	counts, n := []int{2, 1, 1, 1, 1, 2, 3}, 0
	for i, end := range s.cuts {
		if i < 4 || end <= size {
			n += counts[i]
		}
	}
	return n
}

// TestEveryBitFlipped: a wrong entry is never read. Entries are missing without an error only if the damage is in the last
// block of the active segment, and there only in its sync marker.
func TestEveryBitFlipped(t *testing.T) {
	t.Parallel()
	s, flips := newSample(t), 0
	for i, name := range s.names {
		flips += 8 * len(s.files[name])
		for bit := 0; bit < 8*len(s.files[name]); bit += racing.Step {
			content := bytes.Clone(s.files[name])
			content[bit/8] ^= 1 << (bit % 8)
			fsys := s.with(t, name, content)
			got, err := s.read(t, fsys)
			active := i == len(s.names)-1
			inLastMarker := active && bit/8 >= len(content)-16
			if err == nil && len(got) != len(s.all) && !inLastMarker {
				t.Fatalf("%s with bit %d flipped: %d entries without an error", name, bit, len(got))
			}
			r, _ := OpenReader("j", testOptions(fsys))
			if chain := r.VerifyChain(); !active && chain == nil {
				t.Fatalf("%s with bit %d flipped: the chain holds", name, bit)
			}
			s.reopen(t, fsys, got, err)
		}
	}
	t.Logf("counted: %d flipped bits of a journal's segments", flips)
}

// TestRandomDamage overwrites, removes and inserts stretches of bytes.
func TestRandomDamage(t *testing.T) {
	s := newSample(t)
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 1))
	const damages = 3000
	defer t.Logf("counted: %d random damages of a journal's segments", damages)
	for range damages {
		name := s.names[random.IntN(len(s.names))]
		content := bytes.Clone(s.files[name])
		for range 1 + random.IntN(3) {
			at := random.IntN(len(content))
			end := min(len(content), at+random.IntN(40))
			stretch := make([]byte, random.IntN(40))
			for i := range stretch {
				stretch[i] = byte(random.Uint32() >> (8 * random.IntN(4)))
			}
			content = slices.Concat(content[:at], stretch, content[end:], []byte{0})
		}
		fsys := s.with(t, name, content)
		got, err := s.read(t, fsys)
		s.reopen(t, fsys, got, err)
	}
}

// TestMissingAndMovedSegments: whatever is done to whole files shows.
func TestMissingAndMovedSegments(t *testing.T) {
	s := newSample(t)
	tests := map[string]func(dir *disk.Memory) error{
		"first removed":  func(d *disk.Memory) error { return d.Remove("j/" + s.names[0]) },
		"second removed": func(d *disk.Memory) error { return d.Remove("j/" + s.names[1]) },
		"renamed":        func(d *disk.Memory) error { return d.Rename("j/"+s.names[1], "j/"+segmentName(5)) },
		"renamed away":   func(d *disk.Memory) error { return d.Rename("j/"+s.names[1], "j/old.avro") },
		"exchanged": func(d *disk.Memory) error {
			return errors.Join(d.Rename("j/"+s.names[1], "j/x"), d.Rename("j/"+s.names[0], "j/"+s.names[1]), d.Rename("j/x", "j/"+s.names[0]))
		},
	}
	for name, change := range tests {
		t.Run(name, func(t *testing.T) {
			fsys := s.with(t, "", nil)
			if err := change(fsys); err != nil {
				t.Fatal(err)
			}
			if _, err := s.read(t, fsys); err == nil {
				t.Error("read without an error")
			}
			r, _ := OpenReader("j", testOptions(fsys))
			var damage *CorruptionError
			if err := r.VerifyChain(); !errors.As(err, &damage) {
				t.Errorf("the chain: %v", err)
			}
		})
	}
}

// TestTornTailIsPutAside: the bytes that Open cuts are copied and logged first, and never twice under one name.
func TestTornTailIsPutAside(t *testing.T) {
	s := newSample(t)
	name := s.names[2]
	content := s.files[name]
	end := s.cuts[len(s.cuts)-2]
	fsys := s.with(t, name, content[:len(content)-5])
	for n := 1; n <= 2; n++ {
		j := mustOpen(t, "j", testOptions(fsys))
		want := Recovery{Segment: "j/" + name, Offset: end, Bytes: int64(len(content)) - 5 - end, Copy: fmt.Sprintf("j/%s.torn-%d", name, n)}
		if got := j.Recovered(); len(got) != 1 || got[0] != want {
			t.Fatalf("recovered %+v, not %+v", got, want)
		}
		if got := mustRead(t, fsys, want.Copy); !bytes.Equal(got, content[end:len(content)-5]) {
			t.Errorf("the copy differs")
		}
		if got := mustRead(t, fsys, "j/"+name); !bytes.Equal(got, content[:end]) {
			t.Errorf("the segment differs")
		}
		mustClose(t, j)
		if j = mustOpen(t, "j", testOptions(fsys)); len(j.Recovered()) != 0 {
			t.Errorf("recovered again: %+v", j.Recovered())
		}
		mustClose(t, j)
		if err := disk.WriteFile(fsys, "j/"+name, content[:len(content)-5], fileMode); err != nil {
			t.Fatal(err)
		}
	}
	log := mustRead(t, fsys, "j/"+logName)
	if lines := bytes.Count(log, []byte("\n")); lines != 2 || !bytes.Contains(log, fmt.Appendf(nil, "segment=%s offset=%d bytes=", name, end)) {
		t.Errorf("the log is %q", log)
	}
}

// TestSealedTailIsNotCut: when the last segment was never begun, the one before it is active again, but it was sealed: a torn
// tail of it is damage, and nothing is removed.
func TestSealedTailIsNotCut(t *testing.T) {
	s := newSample(t)
	fsys := s.with(t, s.names[2], []byte("Obj"))
	sealed := s.files[s.names[1]]
	for _, content := range [][]byte{sealed[:len(sealed)-3], sealed[:50]} {
		if err := disk.WriteFile(fsys, "j/"+s.names[1], content, fileMode); err != nil {
			t.Fatal(err)
		}
		var damage *CorruptionError
		if _, err := Open("j", testOptions(fsys)); !errors.As(err, &damage) || damage.Segment != "j/"+s.names[1] {
			t.Errorf("%v", err)
		}
		if got := mustRead(t, fsys, "j/"+s.names[2]); string(got) != "Obj" {
			t.Errorf("the last segment is %q", got)
		}
	}
}

// TestLyingBlocks: blocks with a good checksum that no journal writes.
func TestLyingBlocks(t *testing.T) {
	join := func(entries ...Entry) (records []byte) {
		for _, e := range entries {
			records = append(records, e.Record...)
		}
		return records
	}
	three, four, five := testEntry(3, ""), testEntry(4, ""), testEntry(5, "")
	tests := map[string]struct {
		count   int
		records []byte
		want    string
	}{
		"first offset is not the name's": {1, four.Record, "offset 4 behind offset 2"},
		"offset below the name's":        {1, testEntry(2, "").Record, "offset 2 behind"},
		"descending":                     {3, join(three, five, four), "offset 4 behind offset 5"},
		"offset twice":                   {2, join(three, three), "offset 3 behind offset 3"},
		"count too low":                  {1, join(three, four), "are left behind the 1 entries"},
		"count too high":                 {3, join(three, four), "the block ends after 2 of 3"},
		"cut record":                     {2, join(three, four)[:40], "no value"},
		"negative offset":                {2, join(three, testEntry(-4, "")), "does not begin with an offset"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			fsys := disk.NewMemory()
			o := testOptions(fsys)
			var file bytes.Buffer
			w, err := ocf.NewWriter(&file, o.newHeader(3, controlSchema, -1, [32]byte{}))
			if err != nil {
				t.Fatal(err)
			}
			at := w.Size()
			if err := errors.Join(w.WriteBlock(test.count, test.records), fsys.MkdirAll("j", folderMode), disk.WriteFile(fsys, "j/"+segmentName(3), file.Bytes(), fileMode)); err != nil {
				t.Fatal(err)
			}
			r, _ := OpenReader("j", o)
			var damage *CorruptionError
			if got, err := collect(r, 0); len(got) != 0 || !errors.As(err, &damage) || damage.Offset != at || !strings.Contains(err.Error(), test.want) {
				t.Errorf("read %d entries, %v", len(got), err)
			}
			damage = nil
			if _, err := Open("j", o); !errors.As(err, &damage) || damage.Offset != at || !strings.Contains(err.Error(), test.want) {
				t.Errorf("open: %v", err)
			}
		})
	}
}

package journal

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"rewind/disk"
)

// plan says entry by entry which blocks batches become, and of which schema their segments are: by size alone a segment never ends here.
func plan(batches [][]Entry) (blocks []string) {
	active := ""
	for _, batch := range batches {
		for len(batch) > 0 {
			if s := batch[0].Schema; active == "" || s != "" && s != active {
				active = controlSchema
				if i := slices.IndexFunc(batch, func(e Entry) bool { return e.Schema != "" }); i >= 0 {
					active = batch[i].Schema
				}
			}
			n := 0
			for n < len(batch) && (batch[n].Schema == "" || batch[n].Schema == active) {
				n++
			}
			blocks = append(blocks, fmt.Sprint(active, " ", batch[0].Offset, "+", n))
			batch = batch[n:]
		}
	}
	return blocks
}

// blocksOf lists a journal's blocks in the same way.
func blocksOf(t *testing.T, r *Reader) (blocks []string) {
	t.Helper()
	for _, info := range r.Segments() {
		for b, err := range r.Blocks(info, Place{}) {
			if err != nil {
				t.Fatal(err)
			}
			blocks = append(blocks, fmt.Sprint(b.Schema, " ", b.First(), "+", len(slices.Collect(b.Entries()))))
		}
	}
	return blocks
}

// TestBatchIsAppend: whether entries come as such, gathered, or gathered and packed ahead, the files are the same to the byte, and their
// blocks and segments those of the plan.
func TestBatchIsAppend(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 1))
	const rounds = 200
	for round := range rounds {
		var batches [][]Entry
		next := int64(random.IntN(3))
		for range 1 + random.IntN(5) {
			var batch []Entry
			schema := rowSchema(random.IntN(2))
			for range 1 + random.IntN(9) {
				e := testEntry(next, schema)
				switch random.IntN(6) {
				case 0, 1:
					e.Schema = ""
				case 2:
					if random.IntN(3) == 0 {
						schema = rowSchema(random.IntN(3))
					}
				}
				batch, next = append(batch, e), next+1+int64(random.IntN(2))
			}
			batches = append(batches, batch)
		}
		var all [3]map[string][]byte
		for way := range all {
			fsys := disk.NewMemory()
			j := mustOpen(t, "/j", testOptions(fsys))
			var b Batch
			for _, batch := range batches {
				if way == 0 {
					mustAppend(t, j, batch)
					continue
				}
				b.Reset()
				for _, e := range batch {
					cut := 1 + random.IntN(len(e.Record)-1)
					cut = max(cut, 4)
					if err := b.Add(e.Offset, e.Schema, e.Record[:cut], e.Record[cut:]); err != nil {
						t.Fatal(err)
					}
				}
				if way == 2 {
					b.Pack()
				}
				if err := j.AppendBatch(&b); err != nil {
					t.Fatal(err)
				}
				if last, ok := j.Last(); !ok || last.Offset != batch[len(batch)-1].Offset || !bytes.Equal(last.Record, batch[len(batch)-1].Record) {
					t.Fatalf("round %d: the last entry is %+v", round, last)
				}
			}
			if got, want := blocksOf(t, j.Reader()), plan(batches); !slices.Equal(got, want) {
				t.Fatalf("round %d, way %d: blocks\n%s\nwant\n%s", round, way, strings.Join(got, "\n"), strings.Join(want, "\n"))
			}
			mustClose(t, j)
			all[way] = files(t, fsys, "/j")
		}
		for way := 1; way < len(all); way++ {
			for name, want := range all[0] {
				if !bytes.Equal(all[way][name], want) || len(all[way]) != len(all[0]) {
					t.Fatalf("round %d, way %d: %s is another file", round, way, name)
				}
			}
		}
	}
	t.Logf("counted: %d journals of random batches", rounds)
}

// files are the contents of a folder's.
func files(t *testing.T, fsys disk.FS, dir string) map[string][]byte {
	t.Helper()
	names, err := fsys.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	all := map[string][]byte{}
	for _, n := range names {
		if strings.HasSuffix(n.Name(), extension) {
			all[n.Name()] = mustRead(t, fsys, dir+"/"+n.Name())
		}
	}
	return all
}

// TestBatchRefused: what a batch, or a journal, does not take leaves both as they were.
func TestBatchRefused(t *testing.T) {
	j := mustOpen(t, "/j", testOptions(disk.NewMemory()))
	mustAppend(t, j, batchOf(0, 5))
	var b Batch
	e := testEntry(5, "")
	if err := b.Add(5, "", e.Record, nil); err != nil {
		t.Fatal(err)
	}
	for name, err := range map[string]error{
		"an offset again":   b.Add(5, "", e.Record, nil),
		"another's record":  b.Add(6, "", e.Record, nil),
		"no record":         b.Add(6, "", nil, nil),
		"too large a one":   b.Add(6, "", testEntry(6, "").Record, make([]byte, MaxRecord)),
		"an offset below 0": b.Add(-1, "", []byte{1}, nil),
	} {
		if err == nil {
			t.Errorf("%s passes", name)
		}
	}
	if b.Len() != 1 || b.Bytes() != len(e.Record) {
		t.Errorf("%d entries, %d bytes", b.Len(), b.Bytes())
	}
	var old Batch
	if err := old.Add(4, "", testEntry(4, "").Record, nil); err != nil {
		t.Fatal(err)
	}
	if err := j.AppendBatch(&old); err == nil || errors.Is(err, ErrFailed) || j.NextOffset() != 5 {
		t.Errorf("a batch from before: %v, next %d", err, j.NextOffset())
	}
	if err := j.AppendBatch(&b); err != nil || j.NextOffset() != 6 {
		t.Errorf("%v, next %d", err, j.NextOffset())
	}
	if err := j.AppendBatch(&b); err == nil {
		t.Error("the same batch twice passes")
	}
	b.Reset()
	if err := j.AppendBatch(&b); err != nil {
		t.Errorf("nothing: %v", err)
	}
	mustClose(t, j)
}

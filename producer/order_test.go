package producer

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"iter"
	"maps"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"rewind/change"
	"rewind/disk"
	"rewind/sorting"
	"rewind/table"
)

// twice gives every id, last ones first, and the odd ones again.
func twice(ids []int64) []int64 {
	all := slices.Clone(ids)
	slices.Reverse(all)
	for _, id := range ids {
		if id%2 == 1 {
			all = append(all, id)
		}
	}
	return all
}

// heap is a Source of rows in the order in which they were put there.
type heap struct {
	engine
	all []table.Row
}

func (h *heap) Rows(context.Context, *table.Schema, bool) iter.Seq2[table.Row, error] {
	return func(yield func(table.Row, error) bool) {
		var row table.Row
		for _, r := range h.all {
			row.Key, row.Image = append(row.Key[:0], r.Key...), append(row.Image[:0], r.Image...)
			if !yield(row, nil) {
				return
			}
		}
	}
}

// wholeSchema has columns of which a FLOAT and a DOUBLE could be no keys.
func wholeSchema() *table.Schema {
	s := &table.Schema{Table: orders, WholeRow: true, NextColumnID: 5}
	for i, kind := range []table.Kind{table.String, table.Float, table.Double, table.Int} {
		s.Columns = append(s.Columns, table.Column{ID: i + 1, Name: fmt.Sprint("c", i), Type: table.Type{Kind: kind}})
	}
	return s
}

// genHeap draws rows of few different values, so that many are equal: as rows, and as the number of each image.
func genHeap(codec *table.Codec) *rapid.Generator[[]table.Row] {
	return rapid.Custom(func(t *rapid.T) (rows []table.Row) {
		floats := []float64{0, math.Copysign(0, -1), math.NaN(), math.Inf(1), 1.5}
		random := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 2))
		for range rapid.IntRange(0, 200).Draw(t, "rows") {
			values := []table.Value{
				{Bytes: bytes.Repeat([]byte("x"), random.IntN(3)*400)}, {Float: floats[random.IntN(5)]}, {Float: floats[random.IntN(5)]}, {Int: random.Int64N(2)},
			}
			if i := random.IntN(8); i < 4 {
				values[i] = table.Value{Null: true}
			}
			image, err := codec.AppendImage(nil, values)
			if err != nil {
				t.Fatal(err)
			}
			key, err := codec.AppendKey(nil, values)
			if err != nil {
				t.Fatal(err)
			}
			rows = append(rows, table.Row{Key: key, Image: image})
		}
		return rows
	})
}

// colliding makes the hashes of all rows few, as if most of them collided.
func colliding(rows []table.Row) []table.Row {
	forged := make([]table.Row, len(rows))
	for i, r := range rows {
		key := bytes.Repeat([]byte{r.Key[0] % 3}, 16)
		forged[i] = table.Row{Key: append(key, r.Key[16:]...), Image: r.Image}
	}
	return forged
}

func countsOf(rows []table.Row) map[string]int {
	n := map[string]int{}
	for _, r := range rows {
		n[string(r.Image)]++
	}
	return n
}

// sorted runs a capture's own sort over rows.
func sorted(t *rapid.T, rows []table.Row, memory int) map[string]string {
	fs := disk.NewMemory()
	if err := disk.MakeDirs(fs, "/data/t", 0o700); err != nil {
		t.Fatal(err)
	}
	p := New(&heap{all: rows}, nil, Options{FS: fs, MemoryBytes: memory})
	c := &capture{producer: p, session: &session{dir: "/data/t"}, schema: wholeSchema(), header: &fileHeader{}, logger: newDiscard()}
	got := map[string]string{}
	var last []byte
	for r, err := range c.orderedRows(context.Background()) {
		if err != nil {
			t.Fatal(err)
		}
		if len(got) > 0 && bytes.Compare(last, r.Key) >= 0 {
			t.Fatalf("%x behind %x", r.Key, last)
		}
		last = bytes.Clone(r.Key)
		got[string(r.Key)] = string(r.Image)
	}
	if len(got) != len(rows) || c.readEnded == 0 {
		t.Fatalf("%d rows of %d, read ended %d", len(got), len(rows), c.readEnded)
	}
	return got
}

// TestWholeRowDiffLaw: of multisets too, apply(prev, Diff(prev, next)) = next; with no more changes than rows that came or went, and
// none of them an update. Where hashes collide, the law holds all the same.
func TestWholeRowDiffLaw(t *testing.T) {
	codec, err := table.NewCodec(wholeSchema())
	if err != nil {
		t.Fatal(err)
	}
	cases := 0
	rapid.Check(t, func(t *rapid.T) {
		cases++
		prev, next := genHeap(codec).Draw(t, "prev"), genHeap(codec).Draw(t, "next")
		if rapid.Bool().Draw(t, "mostly the same") {
			next = append(slices.Clone(prev[len(prev)/4:]), next[:len(next)/4]...)
		}
		collide := rapid.IntRange(0, 3).Draw(t, "collide") == 0
		if collide {
			prev, next = colliding(prev), colliding(next)
		}
		memory := rapid.SampledFrom([]int{1, 1 << 20}).Draw(t, "memory")
		old, now := sorted(t, prev, memory), sorted(t, next, memory)
		rand.New(rand.NewPCG(1, 1)).Shuffle(len(prev), func(i, j int) { prev[i], prev[j] = prev[j], prev[i] })
		if !maps.Equal(old, sorted(t, prev, memory)) {
			t.Fatal("the engine's order decides about keys")
		}
		got, updates, changes := maps.Clone(old), 0, 0
		for c, err := range Diff(rowsOf(old), rowsOf(now)) {
			if err != nil {
				t.Fatal(err)
			}
			if changes++; c.Op == change.Update {
				updates++
			}
			apply(t, got, c)
		}
		if !maps.Equal(got, now) {
			t.Fatal("the changes do not turn the one into the other")
		}
		have := map[string]int{}
		for _, image := range got {
			have[image]++
		}
		if !maps.Equal(have, countsOf(next)) {
			t.Fatalf("%d different rows, want %d", len(have), len(countsOf(next)))
		}
		if want := moved(countsOf(prev), countsOf(next)); !collide && (updates > 0 || changes != want) {
			t.Fatalf("%d changes, %d of them updates; %d rows came or went", changes, updates, want)
		}
	})
	t.Logf("counted: %d pairs of multisets", cases)
}

// moved is how many rows are in one multiset and not in the other.
func moved(prev, next map[string]int) (n int) {
	for image, count := range prev {
		n += max(0, count-next[image])
	}
	for image, count := range next {
		n += max(0, count-prev[image])
	}
	return n
}

// TestOneOfThreeEqualRows: only their number matters.
func TestOneOfThreeEqualRows(t *testing.T) {
	o := &ordinals{whole: true}
	var given []string
	for _, hash := range []string{"a", "a", "a", "b", "c", "c"} {
		given = append(given, fmt.Sprint(hash, table.Ordinal(o.key(append(bytes.Repeat([]byte(hash), 16), make([]byte, 8)...)))))
	}
	if got := strings.Join(given, " "); got != "a0 a1 a2 b0 c0 c1" {
		t.Errorf("got %s", got)
	}
}

// TestCaptureWithoutKey: equal rows, any order of the engine, a column that comes: the digest is the engine's own multiset.
func TestCaptureWithoutKey(t *testing.T) {
	w := newWorld(t, 3, "Alice", "Bob", "Carol")
	w.engine.whole, w.memory = true, 1
	p := w.start()
	if r := w.capture(p, TableOptions{}); r.Rows != 5 || r.Counts.Reads != 5 || r.Digest != w.digest() {
		t.Errorf("%+v, the engine's digest is %v", r, w.digest())
	}
	if r := w.capture(p, TableOptions{}); r.Counts.Total() != 0 || r.Digest != w.digest() {
		t.Errorf("nothing changed: %+v", r)
	}
	w.engine.set(1, "Alicia") // twice there: two rows go, two come
	if r := w.capture(p, TableOptions{}); r.Counts != (change.Counts{Creates: 2, Deletes: 2}) || r.Digest != w.digest() {
		t.Errorf("one row's value changed: %+v", r)
	}
	w.engine.columns = append(w.engine.columns, table.Column{Name: "more", Type: table.Type{Kind: table.Int}})
	if r := w.capture(p, TableOptions{}); r.Counts.Total() != 0 || r.Baseline || r.Digest != w.digest() {
		t.Errorf("a column came: %+v", r)
	}
	w.engine.columns = w.engine.columns[:2]
	if r := w.capture(p, TableOptions{}); !r.Baseline || !strings.Contains(r.Reason, "the whole row, which is the key,") || r.Counts.Reads != 5 {
		t.Errorf("a column went: %+v", r)
	}
	w.engine.whole = false
	if r := w.capture(p, TableOptions{}); !r.Baseline || !strings.Contains(r.Reason, "the key changed from [*] to [id]") || r.Counts.Reads != 3 {
		t.Errorf("a key came: %+v", r)
	}
}

// TestReadAgainEnds: of a table that was altered while it was read, the read ended when the second one did, whoever sorts.
func TestReadAgainEnds(t *testing.T) {
	for _, whole := range []bool{true, false} {
		w := newWorld(t, 1, "Alice", "Bob")
		w.engine.whole = whole
		w.engine.scanned = func(row int) error {
			if row == 1 {
				w.engine.columns, w.engine.scanned = append(w.engine.columns, table.Column{Name: "more", Type: table.Type{Kind: table.Int}}), nil
			}
			return nil
		}
		if r := w.capture(w.start(), TableOptions{}); r.Reread == "" || !r.ReadEnded.After(r.ReadBegan) || r.Digest != w.digest() {
			t.Errorf("without a key %t: %+v", whole, r)
		}
	}
}

// digest of the engine's rows, computed without the producer.
func (w *world) digest() (d table.Digest) {
	definition, err := w.engine.Describe(context.Background(), orders)
	if err != nil {
		w.t.Fatal(err)
	}
	codec, err := table.NewCodec(definition.Schema)
	if err != nil {
		w.t.Fatal(err)
	}
	for row, err := range w.engine.Rows(context.Background(), definition.Schema, true) {
		if err != nil {
			w.t.Fatal(err)
		}
		f, err := codec.Fingerprint(row.Image)
		if err != nil {
			w.t.Fatal(err)
		}
		d.Add(f)
	}
	return d
}

// TestSortNeedsSpace: a disk without room for the sort is refused, before the read where the size is known, and nothing stays of it.
func TestSortNeedsSpace(t *testing.T) {
	long := strings.Repeat("long ", 4000)
	w := newWorld(t, 1, long+"1", long+"2", long+"3")
	w.engine.whole, w.memory = true, 1
	memory := w.fs.(*disk.Memory)
	memory.SetFree(spareBytes + 30_000)
	var space *sorting.SpaceError
	if _, err := w.start().Capture(context.Background(), orders, TableOptions{}); !errors.As(err, &space) || space.ExitCode() != 6 {
		t.Fatalf("got %v", err)
	}
	entries, err := memory.ReadDir("/data/snapshots/shop.orders")
	if err != nil || len(entries) != 1 { // the lock
		t.Errorf("%v, %v", entries, err)
	}
}

// TestSortBytes: what a sort takes of the disk counts before the read, unless all of it fits into memory.
func TestSortBytes(t *testing.T) {
	c := &capture{producer: New(nil, nil, Options{}), schema: wholeSchema()}
	for _, test := range []struct{ rows, bytes, want int64 }{
		{0, 0, 0}, {1000, 1 << 20, 0}, {1 << 20, 1 << 26, 1<<26 + sorting.RecordBytes<<20},
	} {
		if got := c.sortBytes(test.rows, test.bytes); got != test.want {
			t.Errorf("%d rows of %d bytes: %d, want %d", test.rows, test.bytes, got, test.want)
		}
	}
	c.schema = &table.Schema{}
	if got := c.sortBytes(1<<30, 1<<40); got != 0 {
		t.Errorf("the engine sorts: %d", got)
	}
}

// TestCrashOfASort: a crash, or a failure, at every operation of a capture that sorts on the disk loses no committed snapshot and
// invents none, and leaves no row outside the snapshot files.
func TestCrashOfASort(t *testing.T) {
	for _, whole := range []bool{true, false} {
		for _, crash := range []bool{true, false} {
			k := int64(1)
			for crashSortAt(t, k, crash, whole) {
				k++
			}
			t.Logf("counted: %d operations of a sorting capture, crash %t, without a key %t", k-1, crash, whole)
		}
	}
}

func crashSortAt(t *testing.T, k int64, crash, whole bool) bool {
	t.Helper()
	long := strings.Repeat("long ", 1000)
	w := newWorld(t, 2, "Alice"+long, "Bob"+long, "Carol"+long)
	defer w.close()
	w.engine.whole, w.memory = whole, 1
	a := &attempts{w: w, acked: map[int]int64{}, o: TableOptions{SortHere: true}}
	memory, ctx := w.fs.(*disk.Memory), context.Background()
	p := w.startOn(memory)
	if err := a.try(ctx, p); err != nil {
		t.Fatal(err)
	}
	if crash {
		memory.CrashAt(k)
	} else {
		memory.FailAt(k)
	}
	_ = a.try(ctx, p)
	_ = p.Close()
	if !memory.Tripped() {
		return false
	}
	if crash {
		w.fs = memory.Restart([]disk.Loss{disk.LoseAll(), disk.LoseNone(), disk.LoseSome(uint64(k))}[k%3])
	}
	p = w.startOn(w.fs)
	if err := a.try(ctx, p); err != nil {
		t.Fatalf("operation %d: %v", k, err)
	}
	_ = p.Close()
	a.check(t, fmt.Sprint("operation ", k))
	entries, err := w.fs.ReadDir("/data/snapshots/shop.orders")
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), "run-") {
			t.Errorf("operation %d: %s is left", k, e.Name())
		}
	}
	return err == nil
}

package producer

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"rewind/change"
	"rewind/crypt"
	"rewind/disk"
	"rewind/table"
)

// chain captures a table again and again, without a topic: each snapshot is merged with the file of the one before.
type chain struct {
	t       *testing.T
	where   string // the seed
	fs      *disk.Memory
	keys    *crypt.Keys
	memory  int
	random  *rand.Rand
	columns []table.Column
	prev    []table.Row // of the current file
	current *fileHeader
	counted *chained
	certain bool // nothing of a capture is left to chance

	streams  int // that read the table
	sortHere bool
	opened   int64 // streams, so far
}

// chained counts what the chains went through.
type chained struct{ captures, taken, blocks, full, spilled, tooMany, altered int }

// TestMergeLaw: whatever a chain of captures goes through, a capture finds the changes that a plain diff of the two tables finds; its file
// holds the table, each row with its own fingerprint and under the table's digest, though most of it was taken over from the file before.
func TestMergeLaw(t *testing.T) {
	keys := newKeys(t)
	var n chained
	first := rand.Uint64()
	for seed := first; seed < first+30; seed++ {
		c := &chain{t: t, fs: disk.NewMemory(), random: rand.New(rand.NewPCG(seed, 1)), columns: testHeader().schema.Columns, counted: &n}
		c.where = fmt.Sprint("seed ", seed)
		c.memory = []int{0, 1, 2000}[c.random.IntN(3)]
		if c.random.IntN(4) == 0 {
			c.keys = keys
		}
		if err := disk.MakeDirs(c.fs, "/data/t", 0o700); err != nil {
			t.Fatal(err)
		}
		ids := map[int64]int{}
		for range c.random.IntN(250) {
			ids[c.random.Int64N(2000)] = 0
		}
		for range 4 {
			c.capture(c.rows(ids))
			c.alter(ids)
		}
	}
	if n.taken == 0 || n.full == 0 || n.spilled == 0 || n.tooMany == 0 || n.altered == 0 || n.taken == n.blocks {
		t.Errorf("not everything was tried: %+v", n)
	}
	t.Logf("counted: %d captures in chains, %d of %d blocks taken over as they were packed, %d times the changes were on the disk, %d times too many",
		n.captures, n.taken, n.blocks, n.spilled, n.tooMany)
}

// alter changes the table: nothing, little, all over, a stretch of it, or its schema.
func (c *chain) alter(ids map[int64]int) {
	low, high, share := int64(0), int64(2000), c.random.IntN(60)
	switch c.random.IntN(8) {
	case 0:
		return
	case 6, 7: // the end is cut off
		low, share = high-c.random.Int64N(high), c.random.IntN(10)
		for id := range ids {
			if id > low {
				delete(ids, id)
			}
		}
		low, high = low-low/4, low
	case 1:
		share = 1000
	case 2:
		low = c.random.Int64N(2000)
		high, share = low+100, 500
	case 3:
		c.columns = append(slices.Clone(c.columns), table.Column{ID: len(c.columns) + 1, Name: fmt.Sprint("more", len(c.columns)), Type: table.Type{Kind: table.String}})
		c.counted.altered++
	}
	for id := low; id < high; id++ {
		if c.random.IntN(1000) >= share {
			continue
		}
		if version, there := ids[id]; !there || c.random.IntN(3) > 0 {
			ids[id] = version + 1
		} else {
			delete(ids, id)
		}
	}
}

func (c *chain) schema() *table.Schema {
	return &table.Schema{Table: orders, Key: []int{1}, NextColumnID: len(c.columns) + 1, Columns: c.columns}
}

// rows encodes the table. A row has some hundred bytes, so that a few hundred of them are many blocks.
func (c *chain) rows(ids map[int64]int) (rows []table.Row) {
	codec, err := table.NewCodec(c.schema())
	if err != nil {
		c.t.Fatal(err)
	}
	for id := range int64(2000) {
		version, there := ids[id]
		if !there {
			continue
		}
		text := fmt.Sprint("row ", id, " version ", version, strings.Repeat(fmt.Sprint(" ", id*7919), int(10+id%70)))
		if id%500 == 3 {
			text += strings.Repeat("x", 3*blockBytes)
		}
		row, err := encode(codec, id, text)
		if err != nil {
			c.t.Fatal(err)
		}
		rows = append(rows, row)
	}
	return rows
}

// capture makes the next snapshot of the chain and holds it against what it should be.
func (c *chain) capture(rows []table.Row) {
	c.counted.captures++
	source := &ranged{heap: heap{all: rows}}
	p := New(source, nil, Options{FS: c.fs, Keys: c.keys, MemoryBytes: c.memory})
	one := &capture{producer: p, session: &session{dir: "/data/t"}, name: orders, schema: c.schema(), logger: newDiscard()}
	one.options = TableOptions{Streams: c.streams, SortHere: c.sortHere, Guard: Guard{Deletes: Limit{kind: off}}}
	one.definition = &table.Definition{Schema: one.schema}
	state := &term{current: c.current, stream: strings.Repeat("0a", 16), states: make([]logState, 2)}
	if err := one.plan(state); err != nil {
		c.t.Fatal(err)
	}
	if one.spoolBytes = one.spoolMemory(); c.certain || c.random.IntN(3) == 0 {
		one.spoolBytes = 1 << 20
	}
	if !c.certain && c.random.IntN(5) == 0 {
		one.header.Kept = 0
		c.counted.full++
	}
	if err := one.scan(context.Background(), state); err != nil {
		c.t.Fatal(err)
	}
	found := one.spool != nil
	c.checkChanges(one, rows)
	c.checkFile(one, rows)
	if err := errors.Join(one.dropSpool(), one.folder().promote()); err != nil {
		c.t.Fatal(err)
	}
	if !found && c.current != nil {
		c.counted.tooMany++
	}
	c.prev, c.current, c.opened = rows, one.header, c.opened+source.streams.Load()
}

// checkChanges holds the changes against those of a plain diff of the tables.
func (c *chain) checkChanges(one *capture, rows []table.Row) {
	var got, want []string
	say := func(m change.Change) string { return fmt.Sprintf("%d %x %x %x", m.Op, m.Key, m.Before, m.After) }
	for m, err := range one.changes() {
		if err != nil {
			c.t.Fatal(err)
		}
		got = append(got, say(m))
	}
	if one.spool != nil && one.spool.spool.Spilled() > 0 {
		c.counted.spilled++
	}
	for m, err := range Diff(c.projected(one), each(rows)) {
		if err != nil {
			c.t.Fatal(err)
		}
		want = append(want, say(m))
	}
	if !slices.Equal(got, want) {
		c.t.Fatalf("%s: %d changes, a plain diff finds %d", c.where, len(got), len(want))
	}
}

// projected are the rows of before under the schema of now.
func (c *chain) projected(one *capture) func(yield func(table.Row, error) bool) {
	return func(yield func(table.Row, error) bool) {
		for _, row := range c.prev {
			var now table.Row
			var err, errKey error
			now.Image, err = one.projection.AppendImage(nil, row.Image)
			now.Key, errKey = one.projection.AppendKey(nil, row.Key)
			if !yield(now, errors.Join(err, errKey)) {
				return
			}
		}
	}
}

// checkFile reads the new file: the rows, their fingerprints, its digest, its summaries; and counts which of its blocks the file before
// has, too.
func (c *chain) checkFile(one *capture, rows []table.Row) {
	codec, err := table.NewCodec(one.schema)
	if err != nil {
		c.t.Fatal(err)
	}
	before := map[string]bool{}
	if c.current != nil {
		c.blocks(currentName, func(packed []byte) { before[string(packed)] = true })
	}
	c.checkSummaries()
	c.blocks(pendingName, func(packed []byte) {
		c.counted.blocks++
		if before[string(packed)] {
			c.counted.taken++
		}
	})
	f, err := one.folder().open(pendingName)
	if err != nil {
		c.t.Fatal(err)
	}
	defer f.close()
	var digest table.Digest
	for i := 0; ; i++ {
		row, print, err := f.next()
		if errors.Is(err, io.EOF) && i == len(rows) && digest == one.end.digest {
			return
		}
		if err != nil || i == len(rows) || !bytes.Equal(row.Key, rows[i].Key) || !bytes.Equal(row.Image, rows[i].Image) {
			c.t.Fatalf("%s: row %d of %d: %v; digest %v, of the file %v", c.where, i, len(rows), err, digest, one.end.digest)
		}
		own, err := codec.Fingerprint(row.Image)
		if err != nil || own != print {
			c.t.Fatalf("%s: row %d has another row's fingerprint: %v", c.where, i, err)
		}
		digest.Add(own)
	}
}

// checkSummaries reads the new file block by block: a summary stands before each of rows, and says what a reading of them finds.
func (c *chain) checkSummaries() {
	f, err := folder{fs: c.fs, dir: "/data/t", keys: c.keys}.open(pendingName)
	if err != nil {
		c.t.Fatal(err)
	}
	defer f.close()
	for said := (*summary)(nil); ; {
		count, records, err := f.in.Next()
		if errors.Is(err, io.EOF) {
			return
		}
		if err != nil {
			c.t.Fatal(err)
		}
		switch {
		case said == nil && isSummary(records):
			s, err := parseSummary(count, records)
			if said = &s; err != nil {
				c.t.Fatal(err)
			}
		case said == nil && records[0] == endTag && count == 1:
		default:
			s, _, err := summarize(records, f.in.Packed(), f.header.HashKey, nil)
			if err != nil || said == nil || *said != s || int64(count) != s.digest.Rows {
				c.t.Fatalf("%s: a block of %d rows is %+v, its summary says %+v (%v)", c.where, count, s, said, err)
			}
			said = nil
		}
	}
}

func (c *chain) blocks(name string, each func(packed []byte)) {
	f, err := folder{fs: c.fs, dir: "/data/t", keys: c.keys}.open(name)
	if err != nil {
		c.t.Fatal(err)
	}
	defer f.close()
	for {
		_, records, err := f.in.Next()
		if err != nil {
			return
		}
		if !isSummary(records) {
			each(f.in.Packed())
		}
	}
}

// TestBlocksMeetAgain: behind rows that came and went, the blocks of the new file are those of the file before.
func TestBlocksMeetAgain(t *testing.T) {
	var n chained
	c := &chain{t: t, fs: disk.NewMemory(), columns: testHeader().schema.Columns, counted: &n, random: rand.New(rand.NewPCG(1, 1))}
	if err := disk.MakeDirs(c.fs, "/data/t", 0o700); err != nil {
		t.Fatal(err)
	}
	ids := map[int64]int{}
	for id := int64(100); id < 1000; id++ {
		ids[id] = 0
	}
	c.whole(ids)
	for i, alter := range []func(){
		func() { ids[0] = 0 }, func() { delete(ids, 0) }, func() { ids[500] = 1 }, func() { ids[1999] = 0 }, func() {},
		func() { // a block grows until it is divided
			for id := range int64(90) {
				ids[id] = 0
			}
		},
		func() { // and what is left of a block goes into another
			for id := range int64(88) {
				delete(ids, id)
			}
		},
	} {
		alter()
		n.blocks, n.taken = 0, 0
		if c.whole(ids); n.blocks < 30 || n.blocks-n.taken > 6 {
			t.Errorf("step %d: %d of %d blocks taken over", i, n.taken, n.blocks)
		}
	}
}

// whole captures with everything on: what did not change is taken over, no change is too many.
func (c *chain) whole(ids map[int64]int) {
	c.certain = true
	c.capture(c.rows(ids))
}

// TestKeptCaptures: every so many captures, and with another schema, everything is written anew; an accident in between does not change
// what is counted.
func TestKeptCaptures(t *testing.T) {
	w := newWorld(t, 1, "Alice", "Bob")
	p := w.start()
	w.capture(p, TableOptions{})
	f := folder{fs: w.fs, dir: "/data/snapshots/" + orders.FileName()}
	kept := func() int {
		h, err := f.header(currentName)
		if err != nil {
			t.Fatal(err)
		}
		return h.Kept
	}
	var seen []int
	for range fullEvery + 2 {
		seen = append(seen, kept())
		w.capture(p, TableOptions{})
	}
	want := append(make([]int, 0, len(seen)), 0)
	for i := 1; i < len(seen); i++ {
		want = append(want, i%fullEvery)
	}
	if !slices.Equal(seen, want) {
		t.Errorf("kept %v", seen)
	}
	w.engine.columns = append(w.engine.columns, table.Column{Name: "more", Type: table.Type{Kind: table.Int}})
	if w.capture(p, TableOptions{}); kept() != 0 {
		t.Error("kept, though the schema is another")
	}
	if w.capture(p, TableOptions{}); kept() != 1 {
		t.Error("nothing kept behind it")
	}
	if w.capture(p, TableOptions{Rebaseline: true}); kept() != 0 {
		t.Error("a baseline was kept")
	}
}

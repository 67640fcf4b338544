package producer

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"math/rand/v2"
	"os"
	"strings"
	"testing"

	"rewind/disk"
	"rewind/ocf"
	"rewind/table"
)

// newChain begins a chain of captures of a table of so many rows.
func newChain(t *testing.T, rows int64) (*chain, map[int64]int) {
	t.Helper()
	c := &chain{t: t, fs: disk.NewMemory(), columns: testHeader().schema.Columns, counted: &chained{}, random: rand.New(rand.NewPCG(1, 1))}
	if err := disk.MakeDirs(c.fs, "/data/t", 0o700); err != nil {
		t.Fatal(err)
	}
	ids := map[int64]int{}
	for id := range rows {
		ids[id] = 0
	}
	c.whole(ids)
	return c, ids
}

func (c *chain) content(name string) []byte {
	f, err := c.fs.OpenFile("/data/t/"+name, os.O_RDONLY, 0)
	if err != nil {
		c.t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	content, err := io.ReadAll(f)
	if err != nil {
		c.t.Fatal(err)
	}
	return content
}

func (c *chain) overwrite(content []byte) {
	if err := disk.WriteFile(c.fs, "/data/t/"+currentName, content, 0o600); err != nil {
		c.t.Fatal(err)
	}
}

// scanOver captures the rows over the current file, which may be damaged.
func (c *chain) scanOver(rows []table.Row) (*capture, error) {
	p := New(&ranged{heap: heap{all: rows}}, nil, Options{FS: c.fs})
	one := &capture{producer: p, session: &session{dir: "/data/t"}, name: orders, schema: c.schema(), logger: newDiscard()}
	one.definition = &table.Definition{Schema: one.schema}
	state := &term{current: c.current, stream: strings.Repeat("0a", 16), states: make([]logState, 2)}
	if err := one.plan(state); err != nil {
		c.t.Fatal(err)
	}
	one.spoolBytes = 1 << 20
	err := one.scan(context.Background(), state)
	return one, errors.Join(err, one.dropSpool())
}

// TestDamageIsNotTakenOver: a bit turned in any byte of the current file stops the capture that takes its blocks over, though nothing in
// them changed and nobody unpacks them.
func TestDamageIsNotTakenOver(t *testing.T) {
	c, ids := newChain(t, 150)
	rows, whole := c.rows(ids), c.content(currentName)
	for n := range whole {
		damaged := bytes.Clone(whole)
		damaged[n] ^= 1 << (n % 8)
		c.overwrite(damaged)
		_, err := c.scanOver(rows)
		var file *FileError
		if !errors.As(err, &file) {
			t.Fatalf("byte %d of %d: %v", n, len(whole), err)
		}
	}
	c.overwrite(whole)
	if _, err := c.scanOver(rows); err != nil {
		t.Fatal(err)
	}
	t.Logf("counted: %d damaged files of blocks that are taken over unread", len(whole))
}

// TestTheEndCutOff: wherever a table's end is cut off, with a row before it changed or gone, nothing is found but that.
func TestTheEndCutOff(t *testing.T) {
	for cut := int64(1); cut < 150; cut++ {
		for _, near := range []int64{cut - 4, cut - 1} {
			c, ids := newChain(t, 150)
			c.where = fmt.Sprint("cut behind ", cut, ", gone ", near)
			for id := range int64(150) {
				if id > cut || id == near {
					delete(ids, id)
				}
			}
			c.whole(ids)
		}
	}
}

// TestSummaryOfOthers: a block whose summary speaks of other rows, in a file that is whole but for that, is found out, whether it is taken
// over unread or was read; and so is one that holds more than its rows.
func TestSummaryOfOthers(t *testing.T) {
	c, ids := newChain(t, 150)
	rows, whole := c.rows(ids), c.content(currentName)
	gone, now := map[int64]int{}, map[int64]int{}
	for id := range int64(150) { // all blocks are read, for a row that is gone or another
		if now[id] = int(id % 5 / 4); id%5 > 0 {
			gone[id] = 0
		}
	}
	altered := [][]table.Row{c.rows(gone), c.rows(now)}
	ids[10] = 1 // none but the third
	altered = append(altered, c.rows(ids))
	for name, wrong := range map[string]struct {
		summary func(*summary)
		block   func([]byte) []byte
		unread  bool // it shows where the block is not read, too
	}{
		"sums":      {summary: func(s *summary) { s.digest.F++ }, unread: true},
		"more":      {block: func(b []byte) []byte { return append(b, 0) }},
		"a key":     {summary: func(s *summary) { s.checksum++ }, unread: true},
		"row count": {summary: func(s *summary) { s.digest.Rows++ }, unread: true},
	} {
		c.overwrite(whole)
		c.forge(3, wrong.summary, wrong.block)
		var file *FileError
		if _, _, err := readTestFile(c.fs, "/data/t/"+currentName, nil); !errors.As(err, &file) {
			t.Errorf("%s, read: %v", name, err)
		}
		for i := range altered {
			if _, err := c.scanOver(altered[i]); !errors.As(err, &file) {
				t.Errorf("%s, compared with %d: %v", name, i, err)
			}
		}
		if _, err := c.scanOver(rows); wrong.unread && !errors.As(err, &file) {
			t.Errorf("%s, left unread: %v", name, err)
		}
	}
}

// forge alters one of the current file's blocks, or its summary.
func (c *chain) forge(which int, ofSummary func(*summary), ofBlock func([]byte) []byte) {
	var kept []byte // the summary, until its block comes
	n := 0
	c.rewrite(fileSchema, func(count int, records []byte) [][]byte {
		if isSummary(records) {
			kept = bytes.Clone(records)
			return nil
		}
		if kept == nil {
			return [][]byte{records}
		}
		s, err := parseSummary(1, kept)
		if err != nil {
			c.t.Fatal(err)
		}
		kept = nil
		if n++; n == which && ofBlock != nil {
			records = ofBlock(bytes.Clone(records))
			var packed ocf.Ahead
			if err := packed.Pack(count, records); err != nil {
				c.t.Fatal(err)
			}
			s.checksum = crc32.Checksum(packed.Packed(), castagnoli)
		}
		if n == which && ofSummary != nil {
			ofSummary(&s)
		}
		return [][]byte{appendSummary(nil, &s), records}
	})
	if n < which {
		c.t.Fatalf("%d blocks", n)
	}
}

// rewrite writes the current file anew: of each block change makes none, itself, or a summary and itself.
func (c *chain) rewrite(schema string, change func(count int, records []byte) [][]byte) {
	f, err := folder{fs: c.fs, dir: "/data/t"}.open(currentName)
	if err != nil {
		c.t.Fatal(err)
	}
	defer f.close()
	meta, err := json.Marshal(c.current)
	if err != nil {
		c.t.Fatal(err)
	}
	var out bytes.Buffer
	w, err := ocf.NewWriter(&out, ocf.Header{Schema: schema, Meta: map[string][]byte{fileMetaKey: meta}})
	if err != nil {
		c.t.Fatal(err)
	}
	for {
		count, records, err := f.in.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			c.t.Fatal(err)
		}
		for _, changed := range change(count, records) {
			n := count
			if isSummary(changed) {
				n = 1
			}
			if err := w.WriteBlock(n, changed); err != nil {
				c.t.Fatal(err)
			}
		}
	}
	c.overwrite(out.Bytes())
}

// TestFileOfBefore: over a file of version 1, which has no summaries, a capture takes the blocks over all the same, and writes theirs.
func TestFileOfBefore(t *testing.T) {
	c, ids := newChain(t, 400)
	key := c.current.HashKey
	c.current.Version, c.current.HashKey = 1, nil
	c.rewrite(fileSchema1, func(_ int, records []byte) [][]byte {
		if isSummary(records) {
			return nil
		}
		return [][]byte{records}
	})
	h := *c.current
	if h.HashKey = key; h.check() == nil {
		t.Error("version 1 with a key")
	}
	ids[77], ids[1234] = 1, 0
	delete(ids, 200)
	for range 2 {
		c.counted.blocks, c.counted.taken = 0, 0
		if c.whole(ids); c.counted.blocks < 20 || c.counted.blocks-c.counted.taken > 4 {
			t.Errorf("%d of %d blocks taken over", c.counted.taken, c.counted.blocks)
		}
		if c.current.Version != fileVersion || len(c.current.HashKey) != hashKeyBytes {
			t.Errorf("version %d, a key of %d bytes", c.current.Version, len(c.current.HashKey))
		}
	}
}

func FuzzSummary(f *testing.F) {
	f.Add(appendSummary(nil, &summary{digest: table.Digest{Rows: 3, M: 1, F: 2}, bytes: 100, checksum: 5}))
	f.Add([]byte{summaryTag})
	f.Fuzz(func(t *testing.T, b []byte) {
		if !isSummary(b) {
			return
		}
		s, err := parseSummary(1, b)
		if err != nil {
			return
		}
		again, err := parseSummary(1, appendSummary(nil, &s))
		if err != nil || again != s {
			t.Errorf("%x reads differently once written again: %+v, %v", b, again, err)
		}
	})
}

package replay

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"rewind/change"
	"rewind/crypt"
	"rewind/disk"
	"rewind/sandbox/racing"
)

// TestAnIndexDecidesNothing: restore points, gaps, the partitions' states and histories are the same with indexes, with those that the
// first reading made, with some of them gone, and without.
func TestAnIndexDecidesNothing(t *testing.T) {
	t.Parallel()
	journals, indexes := 0, 0
	rapid.Check(t, func(t *rapid.T) {
		fsys := disk.NewMemory()
		live(t, fsys, 10)
		want := answersOf(t, Options{indexFrom: 1, FS: unindexed{fsys}}, someKeys...)
		for n, what := range []string{"made", "used", "some gone"} {
			var lines bytes.Buffer
			o := Options{indexFrom: 1, FS: fsys, Logger: slog.New(slog.NewTextHandler(&lines, nil))}
			if got := want.differs(answersOf(t, o, someKeys...)); got != "" {
				t.Fatalf("indexes %s: %s", what, got)
			}
			if strings.Contains(lines.String(), "index") {
				t.Fatalf("indexes %s: %s", what, lines.String())
			}
			made := indexesOf(t, fsys)
			if n == 0 {
				indexes += len(made)
			}
			for i, path := range made {
				if i%2 == 0 {
					if err := fsys.Remove(path); err != nil {
						t.Fatal(err)
					}
				}
			}
		}
		journals++
	})
	if indexes < journals {
		t.Errorf("only %d indexes in %d journals", indexes, journals)
	}
	t.Logf("counted: %d journals of %d indexed segments", journals, indexes)
}

// indexed is a journal of some sealed segments with their indexes, and what it says without them.
func indexed(t *testing.T, keys *crypt.Keys) (*disk.Memory, answers) {
	t.Helper()
	fsys := disk.NewMemory()
	tp := unopenedTape(t, fsys, 1)
	tp.segment, tp.keys = 500, keys
	tp.openJournals()
	tp.open(2)
	tp.use(ordersSchema(itemColumn))
	for i := range 2 {
		tp.snapshot(rowsOf(t, tp.schema, []string{"1", "a", fmt.Sprint("Alice", i)}, []string{fmt.Sprint(i), "b", "secret"}, []string{"7", "c", "x"}), published{})
	}
	tp.close()
	want := answersOf(t, Options{indexFrom: 1, FS: unindexed{fsys}, Keys: keys}, someKeys...)
	if got := want.differs(answersOf(t, Options{indexFrom: 1, FS: fsys, Keys: keys}, someKeys...)); got != "" {
		t.Fatal(got)
	}
	if n := len(indexesOf(t, fsys)); n < 2 {
		t.Fatalf("%d indexes", n)
	}
	return fsys, want
}

// TestFlippedIndex flips a bit of every byte of an index, cuts it in many places, and lengthens it: the answers stay, it is said in the
// log, and the index is made again as it was.
func TestFlippedIndex(t *testing.T) {
	fsys, want := indexed(t, nil)
	path := indexesOf(t, fsys)[1]
	good := bytesOf(t, fsys, path)
	cases := 0
	try := func(what string, bad []byte) {
		t.Helper()
		cases++
		putFile(t, fsys, path, bad)
		var lines bytes.Buffer
		o := Options{indexFrom: 1, FS: fsys, Logger: slog.New(slog.NewTextHandler(&lines, nil))}
		if got := want.differs(answersOf(t, o, someKeys...)); got != "" {
			t.Fatalf("%s: %s", what, got)
		}
		if !strings.Contains(lines.String(), "an index cannot be used") {
			t.Fatalf("%s: nothing was said", what)
		}
	}
	for i := 0; i < len(good); i += racing.Step { // every bit: see index
		bad := slices.Clone(good)
		bad[i] ^= 1 << (i % 8)
		try(fmt.Sprint("byte ", i), bad)
	}
	for n := 0; n < len(good); n += 5 * racing.Step {
		try(fmt.Sprint("cut at ", n), good[:n])
	}
	try("longer", append(slices.Clone(good), 0))
	try("another segment's", bytesOf(t, fsys, indexesOf(t, fsys)[0]))
	if again := bytesOf(t, fsys, path); !bytes.Equal(again, good) {
		t.Errorf("it was made again with %d bytes, had %d", len(again), len(good))
	}
	t.Logf("counted: %d damages of an index", cases)
}

// TestIndexOfOtherBytes: an index whose segment was exchanged, together with the chain behind it, is not used.
func TestIndexOfOtherBytes(t *testing.T) {
	fsys, _ := indexed(t, nil)
	other, want := indexedOther(t)
	for _, path := range indexesOf(t, fsys) {
		putFile(t, other, path, bytesOf(t, fsys, path))
	}
	if got := want.differs(answersOf(t, Options{indexFrom: 1, FS: other}, someKeys...)); got != "" {
		t.Fatal(got)
	}
}

// indexedOther is a journal whose segments begin at the same offsets and hold other rows.
func indexedOther(t *testing.T) (*disk.Memory, answers) {
	t.Helper()
	fsys := disk.NewMemory()
	tp := newTape(t, fsys, 1)
	tp.close()
	tp.segment = 500
	tp.openJournals()
	tp.open(1)
	tp.use(ordersSchema(itemColumn))
	for i := range 4 {
		tp.snapshot(rowsOf(t, tp.schema, []string{"99", "b", fmt.Sprint("Alice", i)}, []string{fmt.Sprint(i), "b", "public"}, []string{"7", "d", "x"}), published{})
	}
	tp.close()
	return fsys, answersOf(t, Options{indexFrom: 1, FS: unindexed{fsys}}, someKeys...)
}

// TestCrashOfAnIndex: a crash, or a failure, at every disk operation of a reading that makes indexes changes no answer, neither of that
// reading nor of the next one.
func TestCrashOfAnIndex(t *testing.T) {
	base, want := indexed(t, nil)
	for _, path := range indexesOf(t, base) {
		if err := base.Remove(path); err != nil {
			t.Fatal(err)
		}
	}
	for _, crash := range []bool{true, false} {
		for k := int64(1); ; k += racing.Step {
			memory := base.Restart(disk.LoseNone())
			if crash {
				memory.CrashAt(k)
			} else {
				memory.FailAt(k)
			}
			j, err := Open(testRoot, orders, Options{indexFrom: 1, FS: memory})
			if !memory.Tripped() {
				t.Logf("counted: %d operations of a reading that makes indexes, crash %t", k-1, crash)
				break
			}
			if err == nil && j.Damage() == nil && len(j.Points()) != len(want.points) {
				t.Fatalf("operation %d, crash %t: %d points", k, crash, len(j.Points()))
			}
			after := memory
			if crash {
				after = memory.Restart([]disk.Loss{disk.LoseAll(), disk.LoseNone(), disk.LoseSome(uint64(k))}[k%3])
			}
			if got := want.differs(answersOf(t, Options{indexFrom: 1, FS: after}, someKeys...)); got != "" {
				t.Fatalf("operation %d, crash %t: %s", k, crash, got)
			}
		}
	}
}

// TestEncryptedIndex: where segments are encrypted, so are their indexes, and one in clear goes.
func TestEncryptedIndex(t *testing.T) {
	keys := newKeys(t)
	fsys, want := indexed(t, keys)
	for _, path := range indexesOf(t, fsys) {
		b := bytesOf(t, fsys, path)
		if !strings.HasSuffix(path, ".index.age") || !bytes.HasPrefix(b, []byte("age-encryption.org/v1")) || bytes.Contains(b, []byte("CREATE TABLE")) {
			t.Errorf("%s is not encrypted", path)
		}
		clear := strings.TrimSuffix(path, ".age")
		putFile(t, fsys, clear, []byte("what was there before encryption was switched on"))
		if err := fsys.Remove(path); err != nil {
			t.Fatal(err)
		}
	}
	if got := want.differs(answersOf(t, Options{indexFrom: 1, FS: fsys, Keys: keys}, someKeys...)); got != "" {
		t.Fatal(got)
	}
	for _, path := range indexesOf(t, fsys) {
		if !strings.HasSuffix(path, ".index.age") {
			t.Errorf("%s is there in clear", path)
		}
	}
}

// TestForgedLinks: whoever writes an index can list other restore points than the segments hold, but none of them can be folded: every Begin
// and Commit of a fold is met again among the entries.
func TestForgedLinks(t *testing.T) {
	fsys := disk.NewMemory()
	tp := newTape(t, fsys, 2)
	tp.open(1)
	tp.use(ordersSchema(itemColumn))
	for i := range 4 {
		tp.snapshot(rowsOf(t, tp.schema, []string{"1", "a", fmt.Sprint("Alice", i)}, []string{"2", "b", fmt.Sprint("Bob", i)}, []string{"3", "c", fmt.Sprint(i)}), published{})
	}
	tp.close()
	cases := 0
	for _, n := range []int{0, 1} {
		for what, forge := range map[string]func(p *Point, s *span){
			"dropped":   func(p *Point, _ *span) { p.links = slices.Delete(p.links, 1, 2) },
			"digest":    func(p *Point, s *span) { s.commit.Digest.M++; p.Digest = s.commit.Digest },
			"time":      func(_ *Point, s *span) { s.commit.ReadEnded-- },
			"counts":    func(_ *Point, s *span) { s.commit.Counts.Creates++ },
			"from":      func(_ *Point, s *span) { s.from++ },
			"to":        func(_ *Point, s *span) { s.to-- },
			"previous":  func(_ *Point, s *span) { s.begin.Previous = 0 },
			"writer":    func(_ *Point, s *span) { s.begin.Writer[0]++ },
			"next id":   func(_ *Point, s *span) { schema := *s.begin.Schema; schema.NextColumnID++; s.begin.Schema = &schema },
			"statement": func(_ *Point, s *span) { s.begin.DDL = "CREATE TABLE y" },
		} {
			j := openReplay(t, fsys)
			points := j.Points()
			p := points[3]
			p.links = slices.Clone(p.links)
			p.links[1].spans = slices.Clone(p.links[1].spans)
			forged := *p.links[1].spans[n]
			begin, commit := *forged.begin, *forged.commit
			forged.begin, forged.commit = &begin, &commit
			p.links[1].spans[n] = &forged
			if rows, err := collect(t, j, p); err != nil || len(rows) != 3 {
				t.Fatalf("%s: before it was forged: %v", what, err)
			}
			if forge(&p, &forged); what == "digest" {
				p.links = p.links[:2]
			}
			if _, err := collect(t, j, p); err == nil {
				t.Errorf("partition %d, %s: it was folded", n, what)
			}
			cases++
		}
	}
	t.Logf("counted: %d forged links", cases)
}

// TestHistoryReadsLittle: of a journal of many blocks, the history of a key reads those that hold it, and the indexes.
func TestHistoryReadsLittle(t *testing.T) {
	fsys := disk.NewMemory()
	tp := unopenedTape(t, fsys, 1)
	tp.segment = 1 << 20
	tp.openJournals()
	tp.open(1)
	tp.use(ordersSchema(itemColumn))
	tp.batch = &batch{tp: tp, schema: change.EntrySchema(tp.schema), size: 500}
	all := rows{}
	for i := range 20_000 {
		k, image := row(t, tp.schema, fmt.Sprint(i), "a", fmt.Sprint("item ", i, " of ", i*7919%20_011, " and ", i*104_729%99_991))
		all[k] = image
	}
	tp.snapshot(all, published{})
	tp.batch.flush()
	tp.batch = nil
	tp.close()
	if want := answersOf(t, Options{indexFrom: 1, FS: unindexed{fsys}}, "order_id=777,line=a").differs(answersOf(t, Options{indexFrom: 1, FS: fsys}, "order_id=777,line=a")); want != "" {
		t.Fatal(want)
	}
	var total int64
	meter := &readMeter{FS: fsys, report: func(Progress) {}, over: true}
	j, err := Open(testRoot, orders, Options{indexFrom: 1, FS: meter})
	if err != nil {
		t.Fatal(err)
	}
	opened := meter.read
	h, err := j.RowHistory(context.Background(), "order_id=777,line=a")
	if err != nil || len(h.Versions) != 1 {
		t.Fatalf("%+v, %v", h, err)
	}
	reader, err := j.streams[0].partitions[0].open(decoders{})
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range reader.Segments() {
		total += s.Bytes
	}
	t.Logf("counted: %d bytes read to open a journal of %d, %d more for the history of a key", opened, total, meter.read-opened)
	if meter.read*2 > total {
		t.Errorf("%d bytes were read of %d", meter.read, total)
	}
}

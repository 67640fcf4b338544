package producer

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"rewind/disk"
	"rewind/table"
)

// ranged is an engine that reads ranges of keys as of one instant.
type ranged struct {
	heap
	pins    int
	streams atomic.Int64
	refusal error
	none    bool // no instant yet
	failing int  // that stream, counted from 1, fails behind its first row
	missing int  // rows that are in the table and in no range
	counts  error
}

func (r *ranged) Pin(context.Context, *table.Schema) (func(ctx context.Context, ordered bool, from, to []byte) iter.Seq2[table.Row, error],
	func(context.Context) (int64, error), error,
) {
	if r.pins++; r.refusal != nil || r.none {
		return nil, nil, r.refusal
	}
	rows := slices.Clone(r.all) // whatever becomes of the table
	return func(ctx context.Context, _ bool, from, to []byte) iter.Seq2[table.Row, error] {
		return func(yield func(table.Row, error) bool) {
			fails := int(r.streams.Add(1)) == r.failing
			for _, row := range rows {
				if from != nil && bytes.Compare(row.Key, from) < 0 || to != nil && bytes.Compare(row.Key, to) >= 0 {
					continue
				}
				if err := ctx.Err(); err != nil {
					yield(table.Row{}, err)
					return
				}
				if !yield(row, nil) {
					return
				}
				if fails {
					yield(table.Row{}, errBroken)
					return
				}
			}
		}
	}, func(context.Context) (int64, error) { return int64(len(rows) + r.missing), r.counts }, nil
}

var errBroken = errors.New("the stream broke")

// TestStreams: a table that is read by several streams gives the same changes and the same file as by one, whoever sorts, in clear and
// encrypted, what is read ahead being in memory or on the disk.
func TestStreams(t *testing.T) {
	var n chained
	files := 0
	for _, streams := range []int{1, 2, 3, 16, 99} {
		c := &chain{t: t, fs: disk.NewMemory(), columns: testHeader().schema.Columns, counted: &n, certain: true, streams: streams}
		if c.where = fmt.Sprint(streams, " streams"); streams > 2 {
			c.memory, c.keys = 1, newKeys(t)
		}
		if err := disk.MakeDirs(c.fs, "/data/t", 0o700); err != nil {
			t.Fatal(err)
		}
		ids := map[int64]int{}
		for id := int64(0); id < 600; id += 2 {
			ids[id] = 0
		}
		for step := range int64(4) {
			c.sortHere = step == 2
			c.capture(c.rows(ids))
			ids[step], ids[300+step] = 0, 1
			delete(ids, 500+2*step)
			files++
		}
		// A baseline is read by one; behind it, by as many as there are blocks to begin at.
		if want := int64(3 * min(streams, MostStreams)); streams > 1 && (c.opened > want || c.opened < want*3/4) {
			t.Errorf("%d streams: %d were opened, want %d", streams, c.opened, want)
		}
		if entries, err := c.fs.ReadDir("/data/t"); err != nil || len(entries) != 1 {
			t.Errorf("left: %v, %v", entries, err)
		}
	}
	t.Logf("counted: %d captures by several streams", files)
}

// TestStreamsThatBreak: whichever stream breaks, the capture ends with its error, and no goroutine or file is left.
func TestStreamsThatBreak(t *testing.T) {
	w := newWorld(t, 1)
	w.memory = 1
	source := &ranged{}
	p := New(source, w.kafka, Options{Dir: "/data/snapshots", FS: w.fs, Now: w.clock.Now, MemoryBytes: 1})
	t.Cleanup(func() { _ = p.Close() })
	c := &chain{t: t, columns: testHeader().schema.Columns}
	ids := map[int64]int{}
	for id := range int64(300) {
		ids[id] = 0
	}
	source.all, source.columns = c.rows(ids), c.columns
	o := TableOptions{Streams: 3}
	if _, err := p.Capture(context.Background(), orders, o); err != nil || source.pins != 1 {
		t.Fatal(source.pins, err)
	}
	for failing := 1; failing <= 3; failing++ {
		source.streams.Store(0)
		source.failing = failing
		if _, err := p.Capture(context.Background(), orders, o); !errors.Is(err, errBroken) {
			t.Errorf("stream %d: %v", failing, err)
		}
	}
	source.failing = 0
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := p.Capture(ctx, orders, o); !errors.Is(err, context.Canceled) {
		t.Errorf("interrupted: %v", err)
	}
	for _, missing := range []int{1, -1} {
		source.missing = missing
		var refused *RangesError
		if _, err := p.Capture(context.Background(), orders, o); !errors.As(err, &refused) || refused.Counted-refused.Read != int64(missing) || refused.ExitCode() != 6 ||
			!strings.Contains(refused.Hint(), "nothing was published") {
			t.Errorf("%d rows are in no range: %v", missing, err)
		}
	}
	source.missing, source.counts = 0, errBroken
	if _, err := p.Capture(context.Background(), orders, o); !errors.Is(err, errBroken) {
		t.Errorf("no count: %v", err)
	}
	source.counts = nil
	source.all = append(slices.Clone(source.all), source.all[0]) // whoever refuses a row stops the others
	var order *OrderError
	if _, err := p.Capture(context.Background(), orders, o); !errors.As(err, &order) {
		t.Errorf("out of order: %v", err)
	}
	source.all = source.all[:len(source.all)-1]
	if r, err := p.Capture(context.Background(), orders, o); err != nil || r.Counts.Total() != 0 || r.Rows != 300 {
		t.Errorf("%+v, %v", r, err)
	}
	entries, err := w.fs.ReadDir("/data/snapshots/" + orders.FileName())
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), "run-") || err != nil {
			t.Errorf("left: %s, %v", e.Name(), err)
		}
	}
}

// TestStreamsThatCannotBe: what cannot be read by several streams is refused before anything of it is read.
func TestStreamsThatCannotBe(t *testing.T) {
	w := newWorld(t, 1, "Alice", "Bob")
	var refused *StreamsError
	if _, err := w.start().Capture(context.Background(), orders, TableOptions{Streams: 2}); !errors.As(err, &refused) || refused.ExitCode() != 2 ||
		!strings.Contains(refused.Hint(), "scan_streams") {
		t.Errorf("an engine without ranges: %v", err)
	}
	source := &ranged{refusal: errBroken}
	c := &capture{producer: New(source, nil, Options{FS: disk.NewMemory()}), schema: testHeader().schema, name: orders, options: TableOptions{Streams: 2}, logger: newDiscard()}
	if err := c.pin(context.Background(), &term{}); !errors.Is(err, errBroken) {
		t.Errorf("an engine that cannot pin: %v", err)
	}
	source.refusal, source.none = nil, true
	if err := c.pin(context.Background(), &term{current: testHeader()}); err != nil || c.streams != nil {
		t.Errorf("no instant yet: %v", err)
	}
	c.schema = wholeSchema()
	if err := c.pin(context.Background(), &term{}); !errors.As(err, &refused) {
		t.Errorf("whole rows: %v", err)
	}
}

package producer

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"iter"
	"log/slog"
	"maps"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"
	"go.uber.org/goleak"

	"rewind/crypt"
	"rewind/disk"
	"rewind/sandbox/kafkatest"
	"rewind/table"
	"rewind/topic"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var orders = table.Name{Database: "shop", Table: "orders"}

// engine is a Source: one table in memory, whose rows are texts by id.
type engine struct {
	mutex   sync.Mutex
	rows    map[int64]string
	columns []table.Column
	options map[string]string
	order   []int64 // overrides the key order
	whole   bool    // no key: rows come in no order, those with an odd id twice
	scanned func(row int) error
	hidden  map[int64]string
	refusal error  // of Describe
	restore string // that the table comes from
}

func newEngine(rows ...string) *engine {
	e := &engine{
		rows: map[int64]string{},
		columns: []table.Column{
			{Name: "id", Type: table.Type{Kind: table.BigInt}},
			{Name: "name", Type: table.Type{Kind: table.String}},
		},
		options: map[string]string{"TIMEZONE": "UTC"},
	}
	for i, r := range rows {
		e.rows[int64(i+1)] = r
	}
	return e
}

func (e *engine) set(id int64, text string) { e.rows[id] = text }

// hide empties the table until show.
func (e *engine) hide() { e.hidden, e.rows = e.rows, map[int64]string{} }
func (e *engine) show() { e.rows = e.hidden }

func (e *engine) Describe(context.Context, table.Name) (*table.Definition, error) {
	e.mutex.Lock()
	defer e.mutex.Unlock()
	if e.refusal != nil {
		return nil, e.refusal
	}
	s := &table.Schema{Table: orders, NextColumnID: len(e.columns) + 1}
	for i, c := range e.columns {
		c.ID = i + 1
		s.Columns = append(s.Columns, c)
	}
	if s.WholeRow = e.whole; !e.whole {
		s.Key = []int{1}
	}
	return &table.Definition{Schema: s, DDL: "CREATE TABLE shop.orders", Engine: "test", Options: maps.Clone(e.options), Restore: e.restore}, nil
}

// Altered compares by identity; the stand-in that altered tables need is in impala and cmd.
func (e *engine) Altered(ctx context.Context, name table.Name, was *table.Definition) (string, error) {
	now, err := e.Describe(ctx, name)
	if err != nil || now.Schema.Identity() == was.Schema.Identity() {
		return "", err
	}
	return "its schema is another", nil
}

// Rows gives id, then text for every other column that can hold it, NULL elsewhere.
func (e *engine) Rows(ctx context.Context, s *table.Schema, ordered bool) iter.Seq2[table.Row, error] {
	return func(yield func(table.Row, error) bool) {
		codec, err := table.NewCodec(s)
		if err != nil {
			yield(table.Row{}, err)
			return
		}
		e.mutex.Lock()
		defer e.mutex.Unlock()
		ids := slices.Sorted(maps.Keys(e.rows))
		if e.order != nil {
			ids = e.order
		}
		switch {
		case e.whole:
			ids = twice(ids)
		case !ordered:
			slices.Reverse(ids)
		}
		for i, id := range ids {
			if e.scanned != nil {
				if err := e.scanned(i); err != nil {
					yield(table.Row{}, err)
					return
				}
			}
			row, err := encode(codec, id, e.rows[id])
			if err == nil {
				err = ctx.Err()
			}
			if !yield(row, err) || err != nil {
				return
			}
		}
	}
}

func encode(codec *table.Codec, id int64, text string) (row table.Row, err error) {
	values := make([]table.Value, len(codec.Schema().Columns))
	for i, c := range codec.Schema().Columns {
		switch {
		case c.Name == "id":
			values[i].Int = id
		case c.Type.Kind == table.String:
			values[i].Bytes = []byte(text)
		default:
			values[i].Null = true
		}
	}
	if row.Image, err = codec.AppendImage(nil, values); err != nil {
		return row, err
	}
	row.Key, err = codec.AppendKey(nil, values)
	return row, err
}

// world is a Kafka, a disk and an engine, with as many producers as a test starts.
type world struct {
	t       *testing.T
	cluster *kafkatest.Cluster
	kafka   *topic.Client
	fs      disk.FS
	engine  *engine
	logger  *slog.Logger
	clock   *clock
	memory  int // of a sort; 0: what is usual
	keys    *crypt.Keys
}

// clock moves a millisecond with every look, so that tests do not wait for time to pass.
type clock struct {
	mutex sync.Mutex
	now   time.Time
}

func (c *clock) Now() time.Time {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	c.now = c.now.Add(time.Millisecond)
	return c.now
}

func (c *clock) move(d time.Duration) {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	c.now = c.now.Add(d)
}

func newWorld(t *testing.T, partitions int, rows ...string) *world {
	t.Helper()
	w := &world{
		t: t, cluster: kafkatest.New(t), fs: disk.NewMemory(), engine: newEngine(rows...),
		clock: &clock{now: time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC)},
	}
	kafka, err := topic.NewClient(topic.Options{Brokers: w.cluster.ListenAddrs(), Partitions: partitions})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(kafka.Close)
	w.kafka = kafka
	return w
}

// start makes a producer that ends with the test.
func (w *world) start() *Producer {
	p := w.startOn(w.fs)
	w.t.Cleanup(func() { _ = p.Close() })
	return p
}

func (w *world) startOn(fs disk.FS) *Producer {
	return New(w.engine, w.kafka, Options{Dir: "/data/snapshots", FS: fs, Keys: w.keys, Now: w.clock.Now, Logger: w.logger, MemoryBytes: w.memory})
}

// close ends the world before its test does: enumerations make many.
func (w *world) close() {
	w.kafka.Close()
	w.cluster.Close()
}

func (w *world) capture(p *Producer, o TableOptions) Report {
	w.t.Helper()
	r, err := p.Capture(context.Background(), orders, o)
	if err != nil {
		w.t.Fatal(err)
	}
	return r
}

// text writes rows for a comparison.
func text(rows map[int64]string) string {
	var b bytes.Buffer
	for _, id := range slices.SortedFunc(maps.Keys(rows), cmp.Compare[int64]) {
		fmt.Fprintf(&b, "%s=%s ", strconv.FormatInt(id, 10), rows[id])
	}
	return b.String()
}

func newDiscard() *slog.Logger { return slog.New(slog.DiscardHandler) }

// atProduce runs f before Kafka sees the n-th produce request from now; reached says whether there was one. Requests that f
// sends itself are let through.
func (w *world) atProduce(n int, f func()) (reached *bool) {
	reached = new(bool)
	w.cluster.ControlKey(int16(kmsg.Produce), func(kmsg.Request) (kmsg.Response, error, bool) {
		w.cluster.KeepControl()
		if n--; n == 0 {
			*reached = true
			finished := make(chan struct{})
			go func() {
				defer close(finished)
				f()
			}()
			w.cluster.SleepControl(func() { <-finished })
		}
		return nil, nil, false
	})
	return reached
}

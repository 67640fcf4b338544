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

	"rewind/change"
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

// snapshot is a committed snapshot as a reader of the topic sees it.
type snapshot struct {
	id, previous int64
	rows         map[int64]string
	counts       change.Counts
	schema       *table.Schema
}

// committed folds the topic by the rules of the stream, on its own, and proves each digest.
func (w *world) committed() []snapshot {
	w.t.Helper()
	opened, err := w.kafka.Open(context.Background(), orders, false)
	if err != nil {
		w.t.Fatal(err)
	}
	f := &folder0{t: w.t, tables: map[int64]map[string][]byte{}}
	var parts []map[int64]*part
	for p := range opened.Partitions() {
		parts = append(parts, f.readPartition(opened, p))
	}
	var ids []int64
	for id, s := range parts[0] {
		if s.commit != nil {
			ids = append(ids, id)
		}
	}
	slices.Sort(ids)
	var all []snapshot
	for _, id := range ids {
		all = append(all, f.fold(id, parts))
	}
	return all
}

// part is one partition's share of a snapshot.
type part struct {
	begin   *change.Begin
	changes []change.Change
	commit  *change.Commit
}

type folder0 struct {
	t      *testing.T
	tables map[int64]map[string][]byte
	last   int64 // id of the snapshot folded last
}

// readPartition gives the snapshots that one partition holds: stale messages and repeats left out, sequence checked.
func (f *folder0) readPartition(opened *topic.Topic, p int) map[int64]*part {
	f.t.Helper()
	found := map[int64]*part{}
	_, next, err := opened.Bounds(context.Background(), p)
	if err != nil {
		f.t.Fatal(err)
	}
	decoder := change.NewDecoder()
	var stamp change.Stamp
	var current *part
	var id, seq int64
	for m, err := range opened.Read(context.Background(), p, 0, next) {
		if err != nil {
			f.t.Fatal(err)
		}
		d, err := decoder.Decode(m.Value)
		if err != nil {
			f.t.Fatal(err)
		}
		if s, _ := d.Stamp(); d.Open != nil && s.Epoch > stamp.Epoch {
			stamp, current = s, nil
			continue
		} else if s != stamp {
			continue
		}
		switch {
		case d.Begin != nil && d.Begin.Snapshot > id:
			current = &part{begin: d.Begin}
			found[d.Begin.Snapshot] = current
			id, seq = d.Begin.Snapshot, 0
		case d.Change != nil && (d.Change.Snapshot < id || d.Change.Snapshot == id && d.Change.Seq <= seq):
		case d.Change != nil:
			if seq++; d.Change.Seq != seq || d.Change.Snapshot != id {
				f.t.Fatalf("partition %d offset %d: change %d of %d, want %d of %d", p, m.Offset, d.Change.Seq, d.Change.Snapshot, seq, id)
			}
			c := *d.Change
			c.Key, c.Before, c.After = bytes.Clone(c.Key), bytes.Clone(c.Before), bytes.Clone(c.After)
			current.changes = append(current.changes, c)
		case d.Commit != nil && d.Commit.Snapshot == id && current.commit == nil:
			if d.Commit.Seq != seq+1 {
				f.t.Fatalf("partition %d: commit has seq %d behind %d", p, d.Commit.Seq, seq)
			}
			seq++
			current.commit = d.Commit
		}
	}
	return found
}

// fold applies a committed snapshot's changes to its previous one and proves the result.
func (f *folder0) fold(id int64, parts []map[int64]*part) snapshot {
	f.t.Helper()
	begin, commit := parts[0][id].begin, parts[0][id].commit
	rows := map[string][]byte{}
	codec, err := table.NewCodec(begin.Schema)
	if err != nil {
		f.t.Fatal(err)
	}
	if begin.Previous != 0 {
		if begin.Previous != f.last {
			f.t.Fatalf("snapshot %d builds on %d, the last one committed is %d", id, begin.Previous, f.last)
		}
		rows = maps.Clone(f.tables[begin.Previous])
	}
	f.last = id
	var counts change.Counts
	for p := range begin.Partitions {
		part := parts[p][id]
		if part == nil || part.commit == nil {
			f.t.Fatalf("snapshot %d is committed, but not in partition %d", id, p)
		}
		var share change.Counts
		for _, c := range part.changes {
			share.Add(c.Op)
			if change.Partition(c.Key, begin.Partitions) != p {
				f.t.Errorf("key %x is in partition %d", c.Key, p)
			}
			if c.After == nil {
				delete(rows, string(c.Key))
			} else {
				rows[string(c.Key)] = c.After
			}
		}
		if share != part.commit.Share {
			f.t.Errorf("partition %d holds %+v, its commit says %+v", p, share, part.commit.Share)
		}
		counts.Merge(share)
	}
	if counts != commit.Counts {
		f.t.Errorf("snapshot %d has %+v, its commit says %+v", id, counts, commit.Counts)
	}
	f.tables[id] = rows
	return f.prove(codec, begin, commit, rows)
}

func (f *folder0) prove(codec *table.Codec, begin *change.Begin, commit *change.Commit, rows map[string][]byte) snapshot {
	f.t.Helper()
	s := snapshot{id: begin.Snapshot, previous: begin.Previous, rows: map[int64]string{}, counts: commit.Counts, schema: begin.Schema}
	var digest table.Digest
	values := make([]table.Value, len(begin.Schema.Columns))
	for _, image := range rows {
		if projected := len(f.tables) > 1; projected && codec.Decode(image, values) != nil {
			continue // an image of an older schema: the caller does not look at this digest
		}
		fingerprint, err := codec.Fingerprint(image)
		if err != nil {
			f.t.Fatal(err)
		}
		digest.Add(fingerprint)
		if err := codec.Decode(image, values); err != nil {
			f.t.Fatal(err)
		}
		s.rows[values[0].Int] = string(values[1].Bytes)
	}
	if digest != commit.Digest {
		f.t.Errorf("snapshot %d: digest of the fold is %v, its commit says %v", s.id, digest, commit.Digest)
	}
	return s
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

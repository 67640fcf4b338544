package consumer

import (
	"bytes"
	"cmp"
	"context"
	"crypto/ed25519"
	"errors"
	"log/slog"
	"path/filepath"
	"sync"
	"testing"

	"go.uber.org/goleak"

	"rewind/change"
	"rewind/crypt"
	"rewind/disk"
	"rewind/journal"
	"rewind/sandbox/kafkatest"
	"rewind/table"
	"rewind/topic"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var orders = table.Name{Database: "shop", Table: "orders"}

const (
	streamA = "0123456789abcdef0123456789abcdef"
	streamB = "fedcba9876543210fedcba9876543210"
	dataDir = "/data/journal"
)

// world is a Kafka with one topic of one partition, written by hand, and a disk.
type world struct {
	t       testing.TB
	cluster *kafkatest.Cluster
	kafka   *topic.Client
	topic   *topic.Topic
	fs      disk.FS
	stream  string // "": streamA
	schema  *table.Schema
	encoder *change.Encoder
	codec   *table.Codec
	logger  *slog.Logger

	indexFrom int64
	unitBytes int
	skip      []Skip
	segment   int64 // 0: so small that every batch has its own
	keys      *crypt.Keys
	sign      ed25519.PrivateKey
}

func newWorld(t testing.TB) *world {
	t.Helper()
	w := &world{t: t, cluster: kafkatest.New(t), fs: disk.NewMemory()}
	var err error
	if w.kafka, err = topic.NewClient(topic.Options{Brokers: w.cluster.ListenAddrs(), Partitions: 1}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.kafka.Close)
	w.useSchema("name")
	return w
}

func (w *world) useSchema(column string) {
	w.t.Helper()
	w.schema = &table.Schema{Table: orders, Key: []int{1}, NextColumnID: 3, Columns: []table.Column{
		{ID: 1, Name: "id", Type: table.Type{Kind: table.BigInt}},
		{ID: 2, Name: column, Type: table.Type{Kind: table.String}},
	}}
	var err error
	if w.encoder, err = change.NewEncoder(w.schema); err != nil {
		w.t.Fatal(err)
	}
	if w.codec, err = table.NewCodec(w.schema); err != nil {
		w.t.Fatal(err)
	}
}

func stamp(epoch int64, writer byte) change.Stamp {
	return change.Stamp{Epoch: epoch, Writer: [16]byte{writer}}
}

func (w *world) must(message []byte, err error) []byte {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
	return message
}

func (w *world) open(s change.Stamp) []byte { return w.openStream(s, cmp.Or(w.stream, streamA)) }

func (w *world) openStream(s change.Stamp, stream string) []byte {
	return w.must(change.AppendOpen(nil, &change.Open{Stamp: s, Stream: stream, Table: orders.String(), At: 1}))
}

func (w *world) begin(s change.Stamp, snapshot, previous int64) []byte {
	return w.must(change.AppendBegin(nil, &change.Begin{
		Stamp: s, Stream: cmp.Or(w.stream, streamA), Snapshot: snapshot, Previous: previous, Schema: w.schema,
		Partitions: 1, Partitioner: change.PartitionerXXH3,
	}))
}

func (w *world) change(s change.Stamp, snapshot, seq int64) []byte {
	row := []table.Value{{Int: seq}, {Bytes: []byte("row")}}
	image := w.must(w.codec.AppendImage(nil, row))
	key := w.must(w.codec.AppendKey(nil, row))
	return w.encoder.AppendChange(nil, &change.Change{Stamp: s, Snapshot: snapshot, Seq: seq, Op: change.Create, Key: key, After: image})
}

func (w *world) commit(s change.Stamp, snapshot, seq int64) []byte {
	counts := change.Counts{Creates: seq - 1}
	return w.must(change.AppendCommit(nil, &change.Commit{
		Stamp: s, Snapshot: snapshot, ReadBegan: snapshot, ReadEnded: snapshot, Counts: counts, Share: counts, Seq: seq,
		Digest: table.Digest{Rows: seq - 1},
	}))
}

// snapshotOf is a whole snapshot with n changes.
func (w *world) snapshotOf(s change.Stamp, snapshot, previous, n int64) [][]byte {
	messages := [][]byte{w.begin(s, snapshot, previous)}
	for seq := int64(1); seq <= n; seq++ {
		messages = append(messages, w.change(s, snapshot, seq))
	}
	return append(messages, w.commit(s, snapshot, n+1))
}

// write appends messages to the topic, creating it first.
func (w *world) write(messages ...[]byte) {
	w.t.Helper()
	if w.topic == nil {
		var err error
		if w.topic, err = w.kafka.Create(context.Background(), orders, 1); err != nil {
			w.t.Fatal(err)
		}
	}
	if _, _, err := w.topic.Append(context.Background(), 0, messages); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) options() Options {
	return Options{Dir: dataDir, Tables: []table.Name{orders}, FS: w.fs, UntilCaughtUp: true, Skip: w.skip, Logger: w.logger, SegmentBytes: cmp.Or(w.segment, 200), Keys: w.keys, SignKey: w.sign, indexFrom: w.indexFrom, unitBytes: w.unitBytes}
}

// consume runs until caught up.
func (w *world) consume() Report {
	w.t.Helper()
	r, err := Run(context.Background(), w.kafka, w.options())
	if err != nil {
		w.t.Fatal(err)
	}
	return r
}

func (w *world) consumeError() error {
	w.t.Helper()
	_, err := Run(context.Background(), w.kafka, w.options())
	if err == nil {
		w.t.Fatal("consumed without an error")
	}
	return err
}

func (w *world) dir(stream string) string {
	return filepath.Join(dataDir, orders.FileName(), stream, "00000")
}

// entry of a journal, as a test looks at it.
type entry struct {
	offset  int64
	message change.Message
	record  []byte
}

func (w *world) journal(stream string) (all []entry) {
	w.t.Helper()
	p := &partition{table: &tableConsumer{stream: stream, options: Options{FS: w.fs, Keys: w.keys}}}
	r, err := journal.OpenReader(w.dir(stream), p.journalOptions())
	if err != nil {
		w.t.Fatal(err)
	}
	for e, err := range r.Entries(0) {
		if err != nil {
			w.t.Fatal(err)
		}
		schema := e.Schema
		if schema == "" {
			schema = change.EntrySchema(nil)
		}
		d, err := change.NewEntryDecoder(schema)
		if err != nil {
			w.t.Fatal(err)
		}
		record := bytes.Clone(e.Record)
		offset, m, err := d.Decode(record)
		if err != nil || offset != e.Offset {
			w.t.Fatalf("entry at %d: %d, %v", e.Offset, offset, err)
		}
		all = append(all, entry{offset: offset, message: m, record: record})
	}
	return all
}

// offsets of a journal's entries.
func (w *world) offsets(stream string) (all []int64) {
	for _, e := range w.journal(stream) {
		all = append(all, e.offset)
	}
	return all
}

// lines is a log that a test waits on.
type lines struct {
	mutex sync.Mutex
	text  bytes.Buffer
	more  chan struct{}
}

func newLines() (*lines, *slog.Logger) {
	l := &lines{more: make(chan struct{}, 1)}
	return l, slog.New(slog.NewTextHandler(l, &slog.HandlerOptions{Level: slog.LevelDebug}))
}

func (l *lines) Write(p []byte) (int, error) {
	l.mutex.Lock()
	l.text.Write(p)
	l.mutex.Unlock()
	select {
	case l.more <- struct{}{}:
	default:
	}
	return len(p), nil
}

func (l *lines) count(what string) int {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	return bytes.Count(l.text.Bytes(), []byte(what))
}

// await blocks until what was logged n times.
func (l *lines) await(what string, n int) {
	for l.count(what) < n {
		<-l.more
	}
}

func asError[E error](t *testing.T, err error) E {
	t.Helper()
	var e E
	if !errors.As(err, &e) {
		t.Fatalf("got %T: %v", err, err)
	}
	return e
}

package replay

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"filippo.io/age"

	"rewind/change"
	"rewind/crypt"
	"rewind/disk"
	"rewind/journal"
	"rewind/table"
)

// fataler is what *testing.T and *rapid.T share.
type fataler interface {
	Helper()
	Fatalf(format string, args ...any)
}

var orders = table.Name{Database: "shop", Table: "orders"}

const testRoot = "/data/journal"

// tape writes journals as a consumer does, of messages as a producer sends them.
type tape struct {
	t         fataler
	fs        disk.FS
	stream    string
	journals  []*journal.Journal
	next      []int64 // Kafka offset by partition
	stamp     change.Stamp
	schema    *table.Schema
	encoder   *change.Encoder
	committed int64 // last committed snapshot
	current   rows  // of the last committed snapshot, under schema
	clock     int64 // microseconds: the next snapshot's id
	segment   int64
	late      int64 // microseconds by which reads end later than they do
	table     table.Name
	sign      ed25519.PrivateKey               // of the heads; nil: there are none
	keys      *crypt.Keys                      // that sealed segments are encrypted to; nil: none
	share     change.Counts                    // of the last snapshot in partition 0
	total     change.Counts                    // of the last snapshot
	half      bool                             // only half of the changes are published
	batch     *batch                           // nil: each message is appended by itself
	spoil     func(tp *tape, m *change.Change) // makes each change what it is not
	shuffle   func(keys []string)              // brings a snapshot's changes into another order than that of their keys; nil: they stay in it
}

func newTape(t fataler, fs disk.FS, partitions int) *tape {
	tp := unopenedTape(t, fs, partitions)
	tp.openJournals()
	return tp
}

func unopenedTape(t fataler, fs disk.FS, partitions int) *tape {
	return &tape{t: t, fs: fs, stream: strings.Repeat("0a", 16), next: make([]int64, partitions), current: rows{}, table: orders,
		clock: time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC).UnixMicro(), segment: 4 << 10}
}

func (tp *tape) openJournals() {
	tp.t.Helper()
	for p := range tp.next {
		dir := filepath.Join(testRoot, tp.table.FileName(), tp.stream, fmt.Sprintf("%05d", p))
		tp.must(disk.MakeDirs(tp.fs, dir, 0o700))
		j, err := journal.Open(dir, journal.Options{
			FS: tp.fs, Stream: tp.stream, Partition: p, Schema: change.EntrySchema(nil), Splitter: decoders{}.split, SegmentBytes: tp.segment,
			Keys: tp.keys, Signing: journal.Signing{Key: tp.sign, Table: tp.table.String()},
		})
		tp.must(err)
		tp.journals = append(tp.journals, j)
	}
}

func (tp *tape) close() {
	for _, j := range tp.journals {
		tp.must(j.Close())
	}
	tp.journals = nil
}

func (tp *tape) must(err error) {
	tp.t.Helper()
	if err != nil {
		tp.t.Fatalf("%v", err)
	}
}

// put appends one message to a partition's journal.
func (tp *tape) put(partition int, message []byte, schema string) {
	tp.t.Helper()
	tp.next[partition]++
	record, err := change.AppendEntry(nil, tp.next[partition], message)
	tp.must(err)
	if tp.batch != nil {
		tp.batch.add(journal.Entry{Offset: tp.next[partition], Record: record})
		return
	}
	tp.must(tp.journals[partition].Append([]journal.Entry{{Offset: tp.next[partition], Record: record, Schema: schema}}))
	for tp.journals[partition].Unencrypted() > 0 {
		tp.must(tp.journals[partition].EncryptNext())
	}
}

func (tp *tape) open(epoch int64) {
	tp.t.Helper()
	tp.stamp = change.Stamp{Epoch: epoch, Writer: [16]byte{byte(epoch), 7}}
	for p := range tp.next {
		m, err := change.AppendOpen(nil, &change.Open{Stamp: tp.stamp, Stream: tp.stream, Table: tp.table.String(), At: tp.clock})
		tp.must(err)
		tp.put(p, m, "")
	}
}

// follow appends something to each partition, so that what stands there is known to be on the medium.
func (tp *tape) follow() {
	tp.t.Helper()
	tp.open(tp.stamp.Epoch)
}

// use makes later snapshots ones of this schema; the current rows are projected to it, as a producer projects its file.
func (tp *tape) use(s *table.Schema) {
	tp.t.Helper()
	var err error
	tp.encoder, err = change.NewEncoder(s)
	tp.must(err)
	if tp.schema != nil {
		project, err := table.NewProjection(tp.schema, s)
		tp.must(err)
		moved := rows{}
		for key, image := range tp.current {
			k, err := project.AppendKey(nil, []byte(key))
			tp.must(err)
			moved[string(k)], err = project.AppendImage(nil, image)
			tp.must(err)
		}
		tp.current = moved
	}
	tp.schema = s
}

// published is how far a snapshot gets.
type published struct {
	baseline bool
	uncommit []int // partitions that get no Commit
	commits  []int // the order of Commits; nil: N-1 … 0
	wrong    bool  // the Commit's digest is wrong
	begins   int   // the producer dies behind so many Begins; 0: it does not
	half     bool  // the producer dies behind half of the changes
}

// snapshot publishes what differs between the current rows and next, and returns its id.
func (tp *tape) snapshot(next rows, how published) int64 {
	tp.t.Helper()
	tp.clock += 60_000_000
	id := tp.clock
	previous, before := tp.committed, tp.current
	if how.baseline || previous == 0 {
		previous, before = 0, rows{}
	}
	n := len(tp.next)
	for p := range n {
		m, err := change.AppendBegin(nil, &change.Begin{
			Stamp: tp.stamp, Stream: tp.stream, Snapshot: id, Previous: previous, Schema: tp.schema,
			DDL: "CREATE TABLE x", Engine: "test", Partitions: n, Partitioner: change.PartitionerXXH3,
		})
		tp.must(err)
		tp.put(p, m, "")
		if how.begins == p+1 {
			return id
		}
	}
	tp.half = how.half
	shares, total := tp.changes(id, previous == 0, before, next)
	if how.half {
		return id
	}
	tp.share, tp.total = shares[0], total
	digest := digestOf(tp.t, tp.schema, next)
	if how.wrong {
		digest.M++
	}
	order := how.commits
	if order == nil {
		for p := n - 1; p >= 0; p-- {
			order = append(order, p)
		}
	}
	for _, p := range order {
		if slices.Contains(how.uncommit, p) {
			continue
		}
		tp.commit(p, &change.Commit{
			Stamp: tp.stamp, Snapshot: id, ReadBegan: id, ReadEnded: id + 5_000_000 + tp.late, Counts: total, Share: shares[p],
			Seq: shares[p].Total() + 1, Digest: digest,
		})
		if p == 0 {
			tp.committed, tp.current = id, maps.Clone(next)
		}
	}
	return id
}

func (tp *tape) commit(p int, m *change.Commit) {
	tp.t.Helper()
	b, err := change.AppendCommit(nil, m)
	tp.must(err)
	tp.put(p, b, "")
}

// changes publishes the diff, in key order where nothing else is said.
func (tp *tape) changes(id int64, baseline bool, before, next rows) (shares []change.Counts, total change.Counts) {
	tp.t.Helper()
	shares = make([]change.Counts, len(tp.next))
	keys := slices.Collect(maps.Keys(before))
	for k := range next {
		if _, both := before[k]; !both {
			keys = append(keys, k)
		}
	}
	slices.Sort(keys)
	if tp.half {
		keys = keys[:len(keys)/2]
	}
	if tp.shuffle != nil {
		tp.shuffle(keys)
	}
	schema := change.EntrySchema(tp.schema)
	for _, k := range keys {
		m := &change.Change{Stamp: tp.stamp, Snapshot: id, Key: []byte(k), Before: before[k], After: next[k]}
		switch {
		case baseline:
			m.Op = change.Read
		case m.Before == nil:
			m.Op = change.Create
		case m.After == nil:
			m.Op = change.Delete
		case bytes.Equal(m.Before, m.After):
			continue
		default:
			m.Op = change.Update
		}
		p := change.Partition(m.Key, len(tp.next))
		shares[p].Add(m.Op)
		total.Add(m.Op)
		m.Seq = shares[p].Total()
		if tp.spoil != nil {
			tp.spoil(tp, m)
		}
		tp.put(p, tp.encoder.AppendChange(nil, m), schema)
	}
	return shares, total
}

func openReplay(t fataler, fs disk.FS) *Journal {
	t.Helper()
	j, err := Open(testRoot, orders, Options{FS: fs})
	if err != nil {
		t.Fatalf("%v", err)
	}
	return j
}

// collect drains a fold, and checks that its keys ascend.
func collect(t fataler, j *Journal, p Point) (rows, error) {
	t.Helper()
	got := rows{}
	var last []byte
	for r, err := range j.Fold(context.Background(), p) {
		if err != nil {
			return got, err
		}
		if len(got) > 0 && bytes.Compare(last, r.Key) >= 0 {
			t.Fatalf("key %x after %x", r.Key, last)
		}
		last = append(last[:0], r.Key...)
		got[string(r.Key)] = bytes.Clone(r.Image)
	}
	return got, nil
}

// growing is a journal of so many points, each with some rows that are new and some that are updated, by a writer that is set up so and still open.
func growing(t *testing.T, points, each int, set func(*tape)) (tp *tape, m *disk.Memory, eras []rows) {
	t.Helper()
	m = disk.NewMemory()
	tp = unopenedTape(t, m, 2)
	set(tp)
	tp.openJournals()
	tp.open(1)
	tp.use(ordersSchema(itemColumn))
	now := rows{}
	for i := range points {
		now = maps.Clone(now)
		for n := range each {
			k, image := row(t, tp.schema, fmt.Sprint((each-1)*i+n), "a", fmt.Sprintf("item %d of %d", n, i))
			now[k] = image
		}
		tp.snapshot(now, published{})
		eras = append(eras, now)
	}
	return tp, m, eras
}

// newKeys encrypts what is written, and reads it.
func newKeys(t *testing.T) *crypt.Keys {
	t.Helper()
	identity, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	keys, err := crypt.New(identity.String(), nil, true)
	if err != nil {
		t.Fatal(err)
	}
	return keys
}

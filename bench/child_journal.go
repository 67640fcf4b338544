package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"

	"rewind/bench/workload"
	"rewind/change"
	"rewind/disk"
	"rewind/journal"
	"rewind/table"
)

// history of a table: the rows of a baseline, and behind it snapshots that update some of them, in one partition.
type history struct {
	Rows      int64
	Snapshots int // behind the baseline
	Updates   int64
	Seed      uint64

	Checkpoint int // so many snapshots before the last there is a checkpoint; 0: there is none
}

const (
	batchBytes    = 900 << 10        // of a journal's batch: what one fetch brings
	secondMicros  = int64(1_000_000) // between the snapshots a minute
	firstSnapshot = int64(1_750_000_000_000_000)
)

// makeJournal writes a history as a consumer would have, without a Kafka.
func makeJournal(_ context.Context, args []string) error {
	if err := expect(args, "ROOT", "ROWS", "SNAPSHOTS", "UPDATES"); err != nil {
		return err
	}
	var n [3]int64
	for i := range n {
		var err error
		if n[i], err = strconv.ParseInt(args[i+1], 10, 64); err != nil {
			return err
		}
	}
	h := history{Rows: n[0], Snapshots: int(n[1]), Updates: n[2], Seed: 1}
	if err := os.RemoveAll(args[0]); err != nil {
		return err
	}
	b, err := newBuilder(args[0], h)
	if err != nil {
		return err
	}
	return errors.Join(b.build(), b.journal.Close())
}

// builder writes a history.
type builder struct {
	history
	shape    workload.Shape
	schema   *table.Schema
	codec    *table.Codec
	encoder  *change.Encoder
	journal  *journal.Journal
	stamp    change.Stamp
	stream   string
	segment  string // its Avro schema
	versions []uint16
	digest   table.Digest
	last     int64
	next     int64 // offset
	entries  []journal.Entry
	bytes    int
	maker    *workload.Maker
	change   change.Change
}

func newBuilder(root string, h history) (*builder, error) {
	shape := workload.Usual(h.Rows, h.Seed)
	sum := sha256.Sum256([]byte(root))
	b := &builder{history: h, shape: shape, schema: shape.Schema(), maker: shape.Maker(), versions: make([]uint16, h.Rows),
		stamp: change.Stamp{Epoch: 1, Writer: [16]byte{1}}, stream: hex.EncodeToString(sum[:16])}
	b.segment = change.EntrySchema(b.schema)
	var err error
	if b.codec, err = table.NewCodec(b.schema); err != nil {
		return nil, err
	}
	if b.encoder, err = change.NewEncoder(b.schema); err != nil {
		return nil, err
	}
	dir := filepath.Join(root, shape.Name().FileName(), b.stream, "00000")
	if err := disk.MakeDirs(disk.OS, dir, 0o700); err != nil {
		return nil, err
	}
	b.journal, err = journal.Open(dir, journal.Options{Stream: b.stream, Schema: change.EntrySchema(nil), Splitter: split})
	return b, err
}

func split(schema string) (func([]byte) (int, error), error) {
	d, err := change.NewEntryDecoder(schema)
	if err != nil {
		return nil, err
	}
	return d.RecordLen, nil
}

func (b *builder) build() error {
	open, err := change.AppendOpen(nil, &change.Open{Stamp: b.stamp, Stream: b.stream, Table: b.shape.Name().String(), At: firstSnapshot - 1})
	if err == nil {
		err = b.put(open, "")
	}
	for n := 0; err == nil && n <= b.Snapshots; n++ {
		err = b.snapshot(n)
	}
	if err != nil {
		return err
	}
	return b.flush()
}

// snapshot writes the n-th one, of which 0 is the baseline.
func (b *builder) snapshot(n int) error {
	id := firstSnapshot + int64(n)*60*secondMicros
	begin, err := change.AppendBegin(nil, &change.Begin{Stamp: b.stamp, Stream: b.stream, Snapshot: id, Previous: b.last, Schema: b.schema,
		DDL: "CREATE TABLE bench.t", Engine: "bench", Partitions: 1, Partitioner: change.PartitionerXXH3})
	if err == nil {
		err = b.put(begin, "")
	}
	if err != nil {
		return err
	}
	b.change = change.Change{Stamp: b.stamp, Snapshot: id, Key: b.change.Key, Before: b.change.Before, After: b.change.After}
	var counts change.Counts
	if n == 0 {
		counts.Reads = b.Rows
		err = b.baseline()
	} else {
		counts.Updates = b.Updates
		err = b.updates(n)
	}
	if err != nil {
		return err
	}
	commit, err := change.AppendCommit(nil, &change.Commit{Stamp: b.stamp, Snapshot: id, ReadBegan: id, ReadEnded: id + secondMicros,
		Counts: counts, Share: counts, Seq: counts.Total() + 1, Digest: b.digest})
	if err != nil {
		return err
	}
	b.last = id
	return b.put(commit, "")
}

func (b *builder) baseline() (err error) {
	b.change.Op, b.change.Before = change.Read, nil
	for i := range b.Rows {
		if err := b.after(i, 0); err != nil {
			return err
		}
	}
	return nil
}

// updates changes rows that lie evenly over the table, other ones in each snapshot.
func (b *builder) updates(n int) error {
	if b.Updates == 0 {
		return nil
	}
	step := b.Rows / b.Updates
	if step == 0 {
		return fmt.Errorf("%d updates of %d rows", b.Updates, b.Rows)
	}
	b.change.Op = change.Update
	for u := range b.Updates {
		i := u*step + (int64(n)*7919+u)%step
		if err := b.image(&b.change.Before, i); err != nil {
			return err
		}
		f, err := b.codec.Fingerprint(b.change.Before)
		if err != nil {
			return err
		}
		b.digest.Remove(f)
		b.versions[i]++
		if err := b.after(i, b.versions[i]); err != nil {
			return err
		}
	}
	return nil
}

func (b *builder) image(into *[]byte, i int64) (err error) {
	*into, err = b.codec.AppendImage((*into)[:0], b.maker.Row(2*i+1, int64(b.versions[i])))
	return err
}

// after writes the change that makes a row what it now is.
func (b *builder) after(i int64, version uint16) (err error) {
	row := b.maker.Row(2*i+1, int64(version))
	if b.change.Key, err = b.codec.AppendKey(b.change.Key[:0], row); err != nil {
		return err
	}
	if b.change.After, err = b.codec.AppendImage(b.change.After[:0], row); err != nil {
		return err
	}
	f, err := b.codec.Fingerprint(b.change.After)
	if err != nil {
		return err
	}
	b.digest.Add(f)
	b.change.Seq++
	return b.put(b.encoder.AppendChange(nil, &b.change), b.segment)
}

func (b *builder) put(message []byte, schema string) error {
	b.next++
	record, err := change.AppendEntry(nil, b.next, message)
	if err != nil {
		return err
	}
	if schema == "" {
		schema = b.segment
	}
	b.entries, b.bytes = append(b.entries, journal.Entry{Offset: b.next, Record: record, Schema: schema}), b.bytes+len(record)
	if b.bytes >= batchBytes {
		return b.flush()
	}
	return nil
}

func (b *builder) flush() error {
	if len(b.entries) == 0 {
		return nil
	}
	err := b.journal.Append(b.entries)
	b.entries, b.bytes = b.entries[:0], 0
	return err
}

// folderBytes is the size of the files below a folder.
func folderBytes(dir string) (bytes int64, err error) {
	err = filepath.Walk(dir, func(_ string, info os.FileInfo, err error) error {
		if err == nil && info.Mode().IsRegular() {
			bytes += info.Size()
		}
		return err
	})
	return bytes, err
}

// endOf makes a clean end of a file none.
func endOf(err error) error {
	if errors.Is(err, io.EOF) {
		return nil
	}
	return err
}

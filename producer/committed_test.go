package producer

import (
	"bytes"
	"context"
	"maps"
	"slices"
	"testing"

	"rewind/change"
	"rewind/table"
	"rewind/topic"
)

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

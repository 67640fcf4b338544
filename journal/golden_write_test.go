package journal_test

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"rewind/change"
	"rewind/journal"
	"rewind/table"
)

// goldenStamp is that of a first producer.
var goldenStamp = change.Stamp{Epoch: 1, Writer: [16]byte{1, 2, 3, 4}}

const firstID, secondID = 1_790_000_000_000_000, 1_790_000_300_000_000

// writeGolden writes the golden journal: a table's baseline, then a snapshot under a schema with one column more, and a gap.
func writeGolden(t *testing.T) {
	t.Helper()
	j, err := journal.Open(goldenFolder, goldenOptions(0))
	if err != nil {
		t.Fatal(err)
	}
	first := goldenBaseline(t)
	second := goldenUpdate(t, first.next+1) // Kafka's offsets have holes
	if err := errors.Join(j.Append(first.entries[:1]), j.Append(first.entries[1:]), j.Append(second.entries), j.Close(), os.Remove(filepath.Join(goldenFolder, "lock"))); err != nil {
		t.Fatal(err)
	}
}

func goldenCodec(t *testing.T, later bool) (*table.Codec, *change.Encoder, string) {
	t.Helper()
	s := goldenTable(later)
	codec, err := table.NewCodec(s)
	if err != nil {
		t.Fatal(err)
	}
	encoder, err := change.NewEncoder(s)
	if err != nil {
		t.Fatal(err)
	}
	return codec, encoder, change.EntrySchema(s)
}

func goldenRows(t *testing.T, codec *table.Codec, more ...string) (rows []table.Row) {
	t.Helper()
	for _, cells := range [][]string{
		{"1", "1", "true", "-128", "32767", "1.5", "nan", "-1234567890123456789012345678.0123456789", "it's \\ a 'quote' ? $1 @p1\nand a line", "résumé", "ab", "1400-01-01 00:00:00.000000001", "1582-10-10", "AP8="},
		{"1", "2", "false", "127", "-32768", "-inf", "-0", "0.0000000001", "", "", "", "9999-12-31 23:59:59.999999999", "9999-12-31", ""},
		{"-9223372036854775808", "-1", "NULL", "NULL", "NULL", "NULL", "NULL", "NULL", "NULL", "NULL", "NULL", "NULL", "NULL", "NULL"},
	} {
		rows = append(rows, image(t, codec, append(cells, more...)...))
	}
	return rows
}

func goldenBegin(t *testing.T, b *batch, id, previous int64, s *table.Schema) {
	t.Helper()
	message, err := change.AppendBegin(nil, &change.Begin{
		Stamp: goldenStamp, Stream: goldenStream, Snapshot: id, Previous: previous, Schema: s, DDL: "CREATE TABLE shop.orders (…)",
		Engine: "impalad version 4.4.0", Options: map[string]string{"TIMEZONE": "UTC"}, Partitions: 1, Partitioner: change.PartitionerXXH3,
	})
	b.add(t, "", message, err)
}

func goldenCommit(t *testing.T, b *batch, id, seq int64, counts change.Counts, digest table.Digest) {
	t.Helper()
	message, err := change.AppendCommit(nil, &change.Commit{
		Stamp: goldenStamp, Snapshot: id, ReadBegan: id, ReadEnded: id + 1_000_000, Counts: counts, Share: counts, Seq: seq, Digest: digest,
	})
	b.add(t, "", message, err)
}

func fingerprint(t *testing.T, codec *table.Codec, image []byte) table.Fingerprint {
	t.Helper()
	f, err := codec.Fingerprint(image)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// goldenBaseline is an Open and the first snapshot of three rows.
func goldenBaseline(t *testing.T) (b batch) {
	t.Helper()
	codec, encoder, schema := goldenCodec(t, false)
	message, err := change.AppendOpen(nil, &change.Open{Stamp: goldenStamp, Stream: goldenStream, Table: "shop.orders", At: firstID - 5})
	b.add(t, "", message, err)
	goldenBegin(t, &b, firstID, 0, codec.Schema())
	var counts change.Counts
	var digest table.Digest
	for i, row := range goldenRows(t, codec) {
		m := change.Change{Stamp: goldenStamp, Snapshot: firstID, Seq: int64(i) + 1, Op: change.Read, Key: row.Key, After: row.Image}
		b.add(t, schema, encoder.AppendChange(nil, &m), nil)
		counts.Add(m.Op)
		digest.Add(fingerprint(t, codec, row.Image))
	}
	goldenCommit(t, &b, firstID, counts.Total()+1, counts, digest)
	return b
}

// goldenUpdate is a snapshot in which a row is created, one updated and one deleted, and a gap behind it.
func goldenUpdate(t *testing.T, next int64) (b batch) {
	t.Helper()
	codec, encoder, schema := goldenCodec(t, true)
	b.next = next
	goldenBegin(t, &b, secondID, firstID, codec.Schema())
	before, after := goldenRows(t, codec, "NULL"), goldenRows(t, codec, "changed 🙂")
	created := image(t, codec, "2", "1", "true", "0", "0", "0.1", "0.1", "1", "new", "new", "new", "2026-11-23 09:00:00.000000000", "2026-11-23", "bmV3", "created")
	changes := []change.Change{
		{Op: change.Delete, Key: before[2].Key, Before: before[2].Image},
		{Op: change.Update, Key: before[1].Key, Before: before[1].Image, After: after[1].Image},
		{Op: change.Create, Key: created.Key, After: created.Image},
	}
	var counts change.Counts
	for i := range changes {
		m := &changes[i]
		m.Stamp, m.Snapshot, m.Seq = goldenStamp, secondID, int64(i)+1
		b.add(t, schema, encoder.AppendChange(nil, m), nil)
		counts.Add(m.Op)
	}
	var digest table.Digest
	for _, row := range []table.Row{before[0], after[1], created} {
		digest.Add(fingerprint(t, codec, row.Image))
	}
	goldenCommit(t, &b, secondID, counts.Total()+1, counts, digest)
	b.gap(t, change.Gap{Reason: "retention removed offsets 20 to 29", NextOffset: 30, At: secondID + 60_000_000})
	return b
}

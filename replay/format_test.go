package replay

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"rewind/change"
	"rewind/disk"
	"rewind/table"
)

var update = flag.Bool("update", false, "write the golden files anew")

// TestFormats: files of version 1 are read forever, and written so.
func TestFormats(t *testing.T) {
	at := time.Date(2026, 11, 23, 9, 0, 0, 123456000, time.UTC)
	for name, want := range map[string]any{
		"swap.json": &swap{
			Version: 1, ID: "20261123_090000_0a0b0c0d", Table: "shop.orders", New: "shop.orders__rewind_new_20261123_090000_0a0b0c0d",
			Kept: "shop.orders__rewind_20261123_090000_0a0b0c0d", Old: "20261122_090000_00000000", Captured: 1795424700000000,
			Digest: &table.Digest{Rows: 2, M: 1<<64 - 1, F: 1 << 63}, Schema: ordersSchema(itemColumn).AvroSchema(), Point: 1795424640000000, At: at,
		},
		"load.json": &loadRecord{Version: 1, ID: "20261123_090000_0a0b0c0d", Table: "shop.orders", Into: "shop.orders_then"},
		"replaced.json": &keptFile{Version: 1, Tables: []Kept{{
			Table: "shop.orders", Kept: "shop.orders__rewind_20261123_090000_0a0b0c0d", RestoreID: "20261123_090000_0a0b0c0d",
			Property: "20261122_090000_00000000", Point: 1795424640000000, At: at,
		}}},
		"proofs.json": &proofFile{Version: 1, Table: "shop.orders", Proved: []provedPoint{{
			Stream: "0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a", Snapshot: 1795424640000000, Digest: "2:ffffffffffffffff:8000000000000000",
			Proof: Proof{At: at, How: ProofFolded},
		}}},
	} {
		written, err := json.MarshalIndent(want, "", "  ")
		if err != nil {
			t.Fatal(err)
		}
		written = append(written, '\n')
		path := filepath.Join("testdata", name)
		if *update {
			if err := os.WriteFile(path, written, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		golden, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(written, golden) {
			t.Errorf("%s is written as\n%s", name, written)
		}
		read := reflect.New(reflect.TypeOf(want).Elem()).Interface()
		if err := json.Unmarshal(golden, read); err != nil || !reflect.DeepEqual(read, want) {
			t.Errorf("%s is read as %+v, %v", name, read, err)
		}
	}
}

// TestWalkRecordFormat: what a verify leaves for the next one, as version 1 has it. Where a walk checks more than it did, or the record
// holds something else, rememberedVersion must go up: an old record would vouch for what it never saw.
func TestWalkRecordFormat(t *testing.T) {
	tp, one, two := shop(t, 1)
	begin := func(schema *table.Schema) string {
		message, err := change.AppendBegin(nil, &change.Begin{Stamp: tp.stamp, Stream: tp.stream, Snapshot: 100, Schema: schema,
			DDL: "CREATE TABLE x", Engine: "test", Partitions: 1, Partitioner: change.PartitionerXXH3})
		tp.must(err)
		return base64.StdEncoding.EncodeToString(message)
	}
	at := time.Date(2026, 11, 23, 9, 0, 0, 123456000, time.UTC)
	digest, moved := digestOf(t, tp.schema, one).String(), digestOf(t, tp.schema, two).String()
	span := rememberedSpan{Form: 0, Epoch: 1, Writer: writerText(tp.stamp), Snapshot: 100, From: 2, To: 6, Bytes: 999, Changes: 3, Moved: moved,
		Commit: &rememberedCommit{Epoch: 1, Writer: writerText(tp.stamp), ReadBegan: 100, ReadEnded: 105, Counts: change.Counts{Reads: 3}, Share: change.Counts{Reads: 3}, Seq: 4, Digest: digest}}
	want := &remembered{
		Stream: tp.stream, Partition: 0, At: at, Entries: 9, Last: 12, Forms: []string{begin(tp.schema)},
		Segments: []rememberedSegment{{Base: 1, Bytes: 4321, Modified: 1795424400123456789, SHA256: strings.Repeat("ab", 32)}},
		Spans:    []rememberedSpan{span},
		Gaps:     []rememberedGap{{Gap: Gap{Stream: tp.stream, Offset: 7, NextOffset: 9, Reason: "lost", At: at}, Last: 100, Epoch: 1, Writer: writerText(tp.stamp)}},
		Order:    rememberedOrder{Epoch: 1, Writer: writerText(tp.stamp), Last: 200, Columns: 4, Offset: 12},
		Open:     &rememberedSpan{Epoch: 1, Writer: writerText(tp.stamp), Snapshot: 200, Previous: 100, From: 10, Bytes: 333, Changes: 1},
		Share:    change.Counts{Creates: 1}, Delta: moved,
	}
	tp.close()
	fs := disk.NewMemory()
	j, p := &Journal{name: orders, o: Options{FS: fs}.applyDefaults(testRoot)}, &partition{table: orders, stream: tp.stream}
	tp.must(j.remember(want))
	path := j.rememberedPath(tp.stream, 0)
	if *update {
		tp.must(os.WriteFile("testdata/walk.json", contentOf(t, fs, path), 0o600))
	}
	golden, err := os.ReadFile("testdata/walk.json")
	tp.must(err)
	if written := contentOf(t, fs, path); !bytes.Equal(written, golden) {
		t.Errorf("it is written as\n%s", written)
	}
	setContent(t, fs, path, golden)
	read := j.recall(p)
	if !reflect.DeepEqual(read, want) {
		t.Fatalf("it is read as %+v", read)
	}
	w := newWalk(p)
	tp.must(w.resume(read))
	if p.next != 13 || len(p.spans) != 1 || p.spans[0].commit.Digest.String() != digest || p.order.open.begin.Previous != 100 || len(p.gaps) != 1 ||
		p.order.last != 200 || w.moved[100].String() != moved || w.share.Creates != 1 || w.count != 9 {
		t.Errorf("a walk goes on with %+v, %+v", p, w)
	}
	other := bytes.Replace(golden, []byte(`{"version":1`), []byte(`{"version":2`), 1)
	if setContent(t, fs, path, other); bytes.Equal(other, golden) || j.recall(p) != nil {
		t.Error("a record of another version is used")
	}
}

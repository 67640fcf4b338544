package producer

import (
	"errors"
	"fmt"
	"io"
	"iter"
	"path/filepath"
	"strings"
	"testing"

	"rewind/change"
	"rewind/disk"
	"rewind/table"
)

const hotRows = 100_000

// hotRow is a row of about 110 bytes; of a hundred one is another in the second version.
func hotRow(i, version int) table.Row {
	if i%100 != 0 {
		version = 0
	}
	return table.Row{Key: fmt.Appendf(nil, "\x01%012d", i), Image: fmt.Appendf(nil, "%08d|customer-%06d|1 Long Street, Springfield|2026-11-23 09:00:00|%10d|open|%d", i, i*7919%1_000_000, i*104729, version)}
}

func hotTable(version int) []table.Row {
	rows := make([]table.Row, hotRows)
	for i := range rows {
		rows[i] = hotRow(i, version)
	}
	return rows
}

func each(rows []table.Row) iter.Seq2[table.Row, error] {
	return func(yield func(table.Row, error) bool) {
		for _, r := range rows {
			if !yield(r, nil) {
				return
			}
		}
	}
}

func BenchmarkDiff(b *testing.B) {
	one, two := hotTable(1), hotTable(2)
	b.ReportAllocs()
	for b.Loop() {
		n := 0
		for _, err := range Diff(each(one), each(two)) {
			if err != nil {
				b.Fatal(err)
			}
			n++
		}
		if n != hotRows/100 {
			b.Fatal(n, "changes")
		}
	}
	b.ReportMetric(hotRows*float64(b.N)/b.Elapsed().Seconds(), "rows/s")
}

// hotFile writes a snapshot file.
func hotFile(b *testing.B, path string, rows []table.Row) {
	b.Helper()
	w, err := createFile(disk.OS, path, &fileHeader{Stream: strings.Repeat("0a", 16), Snapshot: 1, Partitions: 1, Partitioner: change.PartitionerXXH3, Offsets: []int64{0},
		Schema: hotSchema().AvroSchema()}, nil)
	if err != nil {
		b.Fatal(err)
	}
	for i, r := range rows {
		if err := w.append(r, table.Fingerprint{M: uint64(i) * 0x9e3779b97f4a7c15, F: uint64(i) * 0xbf58476d1ce4e5b9}); err != nil {
			b.Fatal(err)
		}
	}
	if _, err := w.finish(2); err != nil {
		b.Fatal(err)
	}
}

func hotSchema() *table.Schema {
	return &table.Schema{Table: orders, Columns: []table.Column{{ID: 1, Name: "id", Type: table.Type{Kind: table.BigInt}}}, Key: []int{1}, NextColumnID: 2}
}

func BenchmarkSnapshotFile(b *testing.B) {
	rows, path := hotTable(1), filepath.Join(b.TempDir(), "file.avro")
	b.Run("write", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			hotFile(b, path, rows)
		}
		b.ReportMetric(hotRows*float64(b.N)/b.Elapsed().Seconds(), "rows/s")
	})
	hotFile(b, path, rows)
	b.Run("read", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			f, err := openFile(disk.OS, path, nil)
			if err != nil {
				b.Fatal(err)
			}
			n := 0
			for ; err == nil; n++ {
				_, _, err = f.next()
			}
			if f.close(); !errors.Is(err, io.EOF) || n != hotRows+1 {
				b.Fatal(n, err)
			}
		}
		b.ReportMetric(hotRows*float64(b.N)/b.Elapsed().Seconds(), "rows/s")
	})
}

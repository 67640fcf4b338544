package producer

import (
	"context"
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

// BenchmarkMerge is a capture's pass without engine and Kafka: the rows beside the file before, into a new file and the spool.
func BenchmarkMerge(b *testing.B) {
	schema := testHeader().schema
	codec, err := table.NewCodec(schema)
	if err != nil {
		b.Fatal(err)
	}
	of := func(changed, version int) (rows []table.Row) {
		for i := range hotRows {
			text := fmt.Sprintf("%016x|customer-%06d|1 Long Street, Springfield|2026-11-23 09:00:00|%10d|open", uint64(i)*0x9e3779b97f4a7c15, i*7919%1_000_000, i*104729)
			if changed > 0 && i%changed == 0 {
				text += fmt.Sprint("|", version)
			}
			row, err := encode(codec, int64(i), text)
			if err != nil {
				b.Fatal(err)
			}
			rows = append(rows, row)
		}
		return rows
	}
	for name, changed := range map[string]int{"none changed": 0, "1 in 100": 100, "1 in 5": 5} {
		b.Run(name, func(b *testing.B) {
			tables := [][]table.Row{of(changed, 1), of(changed, 2)}
			source := &heap{}
			p := New(source, nil, Options{Dir: b.TempDir()})
			c := &capture{producer: p, session: &session{dir: p.options.Dir}, name: orders, schema: schema, logger: newDiscard(), spoolBytes: 64 << 20}
			c.definition = &table.Definition{Schema: schema}
			state := &term{stream: strings.Repeat("0a", 16), states: make([]logState, 1)}
			b.ReportAllocs()
			n := 0
			for ; b.Loop(); n++ {
				source.all = tables[n%2]
				c.projection, c.report = nil, Report{}
				if err := errors.Join(c.plan(state), c.scan(context.Background(), state), c.dropSpool(), c.folder().promote()); err != nil {
					b.Fatal(err)
				}
				state.current = c.header
			}
			b.ReportMetric(hotRows*float64(n)/b.Elapsed().Seconds(), "rows/s")
		})
	}
}

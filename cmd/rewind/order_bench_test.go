package main

import (
	"context"
	"database/sql"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"rewind/disk"
	"rewind/impala"
	"rewind/sandbox"
	"rewind/sorting"
	"rewind/table"
)

// BenchmarkOrder reads a table in key order, through the driver and out of the sandbox: ordered by the engine, and sorted here, in memory
// and on the disk. local/engine is the time of the one by that of the other, read in turn; what it is on a cluster, its spilling decides.
func BenchmarkOrder(b *testing.B) {
	const rows = 100_000
	db, s := ordersOf(b, rows)
	for name, memory := range map[string]int{"memory": 0, "disk": 2 << 20} {
		b.Run(name, func(b *testing.B) {
			var engine, local time.Duration
			for b.Loop() {
				began := time.Now()
				readOrdered(b, db, s, rows)
				engine += time.Since(began)
				began = time.Now()
				sortHere(b, db, s, rows, memory)
				local += time.Since(began)
			}
			b.ReportMetric(float64(rows)*float64(b.N)/engine.Seconds(), "engine-rows/s")
			b.ReportMetric(float64(rows)*float64(b.N)/local.Seconds(), "local-rows/s")
			b.ReportMetric(local.Seconds()/engine.Seconds(), "local/engine")
		})
	}
}

func readOrdered(b *testing.B, db *impala.DB, s *table.Schema, rows int) {
	n := 0
	for _, err := range db.Rows(context.Background(), s, true) {
		if err != nil {
			b.Fatal(err)
		}
		n++
	}
	if n != rows {
		b.Fatal(n)
	}
}

func sortHere(b *testing.B, db *impala.DB, s *table.Schema, rows, memory int) {
	sorter := sorting.New(sorting.Options{FS: disk.OS, Dir: b.TempDir(), MemoryBytes: memory, KeepAll: true})
	defer sorter.Close() //nolint:errcheck // files without names
	n := uint64(0)
	for row, err := range db.Rows(context.Background(), s, false) {
		if err == nil {
			err = sorter.Add(row.Key, n, 0, row.Image)
		}
		if err != nil {
			b.Fatal(err)
		}
		n++
	}
	merged, err := sorter.Merge()
	for n = 0; err == nil; n++ {
		record, next := merged.Next()
		if err = next; err == nil && record == nil {
			break
		}
	}
	if err != nil || n != uint64(rows) || memory > 0 && sorter.Spilled() == 0 {
		b.Fatal(err, n, sorter.Spilled())
	}
}

// ordersOf fills a table without an index with rows that lie in no order.
func ordersOf(b *testing.B, rows int) (*impala.DB, *table.Schema) {
	b.Helper()
	server, err := sandbox.StartImpala(sandbox.ImpalaOptions{})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = server.Close() })
	name := table.Name{Database: "default", Table: "orders"}
	ctx := context.Background()
	db, err := impala.Open(ctx, impala.Options{DSN: server.DSN(), StateDir: filepath.Join(b.TempDir(), "restore"),
		Tables: map[table.Name]impala.TableOptions{name: {Key: []string{"id"}}}})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = db.Close() })
	statements := []string{"CREATE TABLE default.orders (id BIGINT, name STRING, amount DECIMAL(10,2), at TIMESTAMP) STORED AS PARQUET"}
	for at := 0; at < rows; at += insertBatch {
		var values []string
		for i := at; i < at+insertBatch; i++ {
			values = append(values, fmt.Sprintf("(%d, 'a name of some length %d', CAST(%d.25 AS DECIMAL(10,2)), CAST('2026-11-23 09:00:00.%09d' AS TIMESTAMP))", i*7919%rows, i, i, i))
		}
		statements = append(statements, "INSERT INTO default.orders VALUES "+strings.Join(values, ", "))
	}
	fill, err := sql.Open("impala", server.DSN())
	if err != nil {
		b.Fatal(err)
	}
	defer fill.Close() //nolint:errcheck // it is filled by then
	for _, statement := range statements {
		if _, err := fill.ExecContext(ctx, statement); err != nil {
			b.Fatal(err)
		}
	}
	definition, err := db.Describe(ctx, name)
	if err != nil {
		b.Fatal(err)
	}
	return db, table.WithIDs(nil, definition.Schema)
}

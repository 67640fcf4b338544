package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"iter"
	"os"
	"strings"
	"sync"

	"rewind/bench/workload"
	"rewind/impala"
	"rewind/sandbox"
	"rewind/table"
)

// serveImpala is the stand-in for Impala in a process of its own. What it was asked before it answers as it did, without executing it: it
// is slower than Impala, and a scan would wait for it.
func serveImpala(ctx context.Context, args []string) error {
	if err := expect(args, "DIR"); err != nil {
		return err
	}
	server, err := sandbox.StartImpala(sandbox.ImpalaOptions{Dir: args[0], RepeatAnswers: true})
	if err != nil {
		return err
	}
	if _, err := fmt.Println(server.DSN()); err != nil {
		return err
	}
	<-ctx.Done()
	return server.Close()
}

// loadEngine brings the table into the stand-in, by way of files, as a restore does.
func loadEngine(ctx context.Context, args []string) error {
	if err := expect(args, "SHAPE", "ROWS", "STAGING", "DSN"); err != nil {
		return err
	}
	s, err := parseShape(args[0])
	if err != nil {
		return err
	}
	if err := os.MkdirAll(args[2], 0o700); err != nil {
		return err
	}
	db, err := impala.Open(ctx, impala.Options{DSN: args[3], StateDir: args[2] + ".state", Staging: impala.Staging{URI: "file://" + args[2]}})
	if err != nil {
		return err
	}
	defer db.Close()
	pool, err := sql.Open("impala", args[3])
	if err != nil {
		return err
	}
	defer pool.Close()
	if _, err := pool.ExecContext(ctx, "CREATE DATABASE IF NOT EXISTS "+s.Name().Database); err != nil {
		return err
	}
	digest, err := digestOf(s, workload.ReadRows(args[1]))
	if err != nil {
		return err
	}
	l := table.Load{Into: s.Name(), Source: table.Name{Database: s.Name().Database, Table: "source"}, RestoreID: "bench", Digest: digest,
		Def: table.Definition{Schema: s.Schema(), DDL: createTable(s.Schema()), Engine: "bench"}}
	_, err = db.Load(ctx, l, workload.ReadRows(args[1]))
	return err
}

func digestOf(s workload.Shape, rows iter.Seq2[table.Row, error]) (d table.Digest, err error) {
	codec, err := table.NewCodec(s.Schema())
	if err != nil {
		return d, err
	}
	for row, err := range rows {
		if err != nil {
			return d, err
		}
		f, err := codec.Fingerprint(row.Image)
		if err != nil {
			return d, err
		}
		d.Add(f)
	}
	return d, nil
}

// createTable makes a Kudu table: one that several streams can read as of one instant.
func createTable(s *table.Schema) string {
	var columns []string
	for _, c := range s.Columns {
		columns = append(columns, "`"+c.Name+"` "+c.Type.String())
	}
	return "CREATE TABLE " + s.Table.String() + " (" + strings.Join(columns, ", ") + ", PRIMARY KEY (`id`)) STORED AS KUDU"
}

// toRead is the table's shape and its engine.
func toRead(ctx context.Context, args []string) (s workload.Shape, db *impala.DB, err error) {
	if err := expect(args, "SHAPE", "DSN"); err != nil {
		return s, nil, err
	}
	if s, err = parseShape(args[0]); err != nil {
		return s, nil, err
	}
	db, err = impala.Open(ctx, impala.Options{DSN: args[1]})
	return s, db, err
}

// measureScan reads the table as a capture does: rows of keys and images.
func measureScan(ctx context.Context, args []string) error {
	s, db, err := toRead(ctx, args)
	if err != nil {
		return err
	}
	defer db.Close()
	watch := start()
	rows, bytes := int64(0), int64(0)
	for row, err := range db.Rows(ctx, s.Schema(), true) {
		if err != nil {
			return err
		}
		rows, bytes = rows+1, bytes+int64(len(row.Image))
	}
	return watch.say(rows, map[string]float64{"bytes": float64(bytes)})
}

// measureStreams reads it by two streams at once, each half of the keys, as of one instant.
func measureStreams(ctx context.Context, args []string) error {
	s, db, err := toRead(ctx, args)
	if err != nil {
		return err
	}
	defer db.Close()
	middle, err := middleKey(s)
	if err != nil {
		return err
	}
	watch := start()
	read, _, err := db.Pin(ctx, s.Schema())
	if err != nil {
		return err
	}
	counts, errs := [2]int64{}, [2]error{}
	var both sync.WaitGroup
	for i, bounds := range [][2][]byte{{nil, middle}, {middle, nil}} {
		both.Go(func() {
			for _, err := range read(ctx, true, bounds[0], bounds[1]) {
				if errs[i] = err; err != nil {
					return
				}
				counts[i]++
			}
		})
	}
	both.Wait()
	if err := errors.Join(errs[:]...); err != nil {
		return err
	}
	return watch.say(counts[0]+counts[1], nil)
}

// middleKey is the key in the middle of a table whose key is a number.
func middleKey(s workload.Shape) ([]byte, error) {
	schema := s.Schema()
	codec, err := table.NewCodec(schema)
	if err != nil {
		return nil, err
	}
	values := make([]table.Value, len(schema.Columns))
	for i := range values {
		values[i].Null = i > 0
	}
	values[0].Int = s.Rows
	return codec.AppendKey(nil, values)
}

// driverSettings are those that rewind gives the driver.
const driverSettings = "&buffer-size=65536&batch-size=2048"

// measureDriver reads it by the driver alone, set as for us: the same query, Next and Scan, and nothing done with the values.
func measureDriver(ctx context.Context, args []string) error {
	if err := expect(args, "SHAPE", "DSN"); err != nil {
		return err
	}
	s, err := parseShape(args[0])
	if err != nil {
		return err
	}
	pool, err := sql.Open("impala", args[1]+driverSettings)
	if err != nil {
		return err
	}
	defer pool.Close()
	var columns []string
	for _, c := range s.Schema().Columns {
		columns = append(columns, "t.`"+c.Name+"`")
	}
	watch := start()
	rows, err := pool.QueryContext(ctx, "SELECT "+strings.Join(columns, ", ")+" FROM "+s.Name().String()+" t ORDER BY t.`id` ASC NULLS FIRST")
	if err != nil {
		return err
	}
	defer rows.Close()
	values, targets := make([]any, len(columns)), make([]any, len(columns))
	for i := range values {
		targets[i] = &values[i]
	}
	n := int64(0)
	for rows.Next() {
		if err := rows.Scan(targets...); err != nil {
			return err
		}
		n++
	}
	if err := rows.Err(); err != nil {
		return err
	}
	return watch.say(n, nil)
}

package impala

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"rewind/disk"
	"rewind/ocf"
	"rewind/table"
)

// numberedRows are rows of (id BIGINT, note STRING).
func numberedRows(t *testing.T, n int) (*table.Schema, iter.Seq2[table.Row, error]) {
	t.Helper()
	s := &table.Schema{Table: ordersName, Columns: []table.Column{column(1, "id", table.Type{Kind: table.BigInt}), column(2, "note", table.Type{Kind: table.String})},
		Key: []int{1}, NextColumnID: 3}
	codec, err := table.NewCodec(s)
	if err != nil {
		t.Fatal(err)
	}
	return s, func(yield func(table.Row, error) bool) {
		for i := range n {
			row := []table.Value{{Int: int64(i)}, {Bytes: fmt.Appendf(nil, "note %d", i)}}
			image, err := codec.AppendImage(nil, row)
			key, keyErr := codec.AppendKey(nil, row)
			if !yield(table.Row{Key: key, Image: image}, errors.Join(err, keyErr)) {
				return
			}
		}
	}
}

func testDB(fsys disk.FS, o Options) *DB {
	o.FS = fsys
	o, err := o.withDefaults()
	if err != nil {
		panic(err)
	}
	return &DB{o: o, address: "nowhere"}
}

func TestStagedFiles(t *testing.T) {
	fsys := disk.NewMemory()
	db := testDB(fsys, Options{Staging: Staging{URI: "file:///staging"}, StateDir: "/state"})
	s, rows := numberedRows(t, 10_000)
	r := newRecord(table.Load{Into: ordersName, RestoreID: "1"}, db.o.Staging)
	st := &stager{fs: fsys, folder: r.Path, schema: s.AvroSchema(), limit: 20_000}
	if err := fsys.MkdirAll(r.Path, folderMode); err != nil {
		t.Fatal(err)
	}
	for row, err := range rows {
		if err == nil {
			err = st.append(row.Image)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := st.close(); err != nil {
		t.Fatal(err)
	}
	entries, err := fsys.ReadDir(r.Path)
	if err != nil || len(entries) < 2 {
		t.Fatalf("%d files: %v", len(entries), err)
	}
	count := 0
	for _, e := range entries {
		count += countRecords(t, fsys, filepath.Join(r.Path, e.Name()))
	}
	if count != 10_000 || st.rows != 10_000 {
		t.Errorf("%d records in the files, %d counted", count, st.rows)
	}
	if err := db.unstage(context.Background(), r); err != nil {
		t.Fatal(err)
	}
	if _, err := fsys.Stat(r.Path); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the folder is still there: %v", err)
	}
}

func countRecords(t *testing.T, fsys disk.FS, name string) (count int) {
	t.Helper()
	f, err := fsys.OpenFile(name, os.O_RDONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	reader, err := ocf.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	h := reader.Header()
	if string(h.Meta["writer.proleptic"]) != "true" || string(h.Meta["writer.time.zone"]) != "UTC" || h.Codec != "snappy" {
		t.Errorf("header: %+v", h)
	}
	for {
		n, _, err := reader.Next()
		if errors.Is(err, io.EOF) {
			return count
		}
		if err != nil {
			t.Fatal(err)
		}
		count += n
	}
}

func TestStageEndsWithTheRowsError(t *testing.T) {
	fsys := disk.NewMemory()
	db := testDB(fsys, Options{Staging: Staging{URI: "file:///staging"}, StateDir: "/state"})
	s, rows := numberedRows(t, 10)
	wrong := errors.New("not the restore point")
	failing := func(yield func(table.Row, error) bool) {
		for row, err := range rows {
			if !yield(row, err) {
				return
			}
		}
		yield(table.Row{}, wrong)
	}
	r := newRecord(table.Load{Into: ordersName, RestoreID: "1"}, db.o.Staging)
	if _, _, err := db.stage(r, s, 10, failing); !errors.Is(err, wrong) {
		t.Errorf("%v", err)
	}
}

func TestRecords(t *testing.T) {
	fsys := disk.NewMemory()
	db := testDB(fsys, Options{Staging: Staging{URI: "file:///staging"}, StateDir: "/state/restore"})
	r := newRecord(table.Load{Into: ordersName, RestoreID: "1"}, db.o.Staging)
	if err := db.save(r); err != nil {
		t.Fatal(err)
	}
	db.o.FS = fsys.Restart(disk.Loss{}) // it must be durable before anything is made
	ids, err := db.records()
	if err != nil || len(ids) != 1 || ids[0] != r.ID {
		t.Fatalf("%v: %v", ids, err)
	}
	again, err := db.load(r.ID)
	if err != nil || *again != *r {
		t.Errorf("%+v read back as %+v: %v", r, again, err)
	}
	forged := *r
	forged.Path = "/etc"
	if err := db.save(&forged); err != nil {
		t.Fatal(err)
	}
	if _, err := db.load(r.ID); err == nil {
		t.Error("a record that names a foreign folder was accepted")
	}
	if err := db.forget(r.ID); err != nil {
		t.Fatal(err)
	}
	if ids, err := db.records(); err != nil || len(ids) != 0 {
		t.Errorf("still there: %v %v", ids, err)
	}
}

func TestSiteCommands(t *testing.T) {
	dir := t.TempDir()
	r := &record{Path: filepath.Join(dir, "a b"), URI: "hdfs://ns/x;y"}
	script := filepath.Join(dir, "script")
	if err := os.WriteFile(script, []byte("#!/bin/sh\nprintf '%s\\n' \"$@\" > \"$0.out\"\necho complaint >&2\nexit $1\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	ctx := context.Background()
	if err := runCommand(ctx, []string{script, "0", "{path}", "to={uri}"}, r); err != nil {
		t.Fatal(err)
	}
	out, err := os.ReadFile(script + ".out")
	if err != nil || string(out) != "0\n"+r.Path+"\nto=hdfs://ns/x;y\n" {
		t.Errorf("arguments: %q %v", out, err)
	}
	err = runCommand(ctx, []string{script, "3"}, r)
	var command *CommandError
	if !errors.As(err, &command) || command.Stderr != "complaint" || !strings.Contains(err.Error(), "exit status 3") {
		t.Errorf("%v", err)
	}
	if err := runCommand(ctx, []string{filepath.Join(dir, "missing")}, r); err == nil {
		t.Error("a missing command succeeded")
	}
}

func TestValueStatements(t *testing.T) {
	s, rows := numberedRows(t, 70_000)
	l := table.Load{Into: ordersName, Def: table.Definition{Schema: s}}
	plan, err := planTarget(l.Into, s, &ddl{format: formatParquet}, "1")
	if err != nil {
		t.Fatal(err)
	}
	statements, count, _, err := valueStatements(l, plan, rows)
	if err != nil || count != 70_000 {
		t.Fatalf("%d rows: %v", count, err)
	}
	total := 0
	for _, statement := range statements {
		n := strings.Count(statement, "CAST(")
		if n > maxValuesFields || len(statement) > maxValuesBytes {
			t.Errorf("a statement of %d rows and %d bytes", n, len(statement))
		}
		total += n
	}
	if total != 70_000 || len(statements) != 3 {
		t.Errorf("%d rows in %d statements", total, len(statements))
	}
}

func TestValueStatementsRefuseAHugeRow(t *testing.T) {
	s, _ := numberedRows(t, 0)
	codec, err := table.NewCodec(s)
	if err != nil {
		t.Fatal(err)
	}
	image, err := codec.AppendImage(nil, []table.Value{{Int: 1}, {Bytes: make([]byte, maxRowBytes/4+1)}})
	if err != nil {
		t.Fatal(err)
	}
	key, err := codec.AppendKeyOf(nil, image)
	if err != nil {
		t.Fatal(err)
	}
	plan, err := planTarget(ordersName, s, &ddl{format: formatParquet}, "1")
	if err != nil {
		t.Fatal(err)
	}
	_, _, _, err = valueStatements(table.Load{Into: ordersName, Def: table.Definition{Schema: s}}, plan, func(yield func(table.Row, error) bool) {
		yield(table.Row{Key: key, Image: image}, nil)
	})
	var staging *StagingError
	if !errors.As(err, &staging) || staging.ExitCode() != 6 || !strings.Contains(err.Error(), "id=1") {
		t.Errorf("%v", err)
	}
}

package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"os"
	"path/filepath"
	"strconv"
	"sync/atomic"

	"rewind/ballast"
	"rewind/bench/workload"
	"rewind/disk"
	"rewind/ocf"
	"rewind/replay"
	"rewind/table"
)

func openJournal(data string, fsys disk.FS) (*replay.Journal, error) {
	j, err := replay.Open(filepath.Join(data, "journal"), workload.Shape{}.Name(), replay.Options{FS: fsys})
	if err == nil {
		err = j.Damage()
	}
	if err == nil && len(j.Points()) == 0 {
		err = fmt.Errorf("%s holds no restore point", data)
	}
	return j, err
}

// makeCheckpoint writes the checkpoint of a restore point, so many before the newest.
func makeCheckpoint(ctx context.Context, args []string) error {
	if err := expect(args, "DATA", "BACK"); err != nil {
		return err
	}
	back, err := strconv.Atoi(args[1])
	if err != nil {
		return err
	}
	j, err := openJournal(args[0], disk.OS)
	if err != nil {
		return err
	}
	points := j.Points()
	if back >= len(points) {
		return fmt.Errorf("%s has %d restore points", args[0], len(points))
	}
	_, err = j.Checkpoint(ctx, points[len(points)-1-back])
	return err
}

// measureFold folds the newest restore point and proves it. The journal is opened before, and that is said apart.
func measureFold(ctx context.Context, args []string) error {
	if err := expect(args, "DATA"); err != nil {
		return err
	}
	opening := start()
	j, err := openJournal(args[0], disk.OS)
	if err != nil {
		return err
	}
	more := map[string]float64{"open_cpu_s": cpuOfSelf() - opening.cpu}
	points := j.Points()
	newest := points[len(points)-1]
	events := int64(0)
	for _, p := range points {
		events += p.Counts.Reads + p.Counts.Creates + p.Counts.Updates + p.Counts.Deletes
	}
	watch := start()
	rows := int64(0)
	for _, err := range j.Fold(ctx, newest) {
		if err != nil {
			return err
		}
		rows++
	}
	more["rows"] = float64(rows)
	return watch.say(events, more)
}

// measureRestore restores the newest point to container files as they are staged for an engine, from the opening of the journal to the proof.
func measureRestore(ctx context.Context, args []string) error {
	if err := expect(args, "DATA", "STAGING"); err != nil {
		return err
	}
	if err := os.RemoveAll(args[1]); err != nil {
		return err
	}
	watch := start()
	ballast.Hold(replay.RestoreBallast) // as the command does
	j, err := openJournal(args[0], disk.OS)
	if err != nil {
		return err
	}
	points := j.Points()
	s := workload.Shape{}
	c, err := j.Restore(ctx, stager{args[1]}, replay.RestoreOptions{
		At: replay.Spec{Snapshot: points[len(points)-1].ID}, Into: table.Name{Database: s.Name().Database, Table: "restored"}})
	if err != nil {
		return err
	}
	more := map[string]float64{}
	for _, stage := range c.Stages {
		more[stage.Name+"_s"] += stage.Seconds
	}
	staged, err := folderBytes(args[1])
	if err != nil {
		return err
	}
	more["staged_bytes"] = float64(staged)
	return watch.say(c.Rows, more)
}

// stager is a target that ends where an engine would begin: at files that it could read. It proves what it wrote by its rows.
type stager struct{ dir string }

// Load writes the rows and computes their digest.
func (s stager) Load(_ context.Context, l table.Load, rows iter.Seq2[table.Row, error]) (loaded table.Loaded, err error) {
	if err := os.MkdirAll(s.dir, 0o700); err != nil {
		return loaded, err
	}
	f, err := os.Create(filepath.Join(s.dir, "part-00000.avro"))
	if err != nil {
		return loaded, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	w, err := ocf.NewWriter(f, ocf.Header{Schema: l.Def.Schema.AvroSchema()})
	if err != nil {
		return loaded, err
	}
	w.Spare() // as impala's staging does
	for row, err := range rows {
		if err == nil {
			err = w.Append(row.Image)
		}
		if err != nil {
			return loaded, err
		}
	}
	if err := w.Flush(); err != nil {
		return loaded, err
	}
	// The rows ended without an error: their digest is l.Digest. What an engine loads of them it proves itself, outside of this stage.
	return table.Loaded{Digest: l.Digest, Proof: table.ProofEngine, Method: "staging"}, f.Sync()
}

// measureHistory finds the versions of one key, and says how much it read for that.
func measureHistory(ctx context.Context, args []string) error {
	if err := expect(args, "DATA", "KEY"); err != nil {
		return err
	}
	meter := &readMeter{FS: disk.OS}
	opening := start()
	j, err := openJournal(args[0], meter)
	if err != nil {
		return err
	}
	if _, err := strconv.ParseInt(args[1], 10, 64); err != nil {
		return err
	}
	more := map[string]float64{"open_cpu_s": cpuOfSelf() - opening.cpu, "open_bytes": float64(meter.bytes.Swap(0))}
	watch := start()
	h, err := j.RowHistory(ctx, "id="+args[1])
	if err != nil {
		return err
	}
	if len(h.Versions) == 0 {
		return fmt.Errorf("no versions of key %s", args[1])
	}
	more["bytes"] = float64(meter.bytes.Load())
	return watch.say(int64(len(h.Versions)), more)
}

// readMeter is a file system that counts what is read of it.
type readMeter struct {
	disk.FS
	bytes atomic.Int64
}

// OpenFile gives a file that counts.
func (m *readMeter) OpenFile(name string, flag int, perm fs.FileMode) (disk.File, error) {
	f, err := m.FS.OpenFile(name, flag, perm)
	if err != nil {
		return nil, err
	}
	return &meteredFile{f, m}, nil
}

type meteredFile struct {
	disk.File
	meter *readMeter
}

// Read counts.
func (f *meteredFile) Read(p []byte) (int, error) {
	n, err := f.File.Read(p)
	f.meter.bytes.Add(int64(n))
	return n, err
}

// ReadAt counts.
func (f *meteredFile) ReadAt(p []byte, off int64) (int, error) {
	n, err := f.File.ReadAt(p, off)
	f.meter.bytes.Add(int64(n))
	return n, err
}

// measureDisk writes bytes in one go of large writes and an fsync: what any file could reach here.
func measureDisk(_ context.Context, args []string) error {
	if err := expect(args, "FILE", "BYTES", "UNITS"); err != nil {
		return err
	}
	n, err := strconv.ParseInt(args[1], 10, 64)
	if err != nil {
		return err
	}
	stand, err := strconv.ParseInt(args[2], 10, 64) // what the bytes stand for: rows, or messages
	if err != nil {
		return err
	}
	block := make([]byte, 1<<20)
	for i := range block {
		block[i] = byte(i * 7919 >> 3)
	}
	watch := start()
	f, err := os.Create(args[0])
	if err != nil {
		return err
	}
	for left := n; left > 0; left -= int64(len(block)) {
		if _, err := f.Write(block[:min(left, int64(len(block)))]); err != nil {
			return errors.Join(err, f.Close())
		}
	}
	if err := errors.Join(f.Sync(), f.Close()); err != nil {
		return err
	}
	if err := watch.say(stand, map[string]float64{"bytes": float64(n)}); err != nil {
		return err
	}
	return os.Remove(args[0])
}

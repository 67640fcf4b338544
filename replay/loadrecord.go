package replay

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strings"

	"rewind/disk"
	"rewind/table"
)

// loadRecord is <data>/restore/load-<file>-<id>.json: a table that a restore has begun to load. It is written before the
// table is made and removed once the table is proved, so a table that still has a record is unfinished.
type loadRecord struct {
	Version int    `json:"version"`
	ID      string `json:"restore_id"`
	Table   string `json:"table"` // that is being restored
	Into    string `json:"into"`  // that is being loaded
}

const recordVersion = 1

func restoreDir(o Options) string { return filepath.Join(o.Data, "restore") }

func loadPrefix(name table.Name) string { return "load-" + name.FileName() + "-" }

// begunLoad holds the record's lock, by which other processes know that somebody is at work on it.
type begunLoad struct {
	o    Options
	path string
	lock io.Closer
}

func beginLoad(o Options, r loadRecord) (*begunLoad, error) {
	name, err := table.ParseName(r.Table)
	if err != nil {
		return nil, err
	}
	path := filepath.Join(restoreDir(o), loadPrefix(name)+r.ID+".json")
	if err := disk.MakeDirs(o.FS, restoreDir(o), 0o700); err != nil {
		return nil, err
	}
	lock, err := o.FS.Lock(lockOf(path))
	if err != nil {
		return nil, err
	}
	if err := writeJSON(o.FS, path, r); err != nil {
		return nil, errors.Join(err, ignoreNotExist(o.FS.Remove(lockOf(path))), lock.Close())
	}
	return &begunLoad{o: o, path: path, lock: lock}, nil
}

func lockOf(path string) string { return strings.TrimSuffix(path, ".json") + ".lock" }

// done removes the record: the table stands, or is gone. The lock's file goes last: without it another process could take the
// lock anew, and would drop the table of a record that is still there.
func (b *begunLoad) done() error {
	if err := removeDurably(b.o.FS, b.path); err != nil {
		return err
	}
	return ignoreNotExist(b.o.FS.Remove(lockOf(b.path)))
}

func (b *begunLoad) release() { _ = b.lock.Close() } // a lock goes with its process at the latest

// recoverLoads drops the unfinished tables of restores that were cut off, and says which they were. Those of restores
// that are still running are left alone.
func recoverLoads(ctx context.Context, name table.Name, catalog Catalog, drop dropper, o Options) (dropped []string, err error) {
	files, err := o.FS.ReadDir(restoreDir(o))
	if err != nil {
		return nil, ignoreNotExist(err)
	}
	for _, f := range files {
		if !strings.HasPrefix(f.Name(), loadPrefix(name)) || !strings.HasSuffix(f.Name(), ".json") {
			continue
		}
		gone, err := recoverLoad(ctx, filepath.Join(restoreDir(o), f.Name()), catalog, drop, o)
		if err != nil {
			return dropped, err
		}
		if gone != "" {
			dropped = append(dropped, gone)
		}
	}
	return dropped, nil
}

func recoverLoad(ctx context.Context, path string, catalog Catalog, drop dropper, o Options) (dropped string, err error) {
	lock, err := o.FS.Lock(lockOf(path))
	if held := (*disk.LockedError)(nil); errors.As(err, &held) {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	begun := &begunLoad{o: o, path: path, lock: lock}
	defer begun.release()
	var r loadRecord
	if err := readJSON(o.FS, path, &r); err != nil {
		return "", ignoreNotExist(err) // it was finished while we waited for the lock
	}
	into, err := table.ParseName(r.Into)
	if err != nil || r.Version != recordVersion || r.ID == "" {
		return "", fmt.Errorf("%s is no record of a restore that this version knows", path)
	}
	id, exists, err := catalog.RestoreID(ctx, into)
	if err != nil {
		return "", err
	}
	if exists && id == r.ID {
		if drop == nil {
			return "", nil
		}
		if err := drop(ctx, into); err != nil {
			return "", fmt.Errorf("drop the unfinished table %s: %w", into, err)
		}
		dropped = into.String()
		o.Logger.Info("dropped an unfinished table of a restore that was cut off", "table", into)
	}
	return dropped, begun.done()
}

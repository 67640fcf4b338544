package impala

import (
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"rewind/disk"
	"rewind/table"
)

// record is what a load has under way, written durably before anything of it exists, so that the next start can remove what a crash
// left behind. Nothing is ever removed that a record does not name.
type record struct {
	Version   int    `json:"version"`
	ID        string `json:"id"`
	Into      string `json:"into"`
	RestoreID string `json:"restore_id"`
	Staging   string `json:"staging_table,omitempty"` // the staging table
	Folder    string `json:"folder,omitempty"`        // the staging folder's name, under path and uri
	Path      string `json:"path,omitempty"`
	URI       string `json:"uri,omitempty"`
	Put       bool   `json:"put,omitempty"` // the site's command has begun to copy to uri
	Owned     bool   `json:"owned"`         // the new table's location was read back and holds nothing of anybody else
	Proved    bool   `json:"proved"`        // the new table is finished and stays
}

const (
	recordVersion = 1
	recordPrefix  = "staging-" // replay keeps records of its own beside these
	recordSuffix  = ".json"
	lockSuffix    = ".lock"
	maxRecord     = 1 << 20
)

// newID is unguessable: it names staging folders and tables.
func newID() string {
	var b [16]byte
	rand.Read(b[:]) // never fails
	return hex.EncodeToString(b[:])
}

func newRecord(l table.Load, staging Staging) *record {
	r := &record{Version: recordVersion, ID: newID(), Into: l.Into.String(), RestoreID: l.RestoreID}
	if staging.enabled() {
		r.Folder = "rewind-" + r.ID
		r.Staging = table.Name{Database: l.Into.Database, Table: "rewind_staging_" + r.ID}.String()
		r.Path = filepath.Join(staging.Path, r.Folder)
		r.URI = staging.URI + "/" + r.Folder
	}
	return r
}

func (db *DB) recordPath(id string) string {
	return filepath.Join(db.o.StateDir, recordPrefix+id+recordSuffix)
}

// save makes the record durable.
func (db *DB) save(r *record) error {
	if db.o.StateDir == "" {
		return &ConfigError{"data", "no folder for the records of restores"}
	}
	text, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return err
	}
	if err := disk.MakeDirs(db.o.FS, db.o.StateDir, 0o700); err != nil {
		return err
	}
	return disk.WriteFile(db.o.FS, db.recordPath(r.ID), append(text, '\n'), 0o600)
}

// hold says that this process is at work on the record.
func (db *DB) hold(id string) (io.Closer, error) {
	if err := disk.MakeDirs(db.o.FS, db.o.StateDir, 0o700); err != nil {
		return nil, err
	}
	return db.o.FS.Lock(db.recordPath(id) + lockSuffix)
}

// release ends hold.
func (db *DB) release(held io.Closer) {
	if err := held.Close(); err != nil {
		db.o.Logger.Debug("impala: releasing a lock", "error", err)
	}
}

// forget removes the record, and its lock.
func (db *DB) forget(id string) error {
	for _, path := range []string{db.recordPath(id), db.recordPath(id) + lockSuffix} {
		if err := db.o.FS.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return db.o.FS.SyncDir(db.o.StateDir)
}

// records lists the ids of the records of unfinished loads.
func (db *DB) records() ([]string, error) {
	if db.o.StateDir == "" {
		return nil, nil
	}
	entries, err := db.o.FS.ReadDir(db.o.StateDir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	var ids []string
	for _, e := range entries {
		id, found := strings.CutPrefix(e.Name(), recordPrefix)
		if id, isRecord := strings.CutSuffix(id, recordSuffix); found && isRecord {
			ids = append(ids, id)
		}
	}
	return ids, err
}

// load reads a record back and checks that it names only what a load makes.
func (db *DB) load(id string) (*record, error) {
	f, err := db.o.FS.OpenFile(db.recordPath(id), os.O_RDONLY, 0)
	if err != nil {
		return nil, err
	}
	text, err := io.ReadAll(io.LimitReader(f, maxRecord))
	if err := errors.Join(err, f.Close()); err != nil {
		return nil, err
	}
	r := &record{}
	if err := json.Unmarshal(text, r); err != nil {
		return nil, fmt.Errorf("%s: %w", db.recordPath(id), err)
	}
	if r.Version != recordVersion || r.ID != id || r.RestoreID == "" {
		return nil, fmt.Errorf("%s: not a record that this version can act on", db.recordPath(id))
	}
	if r.Folder != "" && (r.Folder != "rewind-"+id || filepath.Base(r.Path) != r.Folder || !strings.HasSuffix(r.URI, "/"+r.Folder)) {
		return nil, fmt.Errorf("%s: it names a folder that no restore makes", db.recordPath(id))
	}
	return r, nil
}

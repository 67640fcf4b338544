package replay

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"time"

	"rewind/table"
)

// Kept is a replaced table that was kept.
type Kept struct {
	Table     string    `json:"table"`              // the table that was replaced
	Kept      string    `json:"kept"`               // the name that it has now
	RestoreID string    `json:"restore_id"`         // of the restore that replaced it
	Property  string    `json:"property,omitempty"` // its own rewind.restore, where it came from a restore itself
	Point     int64     `json:"point"`              // that was restored in its place
	At        time.Time `json:"at"`
}

// keptFile is <data>/restore/replaced-<file>.json.
type keptFile struct {
	Version int    `json:"version"`
	Tables  []Kept `json:"tables"`
}

func keptPath(o Options, name table.Name) string {
	return filepath.Join(restoreDir(o), "replaced-"+name.FileName()+".json")
}

func readKept(o Options, name table.Name) (keptFile, error) {
	var f keptFile
	err := readJSON(o.FS, keptPath(o, name), &f)
	if err == nil && f.Version != recordVersion {
		err = fmt.Errorf("%s is of version %d, which this program does not know", keptPath(o, name), f.Version)
	}
	return f, ignoreNotExist(err)
}

// addKept notes a kept table; once is enough.
func addKept(o Options, name table.Name, k Kept) error {
	f, err := readKept(o, name)
	if err != nil {
		return err
	}
	if slices.ContainsFunc(f.Tables, func(other Kept) bool { return other.Kept == k.Kept }) {
		return nil
	}
	f.Version, f.Tables = recordVersion, append(f.Tables, k)
	return writeJSON(o.FS, keptPath(o, name), f)
}

// Replaced lists the kept tables of a table, oldest first.
func Replaced(name table.Name, o Options) ([]Kept, error) {
	f, err := readKept(o.applyDefaults(""), name)
	return f.Tables, err
}

// DropReplaced drops a kept table, after looking that it is the one that was replaced, and forgets it. One that is gone
// already is forgotten too.
func DropReplaced(ctx context.Context, k Kept, catalog Catalog, drop func(ctx context.Context, name table.Name) error, o Options) error {
	o = o.applyDefaults("")
	name, err := table.ParseName(k.Table)
	if err != nil {
		return err
	}
	kept, err := table.ParseName(k.Kept)
	if err != nil {
		return err
	}
	lock, err := lockSwap(o, name)
	if err != nil {
		return err
	}
	defer lock.Close() //nolint:errcheck // a lock goes with its process at the latest
	property, exists, err := catalog.RestoreID(ctx, kept)
	if err != nil {
		return err
	}
	if exists && property != k.Property {
		return &ForeignTableError{Name: kept, Property: property}
	}
	if exists {
		if err := drop(ctx, kept); err != nil {
			return fmt.Errorf("drop %s: %w", kept, err)
		}
	}
	return forgetKept(o, name, k)
}

func forgetKept(o Options, name table.Name, k Kept) error {
	f, err := readKept(o, name)
	if err != nil {
		return err
	}
	f.Tables = slices.DeleteFunc(f.Tables, func(other Kept) bool { return other.Kept == k.Kept })
	if len(f.Tables) == 0 {
		return removeDurably(o.FS, keptPath(o, name))
	}
	return writeJSON(o.FS, keptPath(o, name), f)
}

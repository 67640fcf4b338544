package replay

import (
	"context"
	"errors"
	"io/fs"
	"strings"

	"rewind/disk"
	"rewind/table"
)

// Recovered says what Recover found and did.
type Recovered struct {
	Table   string   `json:"table"`
	Pending bool     `json:"pending"`           // something was unfinished
	Placed  string   `json:"placed,omitempty"`  // "new" or "old": the table that stands under the name now
	Kept    string   `json:"kept,omitempty"`    // the name of the replaced table, where the new one was placed
	Dropped []string `json:"dropped,omitempty"` // unfinished tables that were dropped
	Reason  string   `json:"reason,omitempty"`  // why the old table was placed
}

// Recover finishes what a replace or a restore of the table left when it was cut off. Every command on the table calls it
// first; it is idempotent, and it leaves alone what another process is at work on: a swap of another process that is
// under way is a *disk.LockedError. It knows tables by their property rewind.restore, never by their names.
func Recover(ctx context.Context, name table.Name, catalog Catalog, drop func(ctx context.Context, name table.Name) error, o Options) (Recovered, error) {
	o = o.applyDefaults("")
	none := Recovered{Table: name.String()}
	pending, swapping, err := somethingPending(name, o)
	if err != nil || !pending {
		return none, err
	}
	lock, err := lockSwap(o, name)
	if held := (*disk.LockedError)(nil); errors.As(err, &held) && !swapping {
		return none, nil // a replace that is still loading
	}
	if err != nil {
		return none, err
	}
	defer lock.Close() //nolint:errcheck // a lock goes with its process at the latest
	return recoverLocked(ctx, name, catalog, drop, o)
}

// somethingPending looks for an intent or a record of the table without touching anything.
func somethingPending(name table.Name, o Options) (pending, swapping bool, err error) {
	files, err := o.FS.ReadDir(restoreDir(o))
	if err != nil {
		return false, false, ignoreNotExist(err)
	}
	intent := "swap-" + name.FileName() + ".json"
	for _, f := range files {
		swapping = swapping || f.Name() == intent
		pending = pending || strings.HasPrefix(f.Name(), loadPrefix(name)) && strings.HasSuffix(f.Name(), ".json")
	}
	return pending || swapping, swapping, nil
}

// recoverLocked is Recover for who holds the swap's lock.
func recoverLocked(ctx context.Context, name table.Name, catalog Catalog, drop dropper, o Options) (Recovered, error) {
	r := Recovered{Table: name.String()}
	var s swap
	err := readJSON(o.FS, swapPath(o, name), &s)
	switch {
	case err == nil:
		r.Pending = true
		x, err := newExchange(s, catalog, o)
		if err != nil {
			return r, err
		}
		end, reason, err := x.settle(ctx)
		if err != nil {
			return r, err
		}
		r.Placed = string(end)
		if reason != nil {
			r.Reason = reason.Error()
		}
		if end == placedNew {
			r.Kept = s.Kept
		}
		o.Logger.Info("finished a replace that was cut off", "table", name, "placed", r.Placed, "reason", r.Reason)
	case !errors.Is(err, fs.ErrNotExist):
		return r, err
	}
	r.Dropped, err = recoverLoads(ctx, name, catalog, drop, o)
	r.Pending = r.Pending || len(r.Dropped) > 0
	return r, err
}

package replay

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"time"

	"rewind/table"
)

// swap is <data>/restore/swap-<file>.json: the intent to put a new table in place of the old one. It is durable before
// the first rename, so that whoever comes after a crash knows what was going on, and it goes when one of the two tables
// stands under the name.
//
//	old under the name ──rename──▶ old under Kept ──(its digest is the capture's)──rename──▶ new under the name
//	                   ◀──rename back── (it is not, or the new table is gone)
//
// At every moment the tables themselves say how far it went: the new one is known by its property rewind.restore, never
// by its name, and so an answer that was lost, a call that was repeated and a crash are all the same to it.
type swap struct {
	Version  int           `json:"version"`
	ID       string        `json:"restore_id"` // the new table's property
	Table    string        `json:"table"`
	New      string        `json:"new"`
	Kept     string        `json:"kept"`
	Old      string        `json:"old"`                // the old table's property; "" where it has none
	Captured int64         `json:"captured,omitempty"` // the snapshot that was captured just before; 0: none
	Digest   *table.Digest `json:"digest,omitempty"`   // of that capture
	Schema   string        `json:"schema,omitempty"`   // of that capture, as Avro
	Point    int64         `json:"point"`              // that is being restored
	At       time.Time     `json:"at"`
}

// placed says which table stands under the name once a swap is over.
type placed string

const (
	placedNew placed = "new"
	placedOld placed = "old"
)

// WrittenMeanwhileError: the old table was not what the capture just before had read, so it was put back.
type WrittenMeanwhileError struct {
	Table          table.Name
	Captured       int64
	Want, Have     table.Digest
	Unknown        error // why the digest could not be computed; nil where it differs
	NothingChanged bool  // the old table stands under its name again
}

func (e *WrittenMeanwhileError) Error() string {
	if e.Unknown != nil {
		return fmt.Sprintf("%s was not replaced: whether it was written since snapshot %d cannot be told: %v", e.Table, e.Captured, e.Unknown)
	}
	return fmt.Sprintf("%s was not replaced: it was written since it was captured (snapshot %d has digest %s, the table %s)",
		e.Table, e.Captured, e.Want, e.Have)
}

// Unwrap gives what kept the digest from being computed.
func (e *WrittenMeanwhileError) Unwrap() error { return e.Unknown }

// ExitCode is 6.
func (e *WrittenMeanwhileError) ExitCode() int { return exitRefused }

// Hint says what to do.
func (e *WrittenMeanwhileError) Hint() string { return "stop what writes to the table, and try again" }

// ForeignTableError: a table that is neither the old nor the new one stands under a name of the swap.
type ForeignTableError struct {
	Name     table.Name
	Property string // its rewind.restore
	Intent   string // the file that holds the intent; "" where there is none
}

func (e *ForeignTableError) Error() string {
	return fmt.Sprintf("the table %s is not the one that the restore left there (its rewind.restore is %q)", e.Name, e.Property)
}

// ExitCode is 6.
func (e *ForeignTableError) ExitCode() int { return exitRefused }

// Hint says what to do.
func (e *ForeignTableError) Hint() string {
	if e.Intent == "" {
		return "look at the table; rewind does not touch it"
	}
	return "rename or drop that table and run the command again; what was going on stands in " + e.Intent
}

// LostTableError: neither the old nor the new table of a swap is there any more.
type LostTableError struct {
	Table, Kept, New string
	Intent           string
}

func (e *LostTableError) Error() string {
	return fmt.Sprintf("of the tables %s, %s and %s, which a restore was exchanging, none is there", e.Table, e.Kept, e.New)
}

// Hint says what to do.
func (e *LostTableError) Hint() string {
	return "restore the table under its name with --into, then remove " + e.Intent
}

// exchange carries a swap through, from wherever it is.
type exchange struct {
	swap
	o       Options
	path    string
	catalog Catalog
	table   table.Name
	fresh   table.Name // the new table's first name
	kept    table.Name
	back    bool  // nothing but putting the old table back is tried any more
	reason  error // for putting it back
}

func swapPath(o Options, name table.Name) string {
	return filepath.Join(restoreDir(o), "swap-"+name.FileName()+".json")
}

func newExchange(s swap, catalog Catalog, o Options) (*exchange, error) {
	x := &exchange{swap: s, o: o, catalog: catalog}
	var err error
	for into, text := range map[*table.Name]string{&x.table: s.Table, &x.fresh: s.New, &x.kept: s.Kept} {
		if *into, err = table.ParseName(text); err != nil {
			return nil, err
		}
	}
	if s.Version != recordVersion || s.ID == "" || s.ID == s.Old {
		return nil, fmt.Errorf("the intent of a swap of %s is none that this version knows", s.Table)
	}
	x.path = swapPath(o, x.table)
	return x, nil
}

// begin renames the old table away. The intent must be durable. Whether it worked the tables say, see settle.
func (x *exchange) begin(ctx context.Context) {
	if err := x.rename(ctx, x.table, x.kept); err != nil {
		x.back, x.reason = true, fmt.Errorf("rename %s to %s: %w", x.table, x.kept, err)
		return
	}
	x.o.Logger.Debug("swap: old renamed", "table", x.table, "kept", x.kept)
}

// rename does not stop for a context that has ended: half a swap helps nobody.
func (x *exchange) rename(ctx context.Context, from, to table.Name) error {
	return x.catalog.Rename(context.WithoutCancel(ctx), from, to)
}

const maxSettleSteps = 8 // far more than a swap has

// settle looks where the tables are and goes on until one of the two stands under the name, then removes the intent.
// The reason is why it is the old one. An error leaves the intent for the next time.
func (x *exchange) settle(ctx context.Context) (end placed, reason, err error) {
	for range maxSettleSteps {
		var s scene
		if s, err = x.look(ctx); err != nil {
			continue
		}
		if end, err = x.step(ctx, s); end == "" && err == nil {
			continue
		}
		if end != "" {
			err = x.close(end, s)
		}
		return end, x.reason, err
	}
	if err == nil {
		err = errors.Join(errors.New("the swap does not come to an end"), x.reason)
	}
	return "", x.reason, fmt.Errorf("%s: %w (the next command tries again)", x.table, err)
}

// scene is where the tables are.
type scene struct{ table, kept, fresh presence }

type presence struct {
	exists bool
	id     string
}

func (x *exchange) look(ctx context.Context) (s scene, err error) {
	ctx = context.WithoutCancel(ctx)
	for name, into := range map[table.Name]*presence{x.table: &s.table, x.kept: &s.kept, x.fresh: &s.fresh} {
		if into.id, into.exists, err = x.catalog.RestoreID(ctx, name); err != nil {
			return s, err
		}
	}
	return s, nil
}

// step does the next thing. end tells that nothing is left to be done; an error, that nothing can be.
func (x *exchange) step(ctx context.Context, s scene) (end placed, err error) {
	switch {
	case s.table.exists && s.table.id == x.ID:
		return placedNew, nil
	case s.table.exists && s.kept.exists:
		return "", &ForeignTableError{Name: x.table, Property: s.table.id, Intent: x.path}
	case s.table.exists:
		return placedOld, nil // it was never renamed, or has been put back
	case s.kept.exists && s.kept.id != x.Old:
		return "", &ForeignTableError{Name: x.kept, Property: s.kept.id, Intent: x.path}
	case s.kept.exists:
		return "", x.middle(ctx, s.fresh)
	case s.fresh.exists && s.fresh.id == x.ID:
		return "", x.rename(ctx, x.fresh, x.table) // somebody dropped the old table meanwhile
	}
	return "", &LostTableError{Table: x.Table, Kept: x.Kept, New: x.New, Intent: x.path}
}

// middle is between the two renames: no table stands under the name. It goes forward if it can, and back if it cannot.
func (x *exchange) middle(ctx context.Context, fresh presence) error {
	if !x.back {
		x.reason = x.obstacle(ctx, fresh)
		x.back = x.reason != nil
	}
	if x.back {
		if err := x.rename(ctx, x.kept, x.table); err != nil {
			x.o.Logger.Warn("the old table could not be renamed back", "table", x.table, "kept", x.kept, "error", err)
			return nil // settle looks again: the answer may be all that was lost
		}
		x.o.Logger.Debug("swap: old renamed back", "table", x.table)
		return nil
	}
	if err := x.rename(ctx, x.fresh, x.table); err != nil {
		x.back, x.reason = true, fmt.Errorf("rename %s to %s: %w", x.fresh, x.table, err)
		return nil
	}
	x.o.Logger.Debug("swap: new renamed", "table", x.table)
	return nil
}

// obstacle says what forbids to put the new table in place; nil: nothing does.
func (x *exchange) obstacle(ctx context.Context, fresh presence) error {
	if !fresh.exists || fresh.id != x.ID {
		return fmt.Errorf("the new table %s is gone", x.fresh)
	}
	if x.Digest == nil {
		return nil
	}
	schema, err := table.ParseAvroSchema(x.Schema)
	if err == nil {
		var have table.Digest
		if have, _, err = x.catalog.Digest(ctx, x.kept, schema); err == nil && have == *x.Digest {
			x.o.Logger.Debug("swap: old proved", "table", x.kept)
			return nil
		}
		if err == nil {
			return &WrittenMeanwhileError{Table: x.table, Captured: x.Captured, Want: *x.Digest, Have: have}
		}
	}
	return &WrittenMeanwhileError{Table: x.table, Captured: x.Captured, Unknown: err}
}

// close writes down what was kept and removes the intent.
func (x *exchange) close(end placed, s scene) error {
	if end == placedNew && s.kept.exists {
		err := addKept(x.o, x.table, Kept{Table: x.Table, Kept: x.Kept, RestoreID: x.ID, Property: x.Old, Point: x.Point, At: x.At})
		if err != nil {
			return err
		}
	}
	if err := removeDurably(x.o.FS, x.path); err != nil {
		return err
	}
	x.o.Logger.Debug("swap: done", "table", x.table, "placed", string(end))
	return nil
}

func ignoreNotExist(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

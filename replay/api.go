package replay

import (
	"context"
	"iter"
	"time"

	"rewind/table"
)

// RestoreOptions say what a restore brings back, and where to.
type RestoreOptions struct {
	At        Spec
	Into      table.Name // the new table
	Stats     bool       // compute statistics after the proof
	RestoreID string     // the new table's property rewind.restore; "": a fresh one
}

// Restore folds the point, proves it, loads it into a new table and proves that.
func (j *Journal) Restore(ctx context.Context, target Target, o RestoreOptions) (Certificate, error) {
	panic("unwritten")
}

// ReplaceOptions say how a restore in place of the old table goes.
type ReplaceOptions struct {
	At    Spec
	Stats bool
	// Before captures the table and waits until the capture is in the journal (see WaitForPoint); it gives its snapshot's id.
	// nil: no capture; the old table is kept all the same, but what was written to it meanwhile is not noticed.
	Before func(ctx context.Context) (snapshot int64, err error)
	Drop   func(ctx context.Context, name table.Name) error // drops what a failed replace leaves behind
}

// Replace restores the point in place of the table; the old table is kept under Certificate.Kept.
func (j *Journal) Replace(ctx context.Context, target Target, catalog Catalog, o ReplaceOptions) (Certificate, error) {
	panic("unwritten")
}

// Recovered says what Recover found and did.
type Recovered struct {
	Table   string   `json:"table"`
	Pending bool     `json:"pending"`           // something was unfinished
	Placed  string   `json:"placed,omitempty"`  // "new" or "old": the table that stands under the name now
	Kept    string   `json:"kept,omitempty"`    // the name of the replaced table, where the new one was placed
	Dropped []string `json:"dropped,omitempty"` // unfinished tables that were dropped
	Reason  string   `json:"reason,omitempty"`  // why the old table was placed
}

// Recover finishes a replace or a restore that was cut off. Every command on the table calls it first; it is idempotent.
func Recover(ctx context.Context, name table.Name, catalog Catalog, drop func(ctx context.Context, name table.Name) error, o Options) (Recovered, error) {
	panic("unwritten")
}

// Kept is a replaced table that still exists.
type Kept struct {
	Table     string    `json:"table"`      // the table that was replaced
	Kept      string    `json:"kept"`       // the name that it has now
	RestoreID string    `json:"restore_id"` // of the restore that replaced it
	Property  string    `json:"property,omitempty"`
	Point     int64     `json:"point"` // that was restored in its place
	At        time.Time `json:"at"`
}

// Replaced lists the kept tables of a table, oldest first.
func Replaced(name table.Name, o Options) ([]Kept, error) { panic("unwritten") }

// DropReplaced drops a kept table, after looking that it is the one that was replaced, and forgets it.
func DropReplaced(ctx context.Context, k Kept, catalog Catalog, drop func(ctx context.Context, name table.Name) error, o Options) error {
	panic("unwritten")
}

// WaitForPoint re-reads the journal every poll (0: 500 ms) until the snapshot is a restore point, or the timeout (0: none) passes.
func (j *Journal) WaitForPoint(ctx context.Context, id int64, timeout, poll time.Duration) (Point, error) {
	panic("unwritten")
}

// Fold gives the rows of the table at a restore point in key order. A row is valid until the next step. The rows end with
// a *ProofError when their digest is not the Commit's.
func (j *Journal) Fold(ctx context.Context, p Point) iter.Seq2[table.Row, error] { panic("unwritten") }

// History of one key.
type History struct {
	Table    string    `json:"table"`
	Key      string    `json:"key"`
	Versions []Version `json:"versions"`           // oldest first
	Unread   []string  `json:"unread,omitempty"`   // stretches that could not be searched, and why
	Searched int       `json:"searched,omitempty"` // restore points that were searched
}

// Version of one row: what it was from one restore point to another.
type Version struct {
	Snapshot  int64     `json:"snapshot"`
	Op        string    `json:"op"`                 // r, c, u, d
	Inferred  bool      `json:"inferred,omitempty"` // a delete (or an update) that no change says: a baseline shows it
	NotBefore time.Time `json:"not_before,omitzero"` // the change was made after this: the read of the point before began then
	FirstSeen time.Time `json:"first_seen"`         // read_ended of its restore point
	LastSeen  time.Time `json:"last_seen"`          // read_ended of the last restore point that still had it
	Current   bool      `json:"current"`            // the newest restore point has it
	Schema    string    `json:"schema"`
	Before    []Cell    `json:"before,omitempty"`
	After     []Cell    `json:"after,omitempty"`
}

// Cell is one column's value in a version.
type Cell struct {
	Column  string  `json:"column"`
	Type    string  `json:"type"`
	Value   *string `json:"value"` // null: NULL
	Changed bool    `json:"changed,omitempty"`
}

// RowHistory finds the versions of the row with a key such as order_id=42,line=1 in the committed snapshots.
func (j *Journal) RowHistory(ctx context.Context, key string) (History, error) { panic("unwritten") }

// VerifyOptions say how thorough Verify is.
type VerifyOptions struct {
	Deep bool // fold every restore point, not only the newest of each schema
}

// Verdict on a table's journal.
type Verdict struct {
	Table    string         `json:"table"`
	Points   []PointVerdict `json:"points"`
	Gaps     []Gap          `json:"gaps,omitempty"`
	Segments int            `json:"segments"`
	Entries  int64          `json:"entries"`
	Bytes    int64          `json:"bytes"`
	Damage   []string       `json:"damage,omitempty"`
	Seconds  float64        `json:"seconds"`
}

// PointVerdict on one restore point.
type PointVerdict struct {
	Point  Point  `json:"point"`
	Proved bool   `json:"proved"`
	How    string `json:"how,omitempty"` // ProofRecomputed or ProofFolded
	Why    string `json:"why,omitempty"` // it is not proved
}

// Verify walks the table's whole journal; err is the damage that was found, joined.
func (j *Journal) Verify(ctx context.Context, o VerifyOptions) (Verdict, error) { panic("unwritten") }

// Tables lists the tables that have a journal under root.
func Tables(root string, o Options) ([]table.Name, error) { panic("unwritten") }

// State is what a producer's lost state is rebuilt from.
type State struct {
	Point        Point
	Definition   table.Definition
	Digest       table.Digest
	Rows         iter.Seq2[table.Row, error] // in key order; ends with a *ProofError when it is not the point
	Offsets      []int64                     // of the point's Commit, by partition
	NextColumnID int                         // never given by any Begin of the journal, aborted ones included
	LastSnapshot int64                       // the highest id of any Begin, aborted ones included
}

// LastState gives the newest restore point with everything that a producer needs to go on from it.
func (j *Journal) LastState(ctx context.Context) (State, error) { panic("unwritten") }

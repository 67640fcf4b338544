package replay

import (
	"errors"
	"fmt"
	"time"

	"rewind/table"
)

// Exit codes of rewind that replay's errors ask for.
const (
	exitUsage   = 2
	exitNothing = 4
	exitCorrupt = 5
	exitRefused = 6
)

// NoPointsError: the table has no restore point.
type NoPointsError struct {
	Table   table.Name
	Damaged error // why, where the journal is damaged
	Missing error // why, where a partition's journal is missing: not there yet, or lost
}

func (e *NoPointsError) Error() string {
	if e.Damaged != nil {
		return fmt.Sprintf("%s has no restore point before the damage: %v", e.Table, e.Damaged)
	}
	if e.Missing != nil {
		return fmt.Sprintf("%s has no whole restore point: %v", e.Table, e.Missing)
	}
	return fmt.Sprintf("%s has no restore point", e.Table)
}

// Unwrap gives the damage.
func (e *NoPointsError) Unwrap() error { return e.Damaged }

// ExitCode is 4, or 5 where damage is the cause.
func (e *NoPointsError) ExitCode() int {
	if e.Damaged != nil {
		return exitCorrupt
	}
	return exitNothing
}

// Hint says what to do.
func (e *NoPointsError) Hint() string {
	var hinter interface {
		error
		Hint() string
	}
	if errors.As(e.Damaged, &hinter) || errors.As(e.Missing, &hinter) {
		return hinter.Hint()
	}
	return "a restore point exists once a capture was published (rewind produce) and journaled (rewind consume)"
}

// BeforeFirstError: the time asked for lies before the first restore point.
type BeforeFirstError struct {
	Table table.Name
	Asked Spec
	First Point

	Dropped *Dropped // what retention dropped before the first one; nil: nothing
}

func (e *BeforeFirstError) Error() string {
	return fmt.Sprintf("%s has no restore point at or before %s: the first is %d, read until %s",
		e.Table, e.Asked, e.First.ID, stamp(e.First.ReadEnded)) + e.Dropped.text()
}

// ExitCode is 4.
func (e *BeforeFirstError) ExitCode() int { return exitNothing }

// Hint says what to do.
func (e *BeforeFirstError) Hint() string {
	return fmt.Sprintf("the earliest state that can be brought back is --at %d", e.First.ID)
}

// NoSuchPointError: there is no restore point with the snapshot id asked for.
type NoSuchPointError struct {
	Table         table.Name
	ID            int64
	Before, After *Point // its neighbours, where there are any

	Dropped *Dropped // what retention dropped, where the id lies before the first point; nil: nothing
}

func (e *NoSuchPointError) Error() string {
	text := fmt.Sprintf("%s has no restore point %d", e.Table, e.ID)
	if e.Before != nil {
		text += fmt.Sprintf("; the one before is %d", e.Before.ID)
	}
	if e.After != nil {
		text += fmt.Sprintf("; the one after is %d", e.After.ID)
	}
	return text + e.Dropped.text()
}

// ExitCode is 4.
func (e *NoSuchPointError) ExitCode() int { return exitNothing }

// Hint says what to do.
func (e *NoSuchPointError) Hint() string {
	return fmt.Sprintf("`rewind points %s` lists those that there are", e.Table)
}

// GapError: the snapshot that was asked for was committed, but the journal could not keep it; or it may have been.
type GapError struct {
	Table         table.Name
	Asked         Spec
	Lost          Lost // its ID is 0 where nobody knows what was committed
	Gap           Gap
	Before, After *Point // the nearest restore points
}

func (e *GapError) Error() string {
	text := fmt.Sprintf("%s as of %s would be snapshot %d, which is lost in a gap (partition %d, offset %d: %s)",
		e.Table, e.Asked, e.Lost.ID, e.Gap.Partition, e.Gap.Offset, e.Gap.Reason)
	if e.Lost.ID == 0 {
		open := ""
		if e.Gap.Open {
			open = " that is still open"
		}
		text = fmt.Sprintf("%s as of %s lies in a gap%s (partition %d, offset %d: %s): what was committed in it cannot be told",
			e.Table, e.Asked, open, e.Gap.Partition, e.Gap.Offset, e.Gap.Reason)
	}
	if e.Before != nil {
		text += fmt.Sprintf("; the last restore point before is %d", e.Before.ID)
	}
	if e.After != nil {
		text += fmt.Sprintf("; the first after is %d", e.After.ID)
	}
	return text
}

// ExitCode is 4.
func (e *GapError) ExitCode() int { return exitNothing }

// Hint says what to do.
func (e *GapError) Hint() string {
	hint := "ask for one of the restore points by its id (--at ID)"
	if e.Before != nil {
		hint = fmt.Sprintf("ask for a restore point by its id, such as --at %d", e.Before.ID)
	}
	if e.Gap.Open {
		hint += fmt.Sprintf("; rewind produce %s --rebaseline closes the gap", e.Table)
	}
	return hint
}

// HiddenError: the time asked for may lie behind damage, so that which point it means cannot be known.
type HiddenError struct {
	Table table.Name
	Asked Spec
	Last  Point // the last restore point that can be seen at or before the time
	Err   error // the damage
}

func (e *HiddenError) Error() string {
	return fmt.Sprintf("%s as of %s cannot be told: the journal is damaged behind restore point %d: %v", e.Table, e.Asked, e.Last.ID, e.Err)
}

// Unwrap gives the damage.
func (e *HiddenError) Unwrap() error { return e.Err }

// ExitCode is 5.
func (e *HiddenError) ExitCode() int { return exitCorrupt }

// Hint says what to do.
func (e *HiddenError) Hint() string {
	return fmt.Sprintf("to restore the last point that can be seen, ask for it by its id: --at %d", e.Last.ID)
}

// ProofError: rows do not have the digest that the restore point's Commit has.
type ProofError struct {
	Table      table.Name
	Snapshot   int64
	Where      string // "folded", "loaded" or "recomputed"
	Want, Have table.Digest
}

func (e *ProofError) Error() string {
	return fmt.Sprintf("%s: the rows %s for restore point %d have digest %s, its commit says %s", e.Table, e.Where, e.Snapshot, e.Have, e.Want)
}

// ExitCode is 5.
func (e *ProofError) ExitCode() int { return exitCorrupt }

// Hint says what to do.
func (e *ProofError) Hint() string {
	if e.Where == "loaded" {
		return "the engine holds something else than it was given; the loaded table is not to be used"
	}
	return "nothing was restored from it; rewind verify shows which restore points are proved"
}

// SequenceError: a journal's entries are not what a consumer writes: damage that checksums cannot show.
type SequenceError struct {
	Stream    string
	Partition int
	Offset    int64 // Kafka's offset of the entry
	Segment   string
	Reason    string
}

func (e *SequenceError) Error() string {
	text := fmt.Sprintf("stream %s partition %d offset %d: %s", e.Stream, e.Partition, e.Offset, e.Reason)
	if e.Segment != "" {
		text += " (segment " + e.Segment + ")"
	}
	return text
}

// ExitCode is 5.
func (e *SequenceError) ExitCode() int { return exitCorrupt }

// Hint says what to do.
func (e *SequenceError) Hint() string {
	return "nothing was changed; bring the folder back from a copy of the journal, or move it aside, and `rewind consume TABLE --refetch` reads again what the topic still has"
}

// MissingJournalError: a partition has no journal, though others of its stream hold a snapshot that lies in it too.
type MissingJournalError struct {
	Table     table.Name
	Dir       string
	Partition int
	Snapshot  int64
}

func (e *MissingJournalError) Error() string {
	return fmt.Sprintf("%s: the journal of partition %d is missing (%s): snapshot %d lies in it too", e.Table, e.Partition, e.Dir, e.Snapshot)
}

// ExitCode is 5.
func (e *MissingJournalError) ExitCode() int { return exitCorrupt }

// Hint says what to do.
func (e *MissingJournalError) Hint() string {
	return fmt.Sprintf("bring the folder back from a copy of the journal; or `rewind consume %s --refetch` reads again what the topic still has", e.Table)
}

// BaseError: the rows that the journal begins with, since retention dropped what stood before them, are missing or damaged.
type BaseError struct {
	Table    table.Name
	Path     string
	Snapshot int64
	Reason   string
}

func (e *BaseError) Error() string {
	return fmt.Sprintf("%s: the journal begins with the base %s, the rows of restore point %d: %s", e.Table, e.Path, e.Snapshot, e.Reason)
}

// ExitCode is 5.
func (e *BaseError) ExitCode() int { return exitCorrupt }

// Hint says what to do.
func (e *BaseError) Hint() string {
	return fmt.Sprintf("what stood before it was dropped by retention, so that nothing makes it again: bring %s back from a copy of the journal. Until then what builds on it comes back only where a whole checkpoint lies at it or before it; a new baseline (rewind produce %s --rebaseline, then rewind consume) builds on nothing: from there on all can be restored (rewind points %s)", e.Path, e.Table, e.Table)
}

// WaitError: a snapshot did not become a restore point in time.
type WaitError struct {
	Table   table.Name
	ID      int64
	Waited  time.Duration
	Missing []int // partitions whose journal does not hold its Commit
}

func (e *WaitError) Error() string {
	return fmt.Sprintf("%s: snapshot %d did not become a restore point within %v (no Commit in the journal of partitions %v)",
		e.Table, e.ID, e.Waited, e.Missing)
}

// ExitCode is 4.
func (e *WaitError) ExitCode() int { return exitNothing }

// Hint says what to do.
func (e *WaitError) Hint() string {
	return "is rewind consume running, and does it keep all partitions?"
}

// stamp writes an instant for messages, to the microsecond that ids have.
func stamp(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000000Z") }

// errStopped: whoever takes the rows has had enough.
var errStopped = errors.New("stopped")

package producer

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"rewind/table"
	"rewind/topic"
)

// StateError: what is on disk is not what partition 0 of the topic has committed last; a diff against it would be
// nonsense. Nothing was published.
type StateError struct {
	Table     table.Name
	Snapshot  int64 // of the current snapshot file; 0: there is none
	Committed int64 // in partition 0; 0: nothing is
	Err       error // more about it, or nil
}

func (e *StateError) Error() string {
	text := fmt.Sprintf("%s: the snapshot file is of %d, but the topic's last commit is %d", e.Table, e.Snapshot, e.Committed)
	switch {
	case e.Snapshot == 0:
		text = fmt.Sprintf("%s: the topic has a baseline (last commit %d), but its snapshot file is gone", e.Table, e.Committed)
	case e.Committed == 0:
		text = fmt.Sprintf("%s: there is a snapshot file of %d, but the topic has no commit: it was deleted or made again", e.Table, e.Snapshot)
	}
	if e.Err != nil {
		text += ": " + e.Err.Error()
	}
	return text
}

func (e *StateError) Unwrap() error { return e.Err }

// ExitCode is "refused by a guard".
func (e *StateError) ExitCode() int { return 6 }

// Hint says what to do.
func (e *StateError) Hint() string {
	if e.topicAnew() {
		return "publish the table anew (produce --rebaseline); the restore points that are in the journal stay"
	}
	return "either rebuild the snapshot file from the journal (produce --rebuild), which keeps the history in one piece," +
		" or publish the table anew (produce --rebaseline)"
}

// topicAnew says that what the snapshot file builds on is gone from Kafka: rebuilding the file would not bring it back.
func (e *StateError) topicAnew() bool {
	if e.Committed != 0 || e.Snapshot == 0 {
		return false
	}
	var lost *topic.OffsetLostError
	return e.Err == nil || errors.As(e.Err, &lost) && lost.Wanted > lost.Next
}

// UnreadableError: a batch in the topic, from behind the last snapshot on, cannot be read: what was committed is not known.
type UnreadableError struct {
	Table table.Name
	Batch *topic.BatchError
}

func (e *UnreadableError) Error() string { return e.Batch.Error() }

func (e *UnreadableError) Unwrap() error { return e.Batch }

// ExitCode is "corrupt".
func (e *UnreadableError) ExitCode() int { return 5 }

// Hint says what to do.
func (e *UnreadableError) Hint() string {
	return fmt.Sprintf("%s; `rewind produce %s --rebaseline` passes over it and publishes the table anew, and `rewind consume %s"+
		" --partition %d --skip %d` gives it up", e.Batch.Hint(), e.Table, e.Table, e.Batch.Partition, e.Batch.First)
}

// OptionsError: the session options that change values are not those of the last snapshot.
type OptionsError struct {
	Table     table.Name
	Was, Are  map[string]string
	different []string
}

func newOptionsError(name table.Name, was, are map[string]string) *OptionsError {
	e := &OptionsError{Table: name, Was: was, Are: are}
	for _, options := range []map[string]string{was, are} {
		for key := range options {
			if was[key] != are[key] && !slices.Contains(e.different, key) {
				e.different = append(e.different, key)
			}
		}
	}
	slices.Sort(e.different)
	return e
}

func (e *OptionsError) Error() string {
	parts := make([]string, len(e.different))
	for i, key := range e.different {
		parts[i] = fmt.Sprintf("%s was %q and is %q", key, e.Was[key], e.Are[key])
	}
	return fmt.Sprintf("%s: values would silently shift: %s", e.Table, strings.Join(parts, ", "))
}

// ExitCode is "refused by a guard".
func (e *OptionsError) ExitCode() int { return 6 }

// Hint says what to do.
func (e *OptionsError) Hint() string {
	return "set the session's options as they were (impala.options), or publish the table anew under the new ones (produce --rebaseline)"
}

// ClockError: the clock stands behind the last snapshot, or behind the end of its read.
type ClockError struct {
	Table     table.Name
	Now, Last int64 // microseconds UTC
}

func (e *ClockError) Error() string {
	return fmt.Sprintf("%s: the clock says %s, but the last snapshot was read until %s", e.Table, formatMicros(e.Now), formatMicros(e.Last))
}

// ExitCode is "refused by a guard".
func (e *ClockError) ExitCode() int { return 6 }

// Hint says what to do.
func (e *ClockError) Hint() string {
	return "set the clock right; if it is right, accept it once (produce --accept-clock): the next snapshot's id follows the last one's"
}

// DuplicateKeyError: two rows have one key.
type DuplicateKeyError struct {
	Table table.Name
	Key   string
	Row   int64 // number of the second of them, from 1
}

func (e *DuplicateKeyError) Error() string {
	return fmt.Sprintf("%s: two rows have the key %s (rows %d and %d of the scan)", e.Table, e.Key, e.Row-1, e.Row)
}

// ExitCode is "refused by a guard".
func (e *DuplicateKeyError) ExitCode() int { return 6 }

// Hint says what to do.
func (e *DuplicateKeyError) Hint() string {
	return "the columns given as the key do not identify a row: name more of them in the configuration, remove the duplicate, or take the whole row: key: ['*']"
}

// OrderError: the engine returned rows out of key order.
type OrderError struct {
	Table         table.Name
	Previous, Key string
	Row           int64 // number of the second of them, from 1
}

func (e *OrderError) Error() string {
	return fmt.Sprintf("%s: the engine returned %s after %s (row %d): not in key order", e.Table, e.Key, e.Previous, e.Row)
}

// ExitCode is "refused by a guard".
func (e *OrderError) ExitCode() int { return 6 }

// Hint says what to do.
func (e *OrderError) Hint() string {
	return "nothing was published; this is a fault of the engine or of rewind's ORDER BY: please report it with the table's DDL"
}

// SpaceError: the disk has no room for the new snapshot file.
type SpaceError struct {
	Dir        string
	Need, Free int64
}

func (e *SpaceError) Error() string {
	return fmt.Sprintf("%s: the new snapshot needs about %d MiB, %d MiB are free", e.Dir, e.Need>>20, e.Free>>20)
}

// ExitCode is "refused by a guard".
func (e *SpaceError) ExitCode() int { return 6 }

// Hint says what to do.
func (e *SpaceError) Hint() string {
	return "make room: until a capture is committed the old snapshot file and the new one stand side by side"
}

// FencedError: another producer has started on this table.
type FencedError struct {
	Table       table.Name
	Epoch, Seen int64
}

func (e *FencedError) Error() string {
	return fmt.Sprintf("%s: another producer took over (epoch %d, ours is %d)", e.Table, e.Seen, e.Epoch)
}

// ExitCode is "locked by another".
func (e *FencedError) ExitCode() int { return 8 }

// Hint says what to do.
func (e *FencedError) Hint() string {
	return "one producer a table: stop one of the two; what this one had not committed yet is discarded by all readers"
}

// ForeignTopicError: the topic holds messages, but none of ours.
type ForeignTopicError struct {
	Topic  string
	Reason string
}

func (e *ForeignTopicError) Error() string { return "topic " + e.Topic + " is not ours: " + e.Reason }

// ExitCode is "refused by a guard".
func (e *ForeignTopicError) ExitCode() int { return 6 }

// Hint says what to do.
func (e *ForeignTopicError) Hint() string {
	return "set another kafka.prefix, or remove the topic if nobody needs it"
}

// FileError: a snapshot file is damaged.
type FileError struct {
	Path string
	Err  error
}

func (e *FileError) Error() string { return e.Path + ": damaged snapshot file: " + e.Err.Error() }

func (e *FileError) Unwrap() error { return e.Err }

// ExitCode is "corrupt".
func (e *FileError) ExitCode() int { return 5 }

// Hint says what to do.
func (e *FileError) Hint() string {
	return "rebuild it from the journal (produce --rebuild), or publish the table anew (produce --rebaseline)"
}

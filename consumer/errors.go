package consumer

import (
	"errors"
	"fmt"

	"rewind/change"
	"rewind/table"
	"rewind/topic"
)

// JumpError: a message is not the one that must come next; something is missing in the topic.
type JumpError struct {
	Table           table.Name
	Topic           string
	Partition       int
	Offset          int64
	Expected, Found string
}

func (e *JumpError) Error() string {
	return fmt.Sprintf("%s partition %d offset %d: expected %s, found %s", e.Topic, e.Partition, e.Offset, e.Expected, e.Found)
}

// ExitCode is "corrupt".
func (e *JumpError) ExitCode() int { return 5 }

// Hint says what to do.
func (e *JumpError) Hint() string {
	return fmt.Sprintf("the topic lost messages before offset %d; `rewind consume %s --partition %d --skip %d` gives the snapshot up and"+
		" writes a gap, and `rewind produce %s --rebaseline` makes the table restorable again", e.Offset, e.Table, e.Partition, e.Offset, e.Table)
}

// ForeignMessageError: a message that rewind did not write.
type ForeignMessageError struct {
	Table     table.Name
	Topic     string
	Partition int
	Offset    int64
	Err       error
}

func (e *ForeignMessageError) Error() string {
	return fmt.Sprintf("%s partition %d offset %d: %v", e.Topic, e.Partition, e.Offset, e.Err)
}

func (e *ForeignMessageError) Unwrap() error { return e.Err }

// ExitCode is "corrupt".
func (e *ForeignMessageError) ExitCode() int { return 5 }

// Hint says what to do.
func (e *ForeignMessageError) Hint() string {
	var unknown *change.UnknownSchemaError
	if errors.As(e.Err, &unknown) {
		return unknown.Hint() + fmt.Sprintf("; if it is not, `rewind consume %s --partition %d --skip %d` gives it up and writes a gap",
			e.Table, e.Partition, e.Offset)
	}
	return fmt.Sprintf("find out who writes to the topic; `rewind consume %s --partition %d --skip %d` passes over this message and writes a gap",
		e.Table, e.Partition, e.Offset)
}

// UnreadableError: a batch of messages cannot be read.
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
	return fmt.Sprintf("%s; `rewind consume %s --partition %d --skip %d` gives the whole batch up and writes a gap, which"+
		" `rewind produce %s --rebaseline` closes", e.Batch.Hint(), e.Table, e.Batch.Partition, e.Batch.First, e.Table)
}

// SkipError: messages are to be given up that are not there.
type SkipError struct {
	Topic     string
	Partition int
	Next, End int64 // the first offset that is to be kept, and the partition's end
}

func (e *SkipError) Error() string {
	return fmt.Sprintf("%s partition %d ends before offset %d: what is behind it cannot be given up, and was to be up to %d", e.Topic, e.Partition, e.End, e.Next)
}

// ExitCode is that of wrong usage.
func (e *SkipError) ExitCode() int { return 2 }

// Hint says what to do.
func (e *SkipError) Hint() string {
	return "nothing was given up: look at the offset once more; the error that stopped the consumer names it"
}

// NoStreamError: no message of the topic says which stream it is, and neither does a journal.
type NoStreamError struct {
	Topic    string
	Journals int // of the table; one would be the one to go on with
}

func (e *NoStreamError) Error() string {
	return fmt.Sprintf("%s: no message in partition 0 names the stream, and there are %d journals of the table to go on with", e.Topic, e.Journals)
}

// ExitCode is "a gap".
func (e *NoStreamError) ExitCode() int { return 4 }

// Hint says what to do.
func (e *NoStreamError) Hint() string {
	return "the stream's beginning was removed (retention.ms should be -1); `rewind produce --rebaseline` publishes the table anew"
}

// WiderError: a baseline was published over more partitions than the topic had when its consumption began. Where they are there now,
// the table's consumption begins anew and nobody hears of it.
type WiderError struct {
	Topic                string
	Partitions, Consumed int
}

func (e *WiderError) Error() string {
	return fmt.Sprintf("%s: snapshots now lie in %d partitions, of which %d are consumed", e.Topic, e.Partitions, e.Consumed)
}

// Hint says what to do.
func (e *WiderError) Hint() string {
	return "the topic has fewer partitions than its messages speak of: was it deleted and made again?"
}

// RecreatedError: the topic is not the one that the journal was made from.
type RecreatedError struct {
	Topic     string
	Partition int
	Journal   string // folder
	Offset    int64
	Reason    string
}

func (e *RecreatedError) Error() string {
	return fmt.Sprintf("%s partition %d offset %d: %s: the topic was deleted and made again, or Kafka lost messages", e.Topic, e.Partition, e.Offset, e.Reason)
}

// ExitCode is "corrupt".
func (e *RecreatedError) ExitCode() int { return 5 }

// Hint says what to do.
func (e *RecreatedError) Hint() string {
	return "the journal in " + e.Journal + " stays restorable; give the topic a new stream: delete it, then `rewind produce --rebaseline`"
}

// LostTailError: the journal was further than it is now.
type LostTailError struct {
	Table           table.Name
	Topic           string
	Partition       int
	Journal         string // folder
	Next, Committed int64
}

func (e *LostTailError) Error() string {
	return fmt.Sprintf("%s: ends before offset %d, but it had everything before %d: it lost its end (%s partition %d)",
		e.Journal, e.Next, e.Committed, e.Topic, e.Partition)
}

// ExitCode is "corrupt".
func (e *LostTailError) ExitCode() int { return 5 }

// Hint says what to do.
func (e *LostTailError) Hint() string {
	return fmt.Sprintf("bring the journal's folder back from a copy; or `rewind consume %s --refetch` reads again what the topic still has, and writes a gap over the rest", e.Table)
}

// LostOffsetsError: Kafka no longer has messages that were not journaled. It stops nobody: the journal has a Gap there.
type LostOffsetsError struct {
	Table       table.Name
	Topic       string
	Partition   int
	Next, First int64 // the journal ends before Next, Kafka begins at First
}

func (e *LostOffsetsError) Error() string {
	return fmt.Sprintf("%s partition %d: offsets %d up to %d were removed before they were journaled; Kafka begins at %d",
		e.Topic, e.Partition, e.Next, e.First, e.First)
}

// ExitCode is "a gap".
func (e *LostOffsetsError) ExitCode() int { return 4 }

// Hint says what to do.
func (e *LostOffsetsError) Hint() string {
	return fmt.Sprintf("`rewind produce %s --rebaseline` makes the table restorable again from then on; set retention.ms=-1 on the topic,"+
		" or more than the longest time that no consumer runs", e.Table)
}

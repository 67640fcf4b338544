// Package consumer brings tables' topics into journals: it fetches each partition in order, drops what is stale or a
// repeat, checks that nothing is missing, and appends batch after batch. A few are fetched ahead of the one that is made durable.
//
// A table's trouble is its own: the others go on, and it is tried again. What retention took before it was journaled becomes a Gap
// without being asked; behind one that may hide an Open, nothing counts until the next Open of a higher epoch.
//
// The end of the journal is its only memory. On start the message of the last entry is fetched again and compared: another
// topic under the same name is noticed. The consumer group's committed offset is a gauge for lag monitors and a witness
// against a journal that lost its end; nobody is assigned partitions by it: a process owns those whose folders it locks.
package consumer

import (
	"context"
	"crypto/ed25519"
	"errors"
	"log/slog"
	"sync"
	"time"

	"rewind/crypt"
	"rewind/disk"
	"rewind/table"
	"rewind/topic"
)

// Options of Run. The zero value of a field is the documented default; Dir and Tables have none.
type Options struct {
	Dir           string         // root of the journals, <data>/journal
	Tables        []table.Name   // whose topics are consumed
	FS            disk.FS        // nil: disk.OS
	Logger        *slog.Logger   // nil: nothing is logged
	Progress      func(Progress) // nil: nobody asks; called by one goroutine at a time for one partition
	UntilCaughtUp bool           // end at the ends that the partitions have at the start; a missing topic is then an error
	Skip          []Skip         // messages that are given up where they stop the consumer
	Refetch       bool           // go on with journals that lost their end: what the topic still has of it is read again
	Trouble       func(Trouble)  // nil: it is logged as an error; called by one goroutine at a time
	Wait          Wait           // before a table is tried again
	SegmentBytes  int64          // of the journals; 0: the journal's default

	SignKey     ed25519.PrivateKey // signs the journals' heads; nil: they have none
	SignAsFound bool               // sign journals that have no head yet, or another one than they should
	Keys        *crypt.Keys        // sealed segments are encrypted to them; nil: they stay in clear
	SegmentAge  time.Duration      // with Keys: a segment so old is sealed, full or not; 0: by size alone
	indexFrom   int64              // bytes of a segment that is indexed; 0: the default
	unitBytes   int                // of records that become one block, at least, while there are more; 0: as pipeline.go says
}

// cutKey is what the record of what retention dropped must be signed with.
func (o *Options) cutKey() ed25519.PublicKey {
	if o.SignKey == nil {
		return nil
	}
	return o.SignKey.Public().(ed25519.PublicKey)
}

// Skip gives up the messages of a stretch of a partition, if the consumer stops at its first one. A Gap in the journal says
// so for good.
type Skip struct {
	Table     table.Name
	Partition int
	Offset    int64
	Next      int64 // first offset behind the stretch; 0: Offset+1
}

// Progress of one partition.
type Progress struct {
	Table     table.Name
	Partition int
	Entries   int64 // appended since the table was tried last: another try counts from 0
	Bytes     int64
	Next      int64 // offset that is read next
	End       int64 // the partition's end at the start
	Repeats   int64 // messages dropped by this try, as are those that follow
	Stale     int64
	Doubtful  int64
	Gaps      int64     // written by this try
	Snapshot  int64     // the last one whose Commit the journal holds; 0: none is known
	ReadEnded time.Time // of that snapshot
	Across    int       // partitions that the last snapshot begun lies in; 0: none is known
	Torn      bool      // a gap took what the next snapshots build on: only a baseline can be restored
}

// Report says what Run appended.
type Report struct{ Partitions []PartitionReport }

// PartitionReport says what Run appended to one journal.
type PartitionReport struct {
	Table     table.Name
	Stream    string
	Partition int
	Entries   int64
	Bytes     int64 // of the entries, before compression
	Repeats   int64 // messages that were there already
	Stale     int64 // messages of producers that had been fenced off
	Doubtful  int64 // messages behind a Gap, of which nobody can tell whether they count
	Gaps      int64
	Next      int64 // offset at which the next Run goes on
}

// Entries is how many entries were appended in all.
func (r Report) Entries() (n int64) {
	for _, p := range r.Partitions {
		n += p.Entries
	}
	return n
}

// Run consumes until ctx ends, which is no error. With UntilCaughtUp it ends by itself. Whatever it reports is durable.
//
// A table's trouble is its own: the others go on. It is told at once, and the table is tried again, soon where the cause may pass
// by itself and now and then where a person has to do something; with UntilCaughtUp not at all. Run ends with the tables' errors
// when none of them is consumed any more: the error itself where there is one table, else a *TablesError.
func Run(ctx context.Context, kafka *topic.Client, o Options) (Report, error) {
	if o.FS == nil {
		o.FS = disk.OS
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Progress == nil {
		o.Progress = func(Progress) {}
	}
	r := newRunner(kafka, o)
	return r.run(ctx)
}

// concurrently runs n jobs at once and gives the first error; the others are then cancelled. The end of ctx is no error, but a
// time limit that a job ran into while ctx goes on is one.
func concurrently(ctx context.Context, n int, job func(ctx context.Context, i int) error) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var wait sync.WaitGroup
	var once sync.Once
	var first error
	for i := range n {
		wait.Go(func() {
			err := job(ctx, i)
			ended := ctx.Err() != nil && (errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded))
			if err != nil && !ended {
				once.Do(func() { first = err })
				cancel()
			}
		})
	}
	wait.Wait()
	return first
}

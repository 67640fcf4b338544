// Package change holds the messages of a stream (Open, Begin, Change, Commit and the journal's own Gap), their Avro encoding and
// their framing: single-object encoding in Kafka, entries in a journal. The contract itself stands in package schemas.
package change

import "rewind/table"

// Stamp says who wrote a message: every message of a stream carries it.
type Stamp struct {
	Epoch  int64
	Writer [16]byte
}

// Admit takes the next message's stamp in log order, and says whether the message counts: of all writers, the first to show the
// highest epoch so far owns the log from there on, and what any other still has on its way is stale. s is the owner.
func (s *Stamp) Admit(next Stamp) bool {
	if next.Epoch > s.Epoch {
		*s = next
	}
	return next == *s
}

// Op is what a change does to a row, as in Debezium.
type Op uint8

// The ops, in the order of the wire's enum, which begins at 0.
const (
	Read   Op = iota + 1 // r: a row of a baseline
	Create               // c
	Update               // u
	Delete               // d
)

// opSymbols are the wire's symbols, by Op.
const opSymbols = " rcud"

// String is the op's symbol.
func (o Op) String() string {
	if o < Read || o > Delete {
		return "?"
	}
	return opSymbols[o : o+1]
}

// Open starts a producer's term.
type Open struct {
	Stamp
	Stream string // 32 hex digits, made with the topic
	Table  string
	At     int64 // microseconds UTC
}

// Begin opens a snapshot.
type Begin struct {
	Stamp
	Stream      string
	Snapshot    int64 // id: microseconds UTC at which the read began
	Previous    int64 // id of the snapshot that the changes build on; 0: a baseline
	Schema      *table.Schema
	DDL         string
	Engine      string
	Options     map[string]string
	Partitions  int
	Partitioner string  // PartitionerXXH3
	Scope       *string // reserved: null
	Baseline    *string // reserved: null
}

// Change is one row's change.
type Change struct {
	Stamp
	Snapshot, Seq int64
	Op            Op
	Key           []byte
	Before, After []byte // images, nil where there is none
}

// Counts of changes by op.
type Counts struct{ Reads, Creates, Updates, Deletes int64 }

// Add counts one change.
func (c *Counts) Add(op Op) {
	switch op {
	case Read:
		c.Reads++
	case Create:
		c.Creates++
	case Update:
		c.Updates++
	case Delete:
		c.Deletes++
	}
}

// Merge adds d's numbers.
func (c *Counts) Merge(d Counts) {
	c.Reads += d.Reads
	c.Creates += d.Creates
	c.Updates += d.Updates
	c.Deletes += d.Deletes
}

// Total is the number of changes.
func (c Counts) Total() int64 { return c.Reads + c.Creates + c.Updates + c.Deletes }

// Commit closes a snapshot; partition 0's decides.
type Commit struct {
	Stamp
	Snapshot             int64
	ReadBegan, ReadEnded int64        // microseconds UTC
	Counts               Counts       // of the whole snapshot
	Share                Counts       // of this partition
	Seq                  int64        // Begin is 0, Changes 1..n, Commit n+1
	Digest               table.Digest // of the whole table
}

// Message is one decoded message: exactly one pointer is set.
type Message struct {
	Open   *Open
	Begin  *Begin
	Change *Change
	Commit *Commit
	Gap    *Gap
}

// Kind is the name of the message's record.
func (m Message) Kind() string {
	switch {
	case m.Open != nil:
		return "Open"
	case m.Begin != nil:
		return "Begin"
	case m.Change != nil:
		return "Change"
	case m.Commit != nil:
		return "Commit"
	case m.Gap != nil:
		return "Gap"
	}
	return "none"
}

// Stamp is the message's stamp; a Gap that no producer wrote has none.
func (m Message) Stamp() (Stamp, bool) {
	switch {
	case m.Open != nil:
		return m.Open.Stamp, true
	case m.Begin != nil:
		return m.Begin.Stamp, true
	case m.Change != nil:
		return m.Change.Stamp, true
	case m.Commit != nil:
		return m.Commit.Stamp, true
	case m.Gap != nil:
		return m.Gap.Stamp, m.Gap.Refused()
	}
	return Stamp{}, false
}

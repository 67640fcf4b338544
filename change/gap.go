package change

// Gap is a stretch of time that cannot be restored. Its stamp is zero where the consumer wrote it into a journal: messages could
// not be kept. Else a producer sent it to partition 0: a capture was refused.
type Gap struct {
	Reason     string // for people
	NextOffset int64  // the first offset behind what is missing; 0: nothing is missing in the topic
	At         int64  // microseconds UTC
	Stamp             // zero: the consumer's, and in Gaps of the first version
	Cause      string // the reason in one word; "" in Gaps of the first version
}

// Causes of Gaps. What a reader does not know is as good as any other.
const (
	CauseRemoved = "removed" // the consumer's: gone from Kafka before it was journaled
	CauseSkipped = "skipped" // the consumer's: a person gave it up
	CauseForeign = "foreign" // the consumer's: one message that does not even begin as ours, so that nothing of the stream is missing

	CauseGuard        = "guard"
	CauseDuplicateKey = "duplicate_key"
	CauseOrder        = "order"
	CauseOptions      = "options"
	CauseSchema       = "schema"
	CauseClock        = "clock"
	CauseAltered      = "altered"
)

// Refused says that a producer wrote it: a capture was refused. Nothing is missing in the topic.
func (m *Gap) Refused() bool { return m.Stamp != Stamp{} }

// Whole says that nothing of the stream is missing in spite of it.
func (m *Gap) Whole() bool { return m.Refused() || m.Cause == CauseForeign }

// IsForeign says that a message does not even begin as one of rewind's: it can be nothing of a stream.
func IsForeign(msg []byte) bool {
	return len(msg) < headerLength || msg[0] != marker0 || msg[1] != marker1
}

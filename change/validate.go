package change

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// streamDigits is the length of a stream's id, which names a folder: nothing else may stand in it.
const streamDigits = 32

// maxPartitions bounds what a Begin may ask a reader to open.
const maxPartitions = 100_000

// MessageError is a message whose content cannot be.
type MessageError struct{ Kind, Reason string }

// Error says what cannot be.
func (e *MessageError) Error() string { return e.Kind + ": " + e.Reason }

// ExitCode is that of corruption.
func (e *MessageError) ExitCode() int { return 5 }

// rule is something that must hold.
type rule struct {
	holds  bool
	reason string
}

func check(kind string, rules ...rule) error {
	for _, r := range rules {
		if !r.holds {
			return &MessageError{kind, r.reason}
		}
	}
	return nil
}

func (s Stamp) rule() rule {
	return rule{s.Epoch >= 0, fmt.Sprintf("epoch %d is below 0", s.Epoch)}
}

func streamRule(stream string) rule {
	ok := len(stream) == streamDigits && strings.Trim(stream, "0123456789abcdef") == ""
	return rule{ok, fmt.Sprintf("stream %.40q is not 32 hex digits", stream)}
}

func utf8Rule(texts ...string) rule {
	for _, s := range texts {
		if !utf8.ValidString(s) {
			return rule{false, "a text is not UTF-8"}
		}
	}
	return rule{holds: true}
}

func (m *Open) validate() error {
	return check("Open", m.rule(), streamRule(m.Stream), utf8Rule(m.Table))
}

func (m *Begin) validate() error {
	if m.Schema == nil {
		return &MessageError{"Begin", "it has no schema"}
	}
	if err := m.Schema.Validate(); err != nil {
		return fmt.Errorf("begin: %w", err)
	}
	return check("Begin", m.rule(), streamRule(m.Stream),
		rule{m.Snapshot > 0, "a snapshot's id is a time after 1970"},
		rule{m.Previous >= 0 && m.Previous < m.Snapshot, "the previous snapshot is not before this one"},
		rule{m.Partitions >= 1 && m.Partitions <= maxPartitions, fmt.Sprintf("%d partitions", m.Partitions)},
		utf8Rule(m.Partitioner))
}

// fault says what of a Change cannot be; it is on the hot path.
func (m *Change) fault() string {
	switch {
	case m.Epoch < 0:
		return "epoch below 0"
	case m.Snapshot <= 0:
		return "a snapshot's id is a time after 1970"
	case m.Seq < 1:
		return "seq of a change below 1"
	case m.Op < Read || m.Op > Delete:
		return "unknown op"
	case m.Op <= Create && len(m.Before) > 0:
		return "a new row has an image from before"
	case (m.Op == Delete) != (len(m.After) == 0):
		return "a row has an image afterwards unless it is deleted"
	}
	return ""
}

func (m *Commit) validate() error {
	return check("Commit", m.rule(),
		rule{m.Snapshot > 0, "a snapshot's id is a time after 1970"},
		rule{m.Seq >= 1, "seq of a commit below 1"},
		rule{m.ReadBegan <= m.ReadEnded, "the read ended before it began"},
		rule{m.Counts.fit(m.Share), "the share's numbers are not within the snapshot's"},
		rule{m.Digest.Rows >= 0, "a table of less than no rows"})
}

// fit says whether share can be a part of c.
func (c Counts) fit(share Counts) bool {
	return 0 <= share.Reads && share.Reads <= c.Reads && 0 <= share.Creates && share.Creates <= c.Creates &&
		0 <= share.Updates && share.Updates <= c.Updates && 0 <= share.Deletes && share.Deletes <= c.Deletes
}

func (m *Gap) validate() error {
	return check("Gap", m.rule(),
		rule{m.NextOffset >= 0, "the next offset is below 0"},
		rule{m.Epoch == 0 || m.Writer != Stamp{}.Writer, "an epoch without a writer"})
}

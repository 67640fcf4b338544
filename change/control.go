package change

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/linkedin/goavro/v2"
)

// native is a record as goavro has it.
type native = map[string]any

// The first bytes of a single-object message; the schema's fingerprint follows them.
const (
	marker0      = 0xC3
	marker1      = 0x01
	headerLength = 10
)

func appendHeader(dst []byte, fingerprint [8]byte) []byte {
	return append(append(dst, marker0, marker1), fingerprint[:]...)
}

// AppendOpen appends an Open as a message.
func AppendOpen(dst []byte, m *Open) ([]byte, error) {
	if err := m.validate(); err != nil {
		return dst, err
	}
	return appendControl(dst, branchOpen, m.native())
}

// AppendBegin appends a Begin as a message.
func AppendBegin(dst []byte, m *Begin) ([]byte, error) {
	if err := m.validate(); err != nil {
		return dst, err
	}
	return appendControl(dst, branchBegin, m.native())
}

// AppendCommit appends a Commit as a message.
func AppendCommit(dst []byte, m *Commit) ([]byte, error) {
	if err := m.validate(); err != nil {
		return dst, err
	}
	return appendControl(dst, branchCommit, m.native())
}

// AppendGap appends a Gap as a message. The consumer's own is never sent, but AppendEntry takes it like the others.
func AppendGap(dst []byte, m *Gap) ([]byte, error) {
	if err := m.validate(); err != nil {
		return dst, err
	}
	return appendControl(dst, branchGap, m.native())
}

func appendControl(dst []byte, branch int, record native) ([]byte, error) {
	c := written().controls[branch]
	out, err := c.codec.BinaryFromNative(appendHeader(dst, c.fingerprint), record)
	if err != nil {
		return dst, fmt.Errorf("encode: %w", err)
	}
	return out, nil
}

func (m *Open) native() native {
	return native{"epoch": m.Epoch, "writer": m.Writer[:], "stream": m.Stream, "table": m.Table, "ts_us": m.At}
}

func (m *Begin) native() native {
	options := make([]any, 0, len(m.Options))
	for _, name := range slices.Sorted(maps.Keys(m.Options)) {
		options = append(options, native{"name": text(name), "value": text(m.Options[name])})
	}
	var previous any
	if m.Previous != 0 {
		previous = goavro.Union("long", m.Previous)
	}
	return native{"epoch": m.Epoch, "writer": m.Writer[:], "stream": m.Stream, "snapshot": m.Snapshot, "previous": previous,
		"schema": m.Schema.AvroSchema(), "ddl": text(m.DDL), "engine": text(m.Engine), "options": options,
		"partitions": m.Partitions, "partitioner": m.Partitioner, "scope": optional(m.Scope), "baseline": optional(m.Baseline)}
}

// text is what of a text Avro can hold: what an engine prints is evidence and may hold anything.
func text(s string) string { return strings.ToValidUTF8(s, "\uFFFD") }

func optional(s *string) any {
	if s == nil {
		return nil
	}
	return goavro.Union("string", text(*s))
}

func (m *Commit) native() native {
	return native{"epoch": m.Epoch, "writer": m.Writer[:], "snapshot": m.Snapshot, "seq": m.Seq,
		"read_began": m.ReadBegan, "read_ended": m.ReadEnded, "event_count": m.Counts.native(), "share": m.Share.native(),
		"digest": native{"rows": m.Digest.Rows, "m": int64(m.Digest.M), "f": int64(m.Digest.F)}}
}

func (c Counts) native() native {
	return native{"r": c.Reads, "c": c.Creates, "u": c.Updates, "d": c.Deletes}
}

func (m *Gap) native() native {
	return native{"reason": text(m.Reason), "next_offset": m.NextOffset, "ts_us": m.At, "epoch": m.Epoch, "writer": m.Writer[:], "cause": m.Cause}
}

package change

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"

	"rewind/table"
)

// Limits of what comes from a topic.
const (
	MaxMessageBytes = 128 << 20 // a message
	maxRowSchemas   = 4096      // row schemas that one Decoder learns
)

// UnknownSchemaError is a message whose schema is neither embedded nor learned from a Begin: written by a newer program, or not ours.
type UnknownSchemaError struct{ Fingerprint [8]byte }

// Error shows the bytes of the fingerprint, as they stand in the message.
func (e *UnknownSchemaError) Error() string {
	return "unknown schema, fingerprint " + hex.EncodeToString(e.Fingerprint[:])
}

// Hint says what it can mean.
func (e *UnknownSchemaError) Hint() string {
	return "a newer rewind wrote it, its Begin is missing, or it is not rewind's message"
}

// ExitCode is that of corruption.
func (e *UnknownSchemaError) ExitCode() int { return 5 }

// ForeignError is bytes that are no message of rewind, or a damaged one.
type ForeignError struct{ Err error }

// Error says why.
func (e *ForeignError) Error() string { return "not a message of rewind: " + e.Err.Error() }

// Unwrap is the reason.
func (e *ForeignError) Unwrap() error { return e.Err }

// Hint says how to go on.
func (e *ForeignError) Hint() string {
	return "find out who writes to the topic; --skip OFFSET passes over the message and leaves a gap in the journal"
}

// ExitCode is that of corruption.
func (e *ForeignError) ExitCode() int { return 5 }

var (
	errNoHeader   = errors.New("it does not begin as an Avro single-object message")
	errTooLarge   = fmt.Errorf("it is larger than %d bytes", MaxMessageBytes)
	errCutChange  = errors.New("a Change is cut short or damaged")
	errTrailing   = errors.New("something follows the message")
	errManyTables = fmt.Errorf("more than %d row schemas in one stream", maxRowSchemas)
)

// rowSchema is what a Decoder knows of one table's Changes.
type rowSchema struct {
	codec *table.Codec
	entry string // EntrySchema, made when it is first asked for
}

// Decoder decodes messages; it learns row schemas from the Begins that it decodes, and from Learn. Not for concurrent use.
type Decoder struct {
	rows   map[[8]byte]*rowSchema
	last   [8]byte    // fingerprint of the last Change
	row    *rowSchema // and its schema
	change Change     // what a Message points to

	// Of the last Change: what stands before its seq, and what that means. Most Changes have it in common with the one before.
	prefix   []byte
	stamp    Stamp
	snapshot int64
}

// NewDecoder makes a decoder that knows no row schema.
func NewDecoder() *Decoder { return &Decoder{rows: map[[8]byte]*rowSchema{}} }

// Learn makes the decoder know a table's Changes.
func (d *Decoder) Learn(s *table.Schema) error {
	codec, err := table.NewCodec(s)
	if err != nil {
		return err
	}
	fingerprint, err := Fingerprint(Schema(s))
	if err != nil {
		return err
	}
	if _, known := d.rows[fingerprint]; !known && len(d.rows) >= maxRowSchemas {
		return errManyTables
	}
	d.rows[fingerprint] = &rowSchema{codec: codec}
	d.row, d.prefix = nil, d.prefix[:0]
	return nil
}

// Decode decodes one message. A Change aliases msg and is valid until the next call; its images are measured, not looked into.
// *UnknownSchemaError for a fingerprint that is neither embedded nor learned; *ForeignError for bytes that are no message of ours.
func (d *Decoder) Decode(msg []byte) (Message, error) {
	if m, ok := d.Next(msg); ok {
		return Message{Change: m}, nil
	}
	fingerprint, err := fingerprintOf(msg)
	if err != nil {
		return Message{}, err
	}
	if d.row != nil && fingerprint == d.last {
		return d.decodeChange(msg)
	}
	if row, found := d.rows[fingerprint]; found {
		d.last, d.row = fingerprint, row
		return d.decodeChange(msg)
	}
	control := controlOf(fingerprint)
	if control == nil {
		return Message{}, &UnknownSchemaError{fingerprint}
	}
	m, err := control.decode(msg[headerLength:])
	if err == nil && m.Begin != nil {
		err = d.Learn(m.Begin.Schema)
	}
	if err != nil {
		return Message{}, &ForeignError{err}
	}
	return m, nil
}

// Next decodes a Change that has everything up to its seq in common with the one that was decoded last, as most have: then Decode gives
// the same. ok is false for any other message, and for one that Decode refuses.
func (d *Decoder) Next(msg []byte) (m *Change, ok bool) {
	n := len(d.prefix)
	if n == 0 || len(msg) > MaxMessageBytes || !bytes.HasPrefix(msg, d.prefix) {
		return nil, false
	}
	d.change.Stamp, d.change.Snapshot = d.stamp, d.snapshot
	rest, err := decodeBehind(d.row.codec, msg[n:], &d.change)
	if err != nil || len(rest) > 0 {
		return nil, false
	}
	return &d.change, true
}

// SegmentSchema is the Avro schema of the journal segments that can hold a message which this Decoder decoded: EntrySchema of a
// Change's table, and nothing for other messages, which fit every segment.
func (d *Decoder) SegmentSchema(m Message) string {
	if m.Change == nil {
		return ""
	}
	return d.ChangeSchema()
}

// ChangeSchema is the SegmentSchema of the last Change.
func (d *Decoder) ChangeSchema() string {
	if d.row == nil {
		return ""
	}
	if d.row.entry == "" {
		d.row.entry = EntrySchema(d.row.codec.Schema())
	}
	return d.row.entry
}

func fingerprintOf(msg []byte) (fingerprint [8]byte, err error) {
	if len(msg) < headerLength || msg[0] != marker0 || msg[1] != marker1 {
		return fingerprint, &ForeignError{errNoHeader}
	}
	if len(msg) > MaxMessageBytes {
		return fingerprint, &ForeignError{errTooLarge}
	}
	copy(fingerprint[:], msg[2:headerLength])
	return fingerprint, nil
}

func (d *Decoder) decodeChange(msg []byte) (Message, error) {
	d.prefix = d.prefix[:0]
	rest, err := decodeBefore(msg[headerLength:], &d.change)
	if err != nil {
		return Message{}, &ForeignError{err}
	}
	before := len(msg) - len(rest)
	if rest, err = decodeBehind(d.row.codec, rest, &d.change); err == nil && len(rest) > 0 {
		err = errTrailing
	}
	if err != nil {
		return Message{}, &ForeignError{err}
	}
	d.prefix = append(d.prefix, msg[:before]...)
	d.stamp, d.snapshot = d.change.Stamp, d.change.Snapshot
	return Message{Change: &d.change}, nil
}

// decodeChange reads a Change from the start of b.
func decodeChange(rows *table.Codec, b []byte, m *Change) (rest []byte, err error) {
	if rest, err = decodeBefore(b, m); err != nil {
		return nil, err
	}
	return decodeBehind(rows, rest, m)
}

// decodeBefore reads what is before a Change's seq.
func decodeBefore(b []byte, m *Change) (rest []byte, err error) {
	c := cursor{rest: b}
	m.Epoch = c.long()
	copy(m.Writer[:], c.take(len(m.Writer)))
	m.Snapshot = c.long()
	if c.failed {
		return nil, errCutChange
	}
	return c.rest, nil
}

// decodeBehind reads a Change from its seq on, and looks at all of it.
func decodeBehind(rows *table.Codec, b []byte, m *Change) (rest []byte, err error) {
	c := cursor{rest: b}
	m.Seq = c.long()
	op := c.long()
	m.Op = 0
	if op >= 0 && op < int64(Delete) {
		m.Op = Op(op + 1)
	}
	m.Key = c.bytes()
	m.Before = c.image(rows)
	m.After = c.image(rows)
	if c.failed {
		return nil, errCutChange
	}
	if fault := m.fault(); fault != "" {
		return nil, &MessageError{"Change", fault}
	}
	return c.rest, nil
}

// image reads a union of null and an image.
func (c *cursor) image(rows *table.Codec) []byte {
	if len(c.rest) == 0 {
		c.fail()
		return nil
	}
	branch := c.rest[0]
	if c.rest = c.rest[1:]; branch == branchNull {
		return nil
	}
	n, err := rows.ImageLen(c.rest)
	if err != nil || branch != branchValue {
		c.fail()
		return nil
	}
	image := c.rest[:n:n]
	c.rest = c.rest[n:]
	return image
}

package change

import (
	"encoding/json"
	"errors"
	"fmt"

	"rewind/table"
)

// A journal's record is the Avro datum of Entry: the offset, and the message's datum behind the index of its branch. Nothing is
// encoded again: a message's bytes are spliced in, and can be taken out.

// RecordError is a journal record that is no entry of its segment's schema.
type RecordError struct{ Err error }

// Error says why.
func (e *RecordError) Error() string { return "journal record: " + e.Err.Error() }

// Unwrap is the reason.
func (e *RecordError) Unwrap() error { return e.Err }

// ExitCode is that of corruption.
func (e *RecordError) ExitCode() int { return 5 }

var (
	errCutRecord  = errors.New("it is cut short or damaged")
	errBadSegment = errors.New("no segment schema of rewind")
)

// AppendEntry appends the record of a message that a Decoder accepted, or that AppendGap made.
func AppendEntry(dst []byte, offset int64, msg []byte) ([]byte, error) {
	dst, body, err := EntryParts(dst, offset, msg)
	return append(dst, body...), err
}

// PartsOfChange is EntryParts of a message that was decoded as a Change.
func PartsOfChange(dst []byte, offset int64, msg []byte) (head, body []byte) {
	return append(table.AppendLong(dst, offset), 2*branchChange), msg[headerLength:]
}

// EntryParts gives the same record in two parts: what is before the message's bytes is appended to dst, and those are msg's own.
func EntryParts(dst []byte, offset int64, msg []byte) (head, body []byte, err error) {
	fingerprint, err := fingerprintOf(msg)
	if err != nil {
		return dst, nil, err
	}
	branch := branchChange
	if control := controlOf(fingerprint); control != nil {
		branch = control.branch
	}
	dst = table.AppendLong(dst, offset)
	return table.AppendLong(dst, int64(branch)), msg[headerLength:], nil
}

// EntryDecoder decodes the records of segments of one schema. Not for concurrent use.
type EntryDecoder struct {
	version *version
	rows    *table.Codec // nil: no Change branch
	change  Change       // what a Message points to
}

// NewEntryDecoder reads the row schema from a segment's Avro schema, which must be one that EntrySchema gives, or gave.
func NewEntryDecoder(segmentSchema string) (*EntryDecoder, error) {
	row, err := rowOfSegment(segmentSchema)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errBadSegment, err)
	}
	v, err := versionOf(segmentSchema, row)
	if err != nil {
		return nil, err
	}
	d := &EntryDecoder{version: v}
	if row != nil {
		d.rows, err = table.NewCodec(row)
	}
	return d, err
}

// versionOf finds the version of the contract that a segment's schema is one of: most are written as EntrySchema writes them,
// of the others the canonical form counts.
func versionOf(segmentSchema string, row *table.Schema) (*version, error) {
	for _, v := range contract() {
		if v.schema(row) == segmentSchema {
			return v, nil
		}
	}
	got, err := CanonicalForm(segmentSchema)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errBadSegment, err)
	}
	for _, v := range contract() {
		if want, err := CanonicalForm(v.schema(row)); err == nil && got == want {
			return v, nil
		}
	}
	fingerprint, _ := Fingerprint(segmentSchema)
	return nil, &UnknownSchemaError{fingerprint}
}

// TakesGap says that a Gap which AppendGap makes today fits segments of this schema: into older ones it does not.
func (d *EntryDecoder) TakesGap() bool { return d.version == written() }

// rowOfSegment finds the row record in the Change branch of an Entry schema; nil where there is no such branch.
func rowOfSegment(schema string) (*table.Schema, error) {
	type record struct {
		Fields []struct {
			Name string
			Type json.RawMessage
		}
	}
	union := func(text []byte, name string) (branches []json.RawMessage, err error) {
		var r record
		if err := json.Unmarshal(text, &r); err != nil {
			return nil, err
		}
		for _, f := range r.Fields {
			if f.Name == name {
				err := json.Unmarshal(f.Type, &branches)
				return branches, err
			}
		}
		return nil, fmt.Errorf("%w: no field %q", errNoSchema, name)
	}
	messages, err := union([]byte(schema), "message")
	if err != nil || len(messages) <= branchChange {
		return nil, err
	}
	before, err := union(messages[branchChange], "before")
	if err != nil || len(before) != 2 {
		return nil, errors.Join(err, errNoSchema)
	}
	return table.ParseAvroSchema(string(before[1]))
}

// Schema is the segment's row schema; nil if it has no Change branch.
func (d *EntryDecoder) Schema() *table.Schema {
	if d.rows == nil {
		return nil
	}
	return d.rows.Schema()
}

// Decode decodes a record, which must be one entry exactly. A Change aliases it and is valid until the next call.
func (d *EntryDecoder) Decode(record []byte) (offset int64, m Message, err error) {
	c := cursor{rest: record}
	offset = c.long()
	branch := c.long()
	if c.failed || offset < 0 {
		return 0, Message{}, &RecordError{errCutRecord}
	}
	switch {
	case branch == branchChange && d.rows != nil:
		rest, err := decodeChange(d.rows, c.rest, &d.change)
		if err == nil && len(rest) > 0 {
			err = errTrailing
		}
		if err != nil {
			return 0, Message{}, &RecordError{err}
		}
		return offset, Message{Change: &d.change}, nil
	case branch >= branchOpen && branch < branchChange:
		m, err := d.version.controls[branch].decode(c.rest)
		if err != nil {
			return 0, Message{}, &RecordError{err}
		}
		return offset, m, nil
	}
	return 0, Message{}, &RecordError{fmt.Errorf("no branch %d", branch)}
}

// ChangeKey is the key of a record's change, found without looking at its images; nil where it holds no change. It aliases the record.
func (d *EntryDecoder) ChangeKey(record []byte) []byte {
	c := cursor{rest: record}
	c.long()
	if branch := c.long(); c.failed || branch != branchChange || d.rows == nil {
		return nil
	}
	c.skipToKey()
	if key := c.bytes(); !c.failed {
		return key
	}
	return nil
}

// RecordLen is the length of the first record in block, found by its lengths alone.
func (d *EntryDecoder) RecordLen(block []byte) (int, error) {
	c := cursor{rest: block}
	c.long()
	branch := c.long()
	switch {
	case c.failed:
	case branch == branchChange && d.rows != nil:
		d.skipChange(&c)
	case branch >= branchOpen && branch < branchChange:
		d.version.controls[branch].shape.skip(&c)
	default:
		return 0, &RecordError{fmt.Errorf("no branch %d", branch)}
	}
	if c.failed {
		return 0, &RecordError{errCutRecord}
	}
	return len(block) - len(c.rest), nil
}

// skipToKey passes over a Change's epoch, writer, snapshot, seq and op.
func (c *cursor) skipToKey() {
	c.long()
	c.take(len(Stamp{}.Writer))
	c.long()
	c.long()
	c.long()
}

func (d *EntryDecoder) skipChange(c *cursor) {
	c.skipToKey()
	c.bytes()
	c.image(d.rows)
	c.image(d.rows)
}

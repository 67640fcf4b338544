package change

import (
	"bytes"
	"errors"
	"fmt"
	"unicode/utf8"

	"rewind/table"
)

// errNotOurForm: goavro accepts several encodings of a record (sized blocks, long varints), a journal holds one.
var errNotOurForm = errors.New("it is not encoded as rewind encodes it")

// decode reads the datum of a control message, which must use exactly b.
func (c *control) decode(b []byte) (m Message, err error) {
	end := cursor{rest: b} // goavro would make room for as many items as a length claims
	if c.shape.skip(&end); end.failed || len(end.rest) > 0 {
		return m, errNotOurForm
	}
	datum, rest, err := c.codec.NativeFromBinary(b)
	if err != nil {
		return m, err
	}
	if again, err := c.codec.BinaryFromNative(nil, datum); err != nil || len(rest) > 0 || !bytes.Equal(again, b) {
		return m, errNotOurForm
	}
	record, ok := datum.(native)
	if !ok || !isText(record) {
		return m, errNotOurForm
	}
	switch c.branch {
	case branchOpen:
		m.Open = openOf(record)
		return m, m.Open.validate()
	case branchBegin:
		if m.Begin, err = beginOf(record); err != nil {
			return Message{}, err
		}
		return m, m.Begin.validate()
	case branchCommit:
		m.Commit = commitOf(record)
		return m, m.Commit.validate()
	default:
		m.Gap = gapOf(record)
		return m, m.Gap.validate()
	}
}

// isText says whether all strings in a datum are UTF-8, as Avro wants and goavro does not look.
func isText(datum any) bool {
	switch datum := datum.(type) {
	case string:
		return utf8.ValidString(datum)
	case native:
		for _, part := range datum {
			if !isText(part) {
				return false
			}
		}
	case []any:
		for _, part := range datum {
			if !isText(part) {
				return false
			}
		}
	}
	return true
}

// field reads a field; one that an older contract lacks is its zero.
func field[T any](record native, name string) T {
	v, _ := record[name].(T)
	return v
}

func stampOf(record native) (s Stamp) {
	s.Epoch = field[int64](record, "epoch")
	copy(s.Writer[:], field[[]byte](record, "writer"))
	return s
}

func openOf(r native) *Open {
	return &Open{stampOf(r), field[string](r, "stream"), field[string](r, "table"), field[int64](r, "ts_us")}
}

func beginOf(r native) (*Begin, error) {
	schema, err := table.ParseAvroSchema(field[string](r, "schema"))
	if err != nil {
		return nil, err
	}
	m := &Begin{
		Stamp: stampOf(r), Stream: field[string](r, "stream"), Snapshot: field[int64](r, "snapshot"),
		Previous: field[int64](field[native](r, "previous"), "long"), Schema: schema, DDL: field[string](r, "ddl"),
		Engine: field[string](r, "engine"), Partitions: int(field[int32](r, "partitions")), Partitioner: field[string](r, "partitioner"),
		Scope: optionalOf(r, "scope"), Baseline: optionalOf(r, "baseline"),
	}
	for _, entry := range field[[]any](r, "options") {
		if m.Options == nil {
			m.Options = map[string]string{}
		}
		option, _ := entry.(native)
		name := field[string](option, "name")
		if _, twice := m.Options[name]; twice {
			return nil, fmt.Errorf("option %q stands twice", name)
		}
		m.Options[name] = field[string](option, "value")
	}
	return m, nil
}

func optionalOf(r native, name string) *string {
	if s, found := field[native](r, name)["string"].(string); found {
		return &s
	}
	return nil
}

func commitOf(r native) *Commit {
	digest := field[native](r, "digest")
	return &Commit{
		Stamp: stampOf(r), Snapshot: field[int64](r, "snapshot"), Seq: field[int64](r, "seq"),
		ReadBegan: field[int64](r, "read_began"), ReadEnded: field[int64](r, "read_ended"),
		Counts: countsOf(field[native](r, "event_count")), Share: countsOf(field[native](r, "share")),
		Digest: table.Digest{Rows: field[int64](digest, "rows"), M: uint64(field[int64](digest, "m")), F: uint64(field[int64](digest, "f"))},
	}
}

func countsOf(r native) Counts {
	return Counts{field[int64](r, "r"), field[int64](r, "c"), field[int64](r, "u"), field[int64](r, "d")}
}

func gapOf(r native) *Gap {
	return &Gap{field[string](r, "reason"), field[int64](r, "next_offset"), field[int64](r, "ts_us"), stampOf(r), field[string](r, "cause")}
}

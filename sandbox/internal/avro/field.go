package avro

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"strings"
)

// Kind is a scalar type of Avro.
type Kind uint8

// The types that Impala's scanner reads.
const (
	Boolean Kind = iota + 1
	Int
	Long
	Float
	Double
	Bytes
	String
)

var kinds = map[string]Kind{"boolean": Boolean, "int": Int, "long": Long, "float": Float, "double": Double, "bytes": Bytes, "string": String}

// Field of a record.
type Field struct {
	Name    string // lower case, as Impala compares it
	Kind    Kind
	Logical string // "decimal", "date", …
	// Precision and Scale of a decimal.
	Precision, Scale int

	nullable bool
	nullAt   int64 // the union's branch of null
}

// Value of a field; which part counts depends on the kind.
type Value struct {
	Null  bool
	Int   int64
	Float float64
	Bytes []byte
}

func parseField(name string, text json.RawMessage) (Field, error) {
	f := Field{Name: strings.ToLower(name)}
	var union []json.RawMessage
	if json.Unmarshal(text, &union) != nil {
		err := f.parseType(text)
		return f, err
	}
	if len(union) != 2 {
		return f, fmt.Errorf("field %s: only unions of null and one type are supported", name)
	}
	f.nullable = true
	for i, branch := range union {
		if string(branch) == `"null"` {
			f.nullAt = int64(i)
			err := f.parseType(union[1-i])
			return f, err
		}
	}
	return f, fmt.Errorf("field %s: a union without null is not supported", name)
}

func (f *Field) parseType(text json.RawMessage) error {
	var name string
	if json.Unmarshal(text, &name) != nil {
		var object struct {
			Type             json.RawMessage
			LogicalType      string
			Precision, Scale int
		}
		if err := json.Unmarshal(text, &object); err != nil {
			return err
		}
		if json.Unmarshal(object.Type, &name) != nil {
			return fmt.Errorf("field %s: unsupported Avro type %s", f.Name, text)
		}
		f.Logical, f.Precision, f.Scale = object.LogicalType, object.Precision, object.Scale
	}
	kind, ok := kinds[name]
	if !ok {
		return fmt.Errorf("field %s: unsupported Avro type %s", f.Name, name)
	}
	f.Kind = kind
	return nil
}

func (f *Field) decode(b []byte, v *Value) ([]byte, error) {
	*v = Value{}
	if f.nullable {
		branch, n := binary.Varint(b)
		if n <= 0 || branch < 0 || branch > 1 {
			return nil, io.ErrUnexpectedEOF
		}
		b = b[n:]
		if branch == f.nullAt {
			v.Null = true
			return b, nil
		}
	}
	switch f.Kind {
	case Boolean:
		if len(b) < 1 || b[0] > 1 {
			return nil, io.ErrUnexpectedEOF
		}
		v.Int = int64(b[0])
		return b[1:], nil
	case Int, Long:
		i, n := binary.Varint(b)
		if n <= 0 || f.Kind == Int && i != int64(int32(i)) {
			return nil, io.ErrUnexpectedEOF
		}
		v.Int = i
		return b[n:], nil
	case Float:
		if len(b) < 4 {
			return nil, io.ErrUnexpectedEOF
		}
		v.Float = float64(math.Float32frombits(binary.LittleEndian.Uint32(b)))
		return b[4:], nil
	case Double:
		if len(b) < 8 {
			return nil, io.ErrUnexpectedEOF
		}
		v.Float = math.Float64frombits(binary.LittleEndian.Uint64(b))
		return b[8:], nil
	}
	n, used := binary.Varint(b)
	if used <= 0 || n < 0 || n > int64(len(b)-used) {
		return nil, io.ErrUnexpectedEOF
	}
	v.Bytes = b[used : used+int(n)]
	return b[used+int(n):], nil
}

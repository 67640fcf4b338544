package hs2

import (
	"sync"

	hs "github.com/beltran/gohive/hiveserver"

	"rewind/sandbox/internal/engine"
)

// batch is a set of rows, by column as the protocol carries them.
type batch struct {
	types   []engine.Type
	columns []column
	rows    int
	last    bool      // no rows follow
	encoded []byte    // the answer that holds it, of a server that repeats its answers
	once    sync.Once // fills it
}

// column holds one column's values; which slice is used depends on the type.
type column struct {
	nulls   []byte
	bools   []bool
	bytes   []int8
	shorts  []int16
	ints    []int32
	longs   []int64
	doubles []float64
	strings []string
	blobs   [][]byte
}

func newBatch(columns []engine.ResultColumn, capacity int) *batch {
	b := &batch{columns: make([]column, len(columns))}
	capacity = min(capacity, 4096)
	for i, c := range columns {
		b.types = append(b.types, c.Type)
		b.columns[i].reserve(c.Type.Kind, capacity)
	}
	return b
}

func (c *column) reserve(k engine.Kind, n int) {
	c.nulls = make([]byte, 0, n/8+1)
	switch k {
	case engine.Boolean:
		c.bools = make([]bool, 0, n)
	case engine.TinyInt:
		c.bytes = make([]int8, 0, n)
	case engine.SmallInt:
		c.shorts = make([]int16, 0, n)
	case engine.Int:
		c.ints = make([]int32, 0, n)
	case engine.BigInt:
		c.longs = make([]int64, 0, n)
	case engine.Float, engine.Double:
		c.doubles = make([]float64, 0, n)
	case engine.Binary:
		c.blobs = make([][]byte, 0, n)
	default:
		c.strings = make([]string, 0, n)
	}
}

// add takes the current row.
func (b *batch) add(rows *engine.Rows) {
	for i := range b.columns {
		c, v := &b.columns[i], rows.Value(i)
		if b.rows%8 == 0 {
			c.nulls = append(c.nulls, 0)
		}
		if v.Null {
			c.nulls[b.rows/8] |= 1 << (b.rows % 8)
		}
		c.append(b.types[i].Kind, v)
	}
	b.rows++
}

func (c *column) append(k engine.Kind, v engine.Value) {
	switch k {
	case engine.Boolean:
		c.bools = append(c.bools, v.Int != 0)
	case engine.TinyInt:
		c.bytes = append(c.bytes, int8(v.Int))
	case engine.SmallInt:
		c.shorts = append(c.shorts, int16(v.Int))
	case engine.Int:
		c.ints = append(c.ints, int32(v.Int))
	case engine.BigInt:
		c.longs = append(c.longs, v.Int)
	case engine.Float, engine.Double:
		c.doubles = append(c.doubles, v.Float)
	case engine.Binary:
		c.blobs = append(c.blobs, append([]byte{}, v.Bytes...))
	default:
		c.strings = append(c.strings, string(v.Bytes))
	}
}

// split keeps the first n rows and returns the others, nil if there are none.
func (b *batch) split(n int) *batch {
	if b.rows <= n {
		return nil
	}
	rest := &batch{types: b.types, columns: make([]column, len(b.columns)), rows: b.rows - n, last: b.last}
	for i := range b.columns {
		rest.columns[i] = b.columns[i].split(n, b.rows)
	}
	b.rows = n
	return rest
}

func (c *column) split(n, rows int) column {
	rest := column{nulls: make([]byte, (rows-n+7)/8)}
	for i := n; i < rows; i++ {
		if c.nulls[i/8]&(1<<(i%8)) != 0 {
			rest.nulls[(i-n)/8] |= 1 << ((i - n) % 8)
		}
	}
	c.nulls = c.nulls[:(n+7)/8]
	rest.bools = cut(&c.bools, n)
	rest.bytes = cut(&c.bytes, n)
	rest.shorts = cut(&c.shorts, n)
	rest.ints = cut(&c.ints, n)
	rest.longs = cut(&c.longs, n)
	rest.doubles = cut(&c.doubles, n)
	rest.strings = cut(&c.strings, n)
	rest.blobs = cut(&c.blobs, n)
	return rest
}

func cut[T any](s *[]T, n int) []T {
	if *s == nil {
		return nil
	}
	rest := (*s)[n:]
	*s = (*s)[:n]
	return rest
}

// rowSet is the batch as it goes over the wire.
func (b *batch) rowSet(offset int64) *hs.TRowSet {
	set := &hs.TRowSet{StartRowOffset: offset, Rows: []*hs.TRow{}, Columns: make([]*hs.TColumn, len(b.columns))}
	for i := range b.columns {
		set.Columns[i] = b.columns[i].wire(b.types[i].Kind)
	}
	return set
}

func (c *column) wire(k engine.Kind) *hs.TColumn {
	switch k {
	case engine.Boolean:
		return &hs.TColumn{BoolVal: &hs.TBoolColumn{Values: c.bools, Nulls: c.nulls}}
	case engine.TinyInt:
		return &hs.TColumn{ByteVal: &hs.TByteColumn{Values: c.bytes, Nulls: c.nulls}}
	case engine.SmallInt:
		return &hs.TColumn{I16Val: &hs.TI16Column{Values: c.shorts, Nulls: c.nulls}}
	case engine.Int:
		return &hs.TColumn{I32Val: &hs.TI32Column{Values: c.ints, Nulls: c.nulls}}
	case engine.BigInt:
		return &hs.TColumn{I64Val: &hs.TI64Column{Values: c.longs, Nulls: c.nulls}}
	case engine.Float, engine.Double:
		return &hs.TColumn{DoubleVal: &hs.TDoubleColumn{Values: c.doubles, Nulls: c.nulls}}
	case engine.Binary:
		return &hs.TColumn{BinaryVal: &hs.TBinaryColumn{Values: c.blobs, Nulls: c.nulls}}
	}
	return &hs.TColumn{StringVal: &hs.TStringColumn{Values: c.strings, Nulls: c.nulls}}
}

// description is the type of a column as GetResultSetMetadata says it.
func description(i int, c engine.ResultColumn) *hs.TColumnDesc {
	entry := &hs.TPrimitiveTypeEntry{Type: wireTypes[c.Type.Kind]}
	number := func(n int) *hs.TTypeQualifierValue {
		v := int32(n)
		return &hs.TTypeQualifierValue{I32Value: &v}
	}
	switch c.Type.Kind {
	case engine.Decimal:
		entry.TypeQualifiers = &hs.TTypeQualifiers{Qualifiers: map[string]*hs.TTypeQualifierValue{
			"precision": number(c.Type.Precision), "scale": number(c.Type.Scale)}}
	case engine.VarChar, engine.Char:
		entry.TypeQualifiers = &hs.TTypeQualifiers{Qualifiers: map[string]*hs.TTypeQualifierValue{
			"characterMaximumLength": number(c.Type.Length)}}
	}
	return &hs.TColumnDesc{ColumnName: c.Name, Position: int32(i + 1),
		TypeDesc: &hs.TTypeDesc{Types: []*hs.TTypeEntry{{PrimitiveEntry: entry}}}}
}

var wireTypes = map[engine.Kind]hs.TTypeId{
	engine.NullType: hs.TTypeId_NULL_TYPE, engine.Boolean: hs.TTypeId_BOOLEAN_TYPE, engine.TinyInt: hs.TTypeId_TINYINT_TYPE,
	engine.SmallInt: hs.TTypeId_SMALLINT_TYPE, engine.Int: hs.TTypeId_INT_TYPE, engine.BigInt: hs.TTypeId_BIGINT_TYPE,
	engine.Float: hs.TTypeId_FLOAT_TYPE, engine.Double: hs.TTypeId_DOUBLE_TYPE, engine.Decimal: hs.TTypeId_DECIMAL_TYPE,
	engine.String: hs.TTypeId_STRING_TYPE, engine.VarChar: hs.TTypeId_VARCHAR_TYPE, engine.Char: hs.TTypeId_CHAR_TYPE,
	engine.Timestamp: hs.TTypeId_TIMESTAMP_TYPE, engine.Date: hs.TTypeId_DATE_TYPE, engine.Binary: hs.TTypeId_BINARY_TYPE,
}

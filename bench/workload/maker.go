package workload

import (
	"encoding/hex"
	"math"
	"strconv"
	"time"

	"rewind/table"
)

var names = [16]string{"amber", "birch", "cedar", "delta", "ember", "fjord", "grove", "heath",
	"inlet", "jasper", "knoll", "larch", "maple", "north", "ochre", "pinto"}

// Maker makes rows, without memory of its own for each.
type Maker struct {
	shape  Shape
	values []table.Value
	keys   int
	buffer []byte
}

// Maker makes a maker of the table's rows.
func (s Shape) Maker() *Maker {
	columns := max(s.Columns, usualColumns)
	keys := 1
	if s.TextKey {
		keys, columns = 2, columns+1
	}
	return &Maker{shape: s, values: make([]table.Value, columns), keys: keys, buffer: make([]byte, 0, 64*columns)}
}

// Row gives the values of the row with a key, in one of its versions: 0 is the first, every other differs from that in one column.
// They are valid until the next call.
func (m *Maker) Row(key, version int64) []table.Value {
	m.buffer = m.buffer[:0]
	one, two, three := m.number(key, 11), m.number(key, 12), m.number(key, 13)
	m.key(key)
	v := m.values[m.keys:]
	v[0] = table.Value{Bytes: m.text(func(b []byte) []byte {
		b = append(append(b, names[one%16]...), '-')
		return appendHex(b, two, 12)
	})}
	v[1] = table.Value{Null: three%1000 < missingPerMil, Bytes: m.text(func(b []byte) []byte {
		return appendHex(appendHex(b, two>>13^three, 16), one>>7, 8)
	})}
	v[2] = table.Value{Int: int64(one>>8%100_000) - 50_000}
	v[3] = table.Value{Float: math.Round(float64(two>>11)/(1<<53)*1e10) / 1e6}
	v[4] = table.Value{Decimal: table.Int128From(int64(three>>10%2_000_000_000) - 1_000_000_000)}
	ts := 1_600_000_000_000_000 + int64(one>>20%150_000_000)*1_000_000 + int64(two>>40%1_000_000)
	v[6] = table.Value{Int: int64(three >> 63)}
	if version != 0 {
		ts += m.alter(v, key, version)
	}
	v[5] = table.Value{Bytes: m.text(func(b []byte) []byte { return appendTimestamp(b, ts) })}
	for i := valueColumns; i < len(v); i++ {
		m.wide(&v[i], i+1, m.number(key, uint64(20+i)))
	}
	for i := range v {
		if v[i].Null {
			v[i] = table.Value{Null: true}
		}
	}
	return m.values
}

func (m *Maker) number(key int64, salt uint64) uint64 { return mix(m.shape.Seed, uint64(key), salt) }

// key fills the key's columns in.
func (m *Maker) key(key int64) {
	if !m.shape.TextKey {
		m.values[0] = table.Value{Int: key}
		return
	}
	region := min(uint64(key)*regions/uint64(2*m.shape.Rows+2), regions-1)
	m.values[0] = table.Value{Bytes: m.text(func(b []byte) []byte { return appendHex(append(b, "region-"...), region, 2) })}
	m.values[1] = table.Value{Bytes: m.text(func(b []byte) []byte { return appendHex(append(b, "code/"...), uint64(key), 12) })}
}

// alter changes one column; of the time it says by how much.
func (m *Maker) alter(v []table.Value, key, version int64) (later int64) {
	switch mix(m.shape.Seed, uint64(key), uint64(100+version)) % valueColumns {
	case 0:
		for i, c := range v[0].Bytes {
			if c == '-' {
				v[0].Bytes[i] = '+'
			}
		}
		if version > 1 {
			v[2].Int += version
		}
	case 1:
		v[1].Null = !v[1].Null
		if version > 1 {
			v[2].Int += version
		}
	case 2:
		v[2].Int += version
	case 3:
		v[3].Float = math.Round((v[3].Float+.5*float64(version))*1e6) / 1e6
	case 4:
		v[4].Decimal = table.Int128From(int64(m.number(key, 13)>>10%2_000_000_000) - 1_000_000_000 + version)
	case 5:
		return version
	case 6:
		v[6].Int = 1 - v[6].Int
		if version > 1 {
			v[2].Int += version
		}
	}
	return 0
}

// wide is a column beyond the usual ones.
func (m *Maker) wide(v *table.Value, column int, n uint64) {
	switch column % 4 {
	case 0:
		*v = table.Value{Int: int64(n >> 20)}
	case 1:
		*v = table.Value{Float: math.Round(float64(n>>11)/(1<<53)*1e9) / 1e6}
	case 2:
		*v = table.Value{Bytes: m.text(func(b []byte) []byte { return appendHex(b, n, 12) })}
	case 3:
		*v = table.Value{Int: int64(n>>33) - 1<<30}
	}
}

func (m *Maker) text(appendTo func([]byte) []byte) []byte {
	start := len(m.buffer)
	m.buffer = appendTo(m.buffer)
	return m.buffer[start:len(m.buffer):len(m.buffer)]
}

func appendHex(b []byte, n uint64, digits int) []byte {
	var raw [8]byte
	for i := range raw {
		raw[7-i] = byte(n >> (8 * i))
	}
	var text [16]byte
	hex.Encode(text[:], raw[:])
	return append(b, text[16-digits:]...)
}

// appendTimestamp writes microseconds since 1970 as a TIMESTAMP's text.
func appendTimestamp(b []byte, micros int64) []byte {
	return time.UnixMicro(micros).UTC().AppendFormat(b, "2006-01-02 15:04:05.000000000")
}

// AppendCSV appends a row as a line of CSV. A NULL is an empty field.
func AppendCSV(b []byte, s *table.Schema, row []table.Value) []byte {
	for i, c := range s.Columns {
		if i > 0 {
			b = append(b, ',')
		}
		b = appendField(b, c, &row[i])
	}
	return append(b, '\n')
}

func appendField(b []byte, c table.Column, v *table.Value) []byte {
	switch {
	case v.Null:
		return b
	case c.Type.Kind == table.Boolean:
		return strconv.AppendBool(b, v.Int == 1)
	case c.Type.Kind == table.Double:
		return strconv.AppendFloat(b, v.Float, 'f', -1, 64)
	case c.Type.Kind == table.Timestamp:
		return append(b, v.Bytes[:len("2006-01-02 15:04:05.000000")]...)
	case c.Type.Kind == table.Decimal:
		return append(b, c.Type.Format(*v)...)
	case c.Type.Kind == table.String:
		return append(b, v.Bytes...)
	}
	return strconv.AppendInt(b, v.Int, 10)
}

package engine

import (
	"encoding/binary"
	"math"

	"rewind/table"
)

// hashCall is murmur_hash or fnv_hash over a value's bytes as Impala holds them.
func hashCall(name string) builtin {
	return func(a *analyzer, args []node) (node, error) {
		if len(args) != 1 {
			return node{}, analysis("No matching function with signature: %s", name)
		}
		t := args[0].typ
		if name == "fnv_hash" && t.Kind == Binary {
			return node{}, analysis("No matching function with signature: fnv_hash(BINARY)")
		}
		hash := table.MurmurHash
		if name == "fnv_hash" {
			hash = table.FNVHash
		}
		return a.apply(name+t.String(), Type{Kind: BigInt}, strict(func(x []datum) (datum, error) {
			var buffer [16]byte
			return integer(hash(hashedBytes(buffer[:0], t, x[0]))), nil
		}), args[0])
	}
}

func hashedBytes(buffer []byte, t Type, d datum) []byte {
	switch t.Kind {
	case Boolean, TinyInt:
		return append(buffer, byte(d.i))
	case SmallInt:
		return binary.LittleEndian.AppendUint16(buffer, uint16(d.i))
	case Int, Date:
		return binary.LittleEndian.AppendUint32(buffer, uint32(d.i))
	case BigInt:
		return binary.LittleEndian.AppendUint64(buffer, uint64(d.i))
	case Float:
		return binary.LittleEndian.AppendUint32(buffer, math.Float32bits(float32(d.double())))
	case Double:
		return binary.LittleEndian.AppendUint64(buffer, math.Float64bits(d.double()))
	case Decimal:
		return hashedDecimal(buffer, t, d.unscaled())
	}
	return d.b
}

// hashedDecimal gives the unscaled value at the width in which Impala stores it.
func hashedDecimal(buffer []byte, t Type, u unscaled) []byte {
	switch {
	case t.Precision <= 9:
		return binary.LittleEndian.AppendUint32(buffer, uint32(u.lo))
	case t.Precision <= 18:
		return binary.LittleEndian.AppendUint64(buffer, u.lo)
	}
	buffer = binary.LittleEndian.AppendUint64(buffer, u.lo)
	return binary.LittleEndian.AppendUint64(buffer, uint64(u.hi))
}

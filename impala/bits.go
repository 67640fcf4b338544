package impala

import (
	"encoding/binary"
	"math"
	"strconv"
)

func formatInt(n int64) string { return strconv.FormatInt(n, 10) }

func littleEndian64(n uint64) []byte { return binary.LittleEndian.AppendUint64(nil, n) }

func doubleBytes(f float64) []byte { return littleEndian64(math.Float64bits(f)) }

func floatBytes(f float32) []byte {
	return binary.LittleEndian.AppendUint32(nil, math.Float32bits(f))
}

func negativeZero() float64 { return math.Copysign(0, -1) }

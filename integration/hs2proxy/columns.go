package main

import (
	"encoding/base64"

	hs "github.com/beltran/gohive/hiveserver"
)

// widenNulls makes a column's null bitmap as wide as the column: Hive cuts it after the last NULL. It returns the number of rows.
func widenNulls(c *hs.TColumn) (rows int) {
	widen := func(nulls *[]byte, n int) int {
		for len(*nulls) < (n+7)/8 {
			*nulls = append(*nulls, 0)
		}
		return n
	}
	switch {
	case c.BoolVal != nil:
		return widen(&c.BoolVal.Nulls, len(c.BoolVal.Values))
	case c.ByteVal != nil:
		return widen(&c.ByteVal.Nulls, len(c.ByteVal.Values))
	case c.I16Val != nil:
		return widen(&c.I16Val.Nulls, len(c.I16Val.Values))
	case c.I32Val != nil:
		return widen(&c.I32Val.Nulls, len(c.I32Val.Values))
	case c.I64Val != nil:
		return widen(&c.I64Val.Nulls, len(c.I64Val.Values))
	case c.DoubleVal != nil:
		return widen(&c.DoubleVal.Nulls, len(c.DoubleVal.Values))
	case c.StringVal != nil:
		return widen(&c.StringVal.Nulls, len(c.StringVal.Values))
	case c.BinaryVal != nil:
		return widen(&c.BinaryVal.Nulls, len(c.BinaryVal.Values))
	}
	return 0
}

// defaultPartition is how Hive shows a NULL in a text column that tables are partitioned by; Impala shows NULL.
const defaultPartition = "__HIVE_DEFAULT_PARTITION__"

var defaultPartitionBase64 = base64.StdEncoding.EncodeToString([]byte(defaultPartition))

func nullPartitions(c *hs.TColumn) {
	if c.StringVal == nil {
		return
	}
	for i, v := range c.StringVal.Values {
		if v != defaultPartition && v != defaultPartitionBase64 {
			continue
		}
		for len(c.StringVal.Nulls) <= i/8 {
			c.StringVal.Nulls = append(c.StringVal.Nulls, 0)
		}
		c.StringVal.Nulls[i/8] |= 1 << (i % 8)
		c.StringVal.Values[i] = ""
	}
}

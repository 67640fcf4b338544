package change

import "github.com/zeebo/xxh3"

// PartitionerXXH3 names the function that Partition computes.
const PartitionerXXH3 = "xxh3-64-mod"

// Partition of a key: XXH3-64 of its bytes modulo n. It is our own, so that no client's default decides where a row's changes are.
func Partition(key []byte, n int) int { return int(xxh3.Hash(key) % uint64(n)) }

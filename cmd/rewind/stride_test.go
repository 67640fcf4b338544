//go:build !race

package main

// callStride is how many calls of the engine lie between two that go wrong: all do, one after the other.
const callStride = 1

//go:build race

package main

// callStride is how many calls of the engine lie between two that go wrong: the race detector takes its time.
const callStride = 13

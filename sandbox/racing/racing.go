//go:build !race

// Package racing is for tests alone: it tells those that enumerate how far to step.
package racing

// Step is how far apart the points are at which a test lets something go wrong: every one. Under the race detector, which takes five
// to ten times as long and learns nothing from a single goroutine's operations on its disk, it is 13: a prime, so that a test which
// chooses a second thing by the remainder still meets all of them.
const Step = 1

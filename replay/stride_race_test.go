//go:build race

package replay

// thinned is how many cases of an enumeration lie between two that are tried: the race detector takes its time, and nothing
// in them runs at the same time. It has no divisor in common with the kinds of losses that take turns.
const (
	thinned     = 7
	rapidChecks = "20"
)

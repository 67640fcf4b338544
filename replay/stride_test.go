//go:build !race

package replay

// thinned is how many cases of an enumeration lie between two that are tried: all are, one after the other.
const (
	thinned     = 1
	rapidChecks = "100"
)

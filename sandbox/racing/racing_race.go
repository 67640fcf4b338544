//go:build race

package racing

// Step is how far apart the points are at which a test lets something go wrong, under the race detector.
const Step = 13

//go:build integration

package integration

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"
)

// soakFigures are what a soak did and met.
type soakFigures struct {
	took                          time.Duration
	captures, baselines, restored int
	swapped, points               int
	changes, journal              int64
	faults                        map[strike]int
	exits                         map[int]int        // of what the strikes came down on
	memory                        map[string][]int64 // MiB at the most, by command, process by process
}

func newSoakFigures() soakFigures {
	return soakFigures{faults: map[strike]int{}, exits: map[int]int{}, memory: map[string][]int64{}}
}

func (f soakFigures) total() (n int) {
	for _, m := range f.faults {
		n += m
	}
	return n
}

// flat expects the later processes of a command to need no more memory than the earlier ones did: half as much again, and 32 MiB.
func (f soakFigures) flat(t *testing.T) {
	t.Helper()
	for command, peaks := range f.memory {
		third := len(peaks) / 3
		if third == 0 {
			continue
		}
		early, late := slices.Max(peaks[:third]), slices.Max(peaks[len(peaks)-third:])
		if late > early+early/2+32 {
			t.Errorf("%s grew: %d MiB at first, %d MiB in the end", command, early, late)
		}
	}
}

// markdown is the table for docs/RELIABILITY.md.
func (f soakFigures) markdown(seed uint64, rounds int, hash string) string {
	var b strings.Builder
	row := func(what string, value any) { fmt.Fprintf(&b, "| %s | %v |\n", what, value) }
	b.WriteString("| soak | |\n|---|--:|\n")
	row("seed, hash of the faults executed", fmt.Sprintf("%d, %s", seed, hash))
	row("length", f.took.Round(time.Second))
	row("rounds", rounds)
	row("captures that were committed and said so", f.captures)
	row("baselines among them", f.baselines)
	row("changes published", f.changes)
	row("journal", fmt.Sprintf("%.1f MB", float64(f.journal)/1e6))
	row("faults", f.total())
	for _, kind := range f.kinds() {
		row("— "+kind.name, kind.n)
	}
	row("exit codes of what they came down on", exitsText(f.exits))
	row("restores in the table's place that stood", f.swapped)
	row("restore points equal to the oracle, row by row", f.points)
	row("of these restored, and equal in the engine", f.restored)
	row("restore points lost, invented or different; gaps; damage", 0)
	for _, command := range slices.Sorted(maps.Keys(f.memory)) {
		peaks := f.memory[command]
		if slices.Max(peaks) == 0 {
			continue // it logs nothing to be measured at
		}
		third := max(1, len(peaks)/3)
		row("peak memory of "+command, fmt.Sprintf("%d MiB (%d processes; at most %d in the first third, %d in the last)",
			slices.Max(peaks), len(peaks), slices.Max(peaks[:third]), slices.Max(peaks[len(peaks)-third:])))
	}
	return b.String()
}

type kindCount struct {
	name string
	n    int
}

// kinds counts the faults by their kind, the network's by what it did.
func (f soakFigures) kinds() (all []kindCount) {
	counts := map[string]int{}
	for s, n := range f.faults {
		name := s.kind
		if s.how != faultNone {
			name += ": " + s.how.String()
		}
		if s.kind == killedBroker || s.kind == fullDisk {
			name += " during " + s.command
		}
		if s.kind == killedEngine || s.kind == engineNetwork {
			name += " during " + map[string]string{"produce": "a scan", "restore": "a load"}[s.command]
		}
		counts[name] += n
	}
	for _, name := range slices.Sorted(maps.Keys(counts)) {
		all = append(all, kindCount{name, counts[name]})
	}
	return all
}

func exitsText(exits map[int]int) string {
	var parts []string
	for _, code := range slices.Sorted(maps.Keys(exits)) {
		name := fmt.Sprint(code)
		if code == -1 {
			name = "killed"
		}
		parts = append(parts, fmt.Sprintf("%s: %d", name, exits[code]))
	}
	return strings.Join(parts, ", ")
}

package disk

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
)

// Loss says what a crash takes of that which was not durable. The zero value takes all of it.
type Loss struct {
	kind lossKind
	seed uint64
}

type lossKind uint8

const (
	losesAll lossKind = iota // the zero Loss must be the harshest one
	losesNone
	losesSome
	losesSectors
	losesNames
)

// LoseAll takes everything that was not synced: a loss of power long before the system would have written it by itself.
func LoseAll() Loss { return Loss{kind: losesAll} }

// LoseNone takes nothing: the process was killed, the machine went on.
func LoseNone() Loss { return Loss{kind: losesNone} }

// LoseSome keeps of each file a random number of its writes in their order, the last of them perhaps cut: how it usually is
// when a file's bytes reach the disk in their order. Of each folder's changes of names a random subset is kept. One seed
// gives one outcome.
func LoseSome(seed uint64) Loss { return Loss{kind: losesSome, seed: seed} }

// LoseSectors keeps a random subset of the 512-byte sectors that were written, zeros standing for the lost ones: a write that
// is large enough to become several requests may reach the disk in any order. Of names a random subset is kept. One seed
// gives one outcome.
func LoseSectors(seed uint64) Loss { return Loss{kind: losesSectors, seed: seed} }

// LoseNames keeps every byte that was written, and of each folder's changes of names the i-th where bit i of kept is set: with
// every number below 2^n, every subset of n changes. A rename that is lost while a later removal is not shows here.
func LoseNames(kept uint64) Loss { return Loss{kind: losesNames, seed: kept} }

// String names the loss, its seed included, for a test's name.
func (l Loss) String() string {
	switch l.kind {
	case losesNone:
		return "none"
	case losesSome:
		return fmt.Sprintf("some/%d", l.seed)
	case losesSectors:
		return fmt.Sprintf("sectors/%d", l.seed)
	case losesNames:
		return fmt.Sprintf("names/%b", l.seed)
	}
	return "all"
}

func (l Loss) chooser() chooser {
	return chooser{kind: l.kind, kept: l.seed, random: rand.New(rand.NewPCG(l.seed, 0))}
}

// chooser draws what survives.
type chooser struct {
	kind   lossKind
	kept   uint64 // of losesNames
	random *rand.Rand
}

// content of a file that is found after the crash.
func (c chooser) content(n *node) []byte {
	found := slices.Clone(n.durable)
	switch c.kind {
	case losesNone, losesNames:
		return slices.Clone(n.content)
	case losesSome:
		keep := c.random.IntN(len(n.edits) + 1)
		for i, e := range n.edits[:keep] {
			if i == keep-1 && len(e.bytes) > 0 {
				e.bytes = e.bytes[:c.random.IntN(len(e.bytes)+1)]
			}
			found = e.apply(found)
		}
	case losesSectors:
		for _, e := range n.edits {
			found = c.sectors(found, e)
		}
	}
	return found
}

// sectors applies a random subset of an edit's sectors. The length of the file survives with its last kept sector.
func (c chooser) sectors(found []byte, e edit) []byte {
	const sector = 512
	if len(e.bytes) == 0 {
		if c.random.IntN(2) == 0 {
			return found
		}
		return e.apply(found)
	}
	for i := 0; i < len(e.bytes); {
		n := min(len(e.bytes)-i, sector-int((e.at+int64(i))%sector))
		if c.random.IntN(4) > 0 {
			found = edit{at: e.at + int64(i), bytes: e.bytes[i : i+n]}.apply(found)
		}
		i += n
	}
	return found
}

// names of a folder that are found after the crash.
func (c chooser) names(n *node) map[string]*node {
	found := maps.Clone(n.durableNames)
	if c.kind == losesNone {
		return n.names
	}
	for i, l := range n.links {
		if c.keeps(i) {
			l.apply(found)
		}
	}
	return found
}

// keeps says whether a folder's i-th change of names survives.
func (c chooser) keeps(i int) bool {
	switch c.kind {
	case losesAll:
		return false
	case losesNames:
		return c.kept>>min(i, 63)&1 == 1
	}
	return c.random.IntN(2) == 0
}

//go:build integration

package integration

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

// round is one turn of the soak: a change of one table, a capture of it, and what goes wrong meanwhile.
type round struct {
	number int
	table  int    // among the soak's tables
	change string // what happens to the table
	strike strike
	look   bool   // a restore point is restored at the end, and compared in the engine
	draw   uint64 // for the choices in between: rows, columns, points
}

// strike is one fault: what happens, when which command comes to which stage.
type strike struct {
	kind    string // of the fault; "": none
	command string
	stage   string
	how     fault // of the network
	n       int   // how many requests the network fails
}

func (r round) String() string {
	s := r.strike.String()
	if r.look {
		s += ", then look at a restore point"
	}
	return fmt.Sprintf("%d: table %d, %s; %s (%x)", r.number, r.table, r.change, s, r.draw)
}

func (s strike) String() string {
	switch {
	case s.kind == "":
		return "no fault"
	case s.how != faultNone:
		return fmt.Sprintf("%s: %v %d requests when %s comes to %q", s.kind, s.how, s.n, s.command, s.stage)
	case s.stage == "":
		return s.kind
	}
	return fmt.Sprintf("%s when %s comes to %q", s.kind, s.command, s.stage)
}

// The kinds of faults.
const (
	killedProducer = "producer killed"
	killedConsumer = "consumer killed"
	killedRestore  = "restore killed"
	killedReplace  = "replace killed"
	killedBroker   = "broker killed"
	killedEngine   = "engine killed"
	kafkaNetwork   = "network to Kafka"
	engineNetwork  = "network to the engine"
	fullDisk       = "disk full"
	secondProducer = "second producer"
)

// soakWeights is how often each kind is drawn.
var soakWeights = []struct {
	kind   string
	weight int
}{
	{killedProducer, 20},
	{killedConsumer, 14},
	{killedRestore, 6},
	{killedReplace, 6},
	{killedBroker, 6},
	{killedEngine, 3},
	{kafkaNetwork, 14},
	{engineNetwork, 6},
	{fullDisk, 8},
	{secondProducer, 6},
	{"", 11},
}

// The stages at which the soak strikes: those of the source that come in every run of the command. TestSoakPlan holds them to the source.
var (
	produceStages = []string{
		"capture: term opened", "capture: scan finished", "publish: begin acknowledged", "publish: changes acknowledged",
		"publish: commit acknowledged partition=2", "publish: commit acknowledged partition=1", "publish: commit acknowledged partition=0",
		"snapshot: renamed",
	}
	consumeStages = withPartitions(soakPartitions, "consume: resumed", "consume: fetched", "journal: appended", "consume: moving the group's offset")
	restoreStages = []string{
		"restore: folded", "restore: fold proved", "restore: staged", "restore: loaded", "restore: proved", "restore: table proved",
	}
	swapStages = []string{"swap: intent written", "swap: old renamed", "swap: old proved", "swap: new renamed", "swap: done"}
)

const soakPartitions = 3

func withPartitions(n int, stages ...string) (all []string) {
	for _, stage := range stages {
		for p := range n {
			all = append(all, fmt.Sprintf("%s partition=%d", stage, p))
		}
	}
	return all
}

// soakChanges are what happens to a table, and how often.
var soakChanges = []struct {
	change string
	weight int
}{
	{"rows", 70},
	{"nothing", 8},
	{"column added", 5},
	{"column dropped", 4},
	{"dropped column added again", 4},
	{"column widened", 4},
	{"column of another type", 2},
	{"columns reordered", 3},
	{"many rows", 2},
}

// plan draws n rounds from a seed. Nothing else goes into it: two runs of one seed strike in the same order.
func plan(seed uint64, n, tables int) []round {
	random := rand.New(rand.NewPCG(seed, 0x50a4))
	rounds := make([]round, n)
	for i := range rounds {
		rounds[i] = round{
			number: i + 1, table: random.IntN(tables), change: drawChange(random), strike: drawStrike(random),
			look: random.IntN(8) == 0, draw: random.Uint64(),
		}
	}
	return rounds
}

func drawChange(random *rand.Rand) string {
	total := 0
	for _, c := range soakChanges {
		total += c.weight
	}
	at := random.IntN(total)
	for _, c := range soakChanges {
		if at -= c.weight; at < 0 {
			return c.change
		}
	}
	return ""
}

func drawStrike(random *rand.Rand) strike {
	total := 0
	for _, w := range soakWeights {
		total += w.weight
	}
	at, s := random.IntN(total), strike{}
	for _, w := range soakWeights {
		if at -= w.weight; at < 0 {
			s.kind = w.kind
			break
		}
	}
	one := func(stages []string) string { return stages[random.IntN(len(stages))] }
	produceOrConsume := func() {
		s.command, s.stage = "produce", one(produceStages[:len(produceStages)-2]) // in the last two nothing is asked of Kafka any more
		if random.IntN(3) == 0 {
			s.command, s.stage = "consume", one(consumeStages)
		}
	}
	switch s.kind {
	case killedProducer:
		s.command, s.stage = "produce", one(produceStages)
	case killedConsumer:
		s.command, s.stage = "consume", one(consumeStages)
	case killedRestore:
		s.command, s.stage = "restore", one(restoreStages)
	case killedReplace:
		s.command, s.stage = "replace", one(slices.Concat(restoreStages, swapStages, swapStages))
	case killedBroker:
		produceOrConsume()
	case kafkaNetwork:
		produceOrConsume()
		s.how, s.n = faultCut+fault(random.IntN(4)), 1+random.IntN(4)
	case killedEngine, engineNetwork:
		s.command, s.stage = "produce", "capture: term opened"
		if random.IntN(2) == 0 {
			s.command, s.stage = "restore", one(restoreStages[1:4])
		}
		if s.kind == engineNetwork {
			s.how, s.n = faultCut+fault(random.IntN(4)), 1+random.IntN(3)
		}
	case fullDisk:
		s.command, s.stage = "produce", one(produceStages[:4])
		if random.IntN(2) == 0 {
			s.command, s.stage = "consume", one(consumeStages)
		}
	}
	return s
}

// hashOf is the fingerprint of a sequence of rounds.
func hashOf(rounds []round) string {
	h := sha256.New()
	for _, r := range rounds {
		fmt.Fprintln(h, r)
	}
	return hex.EncodeToString(h.Sum(nil))[:16]
}

// TestSoakPlan holds the soak's plan to its seed: the same faults in the same order from the same seed, others from another, and in a
// plan of a long soak every kind at every stage that the source marks.
func TestSoakPlan(t *testing.T) {
	const long = 4000
	s := seed(t)
	once, again, other := plan(s, long, 4), plan(s, long, 4), plan(s+1, long, 4)
	if !slices.Equal(once, again) || hashOf(once) != hashOf(again) {
		t.Error("two plans of one seed differ")
	}
	if hashOf(once) == hashOf(other) {
		t.Error("the seed does not matter")
	}
	if !slices.Equal(once[:100], plan(s, 100, 4)) {
		t.Error("a shorter plan is not the longer one's beginning")
	}
	kinds, stages := map[string]int{}, map[string]bool{}
	for _, r := range once {
		kinds[r.strike.kind+" "+r.strike.how.String()]++
		if strings.Contains(r.strike.kind, "killed") {
			stages[strings.Split(r.strike.stage, " partition=")[0]] = true
		}
	}
	if want := len(soakWeights) + 2*3; len(kinds) != want {
		t.Errorf("%d kinds of faults, not %d: %v", len(kinds), want, kinds)
	}
	for _, stage := range stagesInSource(t) {
		if _, rare := rareStages[stage]; !rare && settingStages[stage] == "" && !stages[stage] {
			t.Errorf("no process is killed at %q", stage)
		}
	}
	t.Logf("counted: %d rounds of seed %d, hash %s: %v", long, s, hashOf(once), kinds)
}

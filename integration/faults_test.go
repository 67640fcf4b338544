//go:build integration

package integration

import (
	"math/rand/v2"
	"testing"
	"time"
)

// everyFault are the servers' and the network's faults, each at a stage at which it hurts.
func everyFault() (all []strike) {
	for _, at := range []strike{
		{command: "produce", stage: "capture: term opened"},
		{command: "produce", stage: "publish: begin acknowledged"},
		{command: "produce", stage: "publish: changes acknowledged"},
		{command: "produce", stage: "publish: commit acknowledged partition=1"},
		{command: "consume", stage: "consume: resumed partition=0"},
		{command: "consume", stage: "consume: fetched partition=1"},
		{command: "consume", stage: "journal: appended partition=2"},
	} {
		all = append(all, strike{kind: killedBroker, command: at.command, stage: at.stage})
	}
	scan, load := strike{command: "produce", stage: "capture: term opened"}, strike{command: "restore", stage: "restore: staged"}
	for _, at := range []strike{scan, load} {
		all = append(all, strike{kind: killedEngine, command: at.command, stage: at.stage})
	}
	for how := faultCut; how <= faultStall; how++ {
		for _, at := range []strike{{command: "produce", stage: "publish: begin acknowledged"}, {command: "consume", stage: "consume: fetched partition=1"}} {
			all = append(all, strike{kind: kafkaNetwork, command: at.command, stage: at.stage, how: how, n: 3})
		}
		for _, at := range []strike{scan, load} {
			all = append(all, strike{kind: engineNetwork, command: at.command, stage: at.stage, how: how, n: 2})
		}
	}
	for _, at := range []strike{scan, {command: "produce", stage: "publish: changes acknowledged"}, {command: "consume", stage: "consume: fetched partition=1"}} {
		all = append(all, strike{kind: fullDisk, command: at.command, stage: at.stage})
	}
	return all
}

// TestEveryFault kills the broker during a publish and while it is consumed, the engine in the middle of a scan and of a load; cuts,
// delays and stalls the network to each, and swallows their answers; and fills the disk. What runs goes on or ends with an error, the next
// run brings it to the right end, and every restore point is the oracle's.
func TestEveryFault(t *testing.T) {
	s := seed(t)
	k := newSoak(t, s, 8*time.Second)
	random := rand.New(rand.NewPCG(s, 4))
	for i, f := range everyFault() {
		k.round(round{number: 2*i + 1, table: i % len(k.oracles), change: "rows", strike: f, draw: random.Uint64()})
		if t.Failed() {
			return
		}
	}
	k.finish()
	t.Logf("counted: %d faults of servers, networks and a disk, %d restore points equal to the oracle, exits %v",
		k.figures.total(), k.figures.points, k.figures.exits)
}

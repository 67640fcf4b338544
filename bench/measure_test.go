package main

import (
	"context"
	"math"
	"os/exec"
	"strings"
	"testing"
)

func TestMedianAndSpread(t *testing.T) {
	s := series{Rounds: []measure{{WallSeconds: 3, Units: 30}, {WallSeconds: 1, Units: 30}, {WallSeconds: 2, Units: 30}, {WallSeconds: 9, Units: 30}}}
	if got := s.median(wall); got != 2.5 {
		t.Errorf("median %g", got)
	}
	if got := s.spread(wall); got != 1.6 {
		t.Errorf("spread %g", got)
	}
	if got := s.rate(); got != 12 {
		t.Errorf("rate %g", got)
	}
	if !math.IsNaN(series{}.median(wall)) || !math.IsNaN(series{}.spread(cpu)) {
		t.Error("a series without rounds has figures")
	}
}

// TestTimed: what a process says of itself counts; where it says nothing of its memory, the system does.
func TestTimed(t *testing.T) {
	m, err := timed(context.Background(), exec.Command("sh", "-c", `echo chatter; echo '{"wall_s":2.5,"units":7,"more":{"bytes":3}}'`))
	if err != nil || m.WallSeconds != 2.5 || m.Units != 7 || m.More["bytes"] != 3 || m.PeakMiB <= 0 || m.PeakMiB > 1000 {
		t.Errorf("%+v, %v", m, err)
	}
	if _, err := timed(context.Background(), exec.Command("sh", "-c", "echo it broke >&2; exit 3")); err == nil || !strings.Contains(err.Error(), "it broke") {
		t.Errorf("a failed process: %v", err)
	}
}

// TestTalkative: what a process prints is not held beyond its end, for it would count as memory of those that are started later.
func TestTalkative(t *testing.T) {
	var l lastBytes
	for i := range 3 * bytesKept {
		_, _ = l.Write([]byte{byte(i), byte(i >> 8)})
	}
	_, _ = l.Write([]byte("the end"))
	if s := l.String(); len(s) != bytesKept || !strings.HasSuffix(s, "the end") || cap(l.kept) > 4*bytesKept {
		t.Errorf("%d bytes are kept in %d", len(s), cap(l.kept))
	}
	if _, _ = l.Write(make([]byte, 2*bytesKept)); len(l.String()) != bytesKept {
		t.Errorf("%d bytes are kept", len(l.String()))
	}
}

// TestCompete: a peer that fails is left out and says why, ours may not fail; the first round is not counted.
func TestCompete(t *testing.T) {
	ours := contestant{name: "ours", command: func(int) *exec.Cmd { return exec.Command("true") }}
	peer := contestant{name: "peer", command: func(round int) *exec.Cmd {
		if round == 2 {
			return exec.Command("sh", "-c", "echo no >&2; exit 1")
		}
		return exec.Command("true")
	}}
	all, err := compete(context.Background(), 3, ours, peer)
	if err != nil || len(all[0].Rounds) != 3 || all[1].Failed == "" || all[1].Rounds != nil {
		t.Errorf("%+v, %v", all, err)
	}
	if _, err := compete(context.Background(), 3, peer, ours); err == nil {
		t.Error("ours failed, and nobody heard of it")
	}
}

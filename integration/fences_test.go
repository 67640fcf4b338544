//go:build integration

package integration

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// twoHosts is one table that two projects capture: the second's folder of snapshots is a copy of the first's, as a machine's image has it.
type twoHosts struct {
	t        *testing.T
	o        *oracle
	a, b     *project
	network  *proxy // before a's Kafka
	random   *rand.Rand
	reported []int64
}

func newTwoHosts(t *testing.T, prefix string) *twoHosts {
	t.Helper()
	database := unique(prefix)
	s := seed(t)
	h := &twoHosts{t: t, random: rand.New(rand.NewPCG(s, 3))}
	h.o = newOracle(t, newEngine(t, database), database+".small", s, composite, 40, "STRING", "INT")
	h.a, h.network = proxied(t, database+"/a", 3, time.Minute, protected{h.o.name, h.o.key})
	h.b = newProject(t, database+"/b", protected{h.o.name, h.o.key})
	h.committed(h.a)
	return h
}

// committed has a project capture the table.
func (h *twoHosts) committed(p *project) {
	h.t.Helper()
	id := p.capture()
	h.o.note(id)
	h.reported = append(h.reported, id)
}

// capturedAround has a project capture the table, and something happen between its Opens and its Begin.
func (h *twoHosts) capturedAround(p *project, happens func()) {
	h.t.Helper()
	r := p.start(func(r *process, stage string) {
		if stage == "capture: term opened" {
			_ = r.command.Process.Signal(syscall.SIGSTOP)
			happens()
			_ = r.command.Process.Signal(syscall.SIGCONT)
		}
	}, "produce")
	if code := r.wait(); code != 0 {
		h.t.Fatalf("the capture on another host ended with %d\n%s", code, tail(r.stderr.String()))
	}
	id := h.printed(r)
	h.o.note(id)
	h.reported = append(h.reported, id)
}

// copyState makes one project's snapshots the other's.
func (h *twoHosts) copyState(from, to *project) {
	h.t.Helper()
	target := filepath.Join(to.dir, "data", "snapshots")
	if err := os.RemoveAll(target); err != nil {
		h.t.Fatal(err)
	}
	if err := os.CopyFS(target, os.DirFS(filepath.Join(from.dir, "data", "snapshots"))); err != nil {
		h.t.Fatal(err)
	}
}

// check reads the journal: what was reported is there, and nothing else.
func (h *twoHosts) check() {
	h.t.Helper()
	h.a.run("consume", "--until-caught-up")
	if points := h.o.checkPoints(h.a, h.reported); points != len(h.reported) {
		h.t.Errorf("%d restore points, not %d: one was invented", points, len(h.reported))
	}
	h.a.run("verify")
}

// held is a producer whose request waits in the network.
type held struct {
	process  *process
	release  chan struct{}
	answered chan struct{}
}

const anyPartition = -1

// hold starts a capture whose first request with a message of a kind to a partition waits.
func (h *twoHosts) hold(kind string, partition int) *held {
	h.t.Helper()
	x := &held{release: make(chan struct{}), answered: make(chan struct{})}
	arrived := make(chan int, 1)
	var once atomic.Bool
	h.network.watch(func(frame []byte) verdict {
		for _, r := range readProduced(frame) {
			if r.topic == "rewind."+h.o.name && (r.partition == partition || partition == anyPartition) && r.holds(kind) && once.CompareAndSwap(false, true) {
				arrived <- partition
				return verdict{gate: x.release, answered: x.answered}
			}
		}
		return verdict{}
	})
	x.process = h.a.start(nil, "produce")
	h.a.await(x.process, arrived)
	h.network.watch(nil)
	return x
}

// TestLateRequests holds a producer's request in the network until another producer, on another host, has captured the table, or has just
// opened its term: the request arrives late and counts for nothing. The late one is told so if it lives (exit 8).
func TestLateRequests(t *testing.T) {
	h := newTwoHosts(t, "late")
	late := 0
	for _, c := range []struct {
		kind      string
		partition int
	}{{"Open", 0}, {"Open", 1}, {"Begin", 0}, {"Begin", 2}, {"Change", anyPartition}, {"Commit", 2}, {"Commit", 0}} {
		for _, when := range []string{"the other has captured", "the other has opened its term"} {
			for _, alive := range []bool{true, false} {
				if c.kind == "Open" && c.partition == 0 && alive && when == "the other has opened its term" {
					continue // it opens another term, above the other's, and is the one that stays
				}
				h.o.change(h.random)
				h.o.reach()
				h.copyState(h.a, h.b)
				x := h.hold(c.kind, c.partition)
				arrive := func() {
					if !alive {
						x.process.kill()
						x.process.wait()
					}
					close(x.release)
					<-x.answered
				}
				if when == "the other has captured" {
					h.committed(h.b)
					arrive()
				} else {
					h.capturedAround(h.b, arrive)
				}
				if alive {
					h.fenced(x.process, fmt.Sprintf("%s (partition %d)", c.kind, c.partition))
				}
				late++
				h.copyState(h.b, h.a)
			}
		}
	}
	h.check()
	t.Logf("counted: %d late requests of overtaken producers, none of which made a restore point", late)
}

// fenced expects a producer's refusal.
func (h *twoHosts) fenced(r *process, what string) {
	h.t.Helper()
	code := r.wait()
	switch {
	case code == 8 && strings.Contains(r.stderr.String(), "another producer"):
	case code == 6 && strings.HasPrefix(what, "Open"): // its Open came behind the other's Commit: what it holds is out of date
	default:
		h.t.Errorf("held at its %s, the overtaken producer ended with %d:\n%s", what, code, tail(r.stderr.String()))
	}
}

// TestTwoProducers starts a second producer by mistake: on the same folder, where it refuses; and on a copy of it at the same moment,
// where exactly one of the two captures and the other is refused or fenced.
func TestTwoProducers(t *testing.T) {
	h := newTwoHosts(t, "twice")
	x := h.hold("Begin", 0)
	second := h.a.start(nil, "produce")
	if code := second.wait(); code != 8 || !strings.Contains(second.stderr.String(), "locked by process") {
		t.Errorf("the second producer ended with %d:\n%s", code, tail(second.stderr.String()))
	}
	close(x.release)
	if code := x.process.wait(); code != 0 {
		t.Errorf("the first producer ended with %d:\n%s", code, tail(x.process.stderr.String()))
	}
	h.committed(h.a)
	h.reported = append(h.reported, h.printed(x.process))

	const races = 6
	codes := map[int]int{}
	for range races {
		h.o.change(h.random)
		h.o.reach()
		h.copyState(h.a, h.b)
		a, b := h.a.start(nil, "produce", "--json"), h.b.start(nil, "produce", "--json")
		won, ended := 0, [2]int{}
		for i, r := range []*process{a, b} {
			code := r.wait()
			codes[code]++
			if ended[i] = code; code == 0 {
				won++
				id := jsonLines[struct{ Snapshot int64 }](t, r.stdout.String())[0].Snapshot
				h.o.note(id)
				h.reported = append(h.reported, id)
			} else if code != 8 && code != 6 {
				t.Errorf("a producer ended with %d:\n%s", code, tail(r.stderr.String()))
			}
		}
		if won != 1 {
			t.Fatalf("%d of two producers captured: exits %v\n%s\n%s", won, ended, tail(a.stderr.String()), tail(b.stderr.String()))
		}
		if ended[1] == 0 {
			h.copyState(h.b, h.a)
		}
	}
	h.check()
	t.Logf("counted: %d races of two producers, exits %v", races, codes)
}

// printed is the restore point that a capture told of without --json.
func (h *twoHosts) printed(r *process) int64 {
	h.t.Helper()
	var id int64
	_, text, _ := strings.Cut(r.stdout.String(), "snapshot ")
	if _, err := fmt.Sscanf(text, "%d", &id); err != nil {
		h.t.Fatalf("%v in %q", err, r.stdout.String())
	}
	return id
}

// TestTwoConsumers starts a second consumer of the same partitions: it refuses, and the first goes on.
func TestTwoConsumers(t *testing.T) {
	h := newTwoHosts(t, "readers")
	resumed := make(chan int, 64)
	first := h.a.start(func(_ *process, stage string) {
		if strings.HasPrefix(stage, "consume: resumed") {
			resumed <- 0
		}
	}, "consume")
	for range 3 {
		h.a.await(first, resumed)
	}
	second := h.a.start(nil, "consume", "--until-caught-up")
	if code := second.wait(); code != 8 || !strings.Contains(second.stderr.String(), "locked by process") {
		t.Errorf("the second consumer ended with %d:\n%s", code, tail(second.stderr.String()))
	}
	h.o.change(h.random)
	h.o.reach()
	h.committed(h.a)
	first.stop()
	h.check()
	t.Log("counted: 1 second consumer, which refused")
}

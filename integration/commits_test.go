//go:build integration

package integration

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"
)

// proxied makes a project whose Kafka stands behind a proxy of the test's own.
func proxied(t *testing.T, name string, partitions int, timeout time.Duration, tables ...protected) (*project, *proxy) {
	t.Helper()
	network := newProxy(t, setting(t, "REWIND_KAFKA_PROXY"), setting(t, "REWIND_KAFKA_BEHIND"), true)
	p := &project{t: t, dir: workFolder(t, name), binary: setting(t, "REWIND_BINARY")}
	kafka := fmt.Sprintf("brokers: [%q], partitions: %d, timeout: %v", network.address(), partitions, timeout)
	p.configure(kafka, fmt.Sprintf("dsn: %q, %s", setting(t, "REWIND_DSN"), staged(t, name)), "./data", tables...)
	return p, network
}

const commitPartitions = 4

// TestKilledBetweenCommits kills a producer between the Commits of its partitions: with every subset of those behind 0 in Kafka and the
// others still to be sent; with all of them, but that of partition 0 not; and with that one stored too, its answer still to come. Only
// the last makes a restore point.
func TestKilledBetweenCommits(t *testing.T) {
	database := unique("commits")
	s := seed(t)
	o := newOracle(t, newEngine(t, database), database+".small", s, composite, 60, "STRING", "INT")
	p, network := proxied(t, database+"/project", commitPartitions, time.Minute, protected{o.name, o.key})
	random := rand.New(rand.NewPCG(s, 2))
	first := p.capture()
	o.note(first)
	reported := []int64{first}
	kills := 0
	for stored := range 1<<(commitPartitions-1) + 1 { // bit k−1: partition k's Commit; the last: partition 0's too
		o.change(random)
		o.reach()
		killBetween(p, network, "rewind."+o.name, stored)
		kills++
		lines := jsonLines[struct{ Snapshot, Recovered int64 }](t, p.run("produce", "--json"))
		committed := stored == 1<<(commitPartitions-1)
		if got := lines[0]; (got.Recovered != 0) != committed {
			t.Errorf("Commits stored %b: the next producer says %+v", stored, got)
		} else if committed {
			reported = append(reported, got.Recovered)
		}
		reported = append(reported, lines[0].Snapshot)
		o.note(lines[0].Snapshot)
	}
	p.run("consume", "--until-caught-up")
	if points := o.checkPoints(p, reported); points != len(reported) {
		t.Errorf("%d restore points, not %d", points, len(reported))
	}
	p.run("verify")
	t.Logf("counted: %d kills between the Commits of %d partitions, %d restore points equal to the oracle", kills, commitPartitions, len(reported))
}

// killBetween kills a capture when exactly these Commits are stored.
func killBetween(p *project, network *proxy, topic string, stored int) {
	p.t.Helper()
	all := 1<<(commitPartitions-1) - 1
	decided := stored > all
	gate, answered := make(chan struct{}), make(chan struct{})
	held, acknowledged := make(chan int, 2*commitPartitions), make(chan int, 2*commitPartitions)
	network.watch(func(frame []byte) verdict {
		for _, r := range readProduced(frame) {
			switch {
			case r.topic != topic || !r.holds("Commit"):
			case r.partition == 0 && decided:
				held <- 0
				return verdict{fault: faultSwallow, answered: answered}
			case r.partition == 0 || !decided && stored&(1<<(r.partition-1)) == 0:
				held <- r.partition
				return verdict{fault: faultCut, gate: gate}
			}
		}
		return verdict{}
	})
	r := p.start(func(_ *process, stage string) {
		var k int
		if n, _ := fmt.Sscanf(stage, "publish: commit acknowledged partition=%d", &k); n == 1 {
			acknowledged <- k
		}
	}, "produce")
	wantHeld := 0
	for k := 1; k < commitPartitions; k++ {
		if decided || stored&(1<<(k-1)) != 0 {
			p.await(r, acknowledged)
		} else {
			wantHeld++
		}
	}
	for range max(wantHeld, 1) { // where none is held behind 0, partition 0's comes
		p.await(r, held)
	}
	if decided {
		<-answered
	}
	r.kill()
	if code := r.wait(); code != -1 {
		p.t.Errorf("the producer ended with %d before it was killed", code)
	}
	network.watch(nil)
	close(gate)
}

// await waits for something that a process brings about, or for its early end.
func (p *project) await(r *process, what <-chan int) int {
	p.t.Helper()
	select {
	case n := <-what:
		return n
	case <-r.done:
		p.t.Fatalf("rewind %s ended first:\n%s", r.name, tail(r.stderr.String()))
		return 0
	}
}

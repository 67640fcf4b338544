//go:build integration

package integration

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
)

// kill is a moment at which a process is killed: when a stage is logged for the n-th time.
type kill struct {
	command, message string
	n                int
}

func (k kill) String() string { return fmt.Sprintf("%s at %q, time %d", k.command, k.message, k.n) }

// stagesOf counts how often a run of a command logs each stage: the most of several runs.
type stagesOf map[string]map[string]int

// parts of the program whose log lines mark stages of its work.
var parts = []string{"capture", "publish", "snapshot", "consume", "journal"}

// rehearse takes a small table through two snapshots and collects the stages that are logged.
func rehearse(t *testing.T) stagesOf {
	t.Helper()
	database := unique("rehearsal")
	c := newChanging(t, database, 500)
	p := newProject(t, database+"/project", protected{c.name, everyTypeKey})
	all := stagesOf{"produce": {}, "consume": {}}
	for moment := range 2 {
		c.reach(moment)
		for _, args := range [][]string{{"produce"}, {"consume", "--until-caught-up"}} {
			seen := map[string]int{}
			if code := p.start(func(_ *process, message string) { seen[message]++ }, args...).wait(); code != 0 {
				t.Fatalf("the rehearsal's %s ended with %d", args[0], code)
			}
			for message, n := range seen {
				if part, _, _ := strings.Cut(message, ": "); slices.Contains(parts, part) {
					all[args[0]][message] = max(all[args[0]][message], n)
				}
			}
		}
	}
	return all
}

// killer kills one command's processes at drawn moments.
type killer struct {
	t       *testing.T
	p       *project
	command string
	random  *rand.Rand
	stages  map[string]int
	names   []string // of the stages
	owed    int      // kills to come
	killed  []kill
}

func newKiller(p *project, command string, all stagesOf, seed uint64) *killer {
	p.t.Helper()
	k := &killer{t: p.t, p: p, command: command, stages: all[command], random: rand.New(rand.NewPCG(seed, uint64(len(command))))}
	k.names = slices.Sorted(maps.Keys(k.stages))
	if len(k.names) == 0 {
		p.t.Fatalf("%s logs no stage to be killed at", command)
	}
	k.random.Shuffle(len(k.names), func(i, j int) { k.names[i], k.names[j] = k.names[j], k.names[i] })
	p.t.Logf("stages of %s: %v", command, k.stages)
	return k
}

// draw takes the next stage in the drawn order, and which of its times.
func (k *killer) draw() kill {
	message := k.names[0]
	k.names = append(k.names[1:], message)
	times := k.stages[message]
	if times > 1 && k.command == "consume" {
		times *= 3 // the rehearsal's table was smaller
	}
	return kill{k.command, message, 1 + k.random.IntN(times)}
}

// run runs the command to its end, and kills it on the way while kills are owed. It says whether it was killed; else it ended well.
// A nil stop is for a command that ends by itself; another one has it asked to.
func (k *killer) run(stop <-chan struct{}, args ...string) (killed bool) {
	var planned kill
	if k.owed > 0 {
		planned = k.draw()
	}
	n := 0
	r := k.p.start(func(r *process, message string) {
		if planned.n > 0 && message == planned.message {
			if n++; n == planned.n {
				r.kill()
			}
		}
	}, append([]string{k.command}, args...)...)
	select {
	case <-r.done:
	case <-stop:
		_ = r.command.Process.Signal(syscall.SIGTERM)
	}
	switch code := r.wait(); {
	case code == -1 && planned.n > 0:
		k.owed--
		k.killed = append(k.killed, planned)
		k.t.Logf("killed %v", planned)
		return true
	case code != 0 && (stop == nil || !endsWhenAsked(code)):
		k.t.Errorf("%s ended with %d (planned: %v)\n%s", k.command, code, planned, tail(r.stderr.String()))
	}
	return false
}

// finish runs the command again and again until it ended well and no kill is owed. Where it ends before the drawn stage comes, it is
// run again with another one.
func (k *killer) finish(args ...string) {
	for attempt := 0; ; attempt++ {
		owed := k.owed
		if killed := k.run(nil, args...); !killed && owed == 0 || k.t.Failed() {
			return
		}
		if attempt == 40 {
			k.t.Fatalf("%s: the drawn stages do not come", k.command)
		}
	}
}

// follow keeps the command running until it is asked to stop, starting it again after every kill.
func (k *killer) follow(stop <-chan struct{}) {
	for k.run(stop) {
	}
}

// TestKills takes the table of every type through its four snapshots while the producer and the consumer are killed at ten moments and
// started again: nothing is lost, nothing is doubled, and the same four tables come back.
func TestKills(t *testing.T) {
	stages := rehearse(t)
	database := unique("kills")
	c := newChanging(t, database, scaled(t, 20_000))
	p := newProject(t, database+"/project", protected{c.name, everyTypeKey})
	producer, consumer := newKiller(p, "produce", stages, c.seed), newKiller(p, "consume", stages, c.seed)
	var ids []int64
	known := 0
	for moment, kills := range []struct{ producer, consumer int }{{2, 1}, {2, 1}, {2, 1}, {1, 0}} {
		c.reach(moment)
		producer.owed, consumer.owed = kills.producer, kills.consumer
		var following sync.WaitGroup
		stop := make(chan struct{})
		following.Go(func() { consumer.follow(stop) })
		producer.finish()
		close(stop)
		following.Wait()
		consumer.finish("--until-caught-up")
		if t.Failed() {
			t.FailNow()
		}

		points := p.points(c.name)
		var sum counts
		for _, point := range points[known:] {
			sum.Reads += point.Counts.Reads
			sum.Creates += point.Counts.Creates
			sum.Updates += point.Counts.Updates
			sum.Deletes += point.Counts.Deletes
		}
		last := points[len(points)-1]
		if rows, want := c.want(moment); last.Rows != rows || sum != want {
			t.Errorf("moment %d, %d points: %d rows, %+v; want %d rows, %+v", moment+1, len(points)-known, last.Rows, sum, rows, want)
		}
		known = len(points)
		ids = append(ids, last.ID)
	}
	if n := len(producer.killed) + len(consumer.killed); n != 10 {
		t.Errorf("%d kills, not 10", n)
	}
	c.restoreAll(p, ids)
	p.run("verify")
	t.Logf("counted: %d kills at moments of seed %d", len(producer.killed)+len(consumer.killed), c.seed)
}

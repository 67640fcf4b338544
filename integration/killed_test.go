//go:build integration

package integration

import (
	"math/rand/v2"
	"slices"
	"strings"
	"syscall"
	"testing"
)

// killing is a small table and the stages of the commands that work on it.
type killing struct {
	t        *testing.T
	o        *oracle
	p        *project
	random   *rand.Rand
	stages   loggedStages
	reported []int64 // restore points that a producer's success told of
	kills    map[string]int
}

// TestKilledAtEveryStage kills the program at every stage that it marks in its log: of a capture, of a first capture, of the consumer,
// of a restore into a new table, and of one in the table's place. The next run brings it to the right end; every restore point equals the
// oracle's rows; nothing is left over.
func TestKilledAtEveryStage(t *testing.T) {
	k := newKilling(t, "killed")
	k.rehearse()
	k.produce("produce")
	k.produce("produce", "--rebaseline")
	k.consume()
	k.restore()
	k.replace()
	k.renameBack()

	k.p.run("consume", "--until-caught-up")
	points := k.o.checkPoints(k.p, k.reported)
	k.p.run("verify")
	k.tell(points)
}

// newKilling makes a small table in a database of its own, to be captured by a project that is encrypted at rest.
func newKilling(t *testing.T, kind string) *killing {
	t.Helper()
	database := unique(kind)
	e := newEngine(t, database)
	s := seed(t)
	o := newOracle(t, e, database+".small", s, composite, 60, "STRING", "DECIMAL(18,4)", "TIMESTAMP", "BIGINT")
	k := &killing{
		t: t, o: o, p: newProject(t, database+"/project", protected{o.name, o.key}), random: rand.New(rand.NewPCG(s, 1)),
		stages: loggedStages{}, kills: map[string]int{},
	}
	k.p.encrypt()
	return k
}

// tell counts.
func (k *killing) tell(points int) {
	k.t.Helper()
	total := 0
	for _, n := range k.kills {
		total += n
	}
	k.t.Logf("counted: %d kills, one at every stage (%v), %d restore points equal to the oracle", total, k.kills, points)
}

// step changes the table.
func (k *killing) step() {
	k.t.Helper()
	k.o.change(k.random)
	k.o.reach()
}

// capture captures the table as it is.
func (k *killing) capture() int64 {
	k.t.Helper()
	id := k.p.capture()
	k.o.note(id)
	k.reported = append(k.reported, id)
	return id
}

// rehearse runs every command once, and sees that no stage of the source is missing.
func (k *killing) rehearse() {
	k.t.Helper()
	k.capture()
	k.stages.record(k.p, "consume", "consume", "--until-caught-up")
	k.step()
	k.stages.record(k.p, "produce", "produce")
	k.capture()
	k.stages.record(k.p, "consume", "consume", "--until-caught-up")
	first := idText(k.p.points(k.o.name)[0].ID)
	k.stages.record(k.p, "restore", "restore", k.o.name, "--at", first, "--into", k.o.name+"_then", "--stats", "none")
	k.stages.record(k.p, "replace", "restore", k.o.name, "--at", first, "--replace", "--yes", "--stats", "none")
	points := k.p.points(k.o.name)
	k.o.note(points[len(points)-1].ID) // what the replace captured
	k.p.run("drop-replaced", k.o.name, "--yes")
	k.o.engine.exec("DROP TABLE " + k.o.name + "_then")
	k.o.reach()
	if missing := k.stages.missing(k.t, "capture", "publish", "snapshot", "consume", "journal", "restore", "swap"); len(missing) > 0 {
		k.t.Errorf("stages that the rehearsal did not come to: %q", missing)
	}
	k.t.Logf("stages: %q", k.stages)
}

// produce kills captures at each of their stages.
func (k *killing) produce(args ...string) {
	k.t.Helper()
	for _, stage := range k.stages.of("produce", "capture", "publish", "snapshot") {
		k.step()
		k.p.killAt(stage, args...)
		k.kills[strings.Join(args, " ")]++
		k.capture()
	}
}

// consume kills the consumer at each of its stages in each partition.
func (k *killing) consume() {
	k.t.Helper()
	for _, stage := range k.stages.of("consume", "consume", "journal") {
		k.step()
		k.capture()
		k.p.killAt(stage, "consume", "--until-caught-up")
		k.kills["consume"]++
	}
	k.p.run("consume", "--until-caught-up")
}

// restore kills restores into a new table.
func (k *killing) restore() {
	k.t.Helper()
	points := k.p.points(k.o.name)
	for i, stage := range k.stages.of("restore", "restore") {
		id := points[len(points)-1-i].ID
		want, _ := k.o.at(id)
		into := k.o.name + "_then"
		args := []string{"restore", k.o.name, "--at", idText(id), "--into", into, "--stats", "none"}
		k.p.killAt(stage, args...)
		k.kills["restore"]++
		k.o.mustBe(k.o.name, k.o.state)
		_, table, _ := strings.Cut(into, ".")
		if stage == "restore: table proved" { // it was handed out as good, or is dropped
			k.p.run("restore", k.o.name, "--at", idText(id), "--into", into+"_other", "--stats", "none")
			k.o.engine.exec("DROP TABLE " + into + "_other")
			if slices.Contains(k.o.engine.texts("SHOW TABLES IN "+strings.Split(into, ".")[0]), table) {
				k.o.mustBe(into, want)
				k.o.engine.exec("DROP TABLE " + into)
			}
			k.o.tidy(k.p)
			continue
		}
		k.p.run(args...)
		k.o.mustBe(into, want)
		k.o.tidy(k.p, table)
		k.o.engine.exec("DROP TABLE " + into)
	}
}

// replace kills restores in the table's place: under the name stands the old table or the new one, whole.
func (k *killing) replace() {
	k.t.Helper()
	for _, stage := range k.stages.of("replace", "restore", "swap") {
		k.step()
		old := k.o.state.clone()
		k.p.run("consume", "--until-caught-up")
		points := k.p.points(k.o.name)
		point := points[len(points)-2].ID
		restored, _ := k.o.at(point)
		k.p.killAt(stage, "restore", k.o.name, "--at", idText(point), "--replace", "--yes", "--stats", "none")
		k.kills["restore --replace"]++
		id := k.p.capture() // finishes the swap first
		k.o.note(id - 1)    // what was captured before the swap
		found := k.o.inEngine(k.o.name, old)
		isOld, isNew := unlike(found, k.o.lines(old)) == "", unlike(found, k.o.lines(restored)) == ""
		if isOld == isNew {
			k.t.Fatalf("killed at %q: under the name stands neither the old table nor the new one", stage)
		}
		if must := mustBeNew(stage); must != nil && *must != isNew {
			k.t.Errorf("killed at %q: the new table is in place: %v", stage, isNew)
		}
		if isNew {
			k.o.state = restored.clone()
			k.o.version++
		}
		kept := k.o.kept()
		if (len(kept) == 1) != isNew {
			k.t.Errorf("killed at %q: kept are %v", stage, kept)
		}
		k.o.note(id)
		k.reported = append(k.reported, id)
		k.o.tidy(k.p, kept...)
		if isNew {
			k.o.mustBe(strings.Split(k.o.name, ".")[0]+"."+kept[0], old)
			k.p.run("drop-replaced", k.o.name, "--yes")
		}
	}
}

// renameBack writes to the table between the capture of a replace and its swap, so that the old table is put back; and kills the replace
// at that, the second time.
func (k *killing) renameBack() {
	k.t.Helper()
	for _, killed := range []bool{false, true} {
		k.step()
		old := k.o.state.clone()
		k.p.run("consume", "--until-caught-up")
		point := k.p.points(k.o.name)[0].ID
		back := false
		r := k.p.start(func(r *process, stage string) {
			switch stage {
			case "restore: table proved":
				_ = r.command.Process.Signal(syscall.SIGSTOP)
				k.step()
				_ = r.command.Process.Signal(syscall.SIGCONT)
			case "swap: old renamed back":
				back = true
				if killed {
					r.kill()
				}
			}
		}, "restore", k.o.name, "--at", idText(point), "--replace", "--yes", "--stats", "none")
		if code, want := r.wait(), map[bool]int{false: 6, true: -1}[killed]; code != want || !back {
			k.t.Errorf("the replace of a table that was written to ended with %d, renamed back: %v\n%s", code, back, tail(r.stderr.String()))
		}
		if killed {
			k.kills["restore --replace"]++
		}
		id := k.p.capture()
		k.o.book = append(k.o.book, page{id - 1, old})
		k.o.note(id)
		k.reported = append(k.reported, id)
		k.o.mustBe(k.o.name, k.o.state)
		k.o.tidy(k.p)
	}
}

// mustBeNew says which table stands under the name after a kill at a stage; nil: the kill may have come before the stage's next
// statement or behind it.
func mustBeNew(stage string) *bool {
	is := strings.HasPrefix(stage, "swap: ")
	if stage == "swap: intent written" {
		return nil
	}
	return &is
}

//go:build integration

package integration

import "testing"

// TestKilledWhileDropping kills the program at every stage of a checkpoint and of a retention. Whatever is left, the restore points that are
// listed equal the oracle's rows, by rewind's own restore in the engine and by another reader of the files; the next run brings it to its end.
func TestKilledWhileDropping(t *testing.T) {
	k := newKilling(t, "dropping")
	k.capture()
	k.checkpoint()
	points := k.retain()
	if missing := k.stages.missing(t, "checkpoint", "retain"); len(missing) > 0 {
		t.Errorf("stages that the rehearsal did not come to: %q", missing)
	}
	k.tell(points)
}

// checkpoint kills checkpoints at each of their stages. What stands beside the journal then is used or passed over: a restore brings the rows.
func (k *killing) checkpoint() {
	k.t.Helper()
	k.point()
	k.stages.record(k.p, "checkpoint", "checkpoint", k.o.name)
	for _, stage := range k.stages["checkpoint"] {
		k.point()
		k.p.killAt(stage, "checkpoint", k.o.name)
		k.kills["checkpoint"]++
		k.restoreNewest()
	}
}

// retain drops all restore points but the newest two (nothing follows the last one, by which it would be known to be on the disk), and kills that at each of its stages: the journal then begins with that point, or with
// what it began with, and the next try ends what this one began. It gives how many points were held against the oracle.
func (k *killing) retain() (points int) {
	k.t.Helper()
	drop := []string{"retain", k.o.name, "--keep", "0d", "--apply"}
	k.point()
	k.stages.record(k.p, "retain", drop...)
	points = k.held()
	for _, stage := range k.stages["retain"] {
		before := k.p.points(k.o.name)
		k.point()
		k.p.killAt(stage, drop...)
		k.kills["retain"]++
		if n := len(k.p.points(k.o.name)); n != 2 && n != len(before)+1 {
			k.t.Errorf("killed at %q: of %d restore points %d are left", stage, len(before)+1, n)
		}
		points += k.held()
		k.restoreNewest()
		k.p.run(drop...)
		if n := len(k.p.points(k.o.name)); n != 2 {
			k.t.Errorf("killed at %q, and tried again: %d restore points are left", stage, n)
		}
		points += k.held()
	}
	return points
}

// point changes the table and brings a restore point of it into the journal.
func (k *killing) point() {
	k.t.Helper()
	k.step()
	k.capture()
	k.p.run("consume", "--until-caught-up")
}

// held holds the points that there are against the oracle, and has the journal verified.
func (k *killing) held() int {
	k.t.Helper()
	k.p.run("verify")
	return k.o.checkPoints(k.p, nil)
}

// restoreNewest restores the newest point into a table of its own.
func (k *killing) restoreNewest() {
	k.t.Helper()
	into := k.o.name + "_newest"
	points := k.p.points(k.o.name)
	k.p.run("restore", k.o.name, "--at", idText(points[len(points)-1].ID), "--into", into, "--stats", "none")
	k.o.mustBe(into, k.o.state)
	k.o.engine.exec("DROP TABLE " + into)
}

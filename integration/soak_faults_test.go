//go:build integration

package integration

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// fall lets a strike come down on a process that has come to its stage.
func (k *soak) fall(s strike, r *process) {
	switch s.kind {
	case killedProducer, killedConsumer, killedRestore, killedReplace:
		r.kill()
	case killedBroker:
		broker(k.t).restart()
	case killedEngine:
		hive(k.t).restart()
	case kafkaNetwork:
		k.kafka.befall(s.how, s.requests())
	case engineNetwork:
		k.hs2.befall(s.how, s.requests())
	case fullDisk:
		k.disk.fill()
	}
}

// requests is how many the network fails: a stall lasts until somebody notices.
func (s strike) requests() int {
	if s.how == faultStall {
		return -1
	}
	return s.n
}

// awake ends a stall that a process has noticed.
func (k *soak) awake(stage string) {
	if strings.HasPrefix(stage, "kafka: away") {
		k.kafka.heal()
	}
	if strings.HasPrefix(stage, "impala: retrying") {
		k.hs2.heal()
	}
}

// runStruck runs a command on which the strike comes down. The stage must come.
func (k *soak) runStruck(s strike, args ...string) (r *process, code int) {
	k.t.Helper()
	fallen := false
	r = k.p.start(func(r *process, stage string) {
		if stage == s.stage && !fallen {
			fallen = true
			k.fall(s, r)
		}
		k.awake(stage)
	}, args...)
	code = r.wait()
	k.ended(r)
	if !fallen {
		k.t.Errorf("%v ended with %d before %q\n%s", args, code, s.stage, tail(r.stderr.String()))
	}
	if want := s.allowed(); !want[code] {
		k.t.Errorf("%v under %v ended with %d\n%s", args, s, code, tail(r.stderr.String()))
	}
	k.figures.exits[code]++
	if s.kind == killedEngine {
		k.engine.reconnect()
	}
	return r, code
}

// allowed are the exit codes with which a command may end under a strike.
func (s strike) allowed() map[int]bool {
	switch s.kind {
	case killedProducer, killedConsumer, killedRestore, killedReplace:
		return map[int]bool{-1: true, 0: true} // 0: it was quicker than the kill
	case killedEngine, engineNetwork:
		return map[int]bool{0: true, 1: true, 7: true}
	case fullDisk: // refused by the guard that looks for room first, or failed
		return map[int]bool{0: true, 1: true, 6: true}
	}
	return map[int]bool{0: true}
}

// produceStruck captures under a strike, and again without one.
func (k *soak) produceStruck(o *oracle, s strike) {
	k.t.Helper()
	r, code := k.runStruck(s, "produce", "--json", o.name)
	if code == 0 {
		k.reports(o, r)
	}
	k.mend()
	k.capture(o)
}

// captureMeanwhile captures while a strike comes down on the consumer: what ails Kafka or the disk then may keep this capture from
// being begun, too; another one follows.
func (k *soak) captureMeanwhile(o *oracle, s strike) (captured bool) {
	k.t.Helper()
	r := k.p.start(func(_ *process, stage string) { k.awake(stage) }, "produce", "--config", patient, "--json", o.name)
	code := r.wait()
	k.ended(r)
	allowed := s.allowed()
	allowed[0], allowed[7] = true, s.kind == killedBroker || s.kind == kafkaNetwork
	if !allowed[code] || code == -1 {
		k.t.Errorf("a capture while %v ended with %d\n%s", s, code, tail(r.stderr.String()))
	}
	if code == 0 {
		k.reports(o, r)
	}
	return code == 0
}

// armConsumer prepares the strike on the consumer: for a stage that comes when it starts or ends, it is started again or stopped.
func (k *soak) armConsumer(s strike) {
	k.t.Helper()
	switch {
	case strings.HasPrefix(s.stage, "consume: resumed"):
		k.stopConsumer(strike{})
		k.arm(s)
		k.startConsumer()
	case strings.HasPrefix(s.stage, "consume: moving"):
		k.arm(s)
		k.stopConsumer(s)
		k.startConsumer()
	default:
		k.arm(s)
	}
}

func (k *soak) arm(s strike) {
	k.mutex.Lock()
	defer k.mutex.Unlock()
	k.armed, k.fell = &s, make(chan struct{})
}

// stopConsumer asks the consumer to end, which a strike may keep from ending well.
func (k *soak) stopConsumer(s strike) {
	k.t.Helper()
	k.mutex.Lock()
	consumer := k.consumer
	k.mutex.Unlock()
	_ = consumer.command.Process.Signal(syscall.SIGTERM)
	code := consumer.wait()
	k.ended(consumer)
	if code != -1 && !endsWhenAsked(code) && !s.allowed()[code] { // −1: the strike killed it
		k.t.Errorf("the consumer under %v ended with %d\n%s", s, code, tail(consumer.stderr.String()))
	}
}

// consumerStruck waits until the armed strike has come down on the consumer.
func (k *soak) consumerStruck(s strike) {
	k.t.Helper()
	k.mutex.Lock()
	consumer, fell := k.consumer, k.fell
	k.mutex.Unlock()
	select {
	case <-fell:
	case <-consumer.done:
		select {
		case <-fell:
		default:
			k.t.Errorf("the consumer ended before %q\n%s", s.stage, tail(consumer.stderr.String()))
		}
	}
	if s.kind == killedConsumer && !strings.HasPrefix(s.stage, "consume: moving") {
		code := consumer.wait()
		k.ended(consumer)
		if code != -1 {
			k.t.Errorf("the killed consumer ended with %d", code)
		}
		k.figures.exits[code]++
		k.startConsumer()
	}
}

// restoreStruck restores into a new table under a strike, then again without one; nothing is left of the first.
func (k *soak) restoreStruck(o *oracle, r round) {
	k.t.Helper()
	points := k.awaitPoint(o)
	id := points[len(points)-1].ID
	want, _ := o.at(id)
	into := o.name + "_struck"
	_, code := k.runStruck(r.strike, "restore", o.name, "--at", idText(id), "--into", into, "--stats", "none")
	k.mend()
	switch {
	case code == 0:
	case r.strike.stage == "restore: table proved" || code != -1: // the first name may be taken: by a table that was proved, and handed out as good
		k.p.run("restore", o.name, "--at", idText(id), "--into", into+"_again", "--stats", "none")
		o.mustBe(into+"_again", want)
		k.engine.exec("DROP TABLE " + into + "_again")
	default:
		k.p.run("restore", o.name, "--at", idText(id), "--into", into, "--stats", "none")
	}
	if k.has(into) {
		o.mustBe(into, want)
		k.engine.exec("DROP TABLE " + into)
	} else if code == 0 || code == -1 && r.strike.stage != "restore: table proved" {
		k.t.Errorf("%s was not restored", into)
	}
	k.tidy(o)
}

func (k *soak) has(table string) bool {
	k.t.Helper()
	database, name, _ := strings.Cut(table, ".")
	for _, existing := range k.engine.texts("SHOW TABLES IN " + database) {
		if existing == name {
			return true
		}
	}
	return false
}

// tidy expects nothing of a restore to be left.
func (k *soak) tidy(o *oracle, kept ...string) {
	k.t.Helper()
	if left, err := os.ReadDir(filepath.Join(k.p.dir, "staging")); err != nil || len(left) > 0 {
		k.t.Errorf("left over in staging: %v %v", left, err)
	}
	database, _, _ := strings.Cut(o.name, ".")
	if got, want := k.engine.texts("SHOW TABLES IN "+database), 2*len(k.all())+len(kept); len(got) != want {
		k.t.Errorf("tables: %v, not %d", got, want)
	}
}

// awaitPoint gives the table's restore points once the consumer has the newest.
func (k *soak) awaitPoint(o *oracle) []point {
	k.t.Helper()
	last := o.book[len(o.book)-1].upTo
	for {
		if points, _ := k.listed(o); len(points) > 0 && points[len(points)-1].ID == last {
			return points
		}
		select {
		case <-k.consumer.done:
			k.t.Fatalf("the consumer has ended\n%s", tail(k.consumer.stderr.String()))
		default:
		}
	}
}

// listed asks for the restore points; there may be none yet.
func (k *soak) listed(o *oracle) ([]point, int) {
	k.t.Helper()
	r := k.p.start(nil, "points", "--json", o.name)
	code := r.wait()
	if code != 0 {
		return nil, code
	}
	return jsonLines[point](k.t, r.stdout.String()), code
}

// replaceStruck restores in the table's place under a strike. The next capture finds the old table there or the new one, whole.
func (k *soak) replaceStruck(o *oracle, r round) {
	k.t.Helper()
	points := k.awaitPoint(o)
	point := points[int(r.draw%uint64(len(points)))].ID
	restored, _ := o.at(point)
	old := o.state.clone()
	k.runStruck(r.strike, "restore", o.name, "--at", idText(point), "--replace", "--yes", "--stats", "none")
	k.mend()
	p := k.p.start(nil, "produce", "--config", patient, "--json", o.name) // finishes the swap first
	code := p.wait()
	k.ended(p)
	if code != 0 {
		k.t.Fatalf("the capture after %v ended with %d\n%s", r.strike, code, tail(p.stderr.String()))
	}
	kept := o.kept()
	if len(kept) > 0 {
		o.mustBe(o.name, restored)
		database, _, _ := strings.Cut(o.name, ".")
		o.mustBe(database+"."+kept[0], old)
		id := jsonLines[struct{ Snapshot int64 }](k.t, p.stdout.String())[0].Snapshot
		o.note(id - 1) // what was captured before the swap
		o.state = restored.clone()
		o.version++
		k.tidy(o, kept...)
		k.p.run("drop-replaced", o.name, "--yes")
		k.figures.swapped++
	} else {
		o.mustBe(o.name, old)
		k.tidy(o)
	}
	k.reports(o, p)
}

// raced captures on two hosts at once, the second of which works on a copy of the first one's snapshots.
func (k *soak) raced(o *oracle) {
	k.t.Helper()
	folder := func(p *project) string { return filepath.Join(p.dir, "data", "snapshots", o.name) }
	copyFolder(k.t, folder(k.p), folder(k.second))
	first, second := k.p.start(nil, "produce", "--config", patient, "--json", o.name), k.second.start(nil, "produce", "--json", o.name)
	won := 0
	for _, r := range []*process{first, second} {
		code := r.wait()
		k.ended(r)
		k.figures.exits[code]++
		switch code {
		case 0:
			won++
			k.reports(o, r)
		case 6, 8:
		default:
			k.t.Errorf("one of two producers ended with %d\n%s", code, tail(r.stderr.String()))
		}
	}
	if won != 1 {
		k.t.Errorf("%d of two producers captured", won)
	}
	if second.command.ProcessState.ExitCode() == 0 {
		copyFolder(k.t, folder(k.second), folder(k.p))
	}
}

func copyFolder(t *testing.T, from, to string) {
	t.Helper()
	if err := os.RemoveAll(to); err != nil {
		t.Fatal(err)
	}
	if err := os.CopyFS(to, os.DirFS(from)); err != nil {
		t.Fatal(err)
	}
}

// smallDisk is a disk of its own, which can be filled.
type smallDisk struct {
	t       *testing.T
	dir     string // a folder on it
	fillers []string
}

func newSmallDisk(t *testing.T, name string) *smallDisk {
	t.Helper()
	d := &smallDisk{t: t, dir: filepath.Join(setting(t, "REWIND_SMALL"), name)}
	if err := os.MkdirAll(d.dir, 0o700); err != nil {
		t.Fatal(err)
	}
	root := setting(t, "REWIND_SMALL")
	d.fillers = []string{filepath.Join(root, "filler-1"), filepath.Join(root, "filler-2")}
	t.Cleanup(func() {
		d.clear()
		if !t.Failed() {
			_ = os.RemoveAll(d.dir)
		}
	})
	return d
}

// fill takes all that is free: in one piece, then block by block what is left.
func (d *smallDisk) fill() {
	var s unix.Statfs_t
	if err := unix.Statfs(d.dir, &s); err != nil {
		d.t.Error(err)
		return
	}
	f, err := os.Create(d.fillers[0])
	if err != nil {
		d.t.Error(err)
		return
	}
	_ = unix.Fallocate(int(f.Fd()), 0, 0, int64(s.Bfree)*s.Bsize)
	_ = f.Close()
	if f, err = os.Create(d.fillers[1]); err != nil {
		return
	}
	for block := make([]byte, s.Bsize); err == nil; {
		_, err = f.Write(block)
	}
	_ = f.Close()
}

// clear gives it back.
func (d *smallDisk) clear() {
	for _, filler := range d.fillers {
		_ = os.Remove(filler)
	}
}

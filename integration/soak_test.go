//go:build integration

package integration

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// soakSeed is the seed of a soak that none was given: the one in `make integration` strikes always alike.
const soakSeed = 20261123

// soak is the whole pipeline on the real servers, under the faults of a plan.
type soak struct {
	t       *testing.T
	engine  *engine
	oracles []*oracle // the plan's tables
	keyless *oracle   // a table without a key, which changes beside them
	p       *project
	second  *project // the mistaken producer's
	kafka   *proxy
	hs2     *proxy
	disk    *smallDisk

	mutex    sync.Mutex    // of what the processes' watchers share with the test
	armed    *strike       // the consumer's next
	fell     chan struct{} // closed when it has come down
	consumer *process

	executed []round
	reported map[string][]int64 // restore points that a producer's success told of
	figures  soakFigures
}

// TestSoak runs the whole pipeline on the real servers under the faults of a plan drawn from a seed, for REWIND_SOAK (90s), with an oracle
// beside it. In the end every restore point equals the oracle, row by row; some are restored and compared in the engine; rewind verifies
// its journal; no reported point is lost, none invented.
func TestSoak(t *testing.T) {
	if os.Getenv("REWIND_SEED") == "" && os.Getenv("REWIND_SOAK") == "" {
		t.Setenv("REWIND_SEED", fmt.Sprint(soakSeed))
	}
	s, length := seed(t), soakLength(t)
	k := newSoak(t, s, 30*time.Second)
	const most = 100_000
	rounds := plan(s, most, len(k.oracles))
	t.Logf("the plan of seed %d: %d rounds, hash %s; the first 100: hash %s", s, most, hashOf(rounds), hashOf(rounds[:100]))
	began := time.Now()
	for _, r := range rounds {
		if time.Since(began) >= length || t.Failed() {
			break
		}
		k.round(r)
	}
	k.figures.took = time.Since(began)
	n := len(k.executed)
	if n == 0 || hashOf(k.executed) != hashOf(rounds[:n]) {
		t.Errorf("what was executed is not the plan's beginning")
	}
	t.Logf("executed: %d rounds, hash %s, equal to the plan's", n, hashOf(k.executed))
	k.finish()
	text := k.figures.markdown(s, n, hashOf(k.executed))
	t.Log("\n" + text)
	if err := os.WriteFile(filepath.Join(setting(t, "REWIND_WORK"), "soak.md"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Logf("counted: %d rounds, %d faults, %d restore points equal to the oracle", n, k.figures.total(), k.figures.points)
}

func soakLength(t *testing.T) time.Duration {
	t.Helper()
	text := os.Getenv("REWIND_SOAK")
	if text == "" {
		return 90 * time.Second
	}
	length, err := time.ParseDuration(text)
	if err != nil {
		t.Fatalf("REWIND_SOAK: %v", err)
	}
	return length
}

// newSoak makes the tables and captures each once. An answer of the engine's that does not come is waited for as long as patience says.
func newSoak(t *testing.T, s uint64, patience time.Duration) *soak {
	t.Helper()
	database := unique("soak")
	k := &soak{t: t, engine: newEngine(t, database), reported: map[string][]int64{}, figures: newSoakFigures()}
	wide := make([]string, 36)
	for i := range wide {
		wide[i] = soakTypes[i%len(soakTypes)]
	}
	k.oracles = []*oracle{
		newOracle(t, k.engine, database+".composite", s, composite, 300, "STRING", "DECIMAL(18,4)", "TIMESTAMP", "INT"),
		newOracle(t, k.engine, database+".wide", s, []string{"id"}, 120, wide...),
		newOracle(t, k.engine, database+".plain", s, []string{"id"}, 500, "STRING", "BIGINT", "DATE"),
	}
	k.keyless = newOracle(t, k.engine, database+".keyless", s, nil, 200, "STRING", "INT", "DATE")
	var tables []protected
	for _, o := range k.all() {
		key := o.key
		if key == nil {
			key = []string{"'*'"}
		}
		tables = append(tables, protected{o.name, key})
	}
	k.disk = newSmallDisk(t, database)
	k.kafka = newProxy(t, setting(t, "REWIND_KAFKA_PROXY"), setting(t, "REWIND_KAFKA_BEHIND"), true)
	k.hs2 = newProxy(t, "127.0.0.1:0", fmt.Sprintf("127.0.0.1:%s", setting(t, "REWIND_HIVE_PORT")), false)
	kafka := fmt.Sprintf("brokers: [%q], partitions: %d, timeout: 2s", k.kafka.address(), soakPartitions)
	impala := fmt.Sprintf("dsn: \"impala://%s?auth=noauth&socket-timeout=%v\", ", k.hs2.address(), patience)
	k.p = &project{t: t, dir: workFolder(t, database+"/project"), binary: setting(t, "REWIND_BINARY")}
	k.p.configure(kafka, impala+staged(t, database+"/project"), "./data", tables...)
	k.writePatient(patience)
	if err := os.Symlink(k.disk.dir, filepath.Join(k.p.dir, "data")); err != nil {
		t.Fatal(err)
	}
	k.second = newProject(t, database+"/second", tables...)
	for _, o := range k.all() {
		k.capture(o)
	}
	k.startConsumer()
	return k
}

// patient is the configuration of commands that nothing befalls: they wait for a busy engine's answer as long as it takes.
const patient = "patient.yaml"

// writePatient writes the project's configuration once more, with a longer wait.
func (k *soak) writePatient(patience time.Duration) {
	k.t.Helper()
	text, err := os.ReadFile(filepath.Join(k.p.dir, "rewind.yaml"))
	if err == nil {
		longer := strings.ReplaceAll(string(text), fmt.Sprintf("socket-timeout=%v", patience), "socket-timeout=2m")
		err = os.WriteFile(filepath.Join(k.p.dir, patient), []byte(longer), 0o600)
	}
	if err != nil {
		k.t.Fatal(err)
	}
}

// all are the plan's tables and the one beside them.
func (k *soak) all() []*oracle { return append(slices.Clone(k.oracles), k.keyless) }

// round executes one round of the plan.
func (k *soak) round(r round) {
	k.t.Helper()
	k.executed = append(k.executed, r)
	o := k.oracles[r.table]
	random := rand.New(rand.NewPCG(r.draw, 1))
	began := time.Now()
	o.evolve(r.change, random)
	switch r.strike.command {
	case "restore":
		k.capture(o)
		k.restoreStruck(o, r)
	case "replace":
		k.capture(o)
		k.replaceStruck(o, r)
	case "consume":
		k.armConsumer(r.strike)
		captured := k.captureMeanwhile(o, r.strike)
		k.consumerStruck(r.strike)
		if !captured {
			k.mend()
			k.capture(o)
		}
	case "produce":
		k.produceStruck(o, r.strike)
	default:
		if r.strike.kind == secondProducer {
			k.raced(o)
		} else {
			k.capture(o)
		}
	}
	if r.strike.kind != "" {
		k.figures.faults[r.strike]++
	}
	k.mend()
	if r.strike.kind == fullDisk { // the consumer, too, may have met it
		k.stopConsumer(r.strike)
		k.startConsumer()
	}
	if r.look {
		k.look(o, random)
	}
	if r.number%4 == 0 {
		k.keyless.evolve("rows", random)
		k.capture(k.keyless)
	}
	k.t.Logf("%v [%v]", r, time.Since(began).Round(time.Millisecond))
}

// mend ends whatever still goes wrong, and sees that the consumer runs.
func (k *soak) mend() {
	k.t.Helper()
	k.kafka.heal()
	k.hs2.heal()
	k.disk.clear()
	k.mutex.Lock()
	k.armed = nil
	consumer := k.consumer
	k.mutex.Unlock()
	select {
	case <-consumer.done:
		k.ended(consumer)
		k.startConsumer()
	default:
	}
}

// capture captures a table without a fault.
func (k *soak) capture(o *oracle) {
	k.t.Helper()
	k.captured(o, k.p, "produce", "--config", patient, "--json", o.name)
}

// captured runs a capture to its good end and notes what it must hold.
func (k *soak) captured(o *oracle, p *project, args ...string) {
	k.t.Helper()
	r := p.start(nil, args...)
	code := r.wait()
	k.ended(r)
	if code != 0 {
		k.t.Fatalf("%v ended with %d\n%s", args, code, tail(r.stderr.String()))
	}
	k.reports(o, r)
}

// reports notes a capture that a process told of.
func (k *soak) reports(o *oracle, r *process) (is bool) {
	k.t.Helper()
	for _, line := range jsonLines[struct {
		Snapshot, Recovered int64
		Baseline            string
		Counts              counts
	}](k.t, r.stdout.String()) {
		if line.Snapshot == 0 {
			continue // an error
		}
		o.note(line.Snapshot)
		k.reported[o.name] = append(k.reported[o.name], line.Snapshot)
		if line.Recovered != 0 {
			k.reported[o.name] = append(k.reported[o.name], line.Recovered)
		}
		k.figures.captures++
		k.figures.changes += line.Counts.Reads + line.Counts.Creates + line.Counts.Updates + line.Counts.Deletes
		if line.Baseline != "" {
			k.figures.baselines++
		}
		is = true
	}
	return is
}

// ended notes what a process took.
func (k *soak) ended(r *process) {
	command := r.name[strings.Index(r.name, "-")+1:]
	k.figures.memory[command] = append(k.figures.memory[command], r.peakMiB())
}

// startConsumer starts the consumer of all tables, which the round's strike may meet.
func (k *soak) startConsumer() {
	k.t.Helper()
	k.mutex.Lock()
	defer k.mutex.Unlock()
	k.consumer = k.p.start(func(r *process, stage string) {
		k.mutex.Lock()
		s, fell := k.armed, k.fell
		if s != nil && s.stage == stage {
			k.armed = nil
		} else {
			s = nil
		}
		k.mutex.Unlock()
		if s != nil {
			k.fall(*s, r)
			close(fell)
		}
		k.awake(stage)
	}, "consume")
}

// look restores a point into a table of its own and compares it in the engine.
func (k *soak) look(o *oracle, random *rand.Rand) {
	k.t.Helper()
	points := k.awaitPoint(o)
	k.restored(o, points[random.IntN(len(points))].ID)
}

// restored restores a point and holds it against the oracle.
func (k *soak) restored(o *oracle, id int64) {
	k.t.Helper()
	want, is := o.at(id)
	if !is {
		k.t.Errorf("%s: restore point %d is newer than the last capture", o.name, id)
		return
	}
	into := o.name + "_looked_at"
	r := k.p.start(nil, "restore", o.name, "--config", patient, "--at", idText(id), "--into", into, "--stats", "none")
	code := r.wait()
	k.ended(r)
	if code != 0 {
		k.t.Fatalf("restore of %d ended with %d\n%s", id, code, tail(r.stderr.String()))
	}
	o.mustBe(into, want)
	k.engine.exec("DROP TABLE " + into)
	k.figures.restored++
}

// finish stops the consumer, brings the journal up to the end of the topics, and compares everything.
func (k *soak) finish() {
	k.t.Helper()
	k.stopConsumer(strike{})
	k.p.run("consume", "--until-caught-up")
	random := rand.New(rand.NewPCG(uint64(len(k.executed)), 2))
	for _, o := range k.all() {
		k.figures.points += o.checkPoints(k.p, k.reported[o.name])
		o.mustBe(o.name, o.state)
		points := k.p.points(o.name)
		for id := range k.sample(o, points, random) {
			k.restored(o, id)
		}
		if kept := o.kept(); len(kept) > 0 {
			k.t.Errorf("kept tables that no replace told of: %v", kept)
		}
	}
	r := k.p.start(nil, "verify", "--json")
	if code := r.wait(); code != 0 {
		k.t.Errorf("verify ended with %d\n%s\n%s", code, tail(r.stdout.String()), tail(r.stderr.String()))
	}
	k.ended(r)
	k.figures.journal = folderBytes(k.t, filepath.Join(k.disk.dir, "journal"))
	k.figures.flat(k.t)
}

// sample picks the newest point of each schema, and a few others.
func (k *soak) sample(o *oracle, points []point, random *rand.Rand) map[int64]bool {
	newest := map[string]int64{}
	for _, p := range points {
		newest[p.Schema] = p.ID
	}
	sample := map[int64]bool{}
	for _, id := range slices.Sorted(maps.Values(newest)) {
		sample[id] = true
	}
	for range min(3, len(points)) {
		sample[points[random.IntN(len(points))].ID] = true
	}
	return sample
}

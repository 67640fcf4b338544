package main

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"rewind/disk"
	"rewind/replay"
)

// beside is a command that runs until the test stops it.
type beside struct {
	stop  context.CancelFunc
	ended chan int
	out   *watcher
}

// runBeside starts a command and waits until its output shows a text.
func runBeside(t *testing.T, want string, args ...string) *beside {
	t.Helper()
	ctx, stop := context.WithCancel(context.Background())
	b := &beside{stop: stop, ended: make(chan int, 1), out: newWatcher(want)}
	go func() { b.ended <- run(ctx, args, b.out, b.out) }()
	select {
	case <-b.out.seen:
	case code := <-b.ended:
		t.Fatalf("%v ended with %d before %q was seen: %s", args, code, want, b.out)
	}
	t.Cleanup(stop)
	return b
}

// end stops the command, which must end well.
func (b *beside) end(t *testing.T) {
	t.Helper()
	b.stop()
	if code := <-b.ended; code != exitOK {
		t.Errorf("exit code %d: %s", code, b.out)
	}
}

// produceAndConsume gives the first capture of a sandbox's table, journaled.
func produceAndConsume(t *testing.T, config string) (first captureLine) {
	t.Helper()
	if err := json.Unmarshal([]byte(must(t, "produce", "--json", "--config", config)), &first); err != nil {
		t.Fatal(err)
	}
	must(t, "consume", "--until-caught-up", "--config", config)
	return first
}

// TestReplaceBesideARunningProducer replaces a table while produce --every holds its snapshots: with a consumer running beside,
// and without one, where the restore journals by itself. What was written since the last restore point is in the journal then, and
// the producer goes on.
func TestReplaceBesideARunningProducer(t *testing.T) {
	for name, consumer := range map[string]bool{"consumer running": true, "no consumer": false} {
		t.Run(name, func(t *testing.T) {
			noLeaks(t)
			config := play(t)
			first := produceAndConsume(t, config)
			if consumer {
				c := runBeside(t, "consume: resumed", "consume", "--log-level", "debug", "--config", config)
				defer c.end(t)
			}
			p := runBeside(t, "snapshot ", "produce", "--every", "300ms", "--config", config)
			defer p.end(t)
			must(t, "sandbox", "sql", "--config", config, "INSERT INTO default.my_table VALUES (2, 'Carol')")
			code, stdout, stderr := runCommand(t.Context(), "restore", "default.my_table", "--at", instantOf(first), "--replace", "--yes", "--json", "--config", config)
			if code != exitOK {
				t.Fatalf("exit code %d: %s\n%s", code, stderr, p.out)
			}
			var c replay.Certificate
			if err := json.Unmarshal([]byte(stdout), &c); err != nil {
				t.Fatal(err)
			}
			j, err := replay.Open(mustLoad(t, config).journalDir(), myTable, replay.Options{})
			if err != nil {
				t.Fatal(err)
			}
			if captured, err := j.Point(c.Captured); err != nil || captured.Rows != 2 {
				t.Errorf("what was replaced is restore point %+v, %v", captured, err)
			}
			if rows := must(t, "sandbox", "sql", "--config", config, "SELECT name FROM default.my_table"); strings.Contains(rows, "Carol") {
				t.Errorf("not replaced:\n%s", rows)
			}
		})
	}
}

// TestReplaceTimesOut has a producer that never captures again, then a consumer that holds the journal and appends nothing: the
// table stays as it is, and the error says which of the two did not come.
func TestReplaceTimesOut(t *testing.T) {
	noLeaks(t)
	config := play(t)
	first := produceAndConsume(t, config)
	replace := []string{"restore", "default.my_table", "--at", instantOf(first), "--replace", "--yes", "--wait", "1s", "--config", config}
	untouched := func(why, producer, consumer string) {
		t.Helper()
		code, stdout, stderr := runCommand(t.Context(), replace...)
		if code != exitLocked || !strings.Contains(stderr, producer) || !strings.Contains(stderr, consumer) || !strings.Contains(stderr, "nothing was changed") {
			t.Errorf("%s: exit code %d, %s\n%s", why, code, stderr, stdout)
		}
		if tables := must(t, "sandbox", "sql", "--config", config, "SHOW TABLES IN default"); strings.Contains(tables, "__rewind") {
			t.Errorf("%s: left over:\n%s", why, tables)
		}
	}
	p := runBeside(t, "snapshot ", "produce", "--every", "1h", "--config", config)
	untouched("the producer sleeps", "another process captures default.my_table: waiting for its next capture (at most 1s)", "committed no capture whose read began after")
	code, _, stderr := runCommand(t.Context(), append(replace, "--no-capture")...)
	if code != exitOK {
		t.Errorf("--no-capture: exit code %d, %s", code, stderr)
	}
	must(t, "drop-replaced", "default.my_table", "--yes", "--config", config)
	p.end(t)

	journals, err := filepath.Glob(filepath.Join(mustLoad(t, config).journalDir(), "*", "*", "*"))
	if err != nil || len(journals) == 0 {
		t.Fatal(journals, err)
	}
	for _, dir := range journals {
		lock, err := disk.OS.Lock(filepath.Join(dir, "lock"))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { lock.Close() })
	}
	untouched("the consumer stands still", "another process journals default.my_table: waiting until it has snapshot ", "did not bring it into the journal within 1s")
}

// TestReplaceWithTheProducerElsewhere has no snapshots here: they are on the machine that produces, which is another folder.
func TestReplaceWithTheProducerElsewhere(t *testing.T) {
	noLeaks(t)
	config := play(t)
	first := produceAndConsume(t, config)
	text, err := os.ReadFile(config)
	if err != nil {
		t.Fatal(err)
	}
	data := filepath.Join(filepath.Dir(config), "rewind-data")
	other := filepath.Join(filepath.Dir(config), "other")
	if err := os.MkdirAll(filepath.Join(other, "rewind-data"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(filepath.Join(data, "snapshots"), filepath.Join(other, "rewind-data", "snapshots")); err != nil {
		t.Fatal(err)
	}
	there := filepath.Join(other, configName)
	if err := os.WriteFile(there, text, 0o600); err != nil {
		t.Fatal(err)
	}
	must(t, "sandbox", "sql", "--config", config, "INSERT INTO default.my_table VALUES (2, 'Carol')")
	waits := runBeside(t, "no snapshots of default.my_table are kept here", "restore", "default.my_table", "--at", instantOf(first), "--replace", "--yes", "--config", config)
	p := runBeside(t, "snapshot ", "produce", "--every", "300ms", "--config", there)
	if code := <-waits.ended; code != exitOK {
		t.Errorf("exit code %d: %s", code, waits.out)
	}
	p.end(t)
	if rows := must(t, "sandbox", "sql", "--config", config, "SELECT name FROM default.my_table"); strings.Contains(rows, "Carol") {
		t.Errorf("not replaced:\n%s", rows)
	}
}

// TestProducerOutlivesASwap meets a swap of another process: the loop says so and tries again at its next turn, instead of ending as
// it does where another producer has the table.
func TestProducerOutlivesASwap(t *testing.T) {
	noLeaks(t)
	config := play(t)
	produceAndConsume(t, config)
	dir := mustLoad(t, config).restoreDir()
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	intent := filepath.Join(dir, "swap-default.my_table.json")
	if err := os.WriteFile(intent, []byte("{}"), 0o600); err != nil {
		t.Fatal(err)
	}
	lock, err := disk.OS.Lock(filepath.Join(dir, "swap-default.my_table.lock"))
	if err != nil {
		t.Fatal(err)
	}
	p := runBeside(t, "is locked by process", "produce", "--every", "100ms", "--config", config)
	if err := os.Remove(intent); err != nil {
		t.Fatal(err)
	}
	if err := lock.Close(); err != nil {
		t.Fatal(err)
	}
	select {
	case <-p.out.watch("snapshot "):
	case code := <-p.ended:
		t.Fatalf("it ended with %d: %s", code, p.out)
	}
	p.end(t)
}

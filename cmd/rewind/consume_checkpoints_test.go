package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"

	"rewind/consumer"
	"rewind/disk"
	"rewind/replay"
	"rewind/table"
)

// checkpointDisk tells what becomes of checkpoints, and can hold one up while it is written.
type checkpointDisk struct {
	disk.FS
	named, removed chan string

	mu      sync.Mutex
	holdAt  int // the write of the next checkpoint that waits for release; 0: none
	writing chan struct{}
	release chan struct{}
}

func newCheckpointDisk() *checkpointDisk {
	const plenty = 100
	return &checkpointDisk{FS: disk.OS, named: make(chan string, plenty), removed: make(chan string, plenty)}
}

// hold lets the n-th write of the next checkpoint wait until release is called; writing is closed once it does.
func (d *checkpointDisk) hold(n int) (writing <-chan struct{}, release func()) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.holdAt, d.writing, d.release = n, make(chan struct{}), make(chan struct{})
	return d.writing, sync.OnceFunc(func() { close(d.release) })
}

func isCheckpoint(path string) bool { return strings.HasPrefix(filepath.Base(path), "checkpoint-") }

func (d *checkpointDisk) OpenFile(name string, flag int, perm fs.FileMode) (disk.File, error) {
	f, err := d.FS.OpenFile(name, flag, perm)
	if err != nil || !isCheckpoint(name) || flag&os.O_CREATE == 0 {
		return f, err
	}
	return &heldFile{File: f, disk: d}, nil
}

func (d *checkpointDisk) Rename(from, to string) error {
	err := d.FS.Rename(from, to)
	if err == nil && isCheckpoint(to) {
		d.named <- filepath.Base(to)
	}
	return err
}

func (d *checkpointDisk) Remove(name string) error {
	err := d.FS.Remove(name)
	if err == nil && isCheckpoint(name) {
		d.removed <- filepath.Base(name)
	}
	return err
}

type heldFile struct {
	disk.File
	disk   *checkpointDisk
	writes int
}

func (f *heldFile) Write(p []byte) (int, error) {
	f.writes++
	f.disk.mu.Lock()
	held := f.writes == f.disk.holdAt
	if held {
		f.disk.holdAt = 0
	}
	writing, release := f.disk.writing, f.disk.release
	f.disk.mu.Unlock()
	if held {
		close(writing)
		<-release
	}
	return f.File.Write(p)
}

// consumeOn starts a consumer that runs on, on that disk.
func consumeOn(t *testing.T, d *checkpointDisk, config string) *beside {
	t.Helper()
	ctx, stop := context.WithCancel(context.Background())
	b := &beside{stop: stop, ended: make(chan int, 1), out: newWatcher("")}
	a := newTestApp()
	a.fs, a.stdout, a.stderr = d, b.out, b.out
	go func() { b.ended <- a.run(ctx, []string{"consume", "--log-level", "debug", "--config", config}) }()
	t.Cleanup(stop)
	return b
}

// await waits for what the disk tells.
func await[T any](t *testing.T, b *beside, what string, c <-chan T) (got T) {
	t.Helper()
	select {
	case got = <-c:
	case code := <-b.ended:
		t.Fatalf("consume ended with %d before %s:\n%s", code, what, b.out)
	}
	return got
}

// playEvery is play with checkpoints every so many events, and a table of n rows.
func playEvery(t *testing.T, every, n int) (config string) {
	t.Helper()
	config = play(t)
	text, err := os.ReadFile(config)
	if err == nil {
		err = os.WriteFile(config, fmt.Appendf(text, "\njournal: {checkpoint_every: %d}\n", every), 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	var values []string
	for id := 2; id <= n; id++ {
		values = append(values, fmt.Sprintf("(%d, 'the name of %d')", id, id))
	}
	for rows := range slices.Chunk(values, 5000) {
		must(t, "sandbox", "sql", "--config", config, "INSERT INTO default.my_table VALUES "+strings.Join(rows, ","))
	}
	return config
}

// captureRows publishes a snapshot in which every row is another, and gives the name of its checkpoint.
func captureRows(t *testing.T, config string, n int) (checkpoint string, id int64) {
	t.Helper()
	must(t, "sandbox", "sql", "--config", config, fmt.Sprintf("UPDATE default.my_table SET name = 'name %d' WHERE id > 0", n))
	var c captureLine
	if err := json.Unmarshal([]byte(must(t, "produce", "--json", "--config", config)), &c); err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf("checkpoint-%d.avro", c.Snapshot), c.Snapshot
}

// checkpointsIn lists what is beside the journal.
func checkpointsIn(t *testing.T, config string) (names []string) {
	t.Helper()
	all, err := filepath.Glob(filepath.Join(mustLoad(t, config).journalDir(), "*", "*", "checkpoint-*"))
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range all {
		names = append(names, filepath.Base(path))
	}
	return names
}

// TestCheckpointsOfARunningConsumer: while a consumer runs, each snapshot that is large enough gets a checkpoint, with which an older one goes, and
// what a process that was killed left of another.
func TestCheckpointsOfARunningConsumer(t *testing.T) {
	noLeaks(t)
	config := playEvery(t, 8, 5)
	d := newCheckpointDisk()
	c := consumeOn(t, d, config)
	var names []string
	for n := range 4 {
		name, _ := captureRows(t, config, n)
		if got := await(t, c, "a checkpoint", d.named); got != name {
			t.Fatalf("%s is made, not %s\n%s", got, name, c.out)
		}
		names = append(names, name)
		if n == 0 {
			half := filepath.Join(filepath.Dir(streamOf(t, config)), "checkpoint-7.avro.tmp")
			if err := os.WriteFile(half, []byte("Obj"), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		if n == 1 {
			if got := await(t, c, "what was left goes", d.removed); got != "checkpoint-7.avro.tmp" {
				t.Fatalf("%s is removed", got)
			}
		}
	}
	for _, older := range names[:len(names)-2] {
		if got := await(t, c, "an older one goes", d.removed); got != older {
			t.Fatalf("%s is removed, not %s", got, older)
		}
	}
	c.end(t)
	if left := checkpointsIn(t, config); !slices.Equal(left, names[len(names)-2:]) {
		t.Errorf("left are %v of %v", left, names)
	}
	if out := must(t, "checkpoint", "default.my_table", "--config", config); !strings.Contains(out, "has a checkpoint already, which is whole") {
		t.Error(out)
	}
	must(t, "verify", "--config", config)
}

// streamOf is one of the folders of the table's partitions.
func streamOf(t *testing.T, config string) string {
	t.Helper()
	all, err := filepath.Glob(filepath.Join(mustLoad(t, config).journalDir(), "*", "*", "00000"))
	if err != nil || len(all) != 1 {
		t.Fatal(all, err)
	}
	return all[0]
}

// TestInterruptedWhileACheckpointIsWritten: the end does not wait until it is whole, nothing is left of it, and the next consumer makes it.
func TestInterruptedWhileACheckpointIsWritten(t *testing.T) {
	for name, write := range map[string]int{"its header": 1, "its first rows": 2} {
		t.Run(name, func(t *testing.T) {
			noLeaks(t)
			rows := 5
			if write > 1 {
				rows = 17_000 // more than come between two looks whether it is to end
			}
			config := playEvery(t, 8, rows)
			d := newCheckpointDisk()
			writing, release := d.hold(write)
			defer release()
			c := consumeOn(t, d, config)
			made, _ := captureRows(t, config, write)
			await(t, c, "a checkpoint is written", writing)
			c.stop()
			release()
			if code := <-c.ended; code != exitOK {
				t.Errorf("exit code %d: %s", code, c.out)
			}
			select {
			case got := <-d.removed:
				if got != made+".tmp" {
					t.Errorf("%s is removed", got)
				}
			default:
				t.Error("what was written is not removed")
			}
			if left := checkpointsIn(t, config); slices.Contains(left, made) || slices.Contains(left, made+".tmp") {
				t.Errorf("left are %v", left)
			}
			c = consumeOn(t, d, config)
			if got := await(t, c, "the next consumer makes it", d.named); got != made {
				t.Errorf("%s is made, not %s", got, made)
			}
			c.end(t)
			must(t, "verify", "--config", config)
		})
	}
	t.Log("counted: 2 consumers ended while they write a checkpoint")
}

// TestTerminatedWhileACheckpointIsMade sends a consumer SIGTERM in the middle of one: it ends well, and what there is of checkpoints is whole.
func TestTerminatedWhileACheckpointIsMade(t *testing.T) {
	config := playEvery(t, 8, 100)
	_, id := captureRows(t, config, 0)
	var log bytes.Buffer
	w := newWatcher("checkpoint: folded")
	cmd := exec.Command("rewind", "consume", "--log-level", "debug", "--config", config)
	cmd.Stdout, cmd.Stderr = &log, w
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	select {
	case <-w.seen:
	case err := <-ended:
		t.Fatalf("it ended before: %v\n%s", err, w)
	}
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := <-ended; err != nil {
		t.Errorf("%v\n%s", err, w)
	}
	for _, name := range checkpointsIn(t, config) {
		if name != fmt.Sprintf("checkpoint-%d.avro", id) {
			t.Errorf("%s is left", name)
		}
	}
	if code, _, stderr := runCommand(t.Context(), "checkpoint", "default.my_table", "--config", config); code != exitOK || strings.Contains(stderr, "is not used") {
		t.Errorf("exit code %d, %s", code, stderr)
	}
	t.Log("counted: 1 consumer sent SIGTERM while it makes a checkpoint")
}

// TestNoCheckpointsAreWanted: with checkpoint_every: 0 a consumer makes none, neither while it runs nor when it has caught up.
func TestNoCheckpointsAreWanted(t *testing.T) {
	noLeaks(t)
	config := playEvery(t, 0, 5)
	d := newCheckpointDisk()
	c := consumeOn(t, d, config)
	_, id := captureRows(t, config, 0)
	await(t, c, "something is journaled", c.out.watch("journal: appended"))
	j, err := replay.Open(mustLoad(t, config).journalDir(), myTable, replay.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := j.WaitForPoint(t.Context(), id, 0, 0); err != nil {
		t.Fatal(err)
	}
	c.end(t)
	a := newTestApp()
	a.fs = d
	if code := a.run(t.Context(), []string{"consume", "--until-caught-up", "--config", config}); code != exitOK {
		t.Fatalf("exit code %d", code)
	}
	if left := checkpointsIn(t, config); len(left) > 0 || len(d.named) > 0 {
		t.Errorf("%v are left", left)
	}
}

// TestWhenACheckpointIsDue: not before there is a restore point to make one of, but then, however little came with its last Commit.
func TestWhenACheckpointIsDue(t *testing.T) {
	name := table.Name{Database: "shop", Table: "orders"}
	k := &checkpoints{every: 10, wake: make(chan struct{}, 1), tables: map[table.Name]*sinceCheckpoint{}}
	step := func(what string, want bool, partition int, next, snapshot int64) {
		t.Helper()
		k.note(consumer.Progress{Table: name, Partition: partition, Next: next, Snapshot: snapshot, Across: 2})
		if got := k.due(k.tables[name]); got != want || len(k.wake) != map[bool]int{true: 1}[want] {
			t.Errorf("%s: due %t, %d waiting", what, got, len(k.wake))
		}
	}
	looked := func(from int64) {
		<-k.wake
		at := k.tables[name]
		at.from, at.looked = from, at.snapshot()
	}
	step("rows of the first snapshot", false, 0, 20, 0)
	step("one partition's Commit", false, 0, 21, 7)
	step("the other's, with little", true, 1, 4, 7)
	looked(25)
	step("few changes", false, 0, 23, 8)
	step("and their Commit", false, 1, 6, 8)
	step("many, but nobody has looked whether there is enough before them", true, 1, 40, 8)
	looked(25)
	step("more", false, 1, 60, 8)
	step("and half of their Commits", false, 1, 61, 9)
	step("and all", true, 0, 24, 9)
	looked(85)
	step("another stream", false, 0, 1, 9)
	step("and its first restore point", false, 1, 2, 10)
	step("of which there is enough", false, 1, 30, 11)
	step("in both partitions", true, 0, 2, 11)
}

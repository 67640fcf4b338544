package main

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"go.uber.org/goleak"

	"rewind/replay"
)

// newTestApp is an app outside of any command.
func newTestApp() *app {
	return &app{stdin: os.Stdin, stdout: io.Discard, stderr: io.Discard, log: slog.New(slog.DiscardHandler)}
}

// runCommand runs rewind in this process.
func runCommand(ctx context.Context, args ...string) (code int, stdout, stderr string) {
	var out, errs bytes.Buffer
	code = run(ctx, args, &out, &errs)
	return code, out.String(), errs.String()
}

// watcher is an output that says when a text has appeared in it.
type watcher struct {
	want string
	seen chan struct{}

	mu   sync.Mutex
	text strings.Builder
	once sync.Once
}

func newWatcher(want string) *watcher { return &watcher{want: want, seen: make(chan struct{})} }

func (w *watcher) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.text.Write(p)
	if strings.Contains(w.text.String(), w.want) {
		w.once.Do(func() { close(w.seen) })
	}
	return len(p), nil
}

// watch gives what is closed once a further text has appeared.
func (w *watcher) watch(want string) <-chan struct{} {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.want, w.seen, w.once = want, make(chan struct{}), sync.Once{}
	if strings.Contains(w.text.String(), want) {
		w.once.Do(func() { close(w.seen) })
	}
	return w.seen
}

func (w *watcher) String() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.text.String()
}

// untilSeen runs a command until its output shows the watcher's text, then interrupts it, and gives its exit code.
func untilSeen(t *testing.T, w *watcher, stdout, stderr io.Writer, args ...string) int {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	code := make(chan int)
	go func() { code <- run(ctx, args, stdout, stderr) }()
	select {
	case <-w.seen:
		cancel()
		return <-code
	case c := <-code:
		t.Fatalf("%v ended with %d before %q was seen: %s", args, c, w.want, w)
		return c
	}
}

// play serves a sandbox for the length of a test, with default.my_table in it, and gives its configuration's path.
func play(t *testing.T) (config string) {
	t.Helper()
	dir := t.TempDir()
	p, err := newTestApp().openPlayground(t.Context(), dir, "127.0.0.1:0", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.close)
	config = filepath.Join(dir, configName)
	if err := p.writeConfig(config, playMark, playTables); err != nil {
		t.Fatal(err)
	}
	must(t, "sandbox", "sql", "--config", config, "CREATE TABLE default.my_table (id INT PRIMARY KEY, name STRING) STORED AS KUDU",
		"INSERT INTO default.my_table VALUES (1, 'Alice')")
	return config
}

// must runs a command that must succeed, and gives its results.
func must(t *testing.T, args ...string) string {
	t.Helper()
	code, stdout, stderr := runCommand(t.Context(), args...)
	if code != exitOK {
		t.Fatalf("%v: exit code %d\n%s%s", args, code, stdout, stderr)
	}
	return stdout
}

// noLeaks fails the test when goroutines are left once all its clean-up is done.
func noLeaks(t *testing.T) {
	before := goleak.IgnoreCurrent()
	t.Cleanup(func() { goleak.VerifyNone(t, before) })
}

func TestLongRunningCommandsStopCleanly(t *testing.T) {
	noLeaks(t)
	config := play(t)
	produced := newWatcher("snapshot ")
	if code := untilSeen(t, produced, produced, io.Discard, "produce", "--every", "1h", "--config", config); code != exitOK {
		t.Errorf("produce --every: exit code %d", code)
	}
	consumed := newWatcher("journal: appended")
	if code := untilSeen(t, consumed, io.Discard, consumed, "consume", "--log-level", "debug", "--config", config); code != exitOK {
		t.Errorf("consume: exit code %d", code)
	}
	served := newWatcher("Ctrl-C stops it")
	code := untilSeen(t, served, served, io.Discard, "sandbox", "--dir", t.TempDir(), "--kafka", "127.0.0.1:0", "--impala", "127.0.0.1:0")
	if code != exitOK {
		t.Errorf("sandbox: exit code %d", code)
	}
}

func TestInterruptedJobsSaySo(t *testing.T) {
	noLeaks(t)
	config := play(t)
	must(t, "produce", "--config", config)
	must(t, "consume", "--until-caught-up", "--config", config)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for _, args := range [][]string{
		{"produce"}, {"consume", "--until-caught-up"}, {"verify"}, {"restore", "default.my_table", "--at", "-0s", "--into", "default.x"},
	} {
		if code, _, stderr := runCommand(ctx, append(args, "--config", config)...); code != exitInterrupted || !strings.HasPrefix(stderr, "rewind: interrupted; ") || strings.Count(stderr, "\n") != 1 {
			t.Errorf("%v: exit code %d, %q", args, code, stderr)
		}
	}
}

// TestReplaceWaitsForTheConsumer replaces a table while another consumer holds the journal: the capture before the
// replace is journaled by that one.
func TestReplaceWaitsForTheConsumer(t *testing.T) {
	noLeaks(t)
	config := play(t)
	var captured captureLine
	if err := json.Unmarshal([]byte(must(t, "produce", "--json", "--config", config)), &captured); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	log := newWatcher("journal: appended")
	ended := make(chan int)
	go func() {
		ended <- run(ctx, []string{"consume", "--log-level", "debug", "--config", config}, io.Discard, log)
	}()
	<-log.seen
	must(t, "sandbox", "sql", "--config", config, "INSERT INTO default.my_table VALUES (2, 'Carol')")
	j, err := replay.Open(mustLoad(t, config).journalDir(), myTable, replay.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := j.WaitForPoint(t.Context(), captured.Snapshot, 0, 0); err != nil {
		t.Fatal(err)
	}
	code, stdout, stderr := runCommand(t.Context(), "restore", "default.my_table", "--at", "-0s", "--replace", "--yes", "--config", config)
	if code != exitOK {
		t.Errorf("exit code %d, %s\n%s", code, stderr, stdout)
	}
	if points := must(t, "points", "--config", config); !strings.Contains(points, "2 restore points") {
		t.Errorf("the capture before the replace is no restore point:\n%s", points)
	}
	if rows := must(t, "sandbox", "sql", "--config", config, "SELECT name FROM default.my_table"); strings.Contains(rows, "Carol") {
		t.Errorf("not replaced:\n%s", rows)
	}
	stop()
	if code := <-ended; code != exitOK {
		t.Errorf("consume: exit code %d", code)
	}
}

func mustLoad(t *testing.T, path string) *config {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	c, err := parseConfig(path, text)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

//go:build integration

package integration

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// project is a folder with a rewind.yaml in which the binary is run.
type project struct {
	t      *testing.T
	dir    string
	binary string
	number atomic.Int64 // of the processes so far
}

// protected is a table and the columns of its key.
type protected struct {
	name string
	key  []string
}

// newProject makes a project whose restores go through files that the engine sees.
func newProject(t *testing.T, name string, tables ...protected) *project {
	t.Helper()
	return newProjectWith(t, name, staged(t, name), tables...)
}

// staged are the engine's settings with which a project's restores go through files.
func staged(t *testing.T, name string) string {
	t.Helper()
	return fmt.Sprintf("staging: %q", "file://"+workFolder(t, name+"/staging"))
}

// newProjectWith makes a project with other settings of the engine.
func newProjectWith(t *testing.T, name, settings string, tables ...protected) *project {
	t.Helper()
	p := &project{t: t, dir: workFolder(t, name), binary: setting(t, "REWIND_BINARY")}
	p.configure(fmt.Sprintf("brokers: [%q], partitions: 3", setting(t, "REWIND_KAFKA")), fmt.Sprintf("dsn: %q, %s", setting(t, "REWIND_DSN"), settings), "./data", tables...)
	return p
}

// configure writes the project's rewind.yaml.
func (p *project) configure(kafka, impala, data string, tables ...protected) {
	p.t.Helper()
	var yaml strings.Builder
	fmt.Fprintf(&yaml, "kafka:  {%s}\nimpala: {%s}\ndata:   %s\ntables:\n", kafka, impala, data)
	for _, table := range tables {
		fmt.Fprintf(&yaml, "  - {name: %s, key: [%s]}\n", table.name, strings.Join(table.key, ", "))
	}
	if err := os.WriteFile(filepath.Join(p.dir, "rewind.yaml"), []byte(yaml.String()), 0o600); err != nil {
		p.t.Fatal(err)
	}
}

// process is a running rewind.
type process struct {
	p       *project
	name    string
	command *exec.Cmd
	stdout  bytes.Buffer
	logged  sync.WaitGroup
	done    chan struct{}
	stderr  bytes.Buffer
	ended   error
	peak    int64 // KiB
}

// start runs rewind with a log of every stage; watch, where it is not nil, is called with the stage of each log line before the next
// line is read.
func (p *project) start(watch func(process *process, stage string), args ...string) *process {
	p.t.Helper()
	r := &process{p: p, name: fmt.Sprintf("%03d-%s", p.number.Add(1), args[0]), done: make(chan struct{})}
	r.command = exec.Command(p.binary, append([]string{"--log-level", "debug", "--log-format", "json"}, args...)...)
	r.command.Dir = p.dir
	r.command.Stdout = &r.stdout
	pipe, err := r.command.StderrPipe()
	if err != nil {
		p.t.Fatal(err)
	}
	if err := r.command.Start(); err != nil {
		p.t.Fatal(err)
	}
	r.logged.Go(func() {
		lines := bufio.NewScanner(pipe)
		lines.Buffer(nil, 1<<20)
		for lines.Scan() {
			r.stderr.WriteString(lines.Text() + "\n")
			r.measure()
			if watch != nil {
				watch(r, stageOf(lines.Bytes()))
			}
		}
	})
	go func() {
		r.logged.Wait()
		r.ended = r.command.Wait()
		_ = os.WriteFile(filepath.Join(p.dir, r.name+".log"), r.stderr.Bytes(), 0o600)
		close(r.done)
	}()
	p.t.Cleanup(func() {
		_ = r.command.Process.Kill()
		<-r.done
	})
	return r
}

// stageOf is the message of a line of the log, with the partition where it has one: "publish: commit acknowledged partition=2"; "" for
// another line.
func stageOf(line []byte) string {
	var entry struct {
		Msg       string
		Partition *int
	}
	if json.Unmarshal(line, &entry) != nil {
		return ""
	}
	if entry.Partition != nil {
		return fmt.Sprintf("%s partition=%d", entry.Msg, *entry.Partition)
	}
	return entry.Msg
}

// kill ends the process as a power cut would.
func (r *process) kill() { _ = r.command.Process.Signal(syscall.SIGKILL) }

// early is the code of a process that was asked to end before it listened to signals, as a shell gives it.
const early = 128 + int(syscall.SIGTERM)

// endsWhenAsked says whether a process that was asked to end may end so.
func endsWhenAsked(code int) bool { return code == 0 || code == 130 || code == early }

// wait gives the exit code; −1 for a process that was killed.
func (r *process) wait() int {
	r.p.t.Helper()
	select {
	case <-r.done:
	case <-time.After(10 * time.Minute):
		r.kill()
		<-r.done
		r.p.t.Fatalf("rewind %s did not end:\n%s", r.name, tail(r.stderr.String()))
	}
	var exit *exec.ExitError
	if r.ended != nil && !errors.As(r.ended, &exit) {
		r.p.t.Fatalf("rewind %s: %v", r.name, r.ended)
	}
	if status, ok := r.command.ProcessState.Sys().(syscall.WaitStatus); ok && status.Signaled() && status.Signal() == syscall.SIGTERM {
		return early
	}
	return r.command.ProcessState.ExitCode()
}

// measure reads the most memory that the process has held, at each line of its log. (What the kernel tells of an ended child includes
// what its parent held before the program was even loaded.)
func (r *process) measure() {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", r.command.Process.Pid))
	if err != nil {
		return
	}
	_, after, _ := strings.Cut(string(text), "VmHWM:")
	var kib int64
	if _, err := fmt.Sscan(after, &kib); err == nil {
		r.peak = max(r.peak, kib)
	}
}

// peakMiB is the most memory that the process held, once it has ended.
func (r *process) peakMiB() int64 { return r.peak >> 10 }

// stop asks the process to end and expects that it does so without an error.
func (r *process) stop() {
	r.p.t.Helper()
	_ = r.command.Process.Signal(syscall.SIGTERM)
	if code := r.wait(); !endsWhenAsked(code) {
		r.p.t.Fatalf("rewind %s, asked to stop, ended with %d:\n%s", r.name, code, tail(r.stderr.String()))
	}
}

// run runs rewind to its end, which must be a good one, and gives its stdout.
func (p *project) run(args ...string) string {
	p.t.Helper()
	r := p.start(nil, args...)
	if code := r.wait(); code != 0 {
		p.t.Fatalf("rewind %s ended with %d\n%s\n%s", strings.Join(args, " "), code, r.stdout.String(), tail(r.stderr.String()))
	}
	return r.stdout.String()
}

// point is a restore point as `rewind points --json` prints it.
type point struct {
	Schema string
	ID     int64
	Rows   int64
	Counts counts
}

// counts are the numbers of changes of a snapshot, by op.
type counts struct {
	Reads   int64 `json:"r"`
	Creates int64 `json:"c"`
	Updates int64 `json:"u"`
	Deletes int64 `json:"d"`
}

// points are the restore points of a table, oldest first.
func (p *project) points(table string) []point {
	p.t.Helper()
	all := jsonLines[point](p.t, p.run("points", "--json", table))
	return slices.DeleteFunc(all, func(p point) bool { return p.ID == 0 }) // lines about gaps, and about what was dropped
}

func jsonLines[T any](t *testing.T, text string) (all []T) {
	t.Helper()
	for line := range strings.Lines(text) {
		var one T
		if err := json.Unmarshal([]byte(line), &one); err != nil {
			t.Fatalf("%v in %s", err, line)
		}
		all = append(all, one)
	}
	return all
}

// tail is the last of a long text.
func tail(text string) string {
	if len(text) > 4000 {
		return "…" + text[len(text)-4000:]
	}
	return text
}

package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"time"
)

// measure is one round of one contestant.
type measure struct {
	WallSeconds float64            `json:"wall_s"`
	CPUSeconds  float64            `json:"cpu_s"`
	PeakMiB     float64            `json:"peak_mib"`
	Units       float64            `json:"units,omitempty"` // rows, events or bytes that it went through
	More        map[string]float64 `json:"more,omitempty"`  // what else the contestant says
}

// contestant is one way to do a stage's work.
type contestant struct {
	name    string
	prepare func(ctx context.Context, round int) error // before each round, not measured; nil: nothing
	command func(round int) *exec.Cmd
}

// series is what a contestant took, round by round.
type series struct {
	Name   string    `json:"name"`
	Rounds []measure `json:"rounds"`
	Failed string    `json:"failed,omitempty"` // why it could not be measured
}

// compete lets the contestants take turns. One that fails is left out from then on, and says why; ours may not fail.
func compete(ctx context.Context, rounds int, contestants ...contestant) ([]series, error) {
	all := make([]series, len(contestants))
	for round := range rounds + 1 {
		for i, c := range contestants {
			all[i].Name = c.name
			if all[i].Failed != "" {
				continue
			}
			m, err := c.round(ctx, round)
			if ctx.Err() != nil {
				return nil, ctx.Err()
			}
			switch {
			case err != nil && i == 0:
				return nil, fmt.Errorf("%s: %w", c.name, err)
			case err != nil:
				all[i].Failed, all[i].Rounds = err.Error(), nil
			case round > 0:
				all[i].Rounds = append(all[i].Rounds, m)
			}
		}
	}
	return all, nil
}

func (c contestant) round(ctx context.Context, round int) (measure, error) {
	if c.prepare != nil {
		if err := c.prepare(ctx, round); err != nil {
			return measure{}, err
		}
	}
	return timed(ctx, c.command(round))
}

// longest is how long one round of a contestant may take.
const longest = 15 * time.Minute

// timed runs a command to its end. What it says of itself in the last line of its output, as JSON, counts instead of what
// the system says of the whole process. What the system says of a process's memory is at the least what this one has held at most: so it
// keeps only the end of what others print.
func timed(ctx context.Context, cmd *exec.Cmd) (measure, error) {
	var out, complaint lastBytes
	cmd.Stdout, cmd.Stderr = &out, &complaint
	ctx, cancel := context.WithTimeout(ctx, longest)
	defer cancel()
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // what a script started ends with it
	began := time.Now()
	if err := cmd.Start(); err != nil {
		return measure{}, err
	}
	stopped := context.AfterFunc(ctx, func() { _ = syscall.Kill(-cmd.Process.Pid, syscall.SIGTERM) })
	err := cmd.Wait()
	stopped()
	m := measure{WallSeconds: time.Since(began).Seconds()}
	if err != nil {
		return m, fmt.Errorf("%s: %w: %s", cmd.Args[0], err, lastLines(complaint.String()+out.String()))
	}
	usage, ok := cmd.ProcessState.SysUsage().(*syscall.Rusage)
	if !ok {
		return m, errors.New("this system does not account for processes")
	}
	m.CPUSeconds = cpuOf(usage)
	own := strings.TrimSpace(out.String())
	if i := strings.LastIndexByte(own, '\n'); i >= 0 {
		own = own[i+1:]
	}
	if strings.HasPrefix(own, "{") {
		if err := json.Unmarshal([]byte(own), &m); err != nil {
			return m, fmt.Errorf("%s says %q: %w", cmd.Args[0], own, err)
		}
	}
	if m.PeakMiB == 0 {
		m.PeakMiB = float64(usage.Maxrss) / 1024
	}
	return m, nil
}

func cpuOf(u *syscall.Rusage) float64 {
	seconds := func(t syscall.Timeval) float64 { return float64(t.Sec) + float64(t.Usec)/1e6 }
	return seconds(u.Utime) + seconds(u.Stime)
}

// lastBytes is the end of what is written to it.
type lastBytes struct{ kept []byte }

const bytesKept = 64 << 10

func (l *lastBytes) Write(b []byte) (int, error) {
	l.kept = append(l.kept, b[max(0, len(b)-bytesKept):]...)
	if over := len(l.kept) - bytesKept; over > 0 {
		l.kept = l.kept[:copy(l.kept, l.kept[over:])]
	}
	return len(b), nil
}

func (l *lastBytes) String() string { return string(l.kept) }

// peakOfSelf is the most memory that this process has held, in MiB; 0 where the system does not say.
func peakOfSelf() float64 {
	text, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0
	}
	_, after, _ := strings.Cut(string(text), "VmHWM:")
	var kib float64
	_, _ = fmt.Sscan(after, &kib)
	return kib / 1024
}

// cpuOfSelf is what this process has taken so far.
func cpuOfSelf() float64 {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return math.NaN()
	}
	return cpuOf(&u)
}

const linesShown = 6

func lastLines(text string) string {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	return strings.Join(lines[max(0, len(lines)-linesShown):], " | ")
}

// self is this program as another process, with two threads.
func self(args ...string) *exec.Cmd {
	cmd := exec.Command(os.Args[0], args...)
	cmd.Env = append(os.Environ(), "GOMAXPROCS=2")
	return cmd
}

// Of a series, by what is looked at.
func wall(m measure) float64  { return m.WallSeconds }
func cpu(m measure) float64   { return m.CPUSeconds }
func peak(m measure) float64  { return m.PeakMiB }
func units(m measure) float64 { return m.Units }

func more(key string) func(measure) float64 {
	return func(m measure) float64 { return m.More[key] }
}

// median of a series; NaN where it was not measured.
func (s series) median(of func(measure) float64) float64 {
	if len(s.Rounds) == 0 {
		return math.NaN()
	}
	values := s.values(of)
	slices.Sort(values)
	n := len(values)
	return (values[(n-1)/2] + values[n/2]) / 2
}

func (s series) values(of func(measure) float64) []float64 {
	var values []float64
	for _, m := range s.Rounds {
		values = append(values, of(m))
	}
	return values
}

// spread is half of what lies between the fastest and the slowest round, as a share of the median.
func (s series) spread(of func(measure) float64) float64 {
	if len(s.Rounds) == 0 {
		return math.NaN()
	}
	values := s.values(of)
	return (slices.Max(values) - slices.Min(values)) / 2 / s.median(of)
}

// cpuOfUnit is the CPU that a unit takes: contestants need not all have done as many.
func (s series) cpuOfUnit() float64 {
	if n := s.median(units); n > 0 {
		return s.median(cpu) / n
	}
	return math.NaN()
}

// rate is units a second.
func (s series) rate() float64 { return s.median(units) / s.median(wall) }

// find gives a series by its name; one that is not there was not measured.
func find(all []series, name string) series {
	for _, s := range all {
		if s.Name == name {
			return s
		}
	}
	return series{Name: name, Failed: "not run"}
}

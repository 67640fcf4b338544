package main

import (
	"fmt"
	"io"
	"os"
	"sync"
	"time"

	"github.com/jedib0t/go-pretty/v6/progress"
	"golang.org/x/term"
)

const (
	// drawAfter is how long a job may take before its progress is worth a line.
	drawAfter = 500 * time.Millisecond

	// plainEvery is how often a long stage says where it is when stderr is no terminal.
	plainEvery = 5 * time.Second
)

// meter shows how far a job is: bars on a terminal, now and then a line elsewhere. It writes to stderr only.
type meter struct {
	app   *app
	began time.Time

	mu     sync.Mutex
	bars   progress.Writer // nil until they are drawn
	done   chan struct{}   // closed when the bars' goroutine has ended
	stages map[string]*meterStage
}

// meterStage is one line of the meter.
type meterStage struct {
	tracker *progress.Tracker // nil where no bar is drawn
	began   time.Time
	said    time.Time
	value   int64
	bytes   bool // that is its unit
	over    bool
}

// newMeter begins to show; stop ends it and must be called before anything else is written to the terminal.
func (a *app) newMeter() *meter {
	return &meter{app: a, began: time.Now(), stages: map[string]*meterStage{}}
}

// canDraw says whether w is a terminal that takes cursor movements.
func canDraw(w io.Writer) bool { return isTerminal(w) && os.Getenv("TERM") != "dumb" }

// report says that done of total rows of a stage are through; total 0 is unknown.
func (m *meter) report(stage string, done, total int64) { m.reportIn(false, stage, done, total) }

// reportIn is report, in bytes where it says so.
func (m *meter) reportIn(bytes bool, stage string, done, total int64) {
	if m.app.json {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	s, now := m.stages[stage], time.Now()
	if s == nil || s.over && done < s.value {
		s = m.begin(stage, now)
	}
	s.value, s.bytes = done, bytes
	if canDraw(m.app.stderr) {
		if now.Sub(m.began) >= drawAfter {
			m.draw(s, stage, done, total)
		}
		return
	}
	if now.Sub(s.said) >= plainEvery {
		s.said = now
		said := rate(done, now.Sub(s.began))
		if bytes {
			said = byteText(done) + " of " + byteText(total)
		}
		fmt.Fprintf(m.app.stderr, "%s: %s\n", stage, said)
	}
}

// begin adds a stage. The stages of a job follow each other, so that those before are over.
func (m *meter) begin(stage string, now time.Time) *meterStage {
	for _, other := range m.stages {
		other.end()
	}
	s := &meterStage{began: now, said: now}
	m.stages[stage] = s
	return s
}

func (s *meterStage) end() {
	s.over = true
	if s.tracker != nil {
		s.tracker.MarkAsDone()
	}
}

// draw brings a stage's bar up to date.
func (m *meter) draw(s *meterStage, stage string, done, total int64) {
	if m.bars == nil {
		m.startBars()
	}
	if begun := total == 0 || done < total; s.tracker == nil && !s.over && begun {
		s.tracker = &progress.Tracker{Message: stage, Total: total, AutoStopDisabled: true, RemoveOnCompletion: true}
		if s.bytes {
			s.tracker.Units = progress.UnitsBytes
		}
		m.bars.AppendTracker(s.tracker)
	}
	if s.tracker != nil {
		s.tracker.UpdateTotal(total)
		s.tracker.SetValue(done)
	}
}

func (m *meter) startBars() {
	m.bars = progress.NewWriter()
	m.bars.SetOutputWriter(m.app.stderr)
	m.bars.SetStyle(progress.StyleBlocks)
	m.bars.SetTrackerLength(16)
	m.bars.SetTrackerPosition(progress.PositionRight)
	if f, ok := m.app.stderr.(*os.File); ok {
		if width, _, err := term.GetSize(int(f.Fd())); err == nil && width > 0 {
			m.bars.SetTerminalWidth(width)
		}
	}
	m.bars.SetUpdateFrequency(100 * time.Millisecond)
	m.bars.Style().Options.TimeInProgressPrecision = 100 * time.Millisecond
	m.bars.Style().Visibility.Speed = true
	m.bars.Style().Visibility.TrackerOverall = false
	m.done = make(chan struct{})
	go func() {
		defer close(m.done)
		m.bars.Render()
	}()
}

// stop draws the last state and waits until nothing more is drawn.
func (m *meter) stop() {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, s := range m.stages {
		s.end()
	}
	if m.bars == nil {
		return
	}
	for {
		// Stop is lost on a renderer that has not begun yet: ask until it has ended.
		m.bars.Stop()
		select {
		case <-m.done:
			m.bars = nil
			return
		case <-time.After(10 * time.Millisecond):
		}
	}
}

package main

import (
	"fmt"
	"sync"
	"time"

	"github.com/jedib0t/go-pretty/v6/progress"
)

// plainEvery is how often a long stage says where it is when stderr is no terminal.
const plainEvery = 5 * time.Second

// meter shows how far a job is: bars on a terminal, now and then a line elsewhere. It writes to stderr only.
type meter struct {
	app *app

	mu     sync.Mutex
	bars   progress.Writer // nil where stderr is no terminal
	done   chan struct{}   // closed when the bars' goroutine has ended
	stages map[string]*meterStage
}

// meterStage is one line of the meter.
type meterStage struct {
	tracker *progress.Tracker
	began   time.Time
	said    time.Time
}

// newMeter begins to show; stop ends it and must be called before anything else is written to the terminal.
func (a *app) newMeter() *meter {
	m := &meter{app: a, stages: map[string]*meterStage{}}
	if a.json || !isTerminal(a.stderr) {
		return m
	}
	m.bars = progress.NewWriter()
	m.bars.SetOutputWriter(a.stderr)
	m.bars.SetStyle(progress.StyleBlocks)
	m.bars.SetTrackerLength(24)
	m.bars.SetMessageLength(36)
	m.bars.SetUpdateFrequency(100 * time.Millisecond)
	m.bars.Style().Visibility.Speed = true
	m.bars.Style().Visibility.TrackerOverall = false
	m.done = make(chan struct{})
	go func() {
		defer close(m.done)
		m.bars.Render()
	}()
	return m
}

// report says that done of total rows of a stage are through; total 0 is unknown.
func (m *meter) report(stage string, done, total int64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	s := m.stages[stage]
	now := time.Now()
	if s == nil {
		s = &meterStage{began: now, said: now}
		m.stages[stage] = s
		if m.bars != nil {
			s.tracker = &progress.Tracker{Message: stage, Total: total, AutoStopDisabled: true, RemoveOnCompletion: true}
			m.bars.AppendTracker(s.tracker)
		}
	}
	if s.tracker != nil {
		s.tracker.SetValue(done)
		return
	}
	if m.app.json || now.Sub(s.said) < plainEvery {
		return
	}
	s.said = now
	fmt.Fprintf(m.app.stderr, "%s: %s\n", stage, rate(done, now.Sub(s.began)))
}

// stop draws the last state and waits until nothing more is drawn.
func (m *meter) stop() {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.bars == nil {
		return
	}
	for _, s := range m.stages {
		s.tracker.MarkAsDone()
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

package metrics

import (
	"encoding/json"
	"fmt"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// StandStill is how long a journal may stand still behind the end of its topic, and Kafka not answer, before that is no health.
const StandStill = time.Minute

// tableHealth is what is known of a table.
type tableHealth struct {
	name    string
	last    time.Time // read ended, of the last capture or restore point; zero: none is known
	failing time.Time // since when it fails; zero: it does not
	kind    string    // of the last failure
}

func (h *tableHealth) fail(kind string, now time.Time) {
	if h.kind = kind; h.failing.IsZero() {
		h.failing = now
	}
}

// Health is what /healthz answers.
type Health struct {
	OK     bool          `json:"ok"`
	Tables []TableHealth `json:"tables"`
	Kafka  string        `json:"kafka,omitempty"` // what is wrong with it
}

// TableHealth is that of one table.
type TableHealth struct {
	Table    string     `json:"table"`
	OK       bool       `json:"ok"`
	Last     *time.Time `json:"last,omitempty"` // end of the read of the last capture (produce) or restore point (consume)
	Problems []string   `json:"problems,omitempty"`
}

func (h *TableHealth) problem(text string, args ...any) {
	h.Problems = append(h.Problems, fmt.Sprintf(text, args...))
}

// common is what producer and consumer ask alike; what fails is named for the reader.
func (m *Metrics) common(h *tableHealth, now time.Time, fails string) TableHealth {
	t := TableHealth{Table: h.name}
	since, what := m.began, "none since the start, %s ago: more than %s"
	if !h.last.IsZero() {
		last := h.last.UTC()
		t.Last, since, what = &last, last, "the last one is %s old: more than %s"
	}
	if age := now.Sub(since); m.options.MaxAge > 0 && age > m.options.MaxAge {
		t.problem(what, age.Round(time.Second), m.options.MaxAge)
	}
	if !h.failing.IsZero() {
		t.problem("%s failed since %s, the last time by: %s", fails, h.failing.UTC().Format(time.RFC3339), h.kind)
	}
	return t
}

// Health of the captures: those that failed last, and those that are too old.
func (p *Producer) Health() Health {
	p.mu.Lock()
	defer p.mu.Unlock()
	now, all := p.options.Now(), Health{OK: true}
	for _, h := range p.tables {
		all.add(p.common(h, now, "captures have"))
	}
	return all
}

// Health of the journals: those that stand still behind the topic's end, and those that are too old.
func (c *Consumer) Health() Health {
	c.mu.Lock()
	defer c.mu.Unlock()
	now, all := c.options.Now(), Health{OK: true}
	for _, h := range c.tables {
		t := c.common(h, now, "journaling has")
		for _, p := range sorted(c.partitions[h.name]) {
			if !p.behind.IsZero() && now.Sub(p.behind) > StandStill {
				t.problem("partition %d stands still at offset %d, %d behind the end of the topic", p.Partition.Partition, p.Next, p.end-p.Next)
			}
			if p.Torn {
				t.problem("a gap in partition %d is open: only a new baseline can be restored", p.Partition.Partition)
			}
		}
		all.add(t)
	}
	if !c.away.IsZero() && now.Sub(c.away) > StandStill {
		all.OK, all.Kafka = false, "does not answer since "+c.away.UTC().Format(time.RFC3339)
	}
	return all
}

func (h *Health) add(t TableHealth) {
	t.OK = len(t.Problems) == 0
	h.OK = h.OK && t.OK
	h.Tables = append(h.Tables, t)
}

// healthy is what /healthz says, as a metric: errors that are told once, and what happens before the first scrape, show in no
// counter's increase.
type healthy struct {
	health func() Health
	desc   *prometheus.Desc
}

func newHealthy(health func() Health) *healthy {
	return &healthy{health, prometheus.NewDesc("rewind_healthy", "1 while nothing is wrong with the table, by what /healthz says of it.", []string{"table"}, nil)}
}

// Describe gives the metric's description.
func (h *healthy) Describe(all chan<- *prometheus.Desc) { all <- h.desc }

// Collect gives each table's.
func (h *healthy) Collect(all chan<- prometheus.Metric) {
	for _, t := range h.health().Tables {
		value := 0.0
		if t.OK {
			value = 1
		}
		all <- prometheus.MustNewConstMetric(h.desc, prometheus.GaugeValue, value, t.Table)
	}
}

// serveHealth answers 200 while all is well, and 503 with what is not.
func serveHealth(health func() Health) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		h := health()
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Cache-Control", "no-store")
		if !h.OK {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
		text := json.NewEncoder(w)
		text.SetIndent("", "  ")
		_ = text.Encode(h) // who asked has gone
	}
}

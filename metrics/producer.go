package metrics

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// Results of a capture, as label values.
const (
	Committed = "committed"
	Refused   = "refused" // by a guard
	Failed    = "failed"
)

// Ops of changes, as label values, in the order of Capture.Changes.
var ops = [4]string{"read", "create", "update", "delete"}

// Capture is what a capture did.
type Capture struct {
	Table     string
	Took      time.Duration
	ReadEnded time.Time
	Rows      int64
	Bytes     int64    // published
	Changes   [4]int64 // reads, creates, updates, deletes
}

// Producer is the metrics of captures.
type Producer struct {
	*Metrics
	last      *prometheus.GaugeVec
	running   *prometheus.GaugeVec
	duration  *prometheus.HistogramVec
	captures  *prometheus.CounterVec
	rows      *prometheus.GaugeVec
	changes   *prometheus.CounterVec
	published *prometheus.CounterVec
	refusals  *prometheus.CounterVec
	errors    *prometheus.CounterVec
}

// NewProducer makes them.
func NewProducer(o Options) *Producer {
	p := &Producer{
		Metrics: newMetrics(o),
		last: gauge("rewind_last_capture_timestamp_seconds",
			"When the read of the table's last committed capture ended, by the producer's clock.", "table"),
		running: gauge("rewind_capture_running", "1 while the table is being captured.", "table"),
		duration: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "rewind_capture_duration_seconds", Help: "How long captures took, reading and publishing, the failed ones too.",
			Buckets: []float64{1, 2, 5, 10, 30, 60, 120, 300, 600, 1800, 3600, 7200, 14400},
		}, []string{"table"}),
		captures:  counter("rewind_captures_total", "Captures by their result: committed, refused by a guard, failed.", "table", "result"),
		rows:      gauge("rewind_capture_rows", "Rows of the table at its last committed capture.", "table"),
		changes:   counter("rewind_changes_total", "Changes in committed captures: rows read into a baseline, created, updated, deleted.", "table", "op"),
		published: counter("rewind_published_bytes_total", "Bytes of committed captures sent to Kafka, before compression.", "table"),
		refusals:  counter("rewind_guard_refusals_total", "Captures that a guard refused: nothing of them is a restore point.", "table"),
		errors:    counter("rewind_errors_total", "Errors by kind, which are those of the exit codes.", "table", "kind"),
	}
	p.registry.MustRegister(p.last, p.running, p.duration, p.captures, p.rows, p.changes, p.published, p.refusals, p.errors, newHealthy(p.Health))
	for _, t := range o.Tables {
		p.running.WithLabelValues(t).Set(0)
		p.duration.WithLabelValues(t)
		p.published.WithLabelValues(t)
		p.refusals.WithLabelValues(t)
		for _, result := range []string{Committed, Refused, Failed} {
			p.captures.WithLabelValues(t, result)
		}
		for _, op := range ops {
			p.changes.WithLabelValues(t, op)
		}
	}
	return p
}

// Begun says that a table's capture begins.
func (p *Producer) Begun(table string) { p.running.WithLabelValues(table).Set(1) }

// Committed says that it is a restore point in Kafka.
func (p *Producer) Committed(c Capture) {
	p.ended(c.Table, Committed, c.Took)
	p.last.WithLabelValues(c.Table).Set(seconds(c.ReadEnded))
	p.rows.WithLabelValues(c.Table).Set(float64(c.Rows))
	p.published.WithLabelValues(c.Table).Add(float64(c.Bytes))
	for i, n := range c.Changes {
		p.changes.WithLabelValues(c.Table, ops[i]).Add(float64(n))
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	h := p.health(c.Table)
	h.last, h.failing = c.ReadEnded, time.Time{}
}

// Failed says that it is none; kind is the word for its exit code.
func (p *Producer) Failed(table, kind string, took time.Duration) {
	result := Failed
	if kind == Refused {
		result = Refused
		p.refusals.WithLabelValues(table).Inc()
	}
	p.ended(table, result, took)
	p.errors.WithLabelValues(table, kind).Inc()
	p.mu.Lock()
	defer p.mu.Unlock()
	p.health(table).fail(kind, p.options.Now())
}

func (p *Producer) ended(table, result string, took time.Duration) {
	p.running.WithLabelValues(table).Set(0)
	p.duration.WithLabelValues(table).Observe(took.Seconds())
	p.captures.WithLabelValues(table, result).Inc()
}

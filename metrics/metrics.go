// Package metrics counts what a running producer or consumer does, serves it to Prometheus, and says at /healthz whether all goes
// well. It is fed by who runs them and knows neither; labels are tables' names, partitions and words of its own, never what stands
// in a table, a message or an error.
package metrics

import (
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
)

// Options say what is counted. The zero value of a field is the documented default.
type Options struct {
	Version  string           // of the program
	Revision string           // of its source
	Tables   []string         // that it works on: their series begin at 0
	MaxAge   time.Duration    // how old a table's last capture or restore point may be; 0: of any age
	Now      func() time.Time // nil: time.Now
}

// Metrics of one process. The methods may be called by several goroutines.
type Metrics struct {
	options  Options
	registry *prometheus.Registry
	began    time.Time

	mu     sync.Mutex
	tables []*tableHealth // in the order of Options.Tables
}

func newMetrics(o Options) *Metrics {
	if o.Now == nil {
		o.Now = time.Now
	}
	m := &Metrics{options: o, registry: prometheus.NewRegistry(), began: o.Now()}
	for _, name := range o.Tables {
		m.tables = append(m.tables, &tableHealth{name: name})
	}
	build := prometheus.NewGauge(prometheus.GaugeOpts{
		Name: "rewind_build_info", Help: "Always 1; the labels say which rewind this is.",
		ConstLabels: prometheus.Labels{"version": o.Version, "revision": o.Revision},
	})
	build.Set(1)
	m.registry.MustRegister(build, collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return m
}

// Registry is where all of it is gathered.
func (m *Metrics) Registry() *prometheus.Registry { return m.registry }

// health is a table's; one that was not announced gets its own.
func (m *Metrics) health(table string) *tableHealth {
	for _, h := range m.tables {
		if h.name == table {
			return h
		}
	}
	h := &tableHealth{name: table}
	m.tables = append(m.tables, h)
	return h
}

func counter(name, help string, labels ...string) *prometheus.CounterVec {
	return prometheus.NewCounterVec(prometheus.CounterOpts{Name: name, Help: help}, labels)
}

func gauge(name, help string, labels ...string) *prometheus.GaugeVec {
	return prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: name, Help: help}, labels)
}

// seconds is an instant as Prometheus writes it.
func seconds(t time.Time) float64 { return float64(t.UnixMicro()) / 1e6 }

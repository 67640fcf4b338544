package metrics

import (
	"maps"
	"slices"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// Partition is how far the journal of one partition is. The counts are those since the table was tried last.
type Partition struct {
	Table     string
	Partition int
	Entries   int64
	Bytes     int64
	Repeats   int64
	Stale     int64
	Doubtful  int64
	Gaps      int64
	Next      int64     // offset that is read next
	Snapshot  int64     // the last one whose Commit it holds; 0: none is known
	ReadEnded time.Time // of that snapshot
	Across    int       // partitions that snapshots lie in; 0: not known
	Torn      bool      // a gap took what the next snapshots build on
}

// Consumer is the metrics of journaling.
type Consumer struct {
	*Metrics
	point   *prometheus.GaugeVec
	lag     *prometheus.GaugeVec
	append  *prometheus.GaugeVec
	kafka   prometheus.Gauge
	entries *prometheus.CounterVec
	bytes   *prometheus.CounterVec
	gaps    *prometheus.CounterVec
	dropped *prometheus.CounterVec
	errors  *prometheus.CounterVec

	partitions map[string]map[int]*partition // by table and number
	away       time.Time                     // since when Kafka does not answer; zero: it does
}

// partition is what was told of one, and where Kafka's ends.
type partition struct {
	Partition
	end    int64     // in Kafka, when it was asked last
	behind time.Time // since when the journal stands still behind that; zero: it does not
}

// NewConsumer makes them.
func NewConsumer(o Options) *Consumer {
	c := &Consumer{
		Metrics: newMetrics(o),
		point: gauge("rewind_last_restore_point_timestamp_seconds",
			"When the read of the table's last restore point ended: what is in the journal can be restored up to here.", "table"),
		lag:     gauge("rewind_consumer_lag_messages", "Messages between the end of the journal and the end of the topic.", "table", "partition"),
		append:  gauge("rewind_consumer_last_append_timestamp_seconds", "When entries were last made durable in the table's journal.", "table"),
		kafka:   prometheus.NewGauge(prometheus.GaugeOpts{Name: "rewind_kafka_up", Help: "1 if Kafka answered when it was asked last."}),
		entries: counter("rewind_journal_entries_total", "Entries made durable in the table's journal.", "table"),
		bytes:   counter("rewind_journal_bytes_total", "Bytes of these entries, before compression.", "table"),
		gaps:    counter("rewind_journal_gaps_total", "Gaps written into the table's journal.", "table"),
		dropped: counter("rewind_consumer_dropped_messages_total",
			"Messages that do not belong into the journal: repeats, stale ones of a producer that was fenced off, doubtful ones behind a gap.", "table", "reason"),
		errors:     counter("rewind_errors_total", "Errors by kind, which are those of the exit codes.", "table", "kind"),
		partitions: map[string]map[int]*partition{},
	}
	c.registry.MustRegister(c.point, c.lag, c.append, c.kafka, c.entries, c.bytes, c.gaps, c.dropped, c.errors, newHealthy(c.Health))
	for _, t := range o.Tables {
		c.entries.WithLabelValues(t)
		c.bytes.WithLabelValues(t)
		c.gaps.WithLabelValues(t)
		c.dropped.WithLabelValues(t, "repeat")
		c.dropped.WithLabelValues(t, "stale")
		c.dropped.WithLabelValues(t, "doubtful")
	}
	return c
}

// Journaled says how far a partition's journal is.
func (c *Consumer) Journaled(told Partition) {
	c.mu.Lock()
	defer c.mu.Unlock()
	p := c.partition(told.Table, told.Partition)
	now := c.options.Now()
	if more(told.Entries, p.Entries) > 0 {
		c.append.WithLabelValues(told.Table).Set(seconds(now))
	}
	c.entries.WithLabelValues(told.Table).Add(more(told.Entries, p.Entries))
	c.bytes.WithLabelValues(told.Table).Add(more(told.Bytes, p.Bytes))
	c.gaps.WithLabelValues(told.Table).Add(more(told.Gaps, p.Gaps))
	c.dropped.WithLabelValues(told.Table, "repeat").Add(more(told.Repeats, p.Repeats))
	c.dropped.WithLabelValues(told.Table, "stale").Add(more(told.Stale, p.Stale))
	c.dropped.WithLabelValues(told.Table, "doubtful").Add(more(told.Doubtful, p.Doubtful))
	if told.Next > p.Next {
		p.behind = time.Time{}
	}
	p.Partition = told
	c.measure(p, now)
	if last, ok := lastPoint(c.partitions[told.Table]); ok {
		c.point.WithLabelValues(told.Table).Set(seconds(last))
		c.health(told.Table).last = last
	}
}

// Ended says where the partitions of a table end in Kafka, which answered.
func (c *Consumer) Ended(table string, ends []int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.kafka.Set(1)
	c.away = time.Time{}
	for n, end := range ends {
		p := c.partition(table, n)
		p.end = end
		c.measure(p, c.options.Now())
	}
}

// Away says that Kafka does not answer.
func (c *Consumer) Away() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.kafka.Set(0); c.away.IsZero() {
		c.away = c.options.Now()
	}
}

// Failed says that a table is not journaled; kind is the word for the error's exit code.
func (c *Consumer) Failed(table, kind string) {
	c.errors.WithLabelValues(table, kind).Inc()
	c.mu.Lock()
	defer c.mu.Unlock()
	c.health(table).fail(kind, c.options.Now())
}

// Recovered says that it is journaled again.
func (c *Consumer) Recovered(table string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.health(table).failing = time.Time{}
}

// more is how much a count grew; one that is smaller began anew.
func more(now, before int64) float64 {
	if now < before {
		return float64(now)
	}
	return float64(now - before)
}

func (c *Consumer) partition(table string, number int) *partition {
	of := c.partitions[table]
	if of == nil {
		of = map[int]*partition{}
		c.partitions[table] = of
	}
	if of[number] == nil {
		of[number] = &partition{Partition: Partition{Table: table, Partition: number}}
	}
	return of[number]
}

// measure brings a partition's lag up to date.
func (c *Consumer) measure(p *partition, now time.Time) {
	lag := max(0, p.end-p.Next)
	c.lag.WithLabelValues(p.Table, strconv.Itoa(p.Partition.Partition)).Set(float64(lag))
	switch {
	case lag == 0:
		p.behind = time.Time{}
	case p.behind.IsZero():
		p.behind = now
	}
}

// lastPoint is when the read of the last restore point ended: the newest snapshot whose Commit every partition's journal holds.
func lastPoint(partitions map[int]*partition) (ended time.Time, ok bool) {
	first := partitions[0]
	if first == nil || first.Across == 0 {
		return ended, false
	}
	lowest := int64(0)
	for n := range first.Across {
		p := partitions[n]
		if p == nil || p.Snapshot == 0 || p.Torn {
			return ended, false
		}
		if lowest == 0 || p.Snapshot < lowest {
			lowest, ended = p.Snapshot, p.ReadEnded
		}
	}
	return ended, true
}

// sorted gives a table's partitions by number.
func sorted(partitions map[int]*partition) (all []*partition) {
	for _, n := range slices.Sorted(maps.Keys(partitions)) {
		all = append(all, partitions[n])
	}
	return all
}

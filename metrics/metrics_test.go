package metrics

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var update = flag.Bool("update", false, "write the pages in testdata anew")

// clock is a time that a test moves.
type clock struct{ at time.Time }

func (c *clock) now() time.Time { return c.at }

func (c *clock) pass(d time.Duration) { c.at = c.at.Add(d) }

func newClock() *clock { return &clock{time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC)} }

const orders, customers = "shop.orders", "shop.customers"

func options(c *clock, maxAge time.Duration) Options {
	return Options{Version: "v1.2.3", Revision: "0123456789ab", Tables: []string{orders, customers}, MaxAge: maxAge, Now: c.now}
}

// aProducer has committed, failed and refused.
func aProducer(c *clock) *Producer {
	p := NewProducer(options(c, 30*time.Minute))
	p.Begun(orders)
	p.Committed(Capture{Table: orders, Took: 3 * time.Second, ReadEnded: c.at, Rows: 1000, Bytes: 5000, Changes: [4]int64{0, 1, 2, 3}})
	p.Failed(customers, "unreachable", 15*time.Second)
	p.Failed(customers, Refused, time.Second)
	p.Begun(customers)
	return p
}

// aConsumer has journaled two partitions of a table, and lies behind in one.
func aConsumer(c *clock) *Consumer {
	k := NewConsumer(options(c, 30*time.Minute))
	k.Ended(orders, []int64{10, 20})
	k.Journaled(Partition{Table: orders, Entries: 10, Bytes: 1000, Next: 10, Snapshot: 7, ReadEnded: c.at, Across: 2})
	k.Journaled(Partition{Table: orders, Partition: 1, Entries: 12, Bytes: 1200, Repeats: 1, Stale: 2, Gaps: 1, Next: 15, Snapshot: 7, ReadEnded: c.at, Across: 2})
	k.Failed(customers, "corrupt")
	return k
}

// TestPages holds what Prometheus is served to the pages in testdata, and to its rules for names and help. Go's own metrics, and
// those of the process, differ from run to run.
func TestPages(t *testing.T) {
	for name, from := range map[string]source{"producer": aProducer(newClock()), "consumer": aConsumer(newClock())} {
		t.Run(name, func(t *testing.T) {
			problems, err := testutil.GatherAndLint(from.Registry())
			if err != nil || len(problems) > 0 {
				t.Errorf("promlint: %v, %v", problems, err)
			}
			path := filepath.Join("testdata", name+".txt")
			page := ours(t, get(t, from, "/metrics", http.StatusOK))
			if *update {
				if err := os.WriteFile(path, []byte(page), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if page != string(want) {
				t.Errorf("the page is not %s (-update writes it anew):\n%s", path, page)
			}
		})
	}
}

// ours is the part of a page that is rewind's.
func ours(t *testing.T, page string) string {
	t.Helper()
	var b strings.Builder
	foreign := 0
	for line := range strings.Lines(page) {
		if strings.Contains(line, " go_") || strings.Contains(line, " process_") || strings.HasPrefix(line, "go_") || strings.HasPrefix(line, "process_") {
			foreign++
			continue
		}
		b.WriteString(line)
	}
	if foreign == 0 {
		t.Error("Go's and the process's metrics are missing")
	}
	return b.String()
}

// get serves and asks once.
func get(t *testing.T, from source, path string, status int) string {
	t.Helper()
	s, err := Listen(t.Context(), "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s.Serve(from)
	defer func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}()
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	answer, err := client.Get("http://" + s.Addr() + path)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil || answer.StatusCode != status {
		t.Errorf("%s: %d, %v, want %d: %s", path, answer.StatusCode, err, status, text)
	}
	return string(text)
}

// problems asks a page of health, which must have that status, and gives what is wrong.
func problems(t *testing.T, from source, status int) (all []string) {
	t.Helper()
	var h Health
	if err := json.Unmarshal([]byte(get(t, from, "/healthz", status)), &h); err != nil {
		t.Fatal(err)
	}
	page := get(t, from, "/metrics", http.StatusOK)
	for _, table := range h.Tables {
		value := 0
		if table.OK {
			value = 1
		}
		if !strings.Contains(page, fmt.Sprintf("\nrewind_healthy{table=%q} %d\n", table.Table, value)) {
			t.Errorf("rewind_healthy of %s is not %d", table.Table, value)
		}
		for _, p := range table.Problems {
			all = append(all, table.Table+": "+p)
		}
		if table.OK != (len(table.Problems) == 0) {
			t.Errorf("%+v", table)
		}
	}
	if h.Kafka != "" {
		all = append(all, h.Kafka)
	}
	if h.OK != (len(all) == 0) {
		t.Errorf("ok is %v: %v", h.OK, all)
	}
	return all
}

func same(t *testing.T, got []string, want ...string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestHealthOfAProducer(t *testing.T) {
	c := newClock()
	p := NewProducer(options(c, 30*time.Minute))
	same(t, problems(t, p, http.StatusOK))
	committed := func(table string) {
		p.Begun(table)
		p.Committed(Capture{Table: table, ReadEnded: c.at})
	}
	committed(orders)
	c.pass(20 * time.Minute)
	p.Failed(orders, "unreachable", time.Second)
	c.pass(5 * time.Minute)
	p.Failed(orders, Refused, time.Second)
	same(t, problems(t, p, http.StatusServiceUnavailable), orders+": captures have failed since 2026-11-23T09:20:00Z, the last time by: refused")
	committed(orders)
	committed(customers)
	same(t, problems(t, p, http.StatusOK))
	c.pass(20 * time.Minute)
	committed(orders)
	c.pass(11 * time.Minute)
	same(t, problems(t, p, http.StatusServiceUnavailable), customers+": the last one is 31m0s old: more than 30m0s")

	never := NewProducer(options(c, 30*time.Minute))
	c.pass(31 * time.Minute)
	same(t, problems(t, never, http.StatusServiceUnavailable),
		orders+": none since the start, 31m0s ago: more than 30m0s", customers+": none since the start, 31m0s ago: more than 30m0s")
	any := NewProducer(options(c, 0))
	c.pass(1000 * time.Hour)
	same(t, problems(t, any, http.StatusOK))
}

func TestHealthOfAConsumer(t *testing.T) {
	c := newClock()
	k := NewConsumer(options(c, 0))
	journaled := func(next int64) {
		k.Journaled(Partition{Table: orders, Next: next, Snapshot: 7, ReadEnded: c.at, Across: 1})
	}
	journaled(5)
	k.Ended(orders, []int64{10})
	c.pass(StandStill + time.Second)
	same(t, problems(t, k, http.StatusServiceUnavailable), orders+": partition 0 stands still at offset 5, 5 behind the end of the topic")
	journaled(6) // slow, but it goes on
	same(t, problems(t, k, http.StatusOK))
	c.pass(StandStill + time.Second)
	same(t, problems(t, k, http.StatusServiceUnavailable), orders+": partition 0 stands still at offset 6, 4 behind the end of the topic")
	journaled(10)
	c.pass(StandStill + time.Second)
	same(t, problems(t, k, http.StatusOK)) // nothing comes: that is no standing still

	k.Away()
	same(t, problems(t, k, http.StatusOK)) // it may be back at once
	c.pass(StandStill + time.Second)
	k.Away()
	same(t, problems(t, k, http.StatusServiceUnavailable), "does not answer since 2026-11-23T09:03:03Z")
	k.Ended(orders, []int64{10})
	same(t, problems(t, k, http.StatusOK))

	k.Failed(customers, "corrupt")
	k.Journaled(Partition{Table: orders, Next: 11, Torn: true})
	same(t, problems(t, k, http.StatusServiceUnavailable), orders+": a gap in partition 0 is open: only a new baseline can be restored",
		customers+": journaling has failed since 2026-11-23T09:04:04Z, the last time by: corrupt")
	k.Recovered(customers)
	k.Journaled(Partition{Table: orders, Next: 12})
	same(t, problems(t, k, http.StatusOK))
}

// TestLastRestorePoint is the newest snapshot that every partition holds.
func TestLastRestorePoint(t *testing.T) {
	at := func(minute int) time.Time { return time.Date(2026, 11, 23, 9, minute, 0, 0, time.UTC) }
	part := func(snapshot int64, across int, torn bool) *partition {
		return &partition{Partition: Partition{Snapshot: snapshot, ReadEnded: at(int(snapshot)), Across: across, Torn: torn}}
	}
	for name, test := range map[string]struct {
		partitions map[int]*partition
		want       int64 // 0: none
	}{
		"nothing told":              {nil, 0},
		"all at one":                {map[int]*partition{0: part(5, 2, false), 1: part(5, 2, false)}, 5},
		"one behind":                {map[int]*partition{0: part(5, 2, false), 1: part(4, 2, false)}, 4},
		"one not told":              {map[int]*partition{0: part(5, 2, false)}, 0},
		"one without a commit":      {map[int]*partition{0: part(5, 2, false), 1: part(0, 2, false)}, 0},
		"torn":                      {map[int]*partition{0: part(5, 2, false), 1: part(5, 2, true)}, 0},
		"across fewer than it has":  {map[int]*partition{0: part(5, 1, false), 1: part(0, 0, false)}, 5},
		"how many is not known yet": {map[int]*partition{0: part(5, 0, false)}, 0},
	} {
		ended, ok := lastPoint(test.partitions)
		if ok != (test.want != 0) || ok && !ended.Equal(at(int(test.want))) {
			t.Errorf("%s: %s, %v", name, ended, ok)
		}
	}
}

// TestCountsGoOnAfterATry: another try of a table counts from 0, its counters do not.
func TestCountsGoOnAfterATry(t *testing.T) {
	k := NewConsumer(options(newClock(), 0))
	for _, entries := range []int64{0, 3, 5, 0, 2} {
		k.Journaled(Partition{Table: orders, Entries: entries})
	}
	if got := testutil.ToFloat64(k.entries.WithLabelValues(orders)); got != 7 {
		t.Errorf("%v entries", got)
	}
}

func TestAddress(t *testing.T) {
	for text, want := range map[string]string{
		"9469": "127.0.0.1:9469", ":9469": "127.0.0.1:9469", "0.0.0.0:9469": "0.0.0.0:9469", "[::]:9469": "[::]:9469", "host:1": "host:1",
	} {
		if got := Address(text); got != want {
			t.Errorf("%s: %s, want %s", text, got, want)
		}
	}
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	var refused *AddressError
	if _, err := Listen(t.Context(), taken.Addr().String()); !errors.As(err, &refused) || refused.ExitCode() != 2 || refused.Hint() == "" {
		t.Errorf("got %v", err)
	}
	for _, text := range []string{"nonsense", "127.0.0.1:99999", ":x"} {
		if s, err := Listen(t.Context(), text); !errors.As(err, &refused) {
			t.Errorf("%s: %v, %v", text, s, err)
		}
	}
}

// TestServer answers what it has and nothing else, and leaves nothing behind, also where somebody holds a connection.
func TestServer(t *testing.T) {
	p := NewProducer(options(newClock(), 0))
	get(t, p, "/", http.StatusOK)
	get(t, p, "/debug/pprof/", http.StatusNotFound)
	s, err := Listen(t.Context(), "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s.Serve(p)
	var dialer net.Dialer
	idle, err := dialer.DialContext(context.Background(), "tcp", s.Addr())
	if err != nil {
		t.Fatal(err)
	}
	defer idle.Close()
	if _, err := idle.Write([]byte("GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")); err != nil {
		t.Fatal(err)
	}
	answer := make([]byte, 1<<10)
	if n, err := idle.Read(answer); err != nil || !bytes.HasPrefix(answer[:n], []byte("HTTP/1.1 200 OK\r\n")) {
		t.Errorf("%q, %v", answer[:n], err)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	unserved, err := Listen(t.Context(), "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	if err := unserved.Close(); err != nil {
		t.Error(err)
	}
}

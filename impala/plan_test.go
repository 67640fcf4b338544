package impala

import (
	"context"
	"regexp"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"rewind/sandbox"
	"rewind/table"
)

// tapedStatements is what a server was sent.
type tapedStatements struct {
	mu   sync.Mutex
	seen []string
}

func (l *tapedStatements) fault(statement string) (before, after error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.seen = append(l.seen, statement)
	return nil, nil
}

var randomID = regexp.MustCompile(`[0-9a-f]{32}`)

// during gives the statements that work sends, ids left out.
func (l *tapedStatements) during(t *testing.T, work func() error) []string {
	t.Helper()
	l.mu.Lock()
	l.seen = nil
	l.mu.Unlock()
	if err := work(); err != nil {
		t.Fatal(err)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	return normal(l.seen)
}

func normal(statements []string) []string {
	out := make([]string, len(statements))
	for i, s := range statements {
		out[i] = randomID.ReplaceAllString(s, "ID")
	}
	return out
}

// TestPlansAreWhatIsSent holds every plan against what a server is sent when the work is done.
func TestPlansAreWhatIsSent(t *testing.T) {
	sent := &tapedStatements{}
	b := newBench(t, sandbox.ImpalaOptions{Fault: sent.fault}, Options{Timezone: "UTC", Session: map[string]string{"MEM_LIMIT": "1g"}})
	b.run(t, "CREATE TABLE shop.plain (id BIGINT, name STRING) STORED AS PARQUET", "INSERT INTO shop.plain VALUES (1, 'Alice')",
		"CREATE TABLE shop.ranged (id BIGINT PRIMARY KEY, name STRING) PARTITION BY RANGE (id) (PARTITION VALUES < 5, PARTITION 5 <= VALUES) STORED AS KUDU")
	b.ours(shop("plain"), TableOptions{Key: []string{"id"}, Refresh: true, Options: map[string]string{"NUM_NODES": "1"}})
	ctx := context.Background()
	for _, name := range []string{"plain", "ranged"} {
		source, into, kept := shop(name), shop(name+"_then"), shop(name+"_kept")
		plan, d, err := b.PlanCapture(ctx, source, nil, true, Streams{})
		if err != nil {
			t.Fatal(err)
		}
		same := func(what string, plan, ran []string) {
			t.Helper()
			if diff := cmp.Diff(normal(plan), ran); diff != "" {
				t.Errorf("%s %s: planned (-), sent (+)\n%s", what, name, diff)
			}
		}
		same("capture", plan, sent.during(t, func() error {
			described, err := b.Describe(ctx, source)
			if err != nil {
				return err
			}
			if _, _, err := b.Estimate(ctx, source); err != nil {
				return err
			}
			for _, err := range b.Rows(ctx, table.WithIDs(nil, described.Schema), true) {
				if err != nil {
					return err
				}
			}
			_, err = b.Altered(ctx, source, described)
			return err
		}))
		_, rows, digest := b.capture(t, source)
		load := table.Load{Into: into, Source: source, RestoreID: "r", Def: *d, Digest: digest, Stats: true}
		if plan, err = b.Plan(ctx, load); err != nil {
			t.Fatal(err)
		}
		same("load", plan, sent.during(t, func() error { _, err := b.Load(ctx, load, sequence(rows)); return err }))
		same("rename", b.PlanRename(source, kept), sent.during(t, func() error { return b.Rename(ctx, source, kept) }))
		same("look", b.PlanLook(kept), sent.during(t, func() error { _, _, err := b.RestoreID(ctx, kept); return err }))
		proof, err := b.PlanDigest(ctx, kept, d.Schema)
		if err != nil {
			t.Fatal(err)
		}
		same("digest", proof, sent.during(t, func() error { _, _, err := b.Digest(ctx, kept, d.Schema); return err }))
		same("drop", b.PlanDrop(kept), sent.during(t, func() error { return b.Drop(ctx, kept) }))
	}
}

// TestPlansOnlyLook wants a plan to send nothing that changes or refreshes anything.
func TestPlansOnlyLook(t *testing.T) {
	sent := &tapedStatements{}
	b := newBench(t, sandbox.ImpalaOptions{Fault: sent.fault}, Options{})
	b.run(t, "CREATE TABLE shop.plain (id BIGINT) STORED AS PARQUET")
	b.ours(shop("plain"), TableOptions{Key: []string{"id"}, Refresh: true})
	for _, statement := range sent.during(t, func() error {
		_, _, err := b.PlanCapture(context.Background(), shop("plain"), nil, true, Streams{})
		return err
	}) {
		if !looks(statement) {
			t.Errorf("sent: %s", statement)
		}
	}
}

func looks(statement string) bool {
	for _, word := range []string{"SELECT", "SHOW", "DESCRIBE", "SET"} {
		if strings.HasPrefix(statement, word) {
			return true
		}
	}
	return false
}

package impala

import (
	"context"
	"errors"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"rewind/sandbox"
	"rewind/table"
)

func TestCancelledScanEndsTheServersQuery(t *testing.T) {
	b := newBench(t, sandbox.ImpalaOptions{BatchRows: 2, FetchWait: time.Millisecond}, Options{})
	s := b.fullTable(t, shop("full"), "CREATE TABLE", "STORED AS PARQUET")
	for name, stop := range map[string]func(cancel context.CancelFunc) bool{
		"cancelled":           func(cancel context.CancelFunc) bool { cancel(); return true },
		"the reader has left": func(context.CancelFunc) bool { return false },
	} {
		ctx, cancel := context.WithCancel(context.Background())
		seen, failed := 0, error(nil)
		for _, err := range b.Rows(ctx, s, true) {
			if err != nil {
				failed = err
				break
			}
			if seen++; seen == 3 {
				if len(b.server.Queries()) != 1 {
					t.Errorf("%s: the scan is not among %v", name, b.server.Queries())
				}
				if !stop(cancel) {
					break
				}
			}
		}
		cancel()
		if name == "cancelled" && !errors.Is(failed, context.Canceled) {
			t.Errorf("%s: %v after %d rows", name, failed, seen)
		}
		if left := b.server.Queries(); len(left) != 0 {
			t.Errorf("%s: still running on the server: %v", name, left)
		}
	}
}

func TestCancelledLoadLeavesNothing(t *testing.T) {
	b := newBench(t, sandbox.ImpalaOptions{}, Options{})
	b.fullTable(t, shop("full"), "CREATE TABLE", "STORED AS PARQUET")
	d, rows, digest := b.capture(t, shop("full"))
	for _, stage := range []string{"stage", "load", "prove"} {
		ctx, cancel := context.WithCancel(context.Background())
		b.o.Progress = func(p Progress) {
			if p.Stage == stage {
				cancel()
			}
		}
		_, err := b.Load(ctx, table.Load{Into: shop("then"), Source: shop("full"), RestoreID: "r", Def: *d, Digest: digest}, sequence(rows))
		cancel()
		if !errors.Is(err, context.Canceled) {
			t.Errorf("%s: %v", stage, err)
		}
		b.nothingLeft(t)
		if got := b.tables(t); !slices.Equal(got, []string{"full"}) {
			t.Errorf("%s: tables %v", stage, got)
		}
	}
}

func TestServerOutOfReach(t *testing.T) {
	b := newBench(t, sandbox.ImpalaOptions{}, Options{})
	b.run(t, "CREATE TABLE shop.a (x INT) STORED AS PARQUET")
	b.ours(shop("a"), TableOptions{Key: []string{"x"}})
	b.server.ExpireSessions()
	d, _, _ := b.capture(t, shop("a")) // a new session is made for every unit of work
	if err := b.server.Close(); err != nil {
		t.Fatal(err)
	}
	ctx := context.Background()
	_, describeErr := b.Describe(ctx, shop("a"))
	var scanErr error
	for _, scanErr = range b.Rows(ctx, d.Schema, true) {
	}
	_, openErr := Open(ctx, Options{DSN: b.server.DSN()})
	for what, err := range map[string]error{"describe": describeErr, "scan": scanErr, "rename": b.Rename(ctx, shop("a"), shop("b")), "open": openErr} {
		var unreachable *UnreachableError
		if !errors.As(err, &unreachable) || unreachable.ExitCode() != 7 || !strings.Contains(err.Error(), b.server.Addr()) {
			t.Errorf("%s: %v", what, err)
		}
	}
}

func TestSessionsExpire(t *testing.T) {
	b := newBench(t, sandbox.ImpalaOptions{BatchRows: 1}, Options{})
	b.run(t, "CREATE TABLE shop.a (x INT) STORED AS PARQUET", "INSERT INTO shop.a VALUES (1), (2), (3)")
	b.ours(shop("a"), TableOptions{Key: []string{"x"}})
	d, err := b.Describe(context.Background(), shop("a"))
	if err != nil {
		t.Fatal(err)
	}
	var failed error
	seen := 0
	for _, err := range b.Rows(context.Background(), d.Schema, true) {
		if failed = err; err == nil {
			seen++
			b.server.ExpireSessions()
		}
	}
	var unreachable *UnreachableError
	if seen == 3 && failed == nil { // the stand-in had all rows computed
		return
	}
	if !errors.As(failed, &unreachable) {
		t.Errorf("after %d rows: %v", seen, failed)
	}
}

func TestCredentials(t *testing.T) {
	server := startImpala(t, sandbox.ImpalaOptions{User: "me", Password: "secret"})
	db, err := Open(context.Background(), Options{DSN: server.DSN()})
	if err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Error(err)
	}
	_, err = Open(context.Background(), Options{DSN: strings.Replace(server.DSN(), "secret", "wrong", 1)})
	var auth *AuthError
	if !errors.As(err, &auth) || auth.ExitCode() != 2 || strings.Contains(err.Error(), "wrong") {
		t.Errorf("%v", err)
	}
}

func TestStatementErrorsAreShort(t *testing.T) {
	b := newBench(t, sandbox.ImpalaOptions{}, Options{})
	err := b.change(context.Background(), table.Name{}, func(s *session) error {
		return s.exec(context.Background(), "SELECT "+strings.Repeat("é", 5000)+" FROM nowhere")
	})
	var statement *StatementError
	if !errors.As(err, &statement) || len(statement.SQL) > shownSQL+8 {
		t.Errorf("%v", err)
	}
	if got := shorten("INSERT INTO `a`.`b` VALUES ('secret')"); strings.Contains(got, "secret") {
		t.Errorf("rows are shown: %s", got)
	}
}

func TestSessionOptionsAreSetEverywhere(t *testing.T) {
	b := newBench(t, sandbox.ImpalaOptions{}, Options{Session: map[string]string{"MEM_LIMIT": "2g", "REQUEST_POOL": "root.small"}, Timezone: "UTC"})
	b.ours(shop("a"), TableOptions{Options: map[string]string{"REQUEST_POOL": "root.big"}})
	err := b.change(context.Background(), shop("a"), func(s *session) error {
		_, rows, err := s.texts(context.Background(), allOptionsSQL)
		got := map[string]string{}
		for _, r := range rows {
			got[r[0]] = r[1]
		}
		for key, want := range map[string]string{"MEM_LIMIT": "2g", "REQUEST_POOL": "root.big", "TIMEZONE": "UTC", "SYNC_DDL": "true"} {
			if canonicalOption(got[key]) != want {
				t.Errorf("%s is %q, want %q", key, got[key], want)
			}
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
}

func TestCancelledStatementEndsOnTheServer(t *testing.T) {
	b := newBench(t, sandbox.ImpalaOptions{}, Options{})
	b.run(t, "CREATE TABLE shop.a (x INT) STORED AS PARQUET")
	statement := "INSERT INTO shop.a VALUES (0)" + strings.Repeat(", (1)", 999)
	b.run(t, statement)
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	ended := make(chan error)
	go func() {
		ended <- b.change(ctx, table.Name{}, func(s *session) error {
			return s.exec(ctx, "INSERT INTO shop.a SELECT p.x FROM shop.a p CROSS JOIN shop.a q CROSS JOIN shop.a r")
		})
	}()
	running := func() bool {
		return slices.ContainsFunc(b.server.Queries(), func(q sandbox.Query) bool { return strings.Contains(q.Statement, "CROSS JOIN") })
	}
	for !running() {
		select {
		case err := <-ended:
			t.Fatalf("it ended before it was seen: %v", err)
		default:
			runtime.Gosched()
		}
	}
	cancel()
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
	if running() {
		t.Errorf("still running: %v", b.server.Queries())
	}
}

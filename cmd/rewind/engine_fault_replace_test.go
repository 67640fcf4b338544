package main

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"rewind/sandbox"
)

// TestEveryCallOfAReplaceFails makes each call of a restore --replace go wrong in turn. The command after it, whichever it is, finds one whole
// table under the name, the old one or the new one, the old one kept where it was replaced, and leaves nothing else.
func TestEveryCallOfAReplaceFails(t *testing.T) {
	noLeaks(t)
	for _, f := range callFaults {
		t.Run(f.name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t, "  - {name: shop.t}\n", "")
			r.sql(t, kudu, "INSERT INTO shop.t VALUES "+three)
			old := r.look(t, "shop.t")
			point := r.capture(t)
			args := []string{"restore", "shop.t", "--at", fmt.Sprint(point.Snapshot), "--replace", "--yes", "--config", r.config}
			var w ways
			replaced := 0
			for k := 1; ; k += callStride {
				r.sql(t, fmt.Sprintf("UPDATE shop.t SET name = 'k%d'", k))
				live := r.look(t, "shop.t")
				o := &one{k: k, how: f.fault}
				code, stderr := 0, ""
				r.while(func() { r.call = o.call }, func() { code, _, stderr = runCommand(t.Context(), args...) })
				what := fmt.Sprintf("%s %d %s", f.name, k, o.name)
				r.checkFailed(t, what, f.codes, code, stderr)
				must(t, "produce", "--config", r.config) // the next command, whichever it is
				isNew := r.settled(t, what, code, live, old)
				replaced += oneIf(isNew)
				if o.name == "" {
					break
				}
				w.add(code)
			}
			must(t, "consume", "--until-caught-up", "--config", r.config)
			must(t, "verify", "--config", r.config)
			t.Logf("counted: %d engine calls of a replace %s: %d ended the command, %d did not hurt it; %d times the table was replaced",
				w.faults, f.name, w.failed, w.survived, replaced)
		})
	}
}

// settled looks whether one of the two tables stands under the name, and throws the kept one away. It says which it is.
func (r *rig) settled(t *testing.T, what string, code int, live, old state) (isNew bool) {
	t.Helper()
	now := r.look(t, "shop.t")
	isNew = cmp.Equal(now, old)
	if !isNew && !cmp.Equal(now, live) {
		t.Errorf("%s: under the name stands neither the old table nor the new one: %+v", what, now)
	}
	if done := code == exitOK || code == exitPartial; done && !isNew {
		t.Errorf("%s: exit code %d, and the table was not replaced", what, code)
	}
	var kept []string
	for _, row := range r.query(t, "SHOW TABLES IN shop") {
		switch {
		case row[0] == "t":
		case strings.HasPrefix(row[0], "t__rewind_") && !strings.HasPrefix(row[0], "t__rewind_new_"):
			kept = append(kept, row[0])
		default:
			t.Errorf("%s: left over: %s", what, row[0])
		}
	}
	if left, err := os.ReadDir(r.staging()); err != nil || len(left) > 0 {
		t.Errorf("%s: left over in staging: %v %v", what, left, err)
	}
	if len(kept) != oneIf(isNew) {
		t.Errorf("%s: kept %v, replaced %t", what, kept, isNew)
		return isNew
	}
	if isNew {
		if was := r.look(t, "shop."+kept[0]); !slices.Equal(was.Rows, live.Rows) {
			t.Errorf("%s: the kept table has %v, want %v", what, was.Rows, live.Rows)
		}
		must(t, "drop-replaced", "shop.t", "--yes", "--config", r.config)
	}
	return isNew
}

// TestAServerThatStopsAnswering: of each kind of call one is done and never answered. The command ends by the driver's timeout, and the
// connection that waits for a late answer is never used again: the next command, on new ones, goes right.
func TestAServerThatStopsAnswering(t *testing.T) {
	noLeaks(t)
	for _, command := range []string{"produce", "restore"} {
		t.Run(command, func(t *testing.T) {
			t.Parallel()
			r := newRig(t, keyID, "&socket-timeout=2s")
			r.sql(t, parquet, "INSERT INTO shop.t VALUES "+three)
			want := r.look(t, "shop.t")
			point := r.capture(t)
			args := []string{"produce"}
			if command == "restore" {
				args = []string{"restore", "shop.t", "--at", fmt.Sprint(point.Snapshot), "--into", "shop.past"}
			}
			stalled := 0
			for _, name := range []string{"OpenSession", "ExecuteStatement", "GetOperationStatus", "GetResultSetMetadata", "FetchResults", "CloseImpalaOperation", "CloseSession"} {
				had := len(r.points(t))
				o := &stall{name: name}
				code, stderr := 0, ""
				r.while(func() { r.call = o.call }, func() { code, _, stderr = runCommand(t.Context(), append(args, "--config", r.config)...) })
				stalled += o.stalled
				if code == exitUnreachable && (!strings.Contains(stderr, "i/o timeout") || !strings.Contains(stderr, "socket-timeout")) {
					t.Errorf("%s: %s", name, stderr)
				}
				if code != exitUnreachable && code != exitOK && code != exitPartial {
					t.Errorf("%s: exit code %d\n%s", name, code, stderr)
				}
				must(t, "consume", "--until-caught-up", "--config", r.config)
				if got := len(r.points(t)); got != had+oneIf(code == exitOK && command == "produce") {
					t.Errorf("%s: exit code %d, %d restore points, were %d", name, code, got, had)
				}
				r.capture(t)
				if command == "restore" && code != exitUnreachable {
					r.sql(t, "DROP TABLE shop.past")
				}
				r.nothingLeft(t, name, "t")
			}
			r.restored(t, "shop.t", point.Snapshot, want)
			t.Logf("counted: %d engine calls of %s never answered", stalled, command)
		})
	}
}

// stall leaves the third call of a name without an answer.
type stall struct {
	name    string
	seen    int
	stalled int
}

func (s *stall) call(c sandbox.Call) sandbox.CallFault {
	if c.Name != s.name {
		return 0
	}
	if s.seen++; s.seen != 3 {
		return 0
	}
	s.stalled++
	return sandbox.CallStalled
}

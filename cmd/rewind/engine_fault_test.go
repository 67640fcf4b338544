package main

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"rewind/sandbox"
	"rewind/table"
)

// callFaults are what goes wrong with a call, and the exit codes that a command may then end with: a call that only cleans up, or one
// that is tried again, hurts nobody.
var callFaults = []struct {
	name  string
	fault sandbox.CallFault
	codes []int
}{
	{"refused", sandbox.CallRefused, []int{exitOK, exitFailed, exitUnreachable, exitPartial}},
	{"cut", sandbox.CallCut, []int{exitOK, exitUnreachable, exitPartial}},
	{"answer-lost", sandbox.CallLost, []int{exitOK, exitUnreachable, exitPartial}},
}

// one makes the k-th call from now go wrong, and says whether it came.
type one struct {
	k    int
	how  sandbox.CallFault
	seen int
	name string // of the call that went wrong; "": it never came
}

func (o *one) call(c sandbox.Call) sandbox.CallFault {
	if o.seen++; o.seen != o.k {
		return 0
	}
	o.name = c.Name
	return o.how
}

// ways counts how commands ended.
type ways struct{ faults, survived, failed int }

func (w *ways) add(code int) {
	w.faults++
	if code == exitOK || code == exitPartial {
		w.survived++
	} else {
		w.failed++
	}
}

// fold gives the rows of a point as the journal has them, as texts in the table's order.
func (r *rig) fold(t *testing.T, name table.Name, id int64) (rows []string) {
	t.Helper()
	j := r.journal(t, name)
	p, err := j.Point(id)
	if err != nil {
		t.Fatal(err)
	}
	codec, err := table.NewCodec(p.TableSchema())
	if err != nil {
		t.Fatal(err)
	}
	columns := p.TableSchema().Columns
	values := make([]table.Value, len(columns))
	for row, err := range j.Fold(t.Context(), p) {
		if err == nil {
			err = codec.Decode(row.Image, values)
		}
		if err != nil {
			t.Fatal(err)
		}
		var cells []string
		for i, c := range columns {
			if values[i].Null {
				cells = append(cells, "NULL")
			} else {
				cells = append(cells, c.Type.Format(values[i]))
			}
		}
		rows = append(rows, strings.Join(cells, "|"))
	}
	slices.Sort(rows)
	return rows
}

var shopT = table.Name{Database: "shop", Table: "t"}

func (r *rig) points(t *testing.T) []int64 {
	t.Helper()
	var ids []int64
	for _, p := range r.journal(t, shopT).Points() {
		ids = append(ids, p.ID)
	}
	return ids
}

// TestEveryCallOfACaptureFails makes each call of a capture go wrong in turn: refused, its connection cut, its answer lost. A capture that
// fails makes no restore point, says why, and the next one goes right.
func TestEveryCallOfACaptureFails(t *testing.T) {
	noLeaks(t)
	for _, f := range callFaults {
		t.Run(f.name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t, keyID, "")
			r.sql(t, iceberg, "INSERT INTO shop.t VALUES "+three)
			r.capture(t)
			var w ways
			for k := 1; ; k += callStride {
				r.sql(t, fmt.Sprintf("INSERT INTO shop.t VALUES (%d, 'k', %d)", 100+k, k))
				o := &one{k: k, how: f.fault}
				had := r.points(t)
				code, stderr := 0, ""
				r.while(func() { r.call = o.call }, func() {
					code, _, stderr = runCommand(t.Context(), "produce", "--config", r.config)
				})
				r.checkFailed(t, fmt.Sprintf("%s %d %s", f.name, k, o.name), f.codes, code, stderr)
				must(t, "consume", "--until-caught-up", "--config", r.config)
				if got := r.points(t); len(got) != len(had)+oneIf(code == exitOK) {
					t.Errorf("%s %d %s: exit code %d, %d restore points, were %d", f.name, k, o.name, code, len(got), len(had))
				}
				if o.name == "" {
					break
				}
				w.add(code)
				next := r.capture(t)
				if diff := cmp.Diff(r.look(t, "shop.t").Rows, r.fold(t, shopT, next.Snapshot)); diff != "" {
					t.Errorf("%s %d %s: the next capture: the table (-), the restore point (+)\n%s", f.name, k, o.name, diff)
				}
			}
			must(t, "verify", "--config", r.config)
			t.Logf("counted: %d engine calls of a capture %s: %d ended the capture, %d did not hurt it", w.faults, f.name, w.failed, w.survived)
		})
	}
}

func oneIf(b bool) int {
	if b {
		return 1
	}
	return 0
}

// checkFailed wants an expected exit code, and an error that says what happened.
func (r *rig) checkFailed(t *testing.T, what string, codes []int, code int, stderr string) {
	t.Helper()
	if !slices.Contains(codes, code) {
		t.Errorf("%s: exit code %d, want one of %v\n%s", what, code, codes, stderr)
	}
	says := map[int]string{exitFailed: "refused for a test", exitUnreachable: r.impala.Addr()}[code]
	if says != "" && !strings.Contains(stderr, says) {
		t.Errorf("%s: exit code %d, but %q is not in\n%s", what, code, says, stderr)
	}
}

// TestEveryCallOfARestoreFails does the same to a restore into a new table: when it fails there is, after the next command, no such table
// and no staging, and the same restore goes right.
func TestEveryCallOfARestoreFails(t *testing.T) {
	noLeaks(t)
	for _, f := range callFaults {
		t.Run(f.name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t, keyID, "")
			r.sql(t, parquet, "INSERT INTO shop.t VALUES "+three)
			want := r.look(t, "shop.t")
			point := r.capture(t)
			args := []string{"restore", "shop.t", "--at", fmt.Sprint(point.Snapshot), "--into", "shop.past", "--config", r.config}
			var w ways
			for k := 1; ; k += callStride {
				o := &one{k: k, how: f.fault}
				code, stderr := 0, ""
				r.while(func() { r.call = o.call }, func() { code, _, stderr = runCommand(t.Context(), args...) })
				what := fmt.Sprintf("%s %d %s", f.name, k, o.name)
				r.checkFailed(t, what, f.codes, code, stderr)
				done := code == exitOK || code == exitPartial
				must(t, "produce", "--config", r.config) // the next command, whichever it is
				if done {
					r.nothingLeft(t, what, "t", "past")
					if diff := cmp.Diff(want, r.look(t, "shop.past")); diff != "" {
						t.Errorf("%s: exit code %d, want (-), got (+)\n%s", what, code, diff)
					}
					r.sql(t, "DROP TABLE shop.past")
				} else {
					r.nothingLeft(t, what, "t")
				}
				if diff := cmp.Diff(want, r.look(t, "shop.t")); diff != "" {
					t.Errorf("%s: the source was touched\n%s", what, diff)
				}
				if o.name == "" {
					break
				}
				w.add(code)
			}
			r.restored(t, "shop.t", point.Snapshot, want)
			t.Logf("counted: %d engine calls of a restore %s: %d ended the restore, %d did not hurt it", w.faults, f.name, w.failed, w.survived)
		})
	}
}

package replay

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"rewind/disk"
	"rewind/table"
)

// era is one committed snapshot of the model: what the table was.
type era struct {
	id       int64
	schema   *table.Schema
	rows     rows
	baseline bool
}

// life draws a table's life onto a tape and remembers what was committed, and what was not.
type life struct {
	t       *rapid.T
	tape    *tape
	epoch   int64
	key     table.Type     // of order_id
	columns []table.Column // behind the key
	nextID  int
	eras    []era
	aborted []int64
}

func (l *life) schema() *table.Schema {
	s := ordersSchema(l.columns...)
	s.NextColumnID, s.Columns[0].Type = l.nextID, l.key
	return s
}

var anyText = rapid.SampledFrom([]string{"", "x", "Alice", "Bob", "it's", "?", "🎈", "line\nbreak", "0"})

// mutate draws the next rows from the current ones.
func (l *life) mutate() rows {
	next := maps.Clone(l.tape.current)
	for range rapid.IntRange(0, 12).Draw(l.t, "changes") {
		texts := []string{fmt.Sprint(rapid.IntRange(-3, 12).Draw(l.t, "order")), rapid.SampledFrom([]string{"a", "b", "aa"}).Draw(l.t, "line")}
		for _, c := range l.columns {
			if c.Type.Kind == table.String {
				texts = append(texts, anyText.Draw(l.t, "text"))
			} else {
				texts = append(texts, fmt.Sprint(rapid.IntRange(0, 3).Draw(l.t, "number")))
			}
		}
		k, image := row(l.t, l.tape.schema, texts...)
		if rapid.IntRange(0, 3).Draw(l.t, "delete") == 0 {
			delete(next, k)
		} else {
			next[k] = image
		}
	}
	return next
}

func (l *life) commit(baseline bool) {
	next := l.mutate()
	baseline = baseline || l.tape.committed == 0
	id := l.tape.snapshot(next, published{baseline: baseline})
	l.eras = append(l.eras, era{id: id, schema: l.tape.schema, rows: next, baseline: baseline})
}

// abort publishes a snapshot that partition 0 never commits.
func (l *life) abort() {
	uncommit := []int{0}
	for p := 1; p < len(l.tape.next); p++ {
		if rapid.Bool().Draw(l.t, "uncommitted") {
			uncommit = append(uncommit, p)
		}
	}
	how := published{uncommit: uncommit}
	switch rapid.IntRange(0, 2).Draw(l.t, "death") {
	case 0:
		how.begins = rapid.IntRange(1, len(l.tape.next)).Draw(l.t, "begins")
	case 1:
		how.half = true
	}
	l.aborted = append(l.aborted, l.tape.snapshot(l.mutate(), how))
	l.epoch++
	l.tape.open(l.epoch)
}

func (l *life) alter() {
	switch n := len(l.columns); {
	case l.key.Kind == table.Decimal && rapid.Bool().Draw(l.t, "keys move"): // other bytes: they lie in other partitions
		l.key.Precision, l.key.Scale = l.key.Precision+2, l.key.Scale+1
	case n > 0 && rapid.Bool().Draw(l.t, "drop"):
		l.columns = slices.Delete(slices.Clone(l.columns), n-1, n)
	case n > 0 && l.columns[0].Type.Kind == table.Int:
		l.columns = slices.Clone(l.columns)
		l.columns[0].Type.Kind = table.BigInt
	default:
		kind := rapid.SampledFrom([]table.Kind{table.String, table.Int}).Draw(l.t, "kind")
		l.columns = append(slices.Clone(l.columns), table.Column{ID: l.nextID, Name: fmt.Sprintf("c%d", n), Type: table.Type{Kind: kind}})
		l.nextID++
	}
	l.tape.use(l.schema())
}

// live draws a life and closes its journals.
func live(t *rapid.T, fs disk.FS, steps int) *life {
	l := &life{t: t, tape: unopenedTape(t, fs, rapid.IntRange(1, 4).Draw(t, "partitions")), epoch: 1, nextID: 3}
	l.key = rapid.SampledFrom([]table.Type{{Kind: table.BigInt}, {Kind: table.Decimal, Precision: 5, Scale: 1}}).Draw(t, "key")
	l.tape.segment = rapid.SampledFrom([]int64{4 << 10, 6 << 10, 16 << 10}).Draw(t, "segment")
	l.tape.openJournals()
	l.tape.open(l.epoch)
	l.tape.use(l.schema())
	l.commit(true)
	for range rapid.IntRange(0, steps).Draw(t, "steps") {
		switch rapid.IntRange(0, 9).Draw(t, "step") {
		case 0:
			l.abort()
		case 1, 2:
			l.alter()
			l.commit(false)
		case 3:
			l.commit(true)
		default:
			l.commit(false)
		}
	}
	l.tape.close()
	return l
}

// TestRestoreIsTheSnapshot holds the laws: every committed snapshot comes back exactly, twice the same, within any
// memory; what was not committed is invisible; and Verify proves every point.
func TestRestoreIsTheSnapshot(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		fs := disk.NewMemory()
		l := live(t, fs, 8)
		j, err := Open(testRoot, orders, Options{FS: fs, MemoryBytes: rapid.SampledFrom([]int{1, 16 << 10, 0}).Draw(t, "memory")})
		if err != nil {
			t.Fatal(err)
		}
		points := j.Points()
		if len(points) != len(l.eras) || j.Damage() != nil {
			t.Fatalf("%d points, %d were committed (damage %v)", len(points), len(l.eras), j.Damage())
		}
		for i, e := range l.eras {
			p := points[i]
			if p.ID != e.id || p.IsBaseline() != e.baseline || p.Rows != int64(len(e.rows)) || p.SchemaIdentity != e.schema.Identity() {
				t.Fatalf("point %d is %+v, want %d", i, p, e.id)
			}
			for range 2 {
				got, err := collect(t, j, p)
				if err != nil || !sameRows(got, e.rows) {
					t.Fatalf("point %d (%d): %d rows, want %d: %v", i, p.ID, len(got), len(e.rows), err)
				}
			}
			checkAsOf(t, j, points, i)
		}
		checkInvisible(t, j, l.aborted)
		checkVerified(t, j, len(l.eras))
		for _, key := range []string{"order_id=1,line=a", "order_id=-3,line=aa"} {
			checkHistory(t, j, l, key)
		}
	})
}

// checkAsOf asks for times around a point.
func checkAsOf(t *rapid.T, j *Journal, points []Point, i int) {
	p := points[i]
	a, err := j.At(Spec{Time: p.ReadEnded})
	if err != nil || a.Point.ID != p.ID {
		t.Fatalf("as of its end %d is %d: %v", p.ID, a.Point.ID, err)
	}
	a, err = j.At(Spec{Time: p.ReadEnded.Add(-time.Microsecond)})
	if i == 0 {
		if first := (*BeforeFirstError)(nil); !errors.As(err, &first) {
			t.Fatalf("before the first: %v", err)
		}
		return
	}
	if err != nil || a.Point.ID != points[i-1].ID || a.After.ID != p.ID {
		t.Fatalf("just before the end of %d is %d: %v", p.ID, a.Point.ID, err)
	}
}

func checkInvisible(t *rapid.T, j *Journal, aborted []int64) {
	for _, id := range aborted {
		if _, err := j.Point(id); err == nil {
			t.Fatalf("the aborted snapshot %d is a restore point", id)
		}
	}
}

func checkVerified(t *rapid.T, j *Journal, points int) {
	v, err := j.Verify(context.Background(), VerifyOptions{})
	if err != nil || len(v.Points) != points {
		t.Fatalf("verify: %d points of %d, %v", len(v.Points), points, err)
	}
	for _, p := range v.Points {
		if !p.Proved {
			t.Fatalf("%d is not proved: %s", p.Point.ID, p.Why)
		}
	}
	for _, p := range j.Points() {
		if p.Proved == nil {
			t.Fatalf("the proof of %d was not recorded", p.ID)
		}
	}
}

// shortened writes DECIMALs without zeros at their ends: how many there are follows the schema, and is no change of a row.
func shortened(cells []Cell) []Cell {
	cells = slices.Clone(cells)
	for i, c := range cells {
		if c.Value != nil && strings.HasPrefix(c.Type, "DECIMAL") {
			short := strings.TrimSuffix(strings.TrimRight(*c.Value, "0"), ".")
			cells[i].Value = &short
		}
	}
	return cells
}

// checkHistory holds the versions of one key against the model, era by era.
func checkHistory(t *rapid.T, j *Journal, l *life, key string) {
	h, err := j.RowHistory(context.Background(), key)
	if err != nil {
		t.Fatal(err)
	}
	if h.Searched != len(l.eras) || len(h.Unread) > 0 {
		t.Fatalf("searched %d of %d, unread %q", h.Searched, len(l.eras), h.Unread)
	}
	for _, e := range l.eras {
		codec, err := table.NewCodec(e.schema)
		if err != nil {
			t.Fatal(err)
		}
		k, err := codec.ParseKey(key)
		if err != nil {
			t.Fatal(err)
		}
		want, err := cellsOf(codec, e.rows[string(k)])
		if err != nil {
			t.Fatal(err)
		}
		want = shortened(want)
		ended := time.UnixMicro(e.id + 5_000_000)
		var got []Cell
		for _, v := range h.Versions {
			if !v.FirstSeen.After(ended) && !v.LastSeen.Before(ended) {
				got = shortened(v.After)
			}
		}
		if (got == nil) != (want == nil) || !sameCells(got, want) {
			t.Fatalf("history of %s at %d is %v, want %v", key, e.id, got, want)
		}
	}
	for i := 1; i < len(h.Versions); i++ {
		if a, b := h.Versions[i-1], h.Versions[i]; a.Op == "d" && b.Op == "d" || !a.LastSeen.Before(b.FirstSeen) {
			t.Fatalf("versions %+v then %+v", a, b)
		}
	}
}

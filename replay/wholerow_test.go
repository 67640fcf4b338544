package replay

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"rewind/change"
	"rewind/disk"
	"rewind/table"
)

// wholeSchema is ordersSchema without a key.
func wholeSchema(columns ...table.Column) *table.Schema {
	s := ordersSchema(columns...)
	s.Key, s.WholeRow = nil, true
	return s
}

// heapOf builds rows of texts, of which some may be equal.
func heapOf(t fataler, s *table.Schema, texts ...[]string) rows {
	t.Helper()
	all, seen := rows{}, map[string]uint64{}
	for _, r := range texts {
		k, image := row(t, s, r...)
		key := []byte(k)
		table.SetOrdinal(key, seen[k])
		seen[k]++
		all[string(key)] = image
	}
	return all
}

// TestWholeRowsFold: of random multisets, published one after the other while columns come, every restore point folds to what it was,
// with memory or without, and verify proves it.
func TestWholeRowsFold(t *testing.T) {
	t.Parallel()
	points := 0
	rapid.Check(t, func(t *rapid.T) {
		tp := newTape(t, disk.NewMemory(), rapid.IntRange(1, 3).Draw(t, "partitions"))
		tp.open(1)
		columns := []table.Column{{ID: 3, Name: "x", Type: table.Type{Kind: table.Double}}}
		tp.use(wholeSchema(columns...))
		random := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 3))
		var want []rows
		for range rapid.IntRange(1, 5).Draw(t, "snapshots") {
			if random.IntN(3) == 0 {
				id := tp.schema.NextColumnID
				columns = append(columns, table.Column{ID: id, Name: fmt.Sprint("new", id), Type: table.Type{Kind: table.Int}})
				tp.use(wholeSchema(columns...))
			}
			var texts [][]string
			for range random.IntN(40) {
				texts = append(texts, []string{fmt.Sprint(random.IntN(3)), []string{"", "a"}[random.IntN(2)], []string{"nan", "-0", "0", ""}[random.IntN(4)], "", "1"}[:3+random.IntN(min(3, len(columns)))])
			}
			next := heapOf(t, tp.schema, texts...)
			tp.snapshot(next, published{})
			want = append(want, next)
		}
		tp.close()
		j, err := Open(testRoot, orders, Options{FS: tp.fs, MemoryBytes: rapid.SampledFrom([]int{0, 1}).Draw(t, "memory")})
		if err != nil {
			t.Fatal(err)
		}
		for i, p := range j.Points() {
			if got, err := collect(t, j, p); err != nil || !sameRows(got, want[i]) {
				t.Fatalf("point %d: %d rows, %v; want %d", i, len(got), err, len(want[i]))
			}
			points++
		}
		v, err := j.Verify(context.Background(), VerifyOptions{})
		if err != nil || len(v.Points) != len(want) {
			t.Fatalf("%+v, %v", v, err)
		}
	})
	t.Logf("counted: %d restore points of tables without a key", points)
}

// TestWholeRowHistory: when each of equal rows came and went, through a column that comes and one that goes.
func TestWholeRowHistory(t *testing.T) {
	tp := newTape(t, disk.NewMemory(), 3)
	tp.open(1)
	tp.use(wholeSchema(itemColumn))
	alice, bob := []string{"1", "a", "Alice"}, []string{"2", "b", "Bob"}
	tp.snapshot(heapOf(t, tp.schema, alice, alice, alice, bob), published{})
	tp.snapshot(heapOf(t, tp.schema, alice, bob), published{})
	tp.use(wholeSchema(itemColumn, table.Column{ID: 4, Name: "note", Type: table.Type{Kind: table.String}}))
	tp.snapshot(heapOf(t, tp.schema, alice, alice, bob), published{})
	tp.schema = nil // what comes next builds on nothing: a column went
	tp.use(wholeSchema())
	tp.snapshot(heapOf(t, tp.schema, []string{"1", "a"}, []string{"2", "b"}), published{baseline: true})
	tp.close()
	j := openReplay(t, tp.fs)
	for key, want := range map[string]string{
		"order_id=1,line=a,item=Alice":           "r1 ->Alice..., r2 ->Alice., r3 ->Alice., d2 Alice>-., d3 Alice>-.., c2 ->Alice.",
		"item=Alice,order_id=1,line=a,note=NULL": "r1 ->Alice..., r2 ->Alice., r3 ->Alice., d2 Alice>-., d3 Alice>-.., c2 ->Alice.",
		"order_id=2,line=b":                      "c1* ->-. now",
		"order_id=3":                             "",
	} {
		h, err := j.RowHistory(context.Background(), key)
		if err != nil || h.Key != key {
			t.Fatalf("%s: %+v, %v", key, h, err)
		}
		versions := strings.Split(told(t, j, h), ", ")
		for i, v := range h.Versions {
			op, rest, _ := strings.Cut(versions[i], " ")
			versions[i] = fmt.Sprint(op[:1], v.EqualRow, op[1:], " ", rest)
		}
		if got := strings.Join(versions, ", "); got != want {
			t.Errorf("%s: told %q, want %q", key, got, want)
		}
	}
	var refused *table.KeyTextError
	if _, err := j.RowHistory(context.Background(), "absent=1"); !errors.As(err, &refused) {
		t.Errorf("got %v", err)
	}
}

// TestWholeRowsAreHeld: a change whose image is not of its key's hash is found.
func TestWholeRowsAreHeld(t *testing.T) {
	for name, spoil := range map[string]func(m *change.Change, image []byte){
		"another row": func(m *change.Change, image []byte) { m.After = image },
		"a short key": func(m *change.Change, _ []byte) { m.Key = m.Key[:16] },
	} {
		tp := newTape(t, disk.NewMemory(), 1)
		tp.open(1)
		tp.use(wholeSchema(itemColumn))
		_, image := row(t, tp.schema, "9", "z", "Mallory")
		tp.spoil = func(_ *tape, m *change.Change) { spoil(m, image) }
		tp.snapshot(heapOf(t, tp.schema, []string{"1", "a", "Alice"}), published{})
		tp.close()
		var sequence *SequenceError
		if _, err := openReplay(t, tp.fs).Verify(context.Background(), VerifyOptions{}); !errors.As(err, &sequence) || !strings.Contains(err.Error(), "holds the row of") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

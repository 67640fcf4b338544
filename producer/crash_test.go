package producer

import (
	"context"
	"fmt"
	"maps"
	"testing"

	"rewind/disk"
)

// attempts keeps what the table was at each capture that was tried, to hold the restore points against.
type attempts struct {
	w     *world
	rows  []map[int64]string
	acked map[int]int64 // snapshot ids of captures that returned without an error
}

// try changes the table and captures it.
func (a *attempts) try(ctx context.Context, p *Producer) error {
	n := len(a.rows)
	a.w.engine.set(1, fmt.Sprint("version ", n))
	a.w.engine.set(int64(10+n), "new")
	delete(a.w.engine.rows, int64(10+n-2))
	a.rows = append(a.rows, maps.Clone(a.w.engine.rows))
	r, err := p.Capture(ctx, orders, TableOptions{})
	if err == nil {
		a.acked[n] = r.Snapshot
	}
	return err
}

// check holds the restore points against the attempts: each is one of them, as it was; none that was acknowledged is
// missing; they are in order.
func (a *attempts) check(t *testing.T, context string) {
	t.Helper()
	next := 0
	found := map[int]bool{}
	for _, s := range a.w.committed() {
		for next < len(a.rows) && !maps.Equal(a.rows[next], s.rows) {
			next++
		}
		if next == len(a.rows) {
			t.Fatalf("%s: restore point %d was invented: %s", context, s.id, text(s.rows))
		}
		if id, ok := a.acked[next]; ok && id != s.id {
			t.Errorf("%s: attempt %d has id %d, was told %d", context, next, s.id, id)
		}
		found[next] = true
		next++
	}
	for n := range a.acked {
		if !found[n] {
			t.Errorf("%s: the snapshot of attempt %d is lost", context, n)
		}
	}
}

// TestCrashAtEveryDiskOperation: a crash at the k-th operation on the disk, for every k, loses no committed snapshot and
// invents none, and the next capture goes on by itself; in a table's first capture and in its second.
func TestCrashAtEveryDiskOperation(t *testing.T) {
	for before := range 2 {
		k := int64(1)
		for crashAtAny(t, before, k) {
			k++
		}
		t.Logf("capture %d: %d crashes", before+1, k-1)
	}
}

func crashAtAny(t *testing.T, before int, k int64) bool {
	t.Helper()
	others := []disk.Loss{disk.LoseNone(), disk.LoseSome(uint64(k)), disk.LoseSectors(uint64(k))}
	for _, loss := range []disk.Loss{disk.LoseAll(), others[k%3]} {
		if !crashAt(t, before, k, loss) {
			return false
		}
	}
	return true
}

// crashAt captures some times, then with a crash at the k-th operation, and twice after the restart. It says whether there
// was a k-th operation.
func crashAt(t *testing.T, before int, k int64, loss disk.Loss) bool {
	t.Helper()
	where := fmt.Sprintf("crash at operation %d of capture %d, lost %v", k, before+1, loss)
	w := newWorld(t, 2, "Alice", "Bob")
	defer w.close()
	a := &attempts{w: w, acked: map[int]int64{}}
	memory := w.fs.(*disk.Memory)
	ctx := context.Background()
	p := w.startOn(memory)
	for range before {
		if err := a.try(ctx, p); err != nil {
			t.Fatal(err)
		}
	}
	_ = p.Close()
	memory.CrashAt(k)
	p = w.startOn(memory)
	_ = a.try(ctx, p)
	_ = p.Close()
	if !memory.Tripped() {
		return false
	}
	w.fs = memory.Restart(loss)
	for range 2 {
		p = w.startOn(w.fs)
		if err := a.try(ctx, p); err != nil {
			t.Fatalf("%s: %v", where, err)
		}
		_ = p.Close()
	}
	a.check(t, where)
	return true
}

// TestFailAtEveryDiskOperation: a disk that fails once, at the k-th operation, does no harm either; the same process goes on.
func TestFailAtEveryDiskOperation(t *testing.T) {
	for k := int64(1); ; k++ {
		w := newWorld(t, 2, "Alice", "Bob")
		a := &attempts{w: w, acked: map[int]int64{}}
		p := w.startOn(w.fs)
		ctx := context.Background()
		if err := a.try(ctx, p); err != nil {
			t.Fatal(err)
		}
		memory := w.fs.(*disk.Memory)
		memory.FailAt(k)
		_ = a.try(ctx, p)
		if !memory.Tripped() {
			t.Logf("%d failures", k-1)
			_ = p.Close()
			return
		}
		if err := a.try(ctx, p); err != nil {
			t.Fatalf("failure at operation %d: %v", k, err)
		}
		a.check(t, fmt.Sprint("failure at operation ", k))
		_ = p.Close()
		w.close()
	}
}

// TestKilledAtEveryRequest: the process ends, or only its capture, at the k-th request to Kafka, which arrives all the same;
// its answer is never seen.
func TestKilledAtEveryRequest(t *testing.T) {
	for before := range 2 {
		for _, restart := range []bool{true, false} {
			k := 1
			for killAt(t, before, k, restart) {
				k++
			}
			t.Logf("capture %d, restart %v: %d requests", before+1, restart, k-1)
		}
	}
}

func killAt(t *testing.T, before, k int, restart bool) bool {
	t.Helper()
	w := newWorld(t, 2, "Alice", "Bob")
	defer w.close()
	a := &attempts{w: w, acked: map[int]int64{}}
	p := w.startOn(w.fs)
	for range before {
		if err := a.try(context.Background(), p); err != nil {
			t.Fatal(err)
		}
	}
	again := func() {
		if restart {
			_ = p.Close()
			p = w.startOn(w.fs)
		}
	}
	again()
	defer func() { _ = p.Close() }()
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	reached := w.atProduce(k, cancel)
	_ = a.try(ctx, p) // the answer may have been faster than the kill
	if !*reached {
		return false
	}
	for range 2 {
		again()
		if err := a.try(context.Background(), p); err != nil {
			t.Fatalf("killed at request %d: %v", k, err)
		}
	}
	a.check(t, fmt.Sprintf("killed at request %d of capture %d, restart %v", k, before+1, restart))
	return true
}

// TestCrashOfAWiderBaseline: a baseline over more partitions than the snapshot before, cut off anywhere, is finished or
// dropped by the next capture.
func TestCrashOfAWiderBaseline(t *testing.T) {
	for k := int64(1); ; k++ {
		w := newWorld(t, 2, "Alice", "Bob", "Carol")
		ctx := context.Background()
		if _, err := w.kafka.Create(ctx, orders, 3); err != nil {
			t.Fatal(err)
		}
		p := w.startOn(w.fs)
		w.capture(p, TableOptions{Partitions: 1})
		memory := w.fs.(*disk.Memory)
		memory.CrashAt(k)
		_, _ = p.Capture(ctx, orders, TableOptions{Rebaseline: true})
		_ = p.Close()
		if !memory.Tripped() {
			w.close()
			t.Logf("%d crashes", k-1)
			return
		}
		w.fs = memory.Restart(disk.LoseAll())
		p = w.startOn(w.fs)
		w.engine.set(4, "Dave")
		if r := w.capture(p, TableOptions{}); r.Counts.Creates != 1 {
			t.Errorf("crash at operation %d: %+v", k, r)
		}
		all := w.committed()
		if got := text(all[len(all)-1].rows); got != "1=Alice 2=Bob 3=Carol 4=Dave " {
			t.Errorf("crash at operation %d: the last restore point is %s", k, got)
		}
		_ = p.Close()
		w.close()
	}
}

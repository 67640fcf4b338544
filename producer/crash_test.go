package producer

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"syscall"
	"testing"

	"filippo.io/age"

	"rewind/crypt"
	"rewind/disk"
	"rewind/sandbox/racing"
)

// attempts keeps what the table was at each capture that was tried, to hold the restore points against.
type attempts struct {
	w     *world
	rows  []map[int64]string
	o     TableOptions
	acked map[int]int64 // snapshot ids of captures that returned without an error
}

// try changes the table and captures it.
func (a *attempts) try(ctx context.Context, p *Producer) error {
	n := len(a.rows)
	a.w.engine.set(1, fmt.Sprint("version ", n))
	a.w.engine.set(int64(10+n), "new")
	delete(a.w.engine.rows, int64(10+n-2))
	a.rows = append(a.rows, maps.Clone(a.w.engine.rows))
	r, err := p.Capture(ctx, orders, a.o)
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

// bothKeys are none, and one.
func bothKeys(t *testing.T) map[string]*crypt.Keys {
	t.Helper()
	return map[string]*crypt.Keys{"clear": nil, "encrypted": newKeys(t)}
}

// spoolOnDisk takes the keys; with them, the changes of a capture do not fit into memory until they are published.
func (w *world) spoolOnDisk(keys *crypt.Keys) {
	if w.keys = keys; keys.Encrypts() {
		w.memory = 1
	}
}

func newKeys(t testing.TB) *crypt.Keys {
	t.Helper()
	keys, err := crypt.New(newSecret(t), nil, true)
	if err != nil {
		t.Fatal(err)
	}
	return keys
}

func newSecret(t testing.TB) string {
	t.Helper()
	identity, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	return identity.String()
}

// TestCrashAtEveryDiskOperation: a crash at the k-th operation on the disk, for every k, loses no committed snapshot and
// invents none, and the next capture goes on by itself; in a table's first capture and in its second.
func TestCrashAtEveryDiskOperation(t *testing.T) {
	for name, keys := range bothKeys(t) {
		points := 0
		for before := range 2 {
			k := int64(1)
			for crashAtAny(t, &points, crashPlan{keys: keys, before: before, k: k}) {
				k += racing.Step
			}
		}
		t.Logf("counted: %d crashes at a disk operation of a capture (%s)", points, name)
	}
}

// TestCrashWhileMending: the machine crashes in a capture, from its publishing on, and again while the next one mends that.
func TestCrashWhileMending(t *testing.T) {
	for name, keys := range bothKeys(t) {
		points, last := 0, int64(1)
		for p := (crashPlan{keys: keys, before: 1}); ; last++ {
			p.k = last
			if !crashAt(t, p, disk.LoseNone()) {
				break
			}
		}
		const tail = 12 // operations: the last ones of the scan, the commit, the rename, the places
		for k := last - tail; k < last; k++ {
			for again := 1 + k%3; ; again += 3 * racing.Step {
				p := crashPlan{keys: keys, before: 1, k: k, again: again}
				if !crashAt(t, p, []disk.Loss{disk.LoseAll(), disk.LoseNone(), disk.LoseSome(uint64(again))}[again%3]) {
					break
				}
				points++
			}
		}
		t.Logf("counted: %d crashes of a capture that mends what a crash left (%s)", points, name)
	}
}

// crashPlan: so many captures, then one with a crash at its k-th operation, and, if again is not 0, another crash at that
// operation of the next one.
type crashPlan struct {
	keys     *crypt.Keys
	before   int
	k, again int64
}

func crashAtAny(t *testing.T, points *int, p crashPlan) bool {
	t.Helper()
	others := []disk.Loss{disk.LoseNone(), disk.LoseSome(uint64(p.k)), disk.LoseSectors(uint64(p.k))}
	for _, loss := range []disk.Loss{disk.LoseAll(), others[p.k%3]} {
		if !crashAt(t, p, loss) {
			return false
		}
		*points++
	}
	return true
}

// crashAt follows the plan, and captures twice after the last restart. It says whether there were so many operations.
func crashAt(t *testing.T, p crashPlan, loss disk.Loss) bool {
	t.Helper()
	where := fmt.Sprintf("crash at operation %d, then %d, of capture %d, lost %v", p.k, p.again, p.before+1, loss)
	w := newWorld(t, 2, "Alice", "Bob")
	w.spoolOnDisk(p.keys)
	defer w.close()
	a := &attempts{w: w, acked: map[int]int64{}}
	memory := w.fs.(*disk.Memory)
	ctx := context.Background()
	capture := func() error {
		producer := w.startOn(w.fs)
		defer func() { _ = producer.Close() }()
		return a.try(ctx, producer)
	}
	for range p.before {
		if err := capture(); err != nil {
			t.Fatal(err)
		}
	}
	for _, k := range []int64{p.k, p.again} {
		if k == 0 {
			continue
		}
		memory.CrashAt(k)
		_ = capture()
		if !memory.Tripped() {
			return false
		}
		memory = memory.Restart(loss)
		w.fs = memory
	}
	for range 2 {
		if err := capture(); err != nil {
			t.Fatalf("%s: %v", where, err)
		}
	}
	a.check(t, where)
	return true
}

// TestFailAtEveryDiskOperation: a disk that fails once, at the k-th operation, does no harm either; the same process goes on,
// and what it acknowledges then stands on nothing that a failed fsync forgot: it is there after a loss of power.
func TestFailAtEveryDiskOperation(t *testing.T) {
	for name, keys := range bothKeys(t) {
		k := int64(1)
		for failAt(t, keys, k) {
			k += racing.Step
		}
		t.Logf("counted: %d failed disk operations of a capture (%s)", k-1, name)
	}
}

func failAt(t *testing.T, keys *crypt.Keys, k int64) bool {
	t.Helper()
	w := newWorld(t, 2, "Alice", "Bob")
	w.spoolOnDisk(keys)
	defer w.close()
	a := &attempts{w: w, acked: map[int]int64{}}
	p := w.startOn(w.fs)
	defer func() { _ = p.Close() }()
	ctx := context.Background()
	if err := a.try(ctx, p); err != nil {
		t.Fatal(err)
	}
	memory := w.fs.(*disk.Memory)
	memory.FailAt(k)
	_ = a.try(ctx, p)
	if !memory.Tripped() {
		return false
	}
	where := fmt.Sprint("failure at operation ", k)
	if err := a.try(ctx, p); err != nil {
		t.Fatalf("%s: %v", where, err)
	}
	a.check(t, where)
	after := w.startOn(memory.Restart(disk.LoseAll()))
	defer func() { _ = after.Close() }()
	if err := a.try(ctx, after); err != nil {
		t.Fatalf("%s, then a loss of power: %v", where, err)
	}
	a.check(t, where+", then a loss of power")
	return true
}

// boasting is a disk that claims to have room.
type boasting struct{ *disk.Memory }

func (boasting) Free(string) (int64, error) { return 1 << 40, nil }

// TestFullDiskAtEveryWrite: the disk is full after so many bytes, and has room again for the next capture.
func TestFullDiskAtEveryWrite(t *testing.T) {
	const step = 17
	for name, keys := range bothKeys(t) {
		full := 0
		for free := int64(0); fillUp(t, keys, free); free += step {
			full++
		}
		t.Logf("counted: %d full disks under a capture (%s)", full, name)
	}
}

func fillUp(t *testing.T, keys *crypt.Keys, free int64) bool {
	t.Helper()
	w := newWorld(t, 2, "Alice", "Bob")
	w.spoolOnDisk(keys)
	defer w.close()
	memory := w.fs.(*disk.Memory)
	w.fs = boasting{memory}
	a := &attempts{w: w, acked: map[int]int64{}}
	p := w.startOn(w.fs)
	defer func() { _ = p.Close() }()
	ctx := context.Background()
	if err := a.try(ctx, p); err != nil {
		t.Fatal(err)
	}
	memory.SetFree(free)
	err := a.try(ctx, p)
	if err != nil && !errors.Is(err, syscall.ENOSPC) {
		t.Fatalf("%d bytes free: %v", free, err)
	}
	memory.SetFree(1 << 30)
	if again := a.try(ctx, p); again != nil {
		t.Fatalf("%d bytes free, then many: %v", free, again)
	}
	a.check(t, fmt.Sprint(free, " bytes free"))
	return err != nil
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
			t.Logf("counted: %d kills at a request of capture %d, restart %v", k-1, before+1, restart)
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
	for k := int64(1); ; k += racing.Step {
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
			t.Logf("counted: %d crashes of a baseline over more partitions", k-1)
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

package consumer

import (
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"

	"filippo.io/age"

	"rewind/crypt"
	"rewind/disk"
	"rewind/journal"
	"rewind/sandbox/racing"
)

// disturbed is a consumer that finds one snapshot in its journal and another in the topic, on a disk of its own for each run,
// and the journal that one undisturbed run makes.
type disturbed struct {
	*world
	base *disk.Memory
	want []entry
	runs int
}

func newDisturbed(t *testing.T, protect bool) *disturbed {
	t.Helper()
	d := &disturbed{world: newWorld(t)}
	if protect {
		identity, err := age.GenerateX25519Identity()
		if err != nil {
			t.Fatal(err)
		}
		if d.keys, err = crypt.New(identity.String(), nil, true); err != nil {
			t.Fatal(err)
		}
		d.sign = ed25519.NewKeyFromSeed([]byte("a seed of thirty-two bytes, fixed"[:32]))
	}
	a, b := stamp(1, 'a'), stamp(2, 'b')
	d.write(slices.Concat([][]byte{d.open(a)}, d.snapshotOf(a, 100, 0, 3))...)
	d.consume()
	d.base = d.fs.(*disk.Memory)
	d.write(d.open(b))
	d.write(d.snapshotOf(b, 200, 100, 2)...)
	d.fs = d.base.Restart(disk.LoseNone())
	d.consume()
	d.want = d.journal(streamA)
	return d
}

// modes are without encryption and signature, and with both.
var modes = map[string]bool{"plain": false, "encrypted and signed": true}

// start gives the disk as the first run left it. What the consumer records in its group must not run ahead of it.
func (d *disturbed) start() *disk.Memory {
	d.runs++
	d.useGroup(fmt.Sprint("group-", d.runs))
	memory := d.base.Restart(disk.LoseNone())
	d.fs = memory
	return memory
}

func (d *disturbed) run() error {
	_, err := Run(context.Background(), d.kafka, d.options())
	return err
}

// finish runs once more and holds the journal against the one of the undisturbed run.
func (d *disturbed) finish(where string) {
	d.t.Helper()
	if err := d.run(); err != nil {
		d.t.Fatalf("%s: %v", where, err)
	}
	got := d.journal(streamA)
	if !slices.EqualFunc(got, d.want, func(a, b entry) bool { return a.offset == b.offset && string(a.record) == string(b.record) }) {
		d.t.Fatalf("%s: %d entries, want %d", where, len(got), len(d.want))
	}
	if d.keys == nil {
		return
	}
	p := &partition{table: &tableConsumer{stream: streamA, options: d.options()}}
	r, err := journal.OpenReader(d.dir(streamA), p.journalOptions())
	if err != nil {
		d.t.Fatal(err)
	}
	head, err := r.Head(d.sign.Public().(ed25519.PublicKey))
	if err != nil || head.Next != got[len(got)-1].offset+1 {
		d.t.Fatalf("%s: the head signs up to %d: %v", where, head.Next, err)
	}
	for _, s := range r.Segments() {
		if s.Err != nil || s.Sealed != s.Encrypted {
			d.t.Fatalf("%s: %s is sealed %v, encrypted %v: %v", where, s.Path, s.Sealed, s.Encrypted, s.Err)
		}
	}
}

// TestCrashAnywhere crashes the machine at the k-th operation on its disk, for every k, and consumes again: the journal must
// be what one undisturbed Run makes.
func TestCrashAnywhere(t *testing.T) {
	for name, protect := range modes {
		t.Run(name, func(t *testing.T) {
			d, points := newDisturbed(t, protect), 0
			if !protect {
				d.indexFrom = 1 // below with both
			}
			for k := int64(1); ; k += racing.Step {
				for _, loss := range []disk.Loss{disk.LoseAll(), disk.LoseNone(), disk.LoseSome(uint64(k))} {
					memory := d.start()
					memory.CrashAt(k)
					err := d.run()
					if !memory.Tripped() {
						if err != nil {
							t.Fatal(err)
						}
						t.Logf("counted: %d crashes of a consumer at a disk operation (%s)", points, name)
						return
					}
					points++
					d.fs = memory.Restart(loss)
					d.finish(fmt.Sprintf("crash at %d, lost %v", k, loss))
				}
			}
		})
	}
}

// TestCrashTwice crashes it again in the run that goes on from the first crash.
func TestCrashTwice(t *testing.T) {
	for name, protect := range modes {
		t.Run(name, func(t *testing.T) {
			d, points := newDisturbed(t, protect), 0
			step := int64(5) // first crashes so near each other are as good as one: every second place comes
			if protect {
				step = 23
			}
			for k := int64(1); ; k += racing.Step {
				for again := 1 + k%step; ; again += step {
					memory := d.start()
					memory.CrashAt(k)
					if _ = d.run(); !memory.Tripped() {
						t.Logf("counted: %d crashes of a consumer that goes on from a crash (%s)", points, name)
						return
					}
					memory = memory.Restart(disk.LoseSome(uint64(again)))
					d.fs = memory
					memory.CrashAt(again)
					if _ = d.run(); !memory.Tripped() {
						break
					}
					points++
					loss := []disk.Loss{disk.LoseAll(), disk.LoseNone(), disk.LoseSome(uint64(k))}[k%3]
					d.fs = memory.Restart(loss)
					d.finish(fmt.Sprintf("crash at %d, then at %d, lost %v", k, again, loss))
				}
			}
		})
	}
}

// TestFailAnywhere lets the k-th operation fail, for every k: the run ends with that error, the next one goes on, and what it has
// then survives a loss of power.
func TestFailAnywhere(t *testing.T) {
	for name, protect := range modes {
		t.Run(name, func(t *testing.T) {
			d := newDisturbed(t, protect)
			d.indexFrom = 1
			for k := int64(1); ; k += racing.Step {
				memory := d.start()
				memory.FailAt(k)
				var told strings.Builder
				d.logger = slog.New(slog.NewTextHandler(&told, &slog.HandlerOptions{Level: slog.LevelWarn}))
				err := d.run()
				if !memory.Tripped() {
					t.Logf("counted: %d failed disk operations of a consumer (%s)", k-1, name)
					return
				}
				if err == nil && (strings.Contains(told.String(), "an index") || strings.Contains(told.String(), "stays in clear")) {
					err = disk.ErrInjected // it stops nothing, but is told
				}
				if !errors.Is(err, disk.ErrInjected) && !errors.Is(err, journal.ErrFailed) {
					t.Fatalf("operation %d failed: %v", k, err)
				}
				where := fmt.Sprint("operation ", k, " failed")
				d.finish(where)
				d.fs = memory.Restart(disk.LoseAll())
				d.finish(where + ", then a loss of power")
			}
		})
	}
}

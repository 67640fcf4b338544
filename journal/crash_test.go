package journal

import (
	"errors"
	"syscall"
	"testing"

	"filippo.io/age"

	"rewind/crypt"
	"rewind/disk"
	"rewind/sandbox/racing"
)

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

func losses(seeds uint64) []disk.Loss {
	all := []disk.Loss{disk.LoseAll(), disk.LoseNone()}
	for seed := range seeds {
		all = append(all, disk.LoseSome(seed))
	}
	return all
}

// TestCrashAtEveryOperation: the machine stops at operation k, for every k, and comes back without what was not synced.
func TestCrashAtEveryOperation(t *testing.T) {
	for name, newLife := range lives(t) {
		t.Run(name, func(t *testing.T) {
			points := 0
			for k := int64(1); ; k += racing.Step {
				m := disk.NewMemory()
				l := newLife(m)
				m.CrashAt(k)
				err := l.run()
				if !m.Tripped() {
					m.CrashAt(0)
					if err := errors.Join(err, l.checkEnd()); err != nil {
						t.Fatal(err)
					}
					break
				}
				if !errors.Is(err, disk.ErrCrashed) {
					t.Fatalf("crash at operation %d: %v", k, err)
				}
				all := losses(8)
				for kept := range uint64(8) {
					all = append(all, disk.LoseNames(kept))
				}
				for _, loss := range all {
					points++
					again := *l
					again.fsys = m.Restart(loss)
					if err := errors.Join(again.check(false), again.finish()); err != nil {
						t.Fatalf("crash at operation %d, loss %v: %v", k, loss, err)
					}
				}
			}
			t.Logf("counted: %d crashes at an operation of a journal (%s)", points, name)
		})
	}
}

// TestCrashLosesSectors: a disk that writes the sectors of one block in any order may leave a block with its sync marker and
// a hole. That is reported, never cut; what was acknowledged is there.
func TestCrashLosesSectors(t *testing.T) {
	for name, newLife := range lives(t) {
		t.Run(name, func(t *testing.T) {
			cut, reported := 0, 0
			for k := int64(1); ; k += racing.Step {
				m := disk.NewMemory()
				l := newLife(m)
				m.CrashAt(k)
				if err := l.run(); !m.Tripped() {
					if err != nil {
						t.Fatal(err)
					}
					break
				}
				for seed := range uint64(16) {
					again := *l
					again.fsys = m.Restart(disk.LoseSectors(seed))
					if err := again.check(true); err != nil {
						t.Fatalf("crash at operation %d, seed %d: %v", k, seed, err)
					}
					said := again.check(false)
					var damage *CorruptionError
					switch err := again.finish(); {
					case err == nil:
						cut++
						if said != nil { // a reader and the writer must take it for the same
							t.Fatalf("crash at operation %d, seed %d: cut as a torn tail, but a reader said: %v", k, seed, said)
						}
					case errors.As(err, &damage):
						reported++
						if err := again.check(true); err != nil {
							t.Fatalf("crash at operation %d, seed %d: %v", k, seed, err)
						}
					default:
						t.Fatalf("crash at operation %d, seed %d: %v", k, seed, err)
					}
				}
			}
			t.Logf("counted: %d crashes of a journal that lose sectors (%s), %d of them reported as damage, none read as an entry", cut+reported, name, reported)
		})
	}
}

// TestCrashDuringRecovery: the machine stops again at every operation of the run that follows a crash.
func TestCrashDuringRecovery(t *testing.T) {
	t.Parallel()
	for name, newLife := range lives(t) {
		t.Run(name, func(t *testing.T) {
			points := 0
			for k := int64(1); ; k += racing.Step {
				m := disk.NewMemory()
				l := newLife(m)
				m.CrashAt(k)
				if _ = l.run(); !m.Tripped() {
					break
				}
				firsts := []disk.Loss{disk.LoseAll(), disk.LoseNone(), disk.LoseSome(uint64(k))}
				if l.keys != nil { // each takes longer: one of them at each first crash
					firsts = firsts[k%3:][:1]
				}
				from, step := l.seconds(k)
				for seed, first := range firsts {
					for k2 := from; ; k2 += step {
						again := *l
						m2 := m.Restart(first)
						again.fsys = m2
						m2.CrashAt(k2)
						if _ = again.run(); !m2.Tripped() {
							break
						}
						second := losses(2)[(int(k2)+seed)%4]
						points++
						again.fsys = m2.Restart(second)
						if err := errors.Join(again.check(false), again.finish()); err != nil {
							t.Fatalf("crash at operation %d, loss %v, then at %d, loss %v: %v", k, first, k2, second, err)
						}
					}
				}
			}
			t.Logf("counted: %d crashes of a journal during the recovery from a crash (%s)", points, name)
		})
	}
}

// TestFailureAtEveryOperation: operation k fails; the process ends, and another one goes on, on the same machine. What it
// acknowledges must not stand on what the failed fsync left in the page cache.
func TestFailureAtEveryOperation(t *testing.T) {
	for name, newLife := range lives(t) {
		t.Run(name, func(t *testing.T) {
			points := 0
			for k := int64(1); ; k += racing.Step {
				m := disk.NewMemory()
				l := newLife(m)
				m.FailAt(k)
				err := l.run()
				if !m.Tripped() {
					break
				}
				points++
				if !errors.Is(err, disk.ErrInjected) {
					t.Fatalf("failure of operation %d: %v", k, err)
				}
				if err := errors.Join(l.check(false), l.finish()); err != nil {
					t.Fatalf("failure of operation %d: %v", k, err)
				}
			}
			t.Logf("counted: %d failed operations of a journal (%s)", points, name)
		})
	}
}

// TestCrashAfterFailure: operation k fails, another process goes on, and the machine loses its power at every operation.
func TestCrashAfterFailure(t *testing.T) {
	t.Parallel()
	for name, newLife := range lives(t) {
		t.Run(name, func(t *testing.T) {
			points := 0
			for k := int64(1); ; k += racing.Step {
				from, step := newLife(nil).seconds(k)
				for k2 := from; ; k2 += step {
					m := disk.NewMemory()
					l := newLife(m)
					m.FailAt(k)
					if _ = l.run(); !m.Tripped() {
						t.Logf("counted: %d crashes of a journal after a failed operation (%s)", points, name)
						return
					}
					m.CrashAt(k2)
					if _ = l.run(); !m.Tripped() {
						break
					}
					points++
					l.fsys = m.Restart(disk.LoseAll())
					if err := errors.Join(l.check(false), l.finish()); err != nil {
						t.Fatalf("failure of operation %d, then crash at %d: %v", k, k2, err)
					}
				}
			}
		})
	}
}

// TestFullDisk: the disk fills up at every byte; once there is room again, the journal goes on.
func TestFullDisk(t *testing.T) {
	for name, newLife := range lives(t) {
		t.Run(name, func(t *testing.T) {
			disks := 0
			for free := int64(0); ; free += 7 * racing.Step {
				m := disk.NewMemory()
				l := newLife(m)
				m.SetFree(free)
				err := l.run()
				if err == nil {
					t.Logf("counted: %d full disks under a journal (%s)", disks, name)
					return
				}
				if disks++; !errors.Is(err, syscall.ENOSPC) {
					t.Fatalf("%d bytes free: %v", free, err)
				}
				m.SetFree(1 << 30)
				if err := errors.Join(l.check(false), l.finish()); err != nil {
					t.Fatalf("%d bytes free: %v", free, err)
				}
			}
		})
	}
}

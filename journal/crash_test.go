package journal

import (
	"errors"
	"fmt"
	"strings"
	"syscall"
	"testing"

	"filippo.io/age"

	"rewind/crypt"
	"rewind/disk"
	"rewind/sandbox/racing"
)

// life is what a consumer does with a journal: open it, go on behind what it holds, close it, again and again.
type life struct {
	fsys    disk.FS
	batches [][]Entry
	keys    *crypt.Keys // sealed segments are encrypted
	acked   int64       // entries below this offset were acknowledged
}

// lives are those that every enumeration goes through.
func lives(t *testing.T) map[string]func(disk.FS) *life {
	keys := newKeys(t)
	return map[string]func(disk.FS) *life{"clear": newLife, "encrypted": func(fsys disk.FS) *life {
		l := newLife(fsys)
		l.keys = keys
		one, two := rowSchema(1), rowSchema(2)
		l.batches = [][]Entry{{testEntry(2, one), testEntry(3, "")}, {testEntry(4, two)}, {testEntry(5, one), testEntry(6, "")}}
		return l
	}}
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

func newLife(fsys disk.FS) *life {
	one, two := rowSchema(1), rowSchema(2)
	large := entryOf(14, make([]byte, 3000), two) // several sectors
	return &life{fsys: fsys, batches: [][]Entry{
		{testEntry(2, ""), testEntry(3, one)},
		{testEntry(4, one), testEntry(5, one), testEntry(7, two), testEntry(8, "")}, // rolls in the middle
		{testEntry(11, two)},
		{testEntry(12, two), testEntry(13, ""), large, testEntry(15, two)}, // then rolls by size
		{testEntry(16, "")},
	}}
}

func (l *life) options() Options {
	o := testOptions(l.fsys)
	o.SegmentBytes = 2500
	o.Keys = l.keys
	return o
}

func (l *life) all() (all []Entry) {
	for _, b := range l.batches {
		all = append(all, b...)
	}
	return all
}

// run appends what is missing, two batches for each time that it opens the journal.
func (l *life) run() error {
	for {
		more, err := l.open()
		if err != nil || !more {
			return err
		}
	}
}

func (l *life) open() (more bool, err error) {
	j, err := Open("data/journal", l.options())
	if err != nil {
		return false, err
	}
	defer func() { err = errors.Join(err, j.Close()) }()
	if j.NextOffset() < l.acked {
		return false, fmt.Errorf("entries up to offset %d were acknowledged, the journal goes on with %d", l.acked-1, j.NextOffset())
	}
	if err := encryptAll(j); err != nil {
		return false, err
	}
	for range 2 {
		batch := l.next(j.NextOffset())
		if len(batch) == 0 {
			return false, nil
		}
		if err := j.Append(batch); err != nil {
			if again := j.Append(batch); !errors.Is(again, ErrFailed) {
				return false, fmt.Errorf("after a failure Append said %w", again)
			}
			return false, err
		}
		l.acked = batch[len(batch)-1].Offset + 1
		if err := encryptAll(j); err != nil {
			return false, err
		}
	}
	return true, nil
}

// seconds says where the second fault comes after one at k: everywhere; where files are encrypted, which takes longer, at every
// fourth place, and so at each of them after one of four faults in a row.
func (l *life) seconds(k int64) (from, step int64) {
	if l.keys == nil {
		return 1, 1
	}
	return 1 + k%4, 4
}

// encryptAll does what a consumer does after an Append.
func encryptAll(j *Journal) error {
	for j.Unencrypted() > 0 {
		if err := j.EncryptNext(); err != nil {
			if again := j.Append(nil); !errors.Is(again, ErrFailed) {
				return fmt.Errorf("after a failure to encrypt Append said %w", again)
			}
			return err
		}
	}
	return nil
}

// next is the rest of the first batch that the journal does not hold whole.
func (l *life) next(offset int64) []Entry {
	for _, b := range l.batches {
		for i := range b {
			if b[i].Offset >= offset {
				return b[i:]
			}
		}
	}
	return nil
}

// check reads the journal: every acknowledged entry, nothing invented. A corruption is allowed behind the acknowledged
// entries where sectors may be lost.
func (l *life) check(corruptible bool) error {
	r, err := OpenReader("data/journal", l.options())
	if err != nil {
		if l.acked == 0 {
			return nil
		}
		return err
	}
	got, err := collect(r, 0)
	var damage *CorruptionError
	if err != nil && (!corruptible || !errors.As(err, &damage)) {
		return err
	}
	all := l.all()
	if len(got) > len(all) {
		return fmt.Errorf("%d entries of %d", len(got), len(all))
	}
	if err := sameEntries(got, all[:len(got)]); err != nil {
		return err
	}
	if rest := l.next(l.acked); len(got) < len(all) && (len(rest) == 0 || all[len(got)].Offset < rest[0].Offset) {
		return fmt.Errorf("%d entries, but those up to offset %d were acknowledged", len(got), l.acked-1)
	}
	return nil
}

// finish runs the rest of a life on a disk and checks its end, also after a loss of power that comes then.
func (l *life) finish() error {
	if err := l.run(); err != nil {
		return fmt.Errorf("go on: %w", err)
	}
	if err := l.checkEnd(); err != nil {
		return err
	}
	l.fsys = l.fsys.(*disk.Memory).Restart(disk.LoseAll())
	if err := l.checkEnd(); err != nil {
		return fmt.Errorf("after a loss of power at the end: %w", err)
	}
	return nil
}

func (l *life) checkEnd() error {
	r, err := OpenReader("data/journal", l.options())
	if err != nil {
		return err
	}
	got, err := collect(r, 0)
	return errors.Join(err, sameEntries(got, l.all()), r.VerifyChain(), l.checkFiles(r))
}

// checkFiles: at the end, sealed segments lie encrypted and nowhere else.
func (l *life) checkFiles(r *Reader) error {
	for _, info := range r.Segments() {
		if l.keys != nil && info.Sealed != info.Encrypted {
			return fmt.Errorf("%s is sealed %v, encrypted %v", info.Path, info.Sealed, info.Encrypted)
		}
	}
	names, err := l.fsys.ReadDir("data/journal")
	for _, n := range names {
		if _, in := l.fsys.Stat("data/journal/" + n.Name() + ageExtension); in == nil {
			return fmt.Errorf("%s is there in clear and encrypted", n.Name())
		}
		if strings.HasSuffix(n.Name(), temporaryExtension) {
			return fmt.Errorf("%s was left", n.Name())
		}
	}
	return err
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

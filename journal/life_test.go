package journal

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"rewind/crypt"
	"rewind/disk"
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

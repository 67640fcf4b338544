package journal

import (
	"bufio"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"rewind/crypt"
	"rewind/disk"
	"rewind/ocf"
)

// temporaryExtension stands behind the name of an encrypted segment that is being written.
const temporaryExtension = ".tmp"

// clearSegment is a sealed segment that is still there in clear.
type clearSegment struct {
	segment
	sum   [sha256.Size]byte // of its plaintext, as the next segment says
	known bool              // sum is
}

func (o *Options) sealsByAge() bool { return o.SegmentAge > 0 && o.Keys.Encrypts() }

// begunAt is when a segment was begun; the zero time where its header does not say.
func begunAt(h ocf.Header) time.Time {
	micros, err := strconv.ParseInt(string(h.Meta[begunKey]), 10, 64)
	if err != nil {
		return time.Time{}
	}
	return time.UnixMicro(micros)
}

// toEncrypt notes a segment that was sealed.
func (j *Journal) toEncrypt(s segment, sum [sha256.Size]byte) {
	if j.options.Keys.Encrypts() {
		j.unsealed = append(j.unsealed, clearSegment{segment: s, sum: sum, known: true})
	}
}

// noteUnsealed notes the sealed segments that Open found in clear: encryption was switched on, or a crash came before it.
func (j *Journal) noteUnsealed(segments []segment, sums map[int64][sha256.Size]byte) {
	for i, s := range segments {
		appended := j.active != nil && j.active.file != nil && s.base >= j.active.base
		if s.encrypted() || appended || !s.sealed(i == len(segments)-1) { // the last one, if it was not begun, is gone
			continue
		}
		if j.options.Keys.Encrypts() {
			sum, known := sums[s.base]
			j.unsealed = append(j.unsealed, clearSegment{segment: s, sum: sum, known: known})
		}
	}
}

// Unencrypted is how many sealed segments lie in clear that should not. There is work for EncryptNext after an Append that
// sealed one, and after Open.
func (j *Journal) Unencrypted() int { return len(j.unsealed) }

// EncryptNext encrypts the oldest of them, if there is one. It reads and writes a whole segment, which is why Append does not
// do it: entries are acknowledged before. The segment in clear goes only when the encrypted one is durable under its
// name; where there is the key to do so it was read back before, too. After an error the journal accepts nothing more.
func (j *Journal) EncryptNext() error {
	if len(j.unsealed) == 0 {
		return nil
	}
	if j.failed != nil {
		return fmt.Errorf("%w: %w", ErrFailed, j.failed)
	}
	err := j.encrypt(j.unsealed[0])
	if dropped := (*DroppedError)(nil); err != nil && !errors.As(j.options.dropped(j.dir, j.unsealed[0].segment, err), &dropped) {
		j.failed = err
		return err
	}
	j.unsealed = j.unsealed[1:]
	return nil
}

// encrypt puts an encrypted segment in the place of one in clear. Whatever moment a crash comes at, one of the two is there
// whole; if it is both, the next one to come here goes on from that.
func (j *Journal) encrypt(c clearSegment) error {
	done := false
	if !c.known { // then nothing but its own checksums can say that it is whole
		if _, err := j.scan(c.segment, true); err != nil {
			return err
		}
	}
	if c.both {
		var err error
		if done, err = j.agrees(c); err != nil {
			return err
		}
	}
	if !done {
		if err := j.writeEncrypted(c); err != nil {
			return err
		}
	}
	if err := j.options.FS.SyncDir(j.dir); err != nil {
		return fmt.Errorf("encrypt segment %s: %w", c.path, err)
	}
	if err := j.options.FS.Remove(c.path); err != nil {
		return fmt.Errorf("encrypt segment %s: %w", c.path, err)
	}
	if err := j.options.FS.SyncDir(j.dir); err != nil { // only now is it gone for good
		return fmt.Errorf("encrypt segment %s: %w", c.path, err)
	}
	return nil
}

// agrees compares the encrypted segment that a crash left with the one in clear. It is false where the key to look is not
// here: then it is written anew.
func (j *Journal) agrees(c clearSegment) (bool, error) {
	encrypted := segment{path: c.path + ageExtension, base: c.base}
	sum, err := j.sumOf(encrypted)
	var key *crypt.KeyError
	if errors.As(err, &key) && j.options.Keys.WriteOnly() {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	clear, err := j.sumOf(c.segment)
	if err != nil {
		return false, err
	}
	switch {
	case c.known && clear != c.sum:
		return false, differs(c.path)
	case sum != clear:
		return false, &CorruptionError{Segment: encrypted.path, Err: fmt.Errorf("it does not hold what %s beside it does", filepath.Base(c.path))}
	}
	return true, nil
}

// differs is the corruption of a segment whose SHA-256 is not the one that the next segment names.
func differs(path string) error {
	return &CorruptionError{Segment: path, Err: errors.New("its SHA-256 is not the one that the next segment was chained to; it was left as it is, and is not encrypted")}
}

func (j *Journal) sumOf(s segment) (sum [sha256.Size]byte, err error) {
	f, err := j.options.openSegment(s)
	if err != nil {
		return sum, corrupt(s.path, 0, err)
	}
	sum, err = f.sum()
	return sum, errors.Join(err, f.Close())
}

// writeEncrypted writes the encrypted segment under a temporary name, makes it durable and gives it its name.
func (j *Journal) writeEncrypted(c clearSegment) error {
	encrypted := c.path + ageExtension
	temporary := encrypted + temporaryExtension
	sum, err := j.copyEncrypted(c, temporary)
	if err == nil && c.known && sum != c.sum {
		err = differs(c.path)
	}
	if err == nil && !j.options.Keys.WriteOnly() {
		err = j.readBack(temporary, sum)
	}
	if err == nil {
		err = j.options.FS.Rename(temporary, encrypted)
	}
	if err != nil {
		_ = j.options.FS.Remove(temporary) // the first error is the one that tells; Open removes it too
		return fmt.Errorf("encrypt segment %s: %w", c.path, err)
	}
	return nil
}

// copyEncrypted encrypts a segment into a new file, makes its content durable, and gives the SHA-256 of what it read.
func (j *Journal) copyEncrypted(c clearSegment, to string) (sum [sha256.Size]byte, err error) {
	from, err := j.options.openSegment(segment{path: c.path, base: c.base})
	if err != nil {
		return sum, err
	}
	defer from.Close() //nolint:errcheck // only read
	file, err := j.options.FS.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, fileMode)
	if err != nil {
		return sum, err
	}
	h := sha256.New()
	err = encryptInto(file, io.TeeReader(io.NewSectionReader(from, 0, from.size), h), j.options.Keys)
	h.Sum(sum[:0])
	return sum, errors.Join(err, file.Close())
}

func encryptInto(file disk.File, plain io.Reader, keys *crypt.Keys) error {
	const buffer = 256 << 10 // fewer, larger writes
	out := bufio.NewWriterSize(file, buffer)
	w, err := keys.NewWriter(out)
	if err != nil {
		return err
	}
	if _, err := io.Copy(w, plain); err != nil {
		return err
	}
	if err := w.Close(); err != nil {
		return err
	}
	if err := out.Flush(); err != nil {
		return err
	}
	return file.Sync()
}

// readBack decrypts what was written: what went wrong there must show while the segment in clear is still there.
func (j *Journal) readBack(path string, want [sha256.Size]byte) error {
	file, err := j.options.FS.OpenFile(path, os.O_RDONLY, 0)
	if err != nil {
		return err
	}
	defer file.Close() //nolint:errcheck // only read
	stat, err := file.Stat()
	if err != nil {
		return err
	}
	plain, size, err := j.options.Keys.Open(path, file, stat.Size())
	if err != nil {
		return err
	}
	h := sha256.New()
	if _, err := io.Copy(h, io.NewSectionReader(plain, 0, size)); err != nil {
		return err
	}
	if [sha256.Size]byte(h.Sum(nil)) != want {
		return fmt.Errorf("%s, read back, is not what was written", path)
	}
	return nil
}

// dropUnfinished removes what a crash left of an encrypted segment that was being written.
func (o *Options) dropUnfinished(dir string) error {
	names, err := o.FS.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, n := range names {
		if strings.HasSuffix(n.Name(), extension+ageExtension+temporaryExtension) {
			if err := o.FS.Remove(filepath.Join(dir, n.Name())); err != nil && !errors.Is(err, fs.ErrNotExist) {
				return err
			}
		}
	}
	return nil
}

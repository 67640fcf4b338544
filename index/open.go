package index

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"rewind/crypt"
	"rewind/journal"
)

// firstRead is how much of an index is read at once: most heads are shorter.
const firstRead = 32 << 10

// Open opens the segment's index and holds it against the segment. ErrNone where there is none, else an error that says why it cannot be
// used.
func (o Options) Open(r *journal.Reader, s Segment) (*Index, error) {
	if !o.worth(s) {
		return nil, ErrNone
	}
	x, err := o.openFile(s, true)
	if errors.Is(err, ErrNone) {
		x, err = o.openFile(s, false)
	}
	if err != nil {
		return nil, err
	}
	if err := x.fits(r, s); err != nil {
		return nil, errors.Join(err, x.Close())
	}
	return x, nil
}

func (o Options) openFile(s Segment, encrypted bool) (*Index, error) {
	path := s.path(encrypted)
	f, err := o.FS.OpenFile(path, os.O_RDONLY, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, ErrNone
	}
	if err != nil {
		return nil, err
	}
	stat, err := f.Stat()
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	var plain io.ReaderAt = f
	size := stat.Size()
	if encrypted {
		if plain, size, err = o.Keys.Open(path, f, size); err != nil {
			return nil, errors.Join(err, f.Close())
		}
	}
	x, err := parse(path, plain, size)
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	x.closer = f
	return x, nil
}

// parse reads an index's head.
func parse(path string, file io.ReaderAt, size int64) (*Index, error) {
	damaged := func(reason string) error { return &Damage{Path: path, Reason: reason} }
	b := make([]byte, min(size, firstRead))
	if n, err := file.ReadAt(b, 0); n < len(b) {
		return nil, damaged(fmt.Sprint("its beginning cannot be read: ", err))
	}
	if len(b) < prefixBytes || string(b[:len(magic)]) != magic {
		return nil, damaged("it is no index, or one of another version")
	}
	length := int64(binary.LittleEndian.Uint32(b[len(magic):]))
	begin := int64(prefixBytes) + length + sumBytes
	if length > maxHead || begin > size {
		return nil, damaged("it is cut short")
	}
	if begin > int64(len(b)) {
		b = make([]byte, begin)
		if n, err := file.ReadAt(b, 0); n < len(b) {
			return nil, damaged(fmt.Sprint("its head cannot be read: ", err))
		}
	}
	b = b[:begin]
	if checksum(b[:begin-sumBytes]) != binary.LittleEndian.Uint32(b[begin-sumBytes:]) {
		return nil, damaged("the checksum of its head is not that of its bytes")
	}
	x := &Index{file: file}
	x.path = path
	want, err := x.parse(b[prefixBytes:begin-sumBytes], begin)
	if err == nil && want != size {
		err = fmt.Errorf("it has %d bytes where its head says %d", size, want)
	}
	if err != nil {
		return nil, damaged(err.Error())
	}
	return x, nil
}

// fits holds the index against its segment: one of a whole segment by the SHA-256 that the next one names, one of a beginning by the last
// block that it covers, which is read.
func (x *Index) fits(r *journal.Reader, s Segment) error {
	stale := func(reason string) error { return &Damage{Path: x.path, Reason: reason} }
	switch {
	case x.marker != s.Marker:
		return stale("it is of another segment")
	case x.end > s.Bytes || x.whole && x.end != s.Bytes:
		return stale("the segment has another length")
	case x.whole && s.Whole && x.sum == s.Sum:
		return nil
	case x.whole:
		return stale("the segment is not the one that was indexed")
	}
	for block, err := range r.Blocks(s.SegmentInfo, x.lastBlock) {
		if err != nil {
			return err
		}
		if block.At == x.lastBlock.Byte && block.End == x.end && block.Behind().Last == x.last && block.Sum() == x.lastBlockSum {
			return nil
		}
		break
	}
	return stale("its last block is not where it was")
}

// Update gives an index of all of the segment that is there now, made or gone on with where there is none, and keeps it beside the
// segment. Where nothing can be written there it makes none and says why; ErrNone: the segment is too short for one, or there is none and
// nothing may be written. Nil without an error: it has no block yet.
func (o Options) Update(ctx context.Context, r *journal.Reader, s Segment) (*Index, error) {
	if !o.worth(s) {
		return nil, ErrNone
	}
	from, err := o.Open(r, s)
	if err != nil {
		o.tell(s, err)
		from = nil
	}
	if from != nil {
		if from.whole || from.end == s.Bytes && !s.Whole || o.ReadOnly {
			return from, nil
		}
		defer from.Close() //nolint:errcheck // only read
	}
	if o.ReadOnly {
		return nil, ErrNone
	}
	if err := o.writable(s); err != nil {
		return nil, err
	}
	content, err := build(ctx, r, s, from)
	if err != nil || content == nil {
		return nil, errors.Join(err, o.drop(s.path(o.Keys.Encrypts())+temporary))
	}
	path := s.path(o.Keys.Encrypts())
	if err := o.write(s, content); err != nil {
		return nil, err
	}
	o.logger().Debug("journal: a segment was indexed", "index", path, "bytes", len(content))
	return parse(path, bytes.NewReader(content), int64(len(content)))
}

// tell says why an index cannot be used. That there is none needs no word, nor that who may only write cannot read it.
func (o Options) tell(s Segment, err error) {
	var key *crypt.KeyError
	if unread := errors.As(err, &key) && o.Keys.WriteOnly(); !unread && !errors.Is(err, ErrNone) {
		o.logger().Warn("journal: an index cannot be used; the segment is read instead", "segment", s.Path, "error", err)
	}
}

// writable makes the temporary file, before anything is read in vain.
func (o Options) writable(s Segment) error {
	f, err := o.FS.OpenFile(s.path(o.Keys.Encrypts())+temporary, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, fileMode)
	if err != nil {
		return err
	}
	return f.Close()
}

// write puts an index in its place; in the place of one in clear, too, where it is encrypted.
func (o Options) write(s Segment, content []byte) error {
	path := s.path(o.Keys.Encrypts())
	err := o.fill(path+temporary, content)
	if err == nil {
		err = o.FS.Rename(path+temporary, path)
	}
	if err != nil {
		return errors.Join(err, o.drop(path+temporary))
	}
	if !o.Keys.Encrypts() {
		return nil
	}
	return o.drop(s.path(false))
}

func (o Options) fill(path string, content []byte) error {
	f, err := o.FS.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, fileMode)
	if err != nil {
		return err
	}
	if o.Keys.Encrypts() {
		err = o.encrypt(f, content)
	} else {
		_, err = f.Write(content)
	}
	if err == nil {
		err = f.Sync()
	}
	return errors.Join(err, f.Close())
}

func (o Options) encrypt(out io.Writer, content []byte) error {
	w, err := o.Keys.NewWriter(out)
	if err != nil {
		return err
	}
	if _, err := w.Write(content); err != nil {
		return err
	}
	return w.Close()
}

func (o Options) drop(path string) error {
	if err := o.FS.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// RemoveClear removes, where indexes are encrypted, those in clear from a journal's folder, for good.
func (o Options) RemoveClear(dir string) error {
	if !o.Keys.Encrypts() {
		return nil
	}
	names, err := o.FS.ReadDir(dir)
	if err != nil {
		return err
	}
	removed := false
	for _, n := range names {
		if IsName(n.Name()) && !strings.Contains(n.Name(), extension+ageExtension) {
			if err := o.drop(filepath.Join(dir, n.Name())); err != nil {
				return err
			}
			removed = true
		}
	}
	if removed {
		return o.FS.SyncDir(dir)
	}
	return nil
}

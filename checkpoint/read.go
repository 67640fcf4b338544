package checkpoint

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"
	"os"
	"strings"

	"rewind/crypt"
	"rewind/disk"
	"rewind/ocf"
	"rewind/table"
)

// File is a checkpoint that is open for reading.
type File struct {
	Header
	path      string
	file      disk.File
	plain     io.ReaderAt
	size      int64
	container ocf.Header
	begins    int64 // the first block
}

// Open opens a file and reads its header. The errors are fs.ErrNotExist, a *Damage, a *crypt.KeyError, and what reading met.
func Open(fsys disk.FS, keys *crypt.Keys, path string) (*File, error) {
	f, err := fsys.OpenFile(path, os.O_RDONLY, 0)
	if err != nil {
		return nil, err
	}
	c := &File{path: path, file: f, plain: f}
	if err := c.open(keys); err != nil {
		return nil, errors.Join(c.damaged(err), f.Close())
	}
	return c, nil
}

func (f *File) open(keys *crypt.Keys) error {
	stat, err := f.file.Stat()
	if err != nil {
		return err
	}
	f.size = stat.Size()
	if strings.HasSuffix(f.path, ageExtension) {
		if f.plain, f.size, err = keys.Open(f.path, f.file, f.size); err != nil {
			return err
		}
	}
	in, err := f.reader()
	if err != nil {
		return err
	}
	h := in.Header()
	f.container, f.begins = h, in.Offset()
	if !h.Derived || h.Codec != ocf.Snappy || h.Meta[metaKey] == nil {
		return errors.New("its header is not that of a checkpoint")
	}
	if err := json.Unmarshal(h.Meta[metaKey], &f.Header); err != nil {
		return err
	}
	if err := f.parse(); err != nil {
		return err
	}
	if h.Schema != fileSchema(f.Schema()) {
		return errors.New("its Avro schema is not that of its rows")
	}
	return nil
}

func (f *File) reader() (*ocf.Reader, error) { return ocf.NewReader(f.section(0)) }

// section is the file's plaintext from a byte on.
func (f *File) section(from int64) *io.SectionReader {
	return io.NewSectionReader(f.plain, from, f.size-from)
}

// Close closes the file.
func (f *File) Close() error { return f.file.Close() }

// Path of the file.
func (f *File) Path() string { return f.path }

// Size of its plaintext.
func (f *File) Size() int64 { return f.size }

// damaged gives errors of the content their file; errors of reading and of the key stay what they are.
func (f *File) damaged(err error) error {
	var path *os.PathError
	var key *crypt.KeyError
	if errors.As(err, &path) || errors.As(err, &key) {
		return err
	}
	return &Damage{Path: f.path, Err: err}
}

// lagging reads a file and hashes it as far as its blocks have been read.
type lagging struct {
	from    io.Reader
	pending []byte
	hashed  int64
	hash    hash.Hash
}

func (l *lagging) Read(p []byte) (int, error) {
	n, err := l.from.Read(p)
	l.pending = append(l.pending, p[:n]...)
	return n, err
}

// to hashes up to a byte of the file.
func (l *lagging) to(at int64) {
	n := int(at - l.hashed)
	l.hash.Write(l.pending[:n])
	l.pending = append(l.pending[:0], l.pending[n:]...)
	l.hashed = at
}

const blocksBetweenLooks = 64 // at the context

// Check reads the whole file, finds any damage, and gives the SHA-256 of its plaintext. That its rows are the restore point, only their digest
// says.
func (f *File) Check(ctx context.Context) (sum [sumBytes]byte, err error) {
	l := &lagging{from: f.section(0), hash: sha256.New()}
	in, err := ocf.NewReader(l)
	if err != nil {
		return sum, f.damaged(err)
	}
	r := &Rows{file: f, in: in, count: -1} // they are not counted
	for n := 0; r.end == nil; n++ {
		if n%blocksBetweenLooks == 0 && ctx.Err() != nil {
			return sum, ctx.Err()
		}
		l.to(in.Offset())
		if err := r.block(); err != nil {
			return sum, f.damaged(err)
		}
	}
	l.hash.Sum(sum[:0])
	if sum != r.end.sum {
		return sum, f.damaged(errors.New("its SHA-256 is not the one that it ends with"))
	}
	if err := r.behindEnd(); err != nil {
		return sum, f.damaged(err)
	}
	l.to(f.size)
	l.hash.Sum(sum[:0])
	return sum, nil
}

// end closes a file.
type end struct {
	rows int64
	sum  [sumBytes]byte
}

// Rows reads the rows in key order.
type Rows struct {
	file  *File
	in    *ocf.Reader
	codec *table.Codec
	rest  []byte // of the block
	left  int    // records in it
	count int64
	last  []byte // the key before
	end   *end
	from  []byte // no key below it is given
	part  bool   // the reading did not begin with the first row
}

// Rows begins to read the rows.
func (f *File) Rows() (*Rows, error) {
	in, err := f.reader()
	if err != nil {
		return nil, f.damaged(err)
	}
	codec, err := table.NewCodec(f.Schema())
	return &Rows{file: f, in: in, codec: codec}, err
}

// Next gives the next row, valid until the next step; ok is false behind the last.
func (r *Rows) Next() (row table.Row, ok bool, err error) {
	for {
		row, ok, err = r.next()
		if !ok || err != nil || bytes.Compare(row.Key, r.from) >= 0 {
			return row, ok, err
		}
	}
}

func (r *Rows) next() (row table.Row, ok bool, err error) {
	for r.left == 0 && r.end == nil {
		if err := r.block(); err != nil {
			return row, false, r.file.damaged(err)
		}
	}
	if r.end != nil {
		err := r.behindEnd()
		if err != nil {
			err = r.file.damaged(err)
		}
		return row, false, err
	}
	if row, err = r.row(); err != nil {
		return row, false, r.file.damaged(err)
	}
	if r.count > 0 && bytes.Compare(r.last, row.Key) >= 0 {
		return row, false, r.file.damaged(errors.New("its rows are not in the order of their keys"))
	}
	r.last = append(r.last[:0], row.Key...)
	r.count++
	return row, true, nil
}

// block reads the next block. That of the end stands alone.
func (r *Rows) block() error {
	count, records, err := r.in.Next()
	if errors.Is(err, io.EOF) {
		return errors.New("it ends before its end")
	}
	if err != nil {
		return err
	}
	branch, n := binary.Varint(records)
	if n <= 0 {
		return errRecord
	}
	if branch == endBranch {
		rows, size := binary.Varint(records[n:])
		if size <= 0 || count != 1 || len(records) != n+size+sumBytes {
			return errRecord
		}
		r.end = &end{rows: rows, sum: [sumBytes]byte(records[n+size:])}
		return nil
	}
	r.rest, r.left = records, count
	return nil
}

var errRecord = errors.New("a record that is none")

// row takes one off the block.
func (r *Rows) row() (row table.Row, err error) {
	branch, n := binary.Varint(r.rest)
	if n <= 0 || branch != rowBranch {
		return row, errRecord
	}
	length, size := binary.Varint(r.rest[n:])
	from := n + max(size, 0)
	if size <= 0 || length < 0 || length > int64(len(r.rest)-from) {
		return row, errRecord
	}
	to := from + int(length)
	image, err := r.codec.ImageLen(r.rest[to:])
	if err != nil {
		return row, err
	}
	row.Key, row.Image = r.rest[from:to:to], r.rest[to:to+image:to+image]
	r.rest = r.rest[to+image:]
	if r.left--; r.left == 0 && len(r.rest) > 0 {
		return row, errRecord
	}
	return row, nil
}

// behindEnd checks that nothing follows the end, and, where the rows were read, that they are as many as it says.
func (r *Rows) behindEnd() error {
	if _, _, err := r.in.Next(); !errors.Is(err, io.EOF) {
		return errors.New("something follows its end")
	}
	if !r.part && r.count >= 0 && r.count != r.end.rows || r.end.rows != r.file.digest.Rows {
		return fmt.Errorf("its end counts %d rows, its header %d", r.end.rows, r.file.digest.Rows)
	}
	return nil
}

package checkpoint

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"filippo.io/age"

	"rewind/change"
	"rewind/crypt"
	"rewind/disk"
	"rewind/table"
)

const dir = "/journal/t/s"

type fataler interface {
	Helper()
	Fatal(args ...any)
}

func must[T any](t fataler, v T, err error) T {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func check(t fataler, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// rowsOf makes n rows, in key order.
func rowsOf(t fataler, n int) (rows []table.Row, digest table.Digest) {
	t.Helper()
	codec := codecOf()
	for i := range n {
		values := []table.Value{{Int: int64(i)}, {Bytes: []byte(fmt.Sprintf("item %d", i))}}
		row := table.Row{Key: codec.mustKey(t, values), Image: codec.mustImage(t, values)}
		print, err := codec.Fingerprint(row.Image)
		if err != nil {
			t.Fatal(err)
		}
		digest.Add(print)
		rows = append(rows, row)
	}
	return rows, digest
}

type testCodec struct{ *table.Codec }

func codecOf() testCodec {
	c, err := table.NewCodec(schema)
	if err != nil {
		panic(err)
	}
	return testCodec{c}
}

func (c testCodec) mustKey(t fataler, v []table.Value) []byte {
	t.Helper()
	key, err := c.AppendKey(nil, v)
	return must(t, key, err)
}

func (c testCodec) mustImage(t fataler, v []table.Value) []byte {
	t.Helper()
	image, err := c.AppendImage(nil, v)
	return must(t, image, err)
}

func headerOf(t fataler, snapshot int64, digest table.Digest) Header {
	t.Helper()
	stamp := change.Stamp{Epoch: 1, Writer: [16]byte{1, 7}}
	var begins []*change.Begin
	var commits []*change.Commit
	for range 2 {
		begins = append(begins, &change.Begin{Stamp: stamp, Stream: stream, Snapshot: snapshot, Previous: snapshot - 9, Schema: schema, DDL: "CREATE TABLE x",
			Engine: "test", Partitions: 2, Partitioner: change.PartitionerXXH3})
		commits = append(commits, &change.Commit{Stamp: stamp, Snapshot: snapshot, ReadBegan: snapshot, ReadEnded: snapshot + 5, Seq: 1, Digest: digest})
	}
	h, err := NewHeader(schema.Table, stream, 3, begins, commits)
	h = must(t, h, err)
	h.Made = time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC)
	for i := range h.Partitions {
		p := &h.Partitions[i]
		p.From, p.To, p.Bytes, p.Segment, p.Previous = 10, 20, 300, 5, strings.Repeat("0b", 32)
	}
	return h
}

func write(fsys disk.FS, keys *crypt.Keys, h Header, rows []table.Row) (string, error) {
	return writeRows(fsys, keys, h, rows, false)
}

// read gives the rows of a checkpoint that is whole.
func read(fsys disk.FS, keys *crypt.Keys, path string) (rows []table.Row, digest table.Digest, err error) {
	f, err := Open(fsys, keys, path)
	if err != nil {
		return nil, digest, err
	}
	defer f.Close() //nolint:errcheck // only read
	if _, err := f.Check(context.Background()); err != nil {
		return nil, digest, err
	}
	all, err := f.Rows()
	for err == nil {
		var row table.Row
		var ok bool
		if row, ok, err = all.Next(); !ok || err != nil {
			break
		}
		print, printErr := codecOf().Fingerprint(row.Image)
		if printErr != nil {
			return nil, digest, printErr
		}
		digest.Add(print)
		rows = append(rows, table.Row{Key: bytes.Clone(row.Key), Image: bytes.Clone(row.Image)})
	}
	if err == nil && digest != f.digest {
		err = errors.New("another digest")
	}
	return rows, digest, err
}

func sameRows(a, b []table.Row) bool {
	return slices.EqualFunc(a, b, func(x, y table.Row) bool { return bytes.Equal(x.Key, y.Key) && bytes.Equal(x.Image, y.Image) })
}

func newKeys(t fataler) *crypt.Keys {
	t.Helper()
	identity, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	keys, err := crypt.New(identity.String(), nil, true)
	return must(t, keys, err)
}

func newDisk(t fataler) *disk.Memory {
	t.Helper()
	m := disk.NewMemory()
	check(t, disk.MakeDirs(m, dir, 0o700))
	return m
}

// given gives what cannot fail here.
func given[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

func bytesOf(t fataler, m disk.FS, path string) []byte {
	t.Helper()
	f := given(m.OpenFile(path, os.O_RDONLY, 0))
	defer f.Close() //nolint:errcheck // only read
	return given(io.ReadAll(f))
}

func digestOf(t fataler, rows []table.Row) (d table.Digest) {
	t.Helper()
	for _, r := range rows {
		print, err := codecOf().Fingerprint(r.Image)
		if err != nil {
			t.Fatal(err)
		}
		d.Add(print)
	}
	return d
}

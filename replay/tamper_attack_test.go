package replay

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"testing"

	"rewind/disk"
	"rewind/journal"
)

// attack is what the attacker knows of a vault: he has read everything.
type attack struct {
	t      *testing.T
	v      *vault
	now    disk.FS // the vault as it is
	before disk.FS // and as it once was
	orders []place // the partitions of orders, the old stream's first
	others []place // those of customers
}

// place is one partition.
type place struct {
	dir      string
	segments []secret
}

// secret is one segment.
type secret struct {
	path   string
	base   int64
	last   bool   // it is the active one
	file   []byte // as it lies there
	plain  []byte
	blocks []int    // where its blocks end; the header's end first
	record [][]byte // one a block
}

func newAttack(t *testing.T, v *vault) *attack {
	t.Helper()
	a := &attack{t: t, v: v, now: v.fs.Restart(disk.LoseNone()), before: v.before.Restart(disk.LoseNone())}
	for _, name := range []string{orders.FileName(), customers.FileName()} {
		for _, stream := range []string{oldLife, newLife, elsewhere} {
			for n := range 2 {
				p := place{dir: filepath.Join(testRoot, name, stream, fmt.Sprintf("%05d", n))}
				if _, err := a.now.Stat(p.dir); err != nil {
					continue
				}
				p.segments = a.read(a.now, p.dir)
				if name == orders.FileName() {
					a.orders = append(a.orders, p)
				} else {
					a.others = append(a.others, p)
				}
			}
		}
	}
	if len(a.orders) != 4 || len(a.others) != 2 {
		t.Fatalf("%d and %d partitions", len(a.orders), len(a.others))
	}
	return a
}

func (a *attack) read(fs disk.FS, dir string) (all []secret) {
	a.t.Helper()
	reader, err := journal.OpenReader(dir, journal.Options{FS: fs, Keys: a.v.keys, Splitter: decoders{}.split})
	if err != nil {
		a.t.Fatal(err)
	}
	infos := reader.Segments()
	for i, info := range infos {
		s := secret{path: info.Path, base: info.BaseOffset, last: i == len(infos)-1, file: contentOf(a.t, fs, info.Path)}
		if s.plain = s.file; info.Encrypted {
			s.plain = a.decrypt(info.Path, s.file)
		}
		marker := s.plain[len(s.plain)-16:]
		for at := 0; at < len(s.plain); {
			at += bytes.Index(s.plain[at:], marker) + 16
			s.blocks = append(s.blocks, at)
		}
		for e, err := range reader.Entries(info.BaseOffset) {
			if err != nil {
				a.t.Fatal(err)
			}
			if len(s.record) == len(s.blocks)-1 {
				break
			}
			s.record = append(s.record, bytes.Clone(e.Record))
		}
		all = append(all, s)
	}
	if len(all) < 3 {
		a.t.Fatalf("%s has %d segments", dir, len(all))
	}
	return all
}

func (a *attack) decrypt(path string, file []byte) []byte {
	a.t.Helper()
	plain, length, err := a.v.keys.Open(path, bytes.NewReader(file), int64(len(file)))
	if err != nil {
		a.t.Fatal(err)
	}
	text := make([]byte, length)
	if _, err := plain.ReadAt(text, 0); err != nil && !errors.Is(err, io.EOF) {
		a.t.Fatal(err)
	}
	return text
}

func (a *attack) encrypt(plain []byte) []byte {
	a.t.Helper()
	var file bytes.Buffer
	w, err := a.v.keys.NewWriter(&file)
	if err != nil {
		a.t.Fatal(err)
	}
	if _, err := w.Write(plain); err != nil {
		a.t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		a.t.Fatal(err)
	}
	return file.Bytes()
}

func (s secret) encrypted() bool { return filepath.Ext(s.path) == ".age" }

// named is the path of a segment with this content and another base.
func (s secret) named(dir string, base int64) string {
	name := fmt.Sprintf("%020d.avro", base)
	if s.encrypted() {
		name += ".age"
	}
	return filepath.Join(dir, name)
}

func (a *attack) put(fs disk.FS, path string, text []byte) { setContent(a.t, fs, path, text) }

func (a *attack) remove(fs disk.FS, path string) {
	if err := fs.Remove(path); err != nil {
		a.t.Fatal(err)
	}
}

func (a *attack) rename(fs disk.FS, from, to string) {
	if err := fs.Rename(from, to); err != nil {
		a.t.Fatal(err)
	}
}

// exchange swaps two folders.
func (a *attack) exchange(fs disk.FS, one, two string) {
	aside := filepath.Join(testRoot, "aside")
	a.rename(fs, one, aside)
	a.rename(fs, two, one)
	a.rename(fs, aside, two)
}

// clear removes a folder with all that is in it; what is not there is none.
func (a *attack) clear(fs disk.FS, path string) {
	entries, err := fs.ReadDir(path)
	if err != nil {
		return
	}
	for _, e := range entries {
		if e.IsDir() {
			a.clear(fs, filepath.Join(path, e.Name()))
			continue
		}
		a.remove(fs, filepath.Join(path, e.Name()))
	}
	a.remove(fs, path)
}

// copyDir makes a folder what it is in another disk; nothing there: it goes.
func (a *attack) copyDir(to disk.FS, from disk.FS, dir string) {
	a.clear(to, dir)
	entries, err := from.ReadDir(dir)
	if err != nil {
		return
	}
	if err := to.MkdirAll(dir, 0o700); err != nil {
		a.t.Fatal(err)
	}
	for _, e := range entries {
		path := filepath.Join(dir, e.Name())
		if e.IsDir() {
			a.copyDir(to, from, path)
			continue
		}
		a.put(to, path, contentOf(a.t, from, path))
	}
}

// rebuilt is a segment's plaintext with other records and another previous one, each checksum as it must be.
func (s secret) rebuilt(records [][]byte, was, is [sha256.Size]byte) []byte {
	header := bytes.Clone(s.plain[:s.blocks[0]])
	header = bytes.Replace(header, hex.AppendEncode(nil, was[:]), hex.AppendEncode(nil, is[:]), 1)
	sum := sha256.Sum256(header[4 : len(header)-16])
	marker := sum[:16]
	out := slices.Concat(header[:len(header)-16], marker)
	for _, r := range records {
		packed := literals(r)
		packed = binary.BigEndian.AppendUint32(packed, crc32.ChecksumIEEE(r))
		out = binary.AppendVarint(out, 1)
		out = binary.AppendVarint(out, int64(len(packed)))
		out = append(append(out, packed...), marker...)
	}
	return out
}

// literals is snappy's block format without any copy.
func literals(text []byte) []byte {
	out := binary.AppendUvarint(nil, uint64(len(text)))
	for len(text) > 0 {
		n := min(len(text), 60)
		out = append(append(out, byte(n-1)<<2), text[:n]...)
		text = text[n:]
	}
	return out
}

// altering changes a segment's records in each way that there is of one kind.
type altering func(s secret) [][][]byte

// rowsAltered changes a value of one row: of each change the image before it, and the one behind it.
func rowsAltered(s secret) [][][]byte { return s.altered("item ", 1) }

// definitionsAltered changes the table's definition in each Begin: no digest holds that.
func definitionsAltered(s secret) [][][]byte {
	return s.altered("CREATE TABLE x", len("CREATE TABLE "))
}

func (s secret) altered(what string, at int) (all [][][]byte) {
	for i, r := range s.record {
		first, last := bytes.Index(r, []byte(what)), bytes.LastIndex(r, []byte(what))
		for _, found := range slices.Compact([]int{first, last}) {
			if found < 0 {
				continue
			}
			records := slices.Clone(s.record)
			records[i] = bytes.Clone(r)
			records[i][found+at] ^= 1
			all = append(all, records)
		}
	}
	return all
}

// file is what is written for a plaintext in this segment's place.
func (a *attack) file(s secret, plain []byte) []byte {
	if s.encrypted() {
		return a.encrypt(plain)
	}
	return plain
}

// forged makes orders' newer stream anew, by the program itself: every value in one snapshot's batch is another, all sums are right.
func (a *attack) forged(from int, key ed25519.PrivateKey) *disk.Memory {
	fake := &vault{fs: disk.NewMemory(), keys: a.v.keys}
	random := rand.New(rand.NewPCG(11, 11))
	fake.write(a.t, orders, oldLife, 3, 0, nil, func(tp *tape) { tp.snapshot(shuffled(tp, random), published{}) })
	fake.write(a.t, customers, elsewhere, 3, 0, nil, func(tp *tape) { tp.snapshot(shuffled(tp, random), published{}) })
	n := 0
	fake.write(a.t, orders, newLife, 4, laterLife, key, func(tp *tape) {
		next := shuffled(tp, random)
		if n++; n > from {
			k, image := row(a.t, tp.schema, "1", "a", "Mallory")
			next[k] = image
		}
		tp.snapshot(next, published{})
	})
	return fake.fs
}

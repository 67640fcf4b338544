package checkpoint

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/linkedin/goavro/v2"

	"rewind/crypt"
	"rewind/disk"
	"rewind/ocf"
	"rewind/table"
)

var (
	stream = strings.Repeat("0a", 16)
	schema = &table.Schema{Table: table.Name{Database: "shop", Table: "orders"}, Key: []int{1}, NextColumnID: 3, Columns: []table.Column{
		{ID: 1, Name: "id", Type: table.Type{Kind: table.BigInt}}, {ID: 2, Name: "item", Type: table.Type{Kind: table.String}},
	}}
)

func TestWrittenAndRead(t *testing.T) {
	for _, keys := range []*crypt.Keys{nil, newKeys(t)} {
		for _, n := range []int{0, 1, 10_000} {
			m := newDisk(t)
			rows, digest := rowsOf(t, n)
			path, err := write(m, keys, headerOf(t, 77, digest), rows)
			if err != nil {
				t.Fatal(err)
			}
			found := given(List(m, dir))
			if len(found) != 1 || found[0].Path != path || found[0].Snapshot != 77 || found[0].Base || found[0].Temporary {
				t.Fatalf("found %+v", found)
			}
			got, _, err := read(m, keys, path)
			if err != nil || !sameRows(got, rows) {
				t.Fatalf("%d rows: %d, %v", n, len(got), err)
			}
			f := given(Open(m, keys, path))
			if f.Begin(1).DDL != "CREATE TABLE x" || f.Commit(0).ReadEnded != 82 || f.NextColumnID != 3 || f.Schema().Identity() != schema.Identity() {
				t.Errorf("header %+v", f.Header)
			}
			check(t, f.Close())
			if keys != nil {
				if _, err := Open(m, nil, path); !errors.As(err, new(*crypt.KeyError)) {
					t.Errorf("without the key: %v", err)
				}
			}
		}
	}
}

// TestEveryBit flips each bit of a checkpoint and cuts it at each byte: it is damaged then, and no row of it is believed.
func TestEveryBit(t *testing.T) {
	count := 0
	for _, keys := range []*crypt.Keys{nil, newKeys(t)} {
		m := newDisk(t)
		rows, digest := rowsOf(t, 5)
		path, err := write(m, keys, headerOf(t, 77, digest), rows)
		if err != nil {
			t.Fatal(err)
		}
		whole := bytesOf(t, m, path)
		try := func(what string, b []byte) {
			count++
			check(t, disk.WriteFile(m, path, b, 0o600))
			_, _, err := read(m, keys, path)
			var damage *Damage
			var key *crypt.KeyError
			if !errors.As(err, &damage) && !errors.As(err, &key) {
				t.Fatalf("%s: %v", what, err)
			}
		}
		for i := range whole {
			try(fmt.Sprintf("cut at %d", i), whole[:i])
			for bit := range 8 {
				if keys != nil && bit != i%8 { // each byte of an encrypted one is authenticated: one bit of each
					continue
				}
				b := bytes.Clone(whole)
				b[i] ^= 1 << bit
				try(fmt.Sprintf("bit %d of byte %d", bit, i), b)
			}
		}
		try("a byte more", append(bytes.Clone(whole), 0))
	}
	t.Logf("counted: %d damaged checkpoints", count)
}

// TestCrashAtEveryOperation stops the machine at, and fails, each operation of writing a checkpoint beside an older one: what is there under
// its name afterwards is whole, and the older one is untouched.
func TestCrashAtEveryOperation(t *testing.T) {
	count := 0
	rows, digest := rowsOf(t, 300)
	for _, keys := range []*crypt.Keys{nil, newKeys(t)} {
		for _, crash := range []bool{true, false} {
			for k := int64(1); ; k++ {
				m := newDisk(t)
				older := given(write(m, keys, headerOf(t, 17, digest), rows))
				if crash {
					m.CrashAt(k)
				} else {
					m.FailAt(k)
				}
				_, err := write(m, keys, headerOf(t, 77, digest), rows)
				if !m.Tripped() {
					check(t, err)
					break
				}
				for _, loss := range losses(uint64(k)) {
					after := m.Restart(loss)
					count++
					holdFolder(t, after, keys, rows, older, err == nil)
				}
			}
		}
	}
	t.Logf("counted: %d crash points of writing a checkpoint", count)
}

func losses(seed uint64) []disk.Loss {
	return []disk.Loss{disk.LoseAll(), disk.LoseNone(), disk.LoseSome(seed)}
}

func holdFolder(t *testing.T, m *disk.Memory, keys *crypt.Keys, rows []table.Row, older string, written bool) {
	t.Helper()
	found := given(List(m, dir))
	names := map[string]bool{}
	for _, f := range found {
		names[filepath.Base(f.Path)] = true
		if f.Temporary {
			continue
		}
		if got, _, err := read(m, keys, f.Path); err != nil || !sameRows(got, rows) {
			t.Fatalf("%s: %d rows, %v", f.Path, len(got), err)
		}
	}
	if !names[filepath.Base(older)] || written && !names[Name(77, false, keys.Encrypts())] {
		t.Fatalf("found %v", names)
	}
	if _, err := write(m, keys, headerOf(t, 77, digestOf(t, rows)), rows); err != nil {
		t.Fatalf("written again: %v", err)
	}
}

// TestHeadersThatLie writes headers that fit no restore point: none is opened.
func TestHeadersThatLie(t *testing.T) {
	_, digest := rowsOf(t, 1)
	lies := map[string]func(h *Header){
		"version":         func(h *Header) { h.Version = 2 },
		"stream":          func(h *Header) { h.Stream = "0b" + h.Stream[2:] },
		"table":           func(h *Header) { h.Table = "shop.other" },
		"snapshot":        func(h *Header) { h.Snapshot++ },
		"digest":          func(h *Header) { h.Digest = "1:0:0" },
		"no partition":    func(h *Header) { h.Partitions = nil },
		"a partition":     func(h *Header) { h.Partitions = h.Partitions[:1] },
		"begin":           func(h *Header) { h.Partitions[1].Begin = h.Partitions[1].Commit },
		"commit":          func(h *Header) { h.Partitions[1].Commit = h.Partitions[1].Begin },
		"a byte of begin": func(h *Header) { h.Partitions[0].Begin[12] ^= 1 },
		"offsets":         func(h *Header) { h.Partitions[0].To = h.Partitions[0].From },
		"segment":         func(h *Header) { h.Partitions[0].Segment = 21 },
		"previous":        func(h *Header) { h.Partitions[0].Previous = "x" },
	}
	for name, lie := range lies {
		h := headerOf(t, 77, digest)
		lie(&h)
		if err := h.parse(); err == nil {
			t.Errorf("%s: it was believed", name)
		}
	}
	t.Logf("counted: %d headers that lie", len(lies))
}

func TestNames(t *testing.T) {
	for name, want := range map[string]Found{
		"checkpoint-77.avro":         {Snapshot: 77},
		"base-77.avro.age":           {Snapshot: 77, Base: true, Encrypted: true},
		"checkpoint-77.avro.age.tmp": {Snapshot: 77, Encrypted: true, Temporary: true},
	} {
		if got, ok := parseName(name); !ok || got != want {
			t.Errorf("%s: %+v", name, got)
		}
	}
	for _, name := range []string{"", "base-.avro", "checkpoint-077.avro", "77.avro", "base-77", "base-7x.avro", "base--7.avro", "base-0.avro", "cut.json"} {
		if f, ok := parseName(name); ok {
			t.Errorf("%s: %+v", name, f)
		}
	}
	if all, err := List(disk.NewMemory(), "/nowhere"); err != nil || all != nil {
		t.Errorf("%v, %v", all, err)
	}
	if _, err := Open(disk.NewMemory(), nil, "/x"); !errors.Is(err, fs.ErrNotExist) {
		t.Error(err)
	}
}

// FuzzCheckpoint reads files that are whole as container files, with whatever as header and records: an error, or rows that are as many as it says.
func FuzzCheckpoint(f *testing.F) {
	for _, n := range []int{0, 3} {
		rows, digest := rowsOf(f, n)
		meta := given(json.Marshal(headerOf(f, 77, digest)))
		var records []byte
		for _, r := range rows {
			records = append(append(append(records, 0, byte(2*len(r.Key))), r.Key...), r.Image...)
		}
		f.Add(meta, records, n)
	}
	f.Fuzz(func(t *testing.T, meta, records []byte, count int) {
		m := newDisk(t)
		path := filepath.Join(dir, Name(77, false, false))
		var b bytes.Buffer
		w, err := ocf.NewWriter(&b, ocf.Header{Schema: fileSchema(schema), Meta: map[string][]byte{metaKey: meta}})
		if err != nil {
			return
		}
		if err := w.WriteBlock(count, records); err != nil && count > 0 && count < 1<<20 {
			t.Fatal(err)
		}
		sum := sha256.Sum256(b.Bytes())
		check(t, w.WriteBlock(1, append(binary.AppendVarint([]byte{2}, int64(count)), sum[:]...)))
		check(t, disk.WriteFile(m, path, b.Bytes(), 0o600))
		rows, digest, err := read(m, nil, path)
		if err == nil && (int64(len(rows)) != digest.Rows || len(rows) != count) {
			t.Fatalf("%d rows of %d", len(rows), digest.Rows)
		}
	})
}

var update = flag.Bool("update", false, "write the golden file anew")

// TestGolden: a checkpoint of version 1 is read forever, and written so.
func TestGolden(t *testing.T) {
	golden := filepath.Join("testdata", "version-1.avro")
	m := newDisk(t)
	rows, digest := rowsOf(t, 7)
	path, err := write(m, nil, headerOf(t, 77, digest), rows)
	if err != nil {
		t.Fatal(err)
	}
	written := bytesOf(t, m, path)
	if *update {
		check(t, os.MkdirAll("testdata", 0o755))
		check(t, os.WriteFile(golden, written, 0o644))
	}
	want := given(os.ReadFile(golden))
	if !bytes.Equal(written, want) {
		t.Error("it is written otherwise")
	}
	check(t, disk.WriteFile(m, path, want, 0o600))
	if got, _, err := read(m, nil, path); err != nil || !sameRows(got, rows) {
		t.Errorf("%d rows, %v", len(got), err)
	}
}

// TestAnotherReader: any Avro tool shows the rows as what they are.
func TestAnotherReader(t *testing.T) {
	f := given(os.Open(filepath.Join("testdata", "version-1.avro")))
	defer f.Close() //nolint:errcheck // only read
	in := given(goavro.NewOCFReader(f))
	names := map[string]int{}
	for in.Scan() {
		record := given(in.Read()).(map[string]any)["content"].(map[string]any)
		for name, content := range record {
			names[name]++
			if row, ok := content.(map[string]any)["row"].(map[string]any); name == "rewind.Row" && (!ok || row["item"] == nil) {
				t.Errorf("%v", content)
			}
		}
	}
	if names["rewind.Row"] != 7 || names["rewind.End"] != 1 || in.Err() != nil {
		t.Errorf("%v, %v", names, in.Err())
	}
}

// TestSumsAreHeld: whole blocks that are not those that were written show in the SHA-256 alone.
func TestSumsAreHeld(t *testing.T) {
	m := newDisk(t)
	_, digest := rowsOf(t, 0)
	var b bytes.Buffer
	w := given(ocf.NewWriter(&b, ocf.Header{Schema: fileSchema(schema), Meta: map[string][]byte{metaKey: given(json.Marshal(headerOf(t, 77, digest)))}}))
	sum := sha256.Sum256(b.Bytes())
	for what, flip := range map[string]byte{"right": 0, "wrong": 1} {
		end := append([]byte{2, 0}, sum[:]...)
		end[9] ^= flip
		before := b.Len()
		check(t, w.WriteBlock(1, end))
		path := filepath.Join(dir, Name(77, false, false))
		check(t, disk.WriteFile(m, path, b.Bytes(), 0o600))
		b.Truncate(before)
		if _, _, err := read(m, nil, path); (err == nil) != (flip == 0) {
			t.Errorf("%s: %v", what, err)
		}
	}
}

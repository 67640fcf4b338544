package producer

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"rewind/change"
	"rewind/crypt"
	"rewind/disk"
	"rewind/table"
)

var update = flag.Bool("update", false, "write the golden files anew")

func testHeader() *fileHeader {
	s := &table.Schema{Table: orders, Key: []int{1}, NextColumnID: 3, Columns: []table.Column{
		{ID: 1, Name: "id", Type: table.Type{Kind: table.BigInt}},
		{ID: 2, Name: "name", Type: table.Type{Kind: table.String}},
	}}
	return &fileHeader{
		Stream: "0123456789abcdef0123456789abcdef", Snapshot: 1795424400000000, Previous: 1795424300000000,
		Epoch: 7, Writer: "000102030405060708090a0b0c0d0e0f", Schema: s.AvroSchema(), schema: s,
		Options: map[string]string{"TIMEZONE": "UTC"}, Partitions: 2, Partitioner: change.PartitionerXXH3, Offsets: []int64{12, 34},
		HashKey: []byte("32 bytes that nobody else knows.")[:hashKeyBytes],
	}
}

func writeTestFile(t testing.TB, fsys disk.FS, path string, rows int, keys *crypt.Keys) {
	t.Helper()
	h := testHeader()
	codec, err := table.NewCodec(h.schema)
	if err != nil {
		t.Fatal(err)
	}
	w, err := createFile(fsys, path, h, keys)
	if err != nil {
		t.Fatal(err)
	}
	for i := range rows {
		row, err := encode(codec, int64(i), fmt.Sprint("row ", i))
		if err != nil {
			t.Fatal(err)
		}
		f, err := codec.Fingerprint(row.Image)
		if err != nil {
			t.Fatal(err)
		}
		if err := w.append(row, f); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := w.finish(1795424400500000); err != nil {
		t.Fatal(err)
	}
}

// readTestFile gives the file's rows and how it ends.
func readTestFile(fsys disk.FS, path string, keys *crypt.Keys) (h fileHeader, rows int, err error) {
	r, err := openFile(fsys, path, keys)
	if err != nil {
		return h, 0, err
	}
	defer r.close()
	for {
		if _, _, err := r.next(); err != nil {
			return r.header, rows, err
		}
		rows++
	}
}

// goldenFile is a snapshot file as a version of the format has it.
func goldenFile(version int) string {
	return filepath.Join("testdata", fmt.Sprintf("snapshot-v%d.avro", version))
}

func TestGoldenSnapshotFile(t *testing.T) {
	if *update {
		writeTestFile(t, disk.OS, goldenFile(fileVersion), 3, nil)
	}
	for version := 1; version <= fileVersion; version++ {
		h, rows, err := readTestFile(disk.OS, goldenFile(version), nil)
		if !errors.Is(err, io.EOF) || rows != 3 {
			t.Fatalf("%d rows, %v", rows, err)
		}
		want := testHeader()
		if want.Version = version; version == 1 {
			want.HashKey = nil
		}
		if diff := cmp.Diff(*want, h, cmp.AllowUnexported(fileHeader{})); diff != "" {
			t.Error(diff)
		}
	}
}

// TestDamagedSnapshotFile: every byte cut off, and every bit turned, is noticed, or harmless.
func TestDamagedSnapshotFile(t *testing.T) {
	for version := 1; version <= fileVersion; version++ {
		damageAll(t, goldenFile(version))
	}
}

func damageAll(t *testing.T, path string) {
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	memory := disk.NewMemory()
	try := func(what string, content []byte) {
		if err := disk.WriteFile(memory, "/file", content, 0o600); err != nil {
			t.Fatal(err)
		}
		_, _, err := readTestFile(memory, "/file", nil)
		var damaged *FileError
		if !errors.As(err, &damaged) || damaged.ExitCode() != 5 {
			t.Errorf("%s: %v", what, err)
		}
	}
	for n := range whole {
		if n > len(whole)-200 || n%10 == 0 {
			try(fmt.Sprint("cut at ", n), whole[:n])
		}
		for bit := range 8 {
			damaged := append([]byte(nil), whole...)
			damaged[n] ^= 1 << bit
			try(fmt.Sprintf("bit %d turned in byte %d", bit, n), damaged)
		}
	}
	t.Logf("counted: %d turned bits of a snapshot file", 8*len(whole))
	try("something behind it", append(whole[:len(whole):len(whole)], whole[len(whole)-40:]...))
	if _, err := openFile(memory, "/not", nil); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("no file: %v", err)
	}
}

func FuzzSplitRecord(f *testing.F) {
	f.Add(appendRow(nil, table.Row{Key: []byte("key"), Image: []byte("image")}, table.Fingerprint{M: 1, F: 2}))
	f.Add(appendEnd(nil, fileEnd{readEnded: 1, digest: table.Digest{Rows: 2, M: 3, F: 4}}))
	f.Add([]byte{0, 0xff, 0xff})
	f.Fuzz(func(t *testing.T, b []byte) {
		row, print, end, rest, err := splitRecord(b)
		if err != nil {
			return
		}
		var again []byte
		if end != nil {
			again = appendEnd(nil, *end)
		} else {
			again = appendRow(nil, row, print)
		}
		row2, print2, end2, rest2, err := splitRecord(append(again, rest...))
		if err != nil || string(row2.Key) != string(row.Key) || string(row2.Image) != string(row.Image) || print2 != print ||
			(end == nil) != (end2 == nil) || end != nil && *end != *end2 || string(rest2) != string(rest) {
			t.Errorf("%x reads differently once written again: %x", b, again)
		}
	})
}

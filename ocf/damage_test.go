package ocf

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"runtime"
	"slices"
	"testing"
)

// sampleFile has three blocks of the records "<n>;", and says where each block ends.
func sampleFile(t *testing.T, codec string) (file []byte, ends []int64) {
	t.Helper()
	var out bytes.Buffer
	w, err := NewWriter(&out, Header{Schema: testSchema, Codec: codec, Meta: map[string][]byte{"some.key": []byte("some value")}})
	if err != nil {
		t.Fatal(err)
	}
	ends = append(ends, w.Size())
	for i := range 3 {
		records := fmt.Appendf(nil, "%d;%d;%s;", 2*i, 2*i+1, bytes.Repeat([]byte("z"), 30))
		if err := w.WriteBlock(3, records); err != nil {
			t.Fatal(err)
		}
		ends = append(ends, w.Size())
	}
	return out.Bytes(), ends
}

type block struct {
	count   int
	records string
}

// readBlocks reads up to an error, which is nil at a clean end.
func readBlocks(file []byte) (blocks []block, err error) {
	r, err := NewReader(bytes.NewReader(file))
	for err == nil {
		var b block
		var records []byte
		if b.count, records, err = r.Next(); err == nil {
			b.records = string(records)
			blocks = append(blocks, b)
		}
	}
	if err == io.EOF { //nolint:errorlint // a clean end is bare
		err = nil
	}
	return blocks, err
}

// whole drops blocks whose count does not fit their records, as whoever splits them would.
func whole(blocks []block) []block {
	return slices.DeleteFunc(blocks, func(b block) bool { return bytes.Count([]byte(b.records), []byte(";")) != b.count })
}

// TestTruncatedAtEveryByte: Next says that the block is cut, and Recover where the whole ones end.
func TestTruncatedAtEveryByte(t *testing.T) {
	for _, codec := range []string{Null, Snappy, Deflate} {
		file, ends := sampleFile(t, codec)
		want, _ := readBlocks(file)
		for size := range len(file) {
			cut := file[:size]
			n := -1 // whole blocks
			for _, end := range ends {
				if int64(size) >= end {
					n++
				}
			}
			got, err := readBlocks(cut)
			clean := n >= 0 && int64(size) == ends[n]
			if clean != (err == nil) || !clean && !errors.Is(err, io.ErrUnexpectedEOF) {
				t.Fatalf("%s cut at %d: %v", codec, size, err)
			}
			if !slices.Equal(got, want[:max(n, 0)]) {
				t.Fatalf("%s cut at %d: %v", codec, size, got)
			}
			_, end, torn, err := Recover(bytes.NewReader(cut), int64(size))
			if err != nil || torn == clean || n >= 0 && end != ends[n] || n < 0 && end != 0 {
				t.Fatalf("%s cut at %d: recovered %d, torn %v, %v", codec, size, end, torn, err)
			}
		}
	}
}

// TestEveryBitFlipped: with snappy, no wrong record is ever read, and only damage of the last block's marker looks like a
// torn tail. The other codecs have no checksum of their records; everything else of them is held all the same.
func TestEveryBitFlipped(t *testing.T) {
	for _, codec := range []string{Null, Snappy, Deflate} {
		file, ends := sampleFile(t, codec)
		want, _ := readBlocks(file)
		for bit := range 8 * len(file) {
			damaged := bytes.Clone(file)
			damaged[bit/8] ^= 1 << (bit % 8)
			at := int64(bit / 8)
			got, err := readBlocks(damaged)
			var damage *DamageError
			if err != nil && !errors.As(err, &damage) && !errors.Is(err, io.ErrUnexpectedEOF) {
				t.Fatalf("%s, bit %d: %v", codec, bit, err)
			}
			if codec == Snappy && !subset(whole(got), want) {
				t.Fatalf("%s, bit %d: read %v", codec, bit, got)
			}
			if at < ends[0] && err == nil && !inMarkerKey(file, at) {
				t.Fatalf("%s, bit %d: a damaged header was accepted", codec, bit)
			}
			_, _, torn, recoverErr := Recover(bytes.NewReader(damaged), int64(len(file)))
			if torn && at < int64(len(file))-markerBytes {
				t.Fatalf("%s, bit %d: damage at %d of %d looks torn", codec, bit, at, len(file))
			}
			if (err == nil) != (recoverErr == nil && !torn) {
				t.Fatalf("%s, bit %d: read %v, recovered %v, torn %v", codec, bit, err, recoverErr, torn)
			}
		}
	}
}

func subset(got, want []block) bool {
	return !slices.ContainsFunc(got, func(b block) bool { return !slices.Contains(want, b) })
}

// inMarkerKey: another name of that key makes a file of somebody else, which Derived tells.
func inMarkerKey(file []byte, at int64) bool {
	start := int64(bytes.Index(file, []byte(markerKey)))
	return at >= start && at < start+int64(len(markerKey))
}

// TestDamageThenTorn: damage in the middle is not taken for a torn tail because the end is torn too.
func TestDamageThenTorn(t *testing.T) {
	file, ends := sampleFile(t, Snappy)
	file = file[:len(file)-3]
	file[ends[0]+8] ^= 1
	_, end, torn, err := Recover(bytes.NewReader(file), int64(len(file)))
	var damage *DamageError
	if torn || !errors.As(err, &damage) || damage.Offset != ends[0] || end != ends[0] || damage.ExitCode() != 5 {
		t.Errorf("end %d, torn %v, %v", end, torn, err)
	}
}

// TestLongTornTail: the search for a marker goes beyond one piece, and finds one across two.
func TestLongTornTail(t *testing.T) {
	for _, length := range []int{1, 3 * blockBytes, 3*blockBytes - 30 - markerBytes/2, blockBytes - 8} {
		file, ends := sampleFile(t, Snappy)
		h, _, _ := readAll(t, file)
		tail := bytes.Repeat([]byte{0xff}, length)
		torn := slices.Concat(file, tail)
		if _, end, isTorn, err := Recover(bytes.NewReader(torn), int64(len(torn))); err != nil || !isTorn || end != ends[3] {
			t.Errorf("%d bytes: end %d, torn %v, %v", length, end, isTorn, err)
		}
		damaged := slices.Concat(torn, h.Sync[:], []byte{1})
		if _, _, isTorn, err := Recover(bytes.NewReader(damaged), int64(len(damaged))); err == nil || isTorn {
			t.Errorf("%d bytes and a marker: torn %v, %v", length, isTorn, err)
		}
	}
}

// TestRecoverEach hands out the blocks and their places, and wraps a refusal.
func TestRecoverEach(t *testing.T) {
	file, ends := sampleFile(t, Snappy)
	refusal := errors.New("refused")
	var places []int64
	_, end, torn, err := RecoverEach(bytes.NewReader(file), int64(len(file)), func(h *Header, b Block) error {
		places = append(places, b.Offset)
		if len(places) == 3 {
			return refusal
		}
		return nil
	})
	if !slices.Equal(places, ends[:3]) || torn || end != ends[2] || !errors.Is(err, refusal) {
		t.Errorf("places %v, end %d, torn %v, %v", places, end, torn, err)
	}
}

// TestLies: lengths and counts beyond the limits are damage, and cost no memory.
func TestLies(t *testing.T) {
	number := func(n int64) []byte { return binary.AppendVarint(nil, n) }
	overlong := bytes.Repeat([]byte{0xff}, 11)
	file, ends := sampleFile(t, Snappy)
	header := file[:ends[0]]
	h, _, _ := readAll(t, file)
	snappyLie := slices.Concat(number(1), number(9), []byte{0x80, 0x80, 0x80, 0x10, 0, 0, 0, 0, 0}, h.Sync[:]) // "32 MiB"
	tests := map[string][]byte{
		"count negative":       slices.Concat(header, number(-1), number(1), []byte("x"), h.Sync[:]),
		"count zero":           slices.Concat(header, number(0), number(1), []byte("x"), h.Sync[:]),
		"count huge":           slices.Concat(header, number(1<<40), number(1), []byte("x"), h.Sync[:]),
		"size negative":        slices.Concat(header, number(1), number(-1), h.Sync[:]),
		"size huge":            slices.Concat(header, number(1), number(1<<40), h.Sync[:]),
		"number overlong":      slices.Concat(header, overlong, h.Sync[:]),
		"no CRC":               slices.Concat(header, number(1), number(3), []byte("abc"), h.Sync[:]),
		"decompressed huge":    slices.Concat(header, snappyLie),
		"magic":                []byte("Obj\x02and so on, for more bytes than a header's marker"),
		"entries huge":         slices.Concat([]byte(magic), number(1<<40)),
		"entries smallest":     slices.Concat([]byte(magic), number(-1<<63), number(0)),
		"key empty":            slices.Concat([]byte(magic), number(1), number(0), number(0), number(0)),
		"key huge":             slices.Concat([]byte(magic), number(1), number(1<<40)),
		"value huge":           slices.Concat([]byte(magic), number(1), number(1), []byte("k"), number(1<<40)),
		"value negative":       slices.Concat([]byte(magic), number(1), number(1), []byte("k"), number(-2)),
		"value beyond the end": slices.Concat([]byte(magic), number(1), number(1), []byte("k"), number(1<<20), []byte{0, 1, 2}),
		"no schema":            slices.Concat([]byte(magic), number(0), make([]byte, 16)),
		"unknown codec":        encoded(t, map[string]string{schemaKey: "{}", codecKey: "zstandard"}),
		"key twice":            slices.Concat([]byte(magic), number(2), bytes.Repeat(slices.Concat(number(1), []byte("k"), number(0)), 2), number(0), make([]byte, 16)),
	}
	for name, content := range tests {
		t.Run(name, func(t *testing.T) {
			var damage *DamageError
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			if _, err := readBlocks(content); !errors.As(err, &damage) || damage.Error() == "" {
				t.Errorf("%v", err)
			}
			runtime.ReadMemStats(&after)
			if n := after.TotalAlloc - before.TotalAlloc; n > 4<<20 {
				t.Errorf("%d bytes allocated", n)
			}
		})
	}
}

// encoded is a header as somebody else writes it.
func encoded(t *testing.T, metadata map[string]string) []byte {
	t.Helper()
	out := []byte(magic)
	for k, v := range metadata { // each in a block of its own that says its size, as the specification allows
		entry := slices.Concat(binary.AppendVarint(nil, int64(len(k))), []byte(k), binary.AppendVarint(nil, int64(len(v))), []byte(v))
		out = slices.Concat(out, binary.AppendVarint(nil, -1), binary.AppendVarint(nil, int64(len(entry))), entry)
	}
	return slices.Concat(out, []byte{0}, []byte("0123456789abcdef"))
}

func TestReadSizedMetadata(t *testing.T) {
	r, err := NewReader(bytes.NewReader(encoded(t, map[string]string{schemaKey: `"long"`, "k": "v"})))
	if err != nil {
		t.Fatal(err)
	}
	if h := r.Header(); h.Schema != `"long"` || h.Codec != Null || string(h.Meta["k"]) != "v" || h.Derived {
		t.Errorf("%+v", h)
	}
}

// FuzzRead: no content makes the Reader panic, hang or allocate without bound, and Recover agrees with it.
func FuzzRead(f *testing.F) {
	for _, codec := range []string{Null, Snappy, Deflate} {
		var out bytes.Buffer
		w, err := NewWriter(&out, Header{Schema: testSchema, Codec: codec})
		if err == nil {
			err = errors.Join(w.WriteBlock(1, []byte("one")), w.WriteBlock(2, []byte("two")))
		}
		if err != nil {
			f.Fatal(err)
		}
		f.Add(out.Bytes())
		f.Add(out.Bytes()[:out.Len()-20])
	}
	f.Fuzz(func(t *testing.T, file []byte) {
		_, err := readBlocks(file)
		h, end, torn, recoverErr := Recover(bytes.NewReader(file), int64(len(file)))
		if (err == nil) != (recoverErr == nil && !torn) {
			t.Fatalf("read %v, recovered %v, torn %v", err, recoverErr, torn)
		}
		if torn && end > 0 && bytes.Contains(file[end:], h.Sync[:]) {
			t.Fatal("torn, and a marker follows")
		}
	})
}

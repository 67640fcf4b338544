package topic

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"io"
	"runtime"
	"testing"

	"github.com/segmentio/kafka-go"
	"github.com/segmentio/kafka-go/protocol"

	"rewind/sandbox/kafkatest"
)

var codecs = map[string]uint16{"none": codecNone, "gzip": codecGzip, "snappy": codecSnappy, "lz4": codecLZ4, "zstd": codecZstd}

// makeBatch is a record batch around records that are packed already: its length and checksum fit, whatever it holds.
func makeBatch(first int64, flags uint16, last, count int32, packed []byte) []byte {
	b := binary.BigEndian.AppendUint64(nil, uint64(first))
	b = appendInt32(b, 0) // its length
	b = append(appendInt32(b, -1), batchFormat)
	b = appendInt32(b, 0) // its checksum
	b = binary.BigEndian.AppendUint16(b, flags)
	b = appendInt32(b, last)
	b = append(b, make([]byte, 16+14)...)
	b = append(appendInt32(b, count), packed...)
	return sealed(b)
}

// sealed makes a batch's length and checksum fit.
func sealed(b []byte) []byte {
	binary.BigEndian.PutUint32(b[batchLengthAt:], uint32(len(b)-batchPrefix))
	binary.BigEndian.PutUint32(b[batchCRCAt:], crc32.Checksum(b[batchFlagsAt:], castagnoli))
	return b
}

// appendRecord is a record with one header, as other writers make them.
func appendRecord(b []byte, delta int64, key, value []byte) []byte {
	r := binary.AppendVarint([]byte{0}, 0)
	r = binary.AppendVarint(r, delta)
	for _, field := range [][]byte{key, value} {
		if field == nil {
			r = binary.AppendVarint(r, -1)
			continue
		}
		r = append(binary.AppendVarint(r, int64(len(field))), field...)
	}
	r = binary.AppendVarint(r, 1)
	r = append(binary.AppendVarint(r, 1), 'h')
	r = append(binary.AppendVarint(r, 2), "hi"...)
	return append(binary.AppendVarint(b, int64(len(r))), r...)
}

// drain takes everything out of a batch.
func drain(b []byte) (all []Message, err error) {
	opened, err := openBatch(b, nil)
	for err == nil && opened.left > 0 {
		var m Message
		if m, err = opened.take(); err == nil {
			all = append(all, m)
		}
	}
	return all, err
}

func threeRecords() []byte {
	records := appendRecord(nil, 0, []byte("key"), []byte("first"))
	records = appendRecord(records, 1, nil, nil) // a tombstone
	return appendRecord(records, 4, nil, []byte("behind a gap"))
}

func TestBatchOfOthers(t *testing.T) {
	all, err := drain(makeBatch(100, 0, 7, 3, threeRecords()))
	if err != nil || len(all) != 3 {
		t.Fatalf("%v, %v", all, err)
	}
	if all[0].Offset != 100 || string(all[0].Value) != "first" || all[1].Value != nil || all[2].Offset != 104 || string(all[2].Value) != "behind a gap" {
		t.Errorf("%v", all)
	}
	opened, err := openBatch(makeBatch(5, flagControl, 0, 1, []byte("marker of a transaction")), nil)
	if err != nil || opened.left != 0 || opened.last != 5 {
		t.Errorf("a transaction's end: %+v, %v", opened, err)
	}
}

// allocated is how many bytes were allocated meanwhile, freed or not.
func allocated(f func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}

// huge are numbers that a length must not be believed to be, as varints.
func huge() (all [][]byte) {
	for _, v := range []int64{1 << 20, 1<<31 - 1, 1 << 31, 1 << 40, 1<<63 - 1, -1 << 63, -2} {
		all = append(all, binary.AppendVarint(nil, v))
	}
	return append(all, bytes.Repeat([]byte{0xff}, 11))
}

// TestBatchesThatLie puts huge numbers in the place of every byte and every four bytes of a batch whose checksum fits, and every
// other byte there: it is read or refused, and nothing is set aside for what is not there.
func TestBatchesThatLie(t *testing.T) {
	const most = 64 << 10 // bytes for a batch of 140; what a codec needs comes on top
	whole := makeBatch(100, 0, 7, 3, threeRecords())
	tried, refused := 0, 0
	try := func(b []byte) {
		tried++
		if got := allocated(func() {
			if _, err := drain(sealed(b)); err != nil {
				refused++
			}
		}); got > most {
			t.Fatalf("%d bytes were allocated for % x", got, b)
		}
	}
	for at := batchFormatAt; at < len(whole); at++ {
		for v := range 256 {
			b := bytes.Clone(whole)
			if b[at] = byte(v); at == batchFlagsAt+1 && v&codecMask != 0 {
				continue // a codec's buffers: below
			}
			try(b)
		}
		for _, lie := range huge() {
			try(append(append(bytes.Clone(whole[:at]), lie...), whole[min(at+1, len(whole)):]...))
		}
		if at+4 <= len(whole) {
			b := bytes.Clone(whole)
			binary.BigEndian.PutUint32(b[at:], 1<<31-1)
			if at != batchFlagsAt-3 && at != batchFlagsAt-2 && at != batchFlagsAt-1 && at != batchFlagsAt {
				try(b)
			}
		}
	}
	if refused == 0 {
		t.Error("nothing was refused")
	}
	t.Logf("counted: %d record batches with lying lengths, %d refused, none for more than %d bytes", tried, refused, most)
}

func write(w io.Writer, b []byte) error {
	_, err := w.Write(b)
	return err
}

// TestPackedBatchesThatLie damages packed records, and packs far more than a batch may hold.
func TestPackedBatchesThatLie(t *testing.T) {
	const codecBuffers = 24 << 20 // what a decoder may keep ready
	const bombBytes = 32 << 20    // far more than that
	tried := 0
	for name, codec := range codecs {
		if codec == codecNone {
			continue
		}
		pack := func(records []byte) []byte {
			var packed bytes.Buffer
			w := kafka.Compression(codec).Codec().NewWriter(&packed)
			if _, err := w.Write(records); err != nil {
				t.Fatal(err)
			}
			if err := w.Close(); err != nil {
				t.Fatal(err)
			}
			return packed.Bytes()
		}
		whole := makeBatch(100, codec, 7, 3, pack(threeRecords()))
		if all, err := drain(whole); err != nil || len(all) != 3 {
			t.Fatalf("%s: %v, %v", name, all, err)
		}
		for at := batchHead; at < len(whole); at++ {
			for _, v := range []byte{0, 1, 0x7f, 0x80, 0xff, ^whole[at]} {
				b := bytes.Clone(whole)
				b[at] = v
				tried++
				if got := allocated(func() { _, _ = drain(sealed(b)) }); got > codecBuffers {
					t.Fatalf("%s: %d bytes were allocated for % x", name, got, b)
				}
			}
		}
		bomb := pack(make([]byte, bombBytes+1))
		tried += 2
		if got := allocated(func() {
			if _, _, err := unpack(codec, bomb, nil, bombBytes); !errors.Is(err, errTooLarge) {
				t.Errorf("%s: what unpacks to %d bytes passes: %v", name, bombBytes+1, err)
			}
		}); got > bombBytes+largestPiece+codecBuffers {
			t.Errorf("%s: %d bytes were allocated to refuse %d", name, got, len(bomb))
		}
		if got := allocated(func() {
			if out, _, err := unpack(codec, bomb, nil, bombBytes+1); err != nil || len(out) != bombBytes+1 {
				t.Errorf("%s: %d bytes unpack to %d: %v", name, bombBytes+1, len(out), err)
			}
		}); got > 2*(bombBytes+largestPiece)+codecBuffers {
			t.Errorf("%s: %d bytes were allocated to unpack %d", name, got, bombBytes+1)
		}
	}
	whole := appendRecord(nil, 0, nil, make([]byte, maxBatchBytes))
	var packed bytes.Buffer
	if w := kafka.Snappy.Codec().NewWriter(&packed); errors.Join(write(w, whole), w.Close()) != nil {
		t.Fatal("snappy")
	}
	if _, err := drain(makeBatch(100, codecSnappy, 0, 1, packed.Bytes())); !errors.Is(err, errTooLarge) {
		t.Errorf("a batch that unpacks to %d bytes passes: %v", len(whole), err)
	}
	lies := [][]byte{
		append(bytes.Clone(xerial), 0, 0, 0, 1, 0, 0, 0, 1, 0xff, 0xff, 0xff, 0xff, 0), // a block of 4 GiB
		{0xff, 0xff, 0xff, 0xff, 0x0f, 0, 0},                                           // snappy that claims 4 GiB
		{0x80, 0x80, 0x80, 0x10, 0, 0},                                                 // and 32 MiB
	}
	for _, lie := range lies {
		tried++
		if got := allocated(func() {
			if _, err := drain(makeBatch(1, codecSnappy, 0, 1, lie)); err == nil {
				t.Errorf("% x passes", lie)
			}
		}); got > 1<<20 {
			t.Errorf("%d bytes were allocated for % x", got, lie)
		}
	}
	window := []byte{0x28, 0xb5, 0x2f, 0xfd, 0, 0xf8, 1, 0, 0} // zstd that wants to look back over 2 TiB
	if got := allocated(func() {
		if _, err := drain(makeBatch(1, codecZstd, 0, 1, window)); err == nil {
			t.Error("zstd's window passes")
		}
	}); got > codecBuffers {
		t.Errorf("%d bytes were allocated for a window", got)
	}
	for codec := uint16(5); codec <= codecMask; codec++ {
		if _, err := drain(makeBatch(1, codec, 0, 1, threeRecords())); err == nil {
			t.Errorf("codec %d passes", codec)
		}
	}
	t.Logf("counted: %d packed record batches that lie", tried+1)
}

// TestEveryFlippedBitIsNoticed: whatever the checksum covers.
func TestEveryFlippedBitIsNoticed(t *testing.T) {
	whole := makeBatch(100, 0, 7, 3, threeRecords())
	flipped := 0
	for bit := batchFormatAt * 8; bit < len(whole)*8; bit++ {
		b := bytes.Clone(whole)
		b[bit/8] ^= 1 << (bit % 8)
		if _, err := drain(b); err == nil {
			t.Fatalf("bit %d", bit)
		}
		flipped++
	}
	t.Logf("counted: %d flipped bits of a record batch, each noticed", flipped)
}

// TestAnswersThatLie: every length in the frame of a fetch's answer.
func TestAnswersThatLie(t *testing.T) {
	body := appendInt32(nil, 0)               // throttled
	body = appendInt32(append(body, 0, 0), 0) // error, session
	body = appendText(appendInt32(body, 1), "t")
	body = append(appendInt32(appendInt32(body, 1), 3), 0, 0) // partition, error
	body = append(body, make([]byte, 24)...)
	body = appendInt32(body, -1) // aborted transactions
	body = append(appendInt32(body, 5), "batch"...)
	if a, err := readAnswer(body, "t", 3); err != nil || string(a.records) != "batch" {
		t.Fatalf("%+v, %v", a, err)
	}
	tried := 0
	for at := range body {
		for _, lie := range []uint32{0, 1, 1<<31 - 1, 1 << 31, 1<<32 - 1} {
			if at+4 > len(body) {
				continue
			}
			b := bytes.Clone(body)
			binary.BigEndian.PutUint32(b[at:], lie)
			tried++
			if got := allocated(func() { _, _ = readAnswer(b, "t", 3) }); got > 16<<10 {
				t.Fatalf("%d bytes were allocated", got)
			}
		}
		if _, err := readAnswer(body[:at], "t", 3); err == nil && at < len(body) {
			t.Fatalf("cut at %d, it passes", at)
		}
		tried++
	}
	t.Logf("counted: %d answers to a fetch that lie", tried)
}

// TestForeignCodecsAreRead: what other writers pack, and several batches in one answer.
func TestForeignCodecsAreRead(t *testing.T) {
	for name := range codecs {
		c := newClient(t, Options{Brokers: kafkatest.New(t).ListenAddrs(), Partitions: 1, Compression: name})
		topic := openTopic(t, c)
		want := messages(50, 3000)
		for _, part := range [][][]byte{want[:20], want[20:]} {
			if _, _, err := topic.Append(context.Background(), 0, part); err != nil {
				t.Fatal(err)
			}
		}
		res, err := c.kafka.Produce(context.Background(), &kafka.ProduceRequest{
			Topic: topic.Name(), RequiredAcks: kafka.RequireAll,
			Records: kafka.NewRecordReader(
				kafka.Record{Key: protocol.NewBytes([]byte("k")), Value: protocol.NewBytes([]byte("v")), Headers: []kafka.Header{{Key: "a", Value: []byte("b")}}},
				kafka.Record{Key: protocol.NewBytes([]byte("k"))},
			),
		})
		if err := errors.Join(err, res.Error); err != nil {
			t.Fatal(err)
		}
		if got := readAll(t, topic, 0, 0, 52); !equal(append(want, []byte("v"), nil), got) {
			t.Errorf("%s: not what was appended", name)
		}
	}
}

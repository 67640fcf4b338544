package topic

import (
	"bytes"
	"encoding/binary"
	"testing"

	"github.com/segmentio/kafka-go"
)

// FuzzBatch takes any bytes for the packed records of a batch whose length and checksum fit: what comes out are messages whose offsets
// rise within the batch's, or an error.
func FuzzBatch(f *testing.F) {
	for _, codec := range codecs {
		packed := threeRecords()
		if codec != codecNone {
			var b bytes.Buffer
			w := kafka.Compression(codec).Codec().NewWriter(&b)
			if _, err := w.Write(packed); err != nil {
				f.Fatal(err)
			}
			if err := w.Close(); err != nil {
				f.Fatal(err)
			}
			packed = b.Bytes()
		}
		f.Add(codec, int32(4), int32(3), packed)
	}
	f.Add(uint16(codecSnappy), int32(0), int32(1), append(append([]byte(nil), xerial...), 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1, 0))
	f.Add(uint16(flagControl), int32(0), int32(1), appendRecord(nil, 0, []byte{0, 0, 0, 0}, []byte{0, 0, 0, 0, 0, 0}))
	f.Fuzz(func(t *testing.T, flags uint16, last, count int32, packed []byte) {
		const first = 100
		all, err := drain(makeBatch(first, flags, last, count, packed))
		reached := int64(first) - 1
		for _, m := range all {
			if m.Offset <= reached || m.Offset > first+int64(last) {
				t.Errorf("offset %d behind %d in a batch of %d to %d", m.Offset, reached, first, first+int64(last))
			}
			reached = m.Offset
		}
		if err == nil && flags&flagControl == 0 && len(all) != int(count) {
			t.Errorf("%d messages of %d without an error", len(all), count)
		}
	})
}

// FuzzFetchAnswer takes any bytes for what a broker answers to a fetch: batches that lie within them, or an error.
func FuzzFetchAnswer(f *testing.F) {
	body := append([]byte{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 5}, "topic"...)
	body = append(body, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0) // one partition, 0, no error
	body = append(body, make([]byte, 24)...)          // offsets
	body = append(body, 0, 0, 0, 0)                   // no aborted transaction
	records := makeBatch(100, codecNone, 4, 3, threeRecords())
	body = append(binary.BigEndian.AppendUint32(body, uint32(len(records))), records...)
	if a, err := readAnswer(body, "topic", 0); err != nil || len(a.records) != len(records) {
		f.Fatal(a, err)
	}
	f.Add(body)
	f.Add(body[:30])
	f.Add([]byte{0, 0, 0, 0, 0, 3})
	f.Fuzz(func(t *testing.T, body []byte) {
		got, err := readAnswer(body, "topic", 0)
		if err != nil {
			return
		}
		if len(got.records) > len(body) {
			t.Errorf("%d bytes of records out of %d", len(got.records), len(body))
		}
		for rest := got.records; ; {
			whole, more, ok := splitBatch(rest)
			if !ok {
				break
			}
			if len(whole) == 0 || len(whole)+len(more) != len(rest) {
				t.Fatalf("%d bytes split into %d and %d", len(rest), len(whole), len(more))
			}
			_, _ = drain(whole)
			rest = more
		}
	})
}

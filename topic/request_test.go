package topic

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"testing"

	"github.com/pierrec/lz4/v4"
	"github.com/segmentio/kafka-go"

	"rewind/sandbox/kafkatest"
)

// valuesOf makes messages of all kinds of sizes, some of which do not shrink.
func valuesOf(random *rand.Rand, n, most int) (values [][]byte) {
	for range n {
		v := make([]byte, random.IntN(most))
		if random.IntN(2) == 0 {
			for i := range v {
				v[i] = byte(random.Uint32())
			}
		}
		values = append(values, v)
	}
	return values
}

// TestRequestIsABatch: what is packed, by each codec, is a batch out of which the same messages come, and so does a request that is used
// again for others.
func TestRequestIsABatch(t *testing.T) {
	random := rand.New(rand.NewPCG(7, 8))
	packed := 0
	for name, codec := range compressions {
		var r Request
		for round, c := range []struct{ messages, most int }{{1, 1}, {1, 10}, {3, 5000}, {4000, 200}, {1, 3 << 20}, {200, 2000}} {
			r.Reset()
			want := valuesOf(random, c.messages, c.most)
			for _, v := range want {
				r.Add(v)
			}
			if err := r.pack(codec); err != nil {
				t.Fatalf("%s, round %d: %v", name, round, err)
			}
			packed++
			if size := binary.BigEndian.Uint32(r.packed); int(size) != len(r.packed)-sizePrefix {
				t.Fatalf("%s, round %d: it says %d bytes of %d", name, round, size, len(r.packed))
			}
			got, err := drain(r.packed[sizePrefix:])
			if err != nil || len(got) != len(want) || r.Len() != len(want) {
				t.Fatalf("%s, round %d: %d messages of %d, %v", name, round, len(got), len(want), err)
			}
			again, err := r.Values()
			if err != nil || !equal(again, want) {
				t.Fatalf("%s, round %d: other values, %v", name, round, err)
			}
			for i := range want {
				if got[i].Offset != int64(i) || !bytes.Equal(got[i].Value, want[i]) {
					t.Fatalf("%s, round %d: message %d is another", name, round, i)
				}
			}
		}
	}
	t.Logf("counted: %d requests packed and read", packed)
}

// TestLZ4IsAFrame: another reader takes the frames, whatever is in them.
func TestLZ4IsAFrame(t *testing.T) {
	random := rand.New(rand.NewPCG(9, 10))
	c := &lz4.CompressorCCompat{Acceleration: lz4Acceleration}
	for _, size := range []int{0, 1, 12, 13, lz4Block - 1, lz4Block, lz4Block + 1, 3*lz4Block + 7} {
		for _, noise := range []int{0, 1, 2, 20} {
			data := make([]byte, size)
			for i := range data {
				if noise > 0 && random.IntN(noise) == 0 {
					data[i] = byte(random.Uint32())
				}
			}
			frame, err := appendLZ4([]byte("before"), c, data)
			if err != nil {
				t.Fatal(err)
			}
			if limit := size + 6 + 7 + 4*(2+size/lz4Block); len(frame) > limit {
				t.Errorf("%d bytes become %d", size, len(frame))
			}
			got, err := io.ReadAll(lz4.NewReader(bytes.NewReader(frame[len("before"):])))
			if err != nil || !bytes.Equal(got, data) {
				t.Errorf("%d bytes, one of %d noise: %d come back, %v", size, noise, len(got), err)
			}
		}
	}
}

// TestRequestIsLeftToATryThatWasGivenUp: kafka-go may still send what a try was to send when another one was answered long ago. Its
// memory is not written to again.
func TestRequestIsLeftToATryThatWasGivenUp(t *testing.T) {
	cluster := kafkatest.New(t)
	c := newClient(t, Options{Brokers: cluster.ListenAddrs(), Partitions: 1})
	topic := openTopic(t, c)
	send := func(r *Request, text string) {
		t.Helper()
		r.Reset()
		r.Add([]byte(text))
		if err := topic.Pack(r); err != nil {
			t.Fatal(err)
		}
		if _, _, err := topic.Send(context.Background(), 0, r); err != nil {
			t.Fatal(err)
		}
	}
	var r Request
	send(&r, "first")
	quiet := &r.packed[0]
	send(&r, "again")
	if &r.packed[0] != quiet {
		t.Error("the memory of a request that was answered at once is not used again")
	}
	cluster.LoseProduceAnswers(1)
	send(&r, "lost")
	lost := bytes.Clone(r.packed)
	held := r.packed
	send(&r, "other")
	if !bytes.Equal(held, lost) || &r.packed[0] == &held[0] {
		t.Error("the memory of a request whose answer was lost is written to again")
	}
}

// TestSendHalvesToo: a packed request that a topic does not take goes in parts, in order, and a message that is too large is named.
func TestSendHalvesToo(t *testing.T) {
	cluster := kafkatest.New(t)
	c := newClient(t, Options{Brokers: cluster.ListenAddrs(), Partitions: 1, Compression: "none"})
	topic := openTopic(t, c)
	cluster.SetTopic(t, topic.Name(), "max.message.bytes", "10000")
	want := valuesOf(rand.New(rand.NewPCG(3, 4)), 100, 1000)
	next := int64(0)
	for range 2 { // the second one knows what the topic takes
		var r Request
		for _, v := range want {
			r.Add(v)
		}
		if err := topic.Pack(&r); err != nil {
			t.Fatal(err)
		}
		first, end, err := topic.Send(context.Background(), 0, &r)
		if err != nil || first != next || end != first+100 {
			t.Fatalf("%d to %d, %v", first, end, err)
		}
		if !equal(want, readAll(t, topic, 0, first, end)) {
			t.Error("not what was sent")
		}
		next = end
	}
	for i, size := range []int{20_000, maxMessageBytes + 1} {
		var r Request
		if i == 0 {
			r.Add([]byte("small"))
		}
		r.Add(make([]byte, size))
		if err := topic.Pack(&r); err != nil {
			t.Fatal(err)
		}
		_, _, err := topic.Send(context.Background(), 0, &r)
		var tooLarge *TooLargeError
		if !errors.As(err, &tooLarge) || tooLarge.Index != 1-i || tooLarge.Bytes != size {
			t.Errorf("%d bytes: %v", size, err)
		}
	}
	if _, _, err := topic.Send(context.Background(), 0, &Request{}); err == nil {
		t.Error("a request of nothing is sent")
	}
}

// BenchmarkRequest gathers and packs what goes to Kafka at once.
func BenchmarkRequest(b *testing.B) {
	values, size := benchMessages(7000)
	for _, codec := range []kafka.Compression{codecNone, codecLZ4, codecSnappy, codecZstd} {
		b.Run(fmt.Sprint(codec), func(b *testing.B) {
			b.SetBytes(size)
			b.ReportAllocs()
			var r Request
			for b.Loop() {
				r.Reset()
				for _, v := range values {
					r.Add(v)
				}
				if err := r.pack(codec); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(len(r.packed))/float64(size), "packed")
		})
	}
}

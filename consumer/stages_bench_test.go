package consumer

import (
	"crypto/sha256"
	"fmt"
	"hash/crc32"
	"log/slog"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"github.com/klauspost/compress/s2"

	"rewind/change"
	"rewind/table"
	"rewind/topic"
)

// usualBatch is what a unit of a baseline is: reads of 8 columns, about 150 bytes each, behind an Open and a Begin.
func usualBatch(b *testing.B, n int64) (first, messages []topic.Message) {
	b.Helper()
	w := &world{t: b}
	w.schema = &table.Schema{Table: orders, Key: []int{1}, NextColumnID: 9}
	for i, kind := range []table.Kind{table.BigInt, table.String, table.Int, table.Double, table.Timestamp, table.String, table.Boolean, table.Date} {
		w.schema.Columns = append(w.schema.Columns, table.Column{ID: i + 1, Name: fmt.Sprint("c", i), Type: table.Type{Kind: kind}})
	}
	var err error
	if w.encoder, err = change.NewEncoder(w.schema); err != nil {
		b.Fatal(err)
	}
	if w.codec, err = table.NewCodec(w.schema); err != nil {
		b.Fatal(err)
	}
	random := rand.New(rand.NewPCG(1, 2))
	owner := stamp(1, 'a')
	first = []topic.Message{{Offset: 0, Value: w.open(owner)}, {Offset: 1, Value: w.begin(owner, 100, 0)}}
	for seq := int64(1); seq <= n; seq++ {
		row := []table.Value{{Int: 2 * seq}, {Bytes: fmt.Appendf(nil, "customer %d", random.Uint32())}, {Int: int64(random.IntN(1000))},
			{Float: random.Float64() * 1000}, {Bytes: fmt.Appendf(nil, "2026-11-%02d 09:%02d:%02d.000000000", 1+random.IntN(28), random.IntN(60), random.IntN(60))},
			{Bytes: fmt.Appendf(nil, "a note of usual length, number %d", random.IntN(1e6))}, {Int: seq & 1}, {Int: 20_000 + int64(random.IntN(1000))}}
		image, key := w.must(w.codec.AppendImage(nil, row)), w.must(w.codec.AppendKey(nil, row))
		c := &change.Change{Stamp: owner, Snapshot: 100, Seq: seq, Op: change.Read, Key: key, After: image}
		messages = append(messages, topic.Message{Offset: 1 + seq, Value: w.encoder.AppendChange(nil, c)})
	}
	return first, messages
}

// BenchmarkStages is what the work behind the unpacking costs that no journal can do without, each part of it alone: a unit of messages
// is judged, packed, hashed, and written with an fsync. Unpacking is BenchmarkBatch's, in topic.
func BenchmarkStages(b *testing.B) {
	const n = 14_000
	first, messages := usualBatch(b, n)
	t := &tableConsumer{name: orders, stream: streamA}
	var u unit
	judge := func() {
		p := &partition{table: t, decoder: change.NewDecoder(), sequence: sequence{stream: streamA, decides: true}, logger: slog.New(slog.DiscardHandler)}
		l := &pipeline{partition: p}
		u.batch.Reset()
		for _, some := range [][]topic.Message{first, messages} {
			if err := l.judge(&u, some); err != nil {
				b.Fatal(err)
			}
		}
	}
	judge()
	var records []byte
	for _, m := range messages {
		records = append(records, m.Value...)
	}
	packed := s2.EncodeSnappy(nil, records)
	file, err := os.Create(filepath.Join(b.TempDir(), "plain"))
	if err != nil {
		b.Fatal(err)
	}
	defer file.Close() //nolint:errcheck // of a benchmark
	must := func(err error) {
		if err != nil {
			b.Fatal(err)
		}
	}
	for _, step := range []struct {
		name string
		run  func()
	}{
		{"judge", judge},
		{"pack", u.batch.Pack},
		{"pack, its checksum", func() { crc32.ChecksumIEEE(records) }},
		{"sha256", func() { sha256.Sum256(packed) }},
		{"write and fsync", func() {
			_, err := file.Write(packed)
			must(err)
			must(file.Sync())
		}},
	} {
		b.Run(step.name, func(b *testing.B) {
			b.SetBytes(int64(len(records)))
			b.ReportAllocs()
			for b.Loop() {
				step.run()
			}
			b.ReportMetric(b.Elapsed().Seconds()/float64(b.N)/n*1e6, "s/million")
		})
	}
}

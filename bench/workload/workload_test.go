package workload_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"iter"
	"path/filepath"
	"testing"

	"rewind/bench/workload"
	"rewind/change"
	"rewind/producer"
	"rewind/table"
)

var _ producer.Source = workload.Source{}

func shapes() map[string]workload.Shape {
	few, many := workload.Usual(10_000, 7), workload.Usual(10_000, 7)
	few.Updated, many.Updated = .0001, .2
	clustered, wide, text := workload.Usual(30_000, 7), workload.Usual(2_000, 7), workload.Usual(10_000, 7)
	clustered.Clustered, clustered.Updated, wide.Columns, text.TextKey = true, .1, 100, true
	return map[string]workload.Shape{"usual": workload.Usual(10_000, 7), "few": few, "many": many, "clustered": clustered, "wide": wide, "text key": text}
}

// TestDiffFindsTheTruth holds the workload's counts to the producer's diff, which also refuses rows out of order.
func TestDiffFindsTheTruth(t *testing.T) {
	for name, s := range shapes() {
		t.Run(name, func(t *testing.T) {
			var got change.Counts
			for m, err := range producer.Diff(s.Encoded(1), ordered(t, s.Encoded(2))) {
				if err != nil {
					t.Fatal(err)
				}
				got.Add(m.Op)
			}
			truth := s.Truth()
			want := change.Counts{Creates: truth.Inserted, Updates: truth.Updated, Deletes: truth.Deleted}
			if got != want {
				t.Errorf("diff %+v, truth %+v", got, want)
			}
			for share, n := range map[float64]int64{s.Updated: truth.Updated, s.Deleted: truth.Deleted, s.Inserted: truth.Inserted} {
				tolerated := 1.0
				if s.Clustered { // whole clusters
					tolerated = 1000
				}
				if off := float64(n) - share*float64(s.Rows); max(off, -off) > tolerated {
					t.Errorf("%g of %d rows are %d", share, s.Rows, n)
				}
			}
		})
	}
}

func ordered(t *testing.T, rows iter.Seq2[table.Row, error]) iter.Seq2[table.Row, error] {
	var last []byte
	return func(yield func(table.Row, error) bool) {
		for row, err := range rows {
			if bytes.Compare(last, row.Key) >= 0 {
				t.Fatalf("key %x behind %x", row.Key, last)
			}
			last = append(last[:0], row.Key...)
			if !yield(row, err) {
				return
			}
		}
	}
}

// TestSameSeedSameTable: figures of different days are of the same table. The first line of the CSV is looked at as people do.
func TestSameSeedSameTable(t *testing.T) {
	s := workload.Usual(1_000, 42)
	hash := sha256.New()
	var first []byte
	for version := 1; version <= 2; version++ {
		for r := range s.All(version) {
			line := workload.AppendCSV(nil, s.Schema(), r.Values)
			hash.Write(line)
			if first == nil {
				first = line
			}
		}
	}
	const wantLine = "1,inlet-965676030f82,c730477cb8dcefbf46364644,5458,6012.968026,8051296.87,2021-01-26 14:39:46.088086,true\n"
	const wantSum = "32fc55ef7b9e6a71762dea672580cce65e57ddc64be3bc13965da5ee56fd43db"
	if got := hex.EncodeToString(hash.Sum(nil)); got != wantSum || string(first) != wantLine {
		t.Errorf("the workload is another: sum %s, first row %s", got, first)
	}
}

// TestVersionsDiffer: a row that is updated again and again is each time another one.
func TestVersionsDiffer(t *testing.T) {
	m := workload.Usual(1_000, 42).Maker()
	for key := int64(1); key < 200; key += 2 {
		seen := map[string]int64{}
		for version := range int64(60) {
			row := fmt.Sprint(m.Row(key, version))
			if before, again := seen[row]; again {
				t.Fatalf("key %d: versions %d and %d are the same row", key, before, version)
			}
			seen[row] = version
		}
	}
}

func TestRowsFile(t *testing.T) {
	s := workload.Usual(3_000, 1)
	path := filepath.Join(t.TempDir(), "v1.rows")
	if err := workload.WriteRows(path, s.Encoded(1)); err != nil {
		t.Fatal(err)
	}
	next, stop := iter.Pull2(s.Encoded(1))
	defer stop()
	rows := 0
	for got, err := range (workload.Source{Shape: s, Read: workload.ReadRows(path)}).Rows(context.Background(), s.Schema(), true) {
		want, wantErr, _ := next()
		if err != nil || wantErr != nil || !bytes.Equal(got.Key, want.Key) || !bytes.Equal(got.Image, want.Image) {
			t.Fatalf("row %d: %x, %v", rows, got, err)
		}
		rows++
	}
	if rows != 3_000 {
		t.Errorf("%d rows", rows)
	}
}

func TestRowsText(t *testing.T) {
	for text, want := range map[string]int64{"100k": 100_000, "10M": 10_000_000, "7": 7} {
		if got, err := workload.ParseRows(text); err != nil || got != want || workload.FormatRows(got) != text {
			t.Errorf("%s: %d, %v", text, got, err)
		}
	}
	for _, text := range []string{"", "k", "-1", "1G", "0"} {
		if _, err := workload.ParseRows(text); err == nil {
			t.Errorf("%q is taken", text)
		}
	}
}

func BenchmarkEncoded(b *testing.B) {
	s := workload.Usual(100_000, 1)
	b.ReportAllocs()
	for b.Loop() {
		for _, err := range s.Encoded(2) {
			if err != nil {
				b.Fatal(err)
			}
		}
	}
	b.ReportMetric(100_000*float64(b.N)/b.Elapsed().Seconds(), "rows/s")
}

package sandbox_test

import (
	"fmt"
	"testing"

	"rewind/sandbox"
)

func BenchmarkRestoreAndScan(b *testing.B) {
	const rows = 100_000
	i, err := sandbox.StartImpala(sandbox.ImpalaOptions{})
	if err != nil {
		b.Fatal(err)
	}
	defer i.Close()
	db := openDB(b, i)
	defer db.Close()
	dir := b.TempDir()
	stage(b, dir, "snappy", 0, rows)
	if _, err := db.Exec("CREATE EXTERNAL TABLE staged (" + stagedColumns + ") STORED AS AVRO LOCATION 'file://" + dir + "'"); err != nil {
		b.Fatal(err)
	}
	n := 0
	b.Run("load", func(b *testing.B) {
		for b.Loop() {
			n++
			for _, s := range []string{fmt.Sprintf("CREATE TABLE l%d (ts TIMESTAMP, id BIGINT, name STRING, n DECIMAL(10,2), d DOUBLE)", n),
				fmt.Sprintf("INSERT INTO l%d SELECT CAST(ts AS TIMESTAMP), id, name, n, d FROM staged", n)} {
				if _, err := db.Exec(s); err != nil {
					b.Fatal(err)
				}
			}
		}
		b.ReportMetric(rows/(b.Elapsed().Seconds()/float64(b.N)), "rows/s")
	})
	b.Run("scan", func(b *testing.B) {
		for b.Loop() {
			r, err := db.Query("SELECT id, name, ts, n, d FROM l1 ORDER BY l1.id ASC NULLS FIRST")
			if err != nil {
				b.Fatal(err)
			}
			got := 0
			for r.Next() {
				got++
			}
			if r.Close() != nil || r.Err() != nil || got != rows {
				b.Fatal(got, r.Err())
			}
		}
		b.ReportMetric(rows/(b.Elapsed().Seconds()/float64(b.N)), "rows/s")
	})
	b.Run("digest", func(b *testing.B) {
		for b.Loop() {
			r, err := db.Query("SELECT count(*), coalesce(sum(murmur_hash(`_img`)), 0), coalesce(sum(murmur_hash(fnv_hash(`_img`))), 0) FROM (SELECT concat(coalesce(CAST(t.`id` AS STRING), ''), ',', coalesce(concat(CAST(bytes(t.`name`) AS STRING), ':', t.`name`), ''), ',', coalesce(from_timestamp(t.`ts`, 'yyyy-MM-dd HH:mm:ss.SSSSSSSSS'), ''), ',', coalesce(CAST(t.n AS STRING), ''), ',', coalesce(CASE WHEN is_nan(t.`d`) THEN 'nan' ELSE CAST(murmur_hash(t.`d`) AS STRING) END, ''), ',') AS `_img` FROM l1 t) x")
			if err != nil {
				b.Fatal(err)
			}
			r.Next()
			if err := r.Close(); err != nil {
				b.Fatal(err)
			}
		}
		b.ReportMetric(rows/(b.Elapsed().Seconds()/float64(b.N)), "rows/s")
	})
	b.Run("values", func(b *testing.B) {
		s := []byte("INSERT INTO l1 VALUES ")
		for i := range 10_000 {
			if i > 0 {
				s = append(s, ',')
			}
			s = fmt.Appendf(s, "(CAST('2020-01-01 00:00:00.000000001' AS TIMESTAMP), %d, 'name %d', CAST(1.5 AS DECIMAL(10,2)), CAST('1.5' AS DOUBLE))", i, i)
		}
		if _, err := db.Exec("CREATE TABLE IF NOT EXISTS l1 (ts TIMESTAMP, id BIGINT, name STRING, n DECIMAL(10,2), d DOUBLE)"); err != nil {
			b.Fatal(err)
		}
		for b.Loop() {
			if _, err := db.Exec(string(s)); err != nil {
				b.Fatal(err)
			}
		}
		b.ReportMetric(10_000/(b.Elapsed().Seconds()/float64(b.N)), "rows/s")
	})
}

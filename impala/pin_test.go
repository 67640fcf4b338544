package impala

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"rewind/sandbox"
	"rewind/table"
)

// TestRangesAreAPartition: whatever the key, below and from each of a table's keys on there is each of its rows, once, in order; also by
// two bounds at once.
func TestRangesAreAPartition(t *testing.T) {
	b := newBench(t, sandbox.ImpalaOptions{}, Options{})
	s := b.fullTable(t, shop("full"), "CREATE TABLE", "STORED AS PARQUET")
	ctx, cuts := context.Background(), 0
	for _, c := range s.Columns {
		if c.Type.Kind == table.Float || c.Type.Kind == table.Double {
			continue
		}
		keyed := *s
		keyed.Key = []int{c.ID, 2}
		if c.ID == 2 {
			keyed.Key = []int{2}
		}
		all := b.keysOf(t, b.rows(ctx, &keyed, true, nil))
		if len(all) != 20 || !slices.IsSortedFunc(all, bytes.Compare) {
			t.Fatalf("%s: %d keys", c.Name, len(all))
		}
		for i, key := range all {
			parts := b.keysOf(t, b.rows(ctx, &keyed, true, &keyRange{to: key}))
			last := all[(i+7)%len(all)]
			if i+7 < len(all) {
				parts = append(parts, b.keysOf(t, b.rows(ctx, &keyed, true, &keyRange{from: key, to: last}))...)
				parts = append(parts, b.keysOf(t, b.rows(ctx, &keyed, true, &keyRange{from: last}))...)
			} else {
				parts = append(parts, b.keysOf(t, b.rows(ctx, &keyed, true, &keyRange{from: key}))...)
			}
			if cuts++; !slices.EqualFunc(parts, all, bytes.Equal) {
				t.Errorf("key %s, %s: cut at row %d there are %d rows", c.Name, c.Type, i, len(parts))
			}
		}
	}
	t.Logf("counted: %d tables cut into ranges of keys", cuts)
}

func (b *bench) keysOf(t *testing.T, rows func(func(table.Row, error) bool)) (keys [][]byte) {
	t.Helper()
	for row, err := range rows {
		if err != nil {
			t.Fatal(err)
		}
		keys = append(keys, slices.Clone(row.Key))
	}
	return keys
}

// seen keeps the statements that a server was sent, and executes others in their place.
type seen struct {
	mutex      sync.Mutex
	statements []string
	history    string
}

func (s *seen) rewrite(statement string) string {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	s.statements = append(s.statements, statement)
	if strings.HasPrefix(statement, "DESCRIBE HISTORY") {
		return s.history
	}
	return strings.Replace(statement, " FOR SYSTEM_VERSION AS OF 33", "", 1)
}

func (s *seen) count(part string) (n int) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	for _, statement := range s.statements {
		if strings.Contains(statement, part) {
			n++
		}
	}
	return n
}

// autumn is the history of a table in the night in which the clock goes back: 22 was made at 02:55 of summer time, 33 ten minutes later.
const autumn = "SELECT '2026-10-24 09:00:00' a, '11' b UNION ALL SELECT '2026-10-25 02:55:00', '22' UNION ALL SELECT '2026-10-25 02:05:00', '33'"

// TestPin: each stream of a Kudu table sets the instant that was asked for once, each of an Iceberg table names the version that was the
// current one; of no other table several streams see one instant.
func TestPin(t *testing.T) {
	sent := &seen{history: autumn}
	b := newBench(t, sandbox.ImpalaOptions{Rewrite: sent.rewrite}, Options{})
	ctx := context.Background()
	for _, c := range []struct{ name, clause, mark string }{
		{"k", "(id BIGINT PRIMARY KEY, note STRING) PARTITION BY HASH(id) PARTITIONS 2 STORED AS KUDU", "SET KUDU_SNAPSHOT_READ_TIMESTAMP_MICROS="},
		{"i", "(id BIGINT, note STRING) STORED AS ICEBERG", " FOR SYSTEM_VERSION AS OF 33"},
		{"p", "(id BIGINT, note STRING) STORED AS PARQUET", ""},
	} {
		name := shop(c.name)
		b.ours(name, TableOptions{Key: []string{"id"}})
		b.run(t, "CREATE TABLE "+quoteTable(name)+" "+c.clause, "INSERT INTO "+quoteTable(name)+" VALUES (1, 'a'), (2, 'b'), (3, 'c')")
		d, rows, _ := b.capture(t, name)
		pinned, count, err := b.Pin(ctx, d.Schema)
		var refused *PinError
		if c.mark == "" {
			if !errors.As(err, &refused) || refused.ExitCode() != 2 || !strings.Contains(refused.Hint(), "scan_streams") || !strings.Contains(err.Error(), "parquet") {
				t.Errorf("%v", err)
			}
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		below, from := b.keysOf(t, pinned(ctx, true, nil, rows[1].Key)), b.keysOf(t, pinned(ctx, true, rows[1].Key, nil))
		if n, err := count(ctx); err != nil || n != 3 {
			t.Errorf("%s: %d rows, %v", c.name, n, err)
		}
		if len(below) != 1 || len(from) != 2 || sent.count(c.mark) != 3 {
			t.Errorf("%s: %d and %d rows, %d statements", c.name, len(below), len(from), sent.count(c.mark))
		}
	}
	if n := sent.count("SET KUDU_READ_MODE='READ_AT_SNAPSHOT'"); n != 3 {
		t.Errorf("the mode was set %d times", n)
	}
	sent.history = "SELECT 'x' a, 'y' b FROM (SELECT 1 one) t WHERE FALSE"
	if pinned, _, err := b.Pin(ctx, &table.Schema{Table: shop("i")}); pinned != nil || err != nil {
		t.Errorf("an Iceberg table without a version: %v", err)
	}
	sent.history = "SELECT '2026-11-22 09:00:00' a, 'NULL; DROP' b"
	if _, _, err := b.Pin(ctx, &table.Schema{Table: shop("i")}); err == nil {
		t.Error(fmt.Sprint("an id that is none: ", err))
	}
}

package checkpoint

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"rewind/crypt"
	"rewind/disk"
	"rewind/table"
)

// wideRows makes rows of ids that are even, so that a file of them has many blocks, and one row that is larger than several.
func wideRows(t fataler, n int) (rows []table.Row, digest table.Digest) {
	t.Helper()
	codec, random := codecOf(), rand.NewChaCha8([32]byte{7})
	noise := make([]byte, 200<<10)
	for i := range n {
		size := 2_000 + i%37*30
		if i == n/3 {
			size = len(noise)
		}
		_, _ = random.Read(noise[:size])
		values := []table.Value{{Int: int64(2 * i)}, {Bytes: []byte(strings.ToValidUTF8(string(noise[:size]), "?"))}}
		row := table.Row{Key: codec.mustKey(t, values), Image: codec.mustImage(t, values)}
		print, err := codec.Fingerprint(row.Image)
		check(t, err)
		digest.Add(print)
		rows = append(rows, row)
	}
	return rows, digest
}

func (c testCodec) keyOf(t fataler, id int) []byte {
	t.Helper()
	return c.mustKey(t, []table.Value{{Int: int64(id)}, {}})
}

// rowsFrom gives the first rows from a key on, at most so many.
func rowsFrom(fsys disk.FS, keys *crypt.Keys, path string, key []byte, most int) (rows []table.Row, err error) {
	f, err := Open(fsys, keys, path)
	if err != nil {
		return nil, err
	}
	defer f.Close() //nolint:errcheck // only read
	all, err := f.RowsFrom(context.Background(), key)
	for err == nil && len(rows) < most {
		var row table.Row
		var ok bool
		if row, ok, err = all.Next(); !ok || err != nil {
			break
		}
		rows = append(rows, table.Row{Key: bytes.Clone(row.Key), Image: bytes.Clone(row.Image)})
	}
	return rows, err
}

// TestRowsFrom asks for the rows from every key on, from every key that is not there, and from beyond both ends: they are those that reading from
// the beginning comes to.
func TestRowsFrom(t *testing.T) {
	const n, most = 300, 3
	count := 0
	for _, keys := range []*crypt.Keys{nil, newKeys(t)} {
		m := newDisk(t)
		rows, digest := wideRows(t, n)
		path, err := write(m, keys, headerOf(t, 77, digest), rows)
		check(t, err)
		for id := -1; id <= 2*n; id++ {
			from := max(0, (id+1)/2)
			got, err := rowsFrom(m, keys, path, codecOf().keyOf(t, id), most)
			if err != nil || !sameRows(got, rows[from:min(n, from+most)]) {
				t.Fatalf("from %d: %d rows, %v", id, len(got), err)
			}
			count++
		}
		if got, err := rowsFrom(m, keys, path, nil, n+1); err != nil || !sameRows(got, rows) {
			t.Fatalf("from no key: %d rows, %v", len(got), err)
		}
		if got, err := rowsFrom(m, keys, path, codecOf().keyOf(t, n), n); err != nil || !sameRows(got, rows[n/2:]) {
			t.Fatalf("from the middle to the end: %d rows, %v", len(got), err)
		}
		rows, digest = rowsOf(t, 0)
		path, err = write(m, keys, headerOf(t, 78, digest), rows)
		check(t, err)
		if got, err := rowsFrom(m, keys, path, codecOf().keyOf(t, 0), most); err != nil || len(got) > 0 {
			t.Fatalf("of no rows: %d, %v", len(got), err)
		}
	}
	t.Logf("counted: %d keys that the rows are read from", count)
}

// TestRowsFromDamaged damages a file everywhere: the row that is asked for comes as it was, or the damage is told.
func TestRowsFromDamaged(t *testing.T) {
	told, unharmed := 0, 0
	const n = 400
	random := rand.New(rand.NewPCG(7, 11))
	for _, keys := range []*crypt.Keys{nil, newKeys(t)} {
		m := newDisk(t)
		rows, digest := wideRows(t, n)
		path, err := write(m, keys, headerOf(t, 77, digest), rows)
		check(t, err)
		whole := bytesOf(t, m, path)
		for at := 0; at < len(whole); at += 1 + random.IntN(9_000) {
			damaged := bytes.Clone(whole)
			damaged[at] ^= 1 << random.IntN(8)
			what := fmt.Sprintf("byte %d", at)
			if random.IntN(8) == 0 {
				damaged, what = damaged[:at], fmt.Sprintf("cut at byte %d", at)
			}
			check(t, disk.WriteFile(m, path, damaged, 0o600))
			i := random.IntN(n)
			got, err := rowsFrom(m, keys, path, rows[i].Key, 1)
			var damage *Damage
			var key *crypt.KeyError
			switch {
			case errors.As(err, &damage) || errors.As(err, &key):
				told++
			case err != nil || !sameRows(got, rows[i:i+1]):
				t.Fatalf("%s: row %d comes as %d rows, %v", what, i, len(got), err)
			default:
				unharmed++
			}
		}
	}
	if told == 0 || unharmed == 0 {
		t.Errorf("%d damages were told, %d did not matter", told, unharmed)
	}
	t.Logf("counted: %d damages of a file in which a key is looked for, %d of them told", told+unharmed, told)
}

// TestRowsFromDisorder: blocks that stand in another order than their keys are noticed where the bisection meets two of them, though each is whole.
func TestRowsFromDisorder(t *testing.T) {
	const n = 40
	m, codec := newDisk(t), codecOf()
	var rows []table.Row
	for i := range n {
		values := []table.Value{{Int: int64(n - i)}, {Bytes: bytes.Repeat([]byte{byte('a' + i%26)}, 2<<20)}} // each is a block
		rows = append(rows, table.Row{Key: codec.mustKey(t, values), Image: codec.mustImage(t, values)})
	}
	path, err := writeRows(m, nil, headerOf(t, 77, table.Digest{Rows: n}), rows, true)
	check(t, err)
	for _, id := range []int{-1, 0, n + 1, n + 2} {
		got, err := rowsFrom(m, nil, path, codec.keyOf(t, id), 1)
		var damage *Damage
		if !errors.As(err, &damage) {
			t.Errorf("from %d: %d rows, %v", id, len(got), err)
		}
	}
}

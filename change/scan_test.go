package change

import (
	"bytes"
	"math/rand/v2"
	"testing"

	"rewind/table"
)

// scannedAlike holds a scan of a block against what its records say one by one.
func scannedAlike(t *testing.T, d *EntryDecoder, s *Scan, count int, block []byte) {
	t.Helper()
	failed := d.Scan(count, block, s)
	rest, runs, inRun := block, s.Runs, 0
	for i := range count {
		if len(rest) == 0 {
			count = i
			break
		}
		n, err := d.RecordLen(rest)
		offset, _ := table.ReadLong(rest)
		if err != nil || offset < 0 {
			if failed == nil || len(s.Entries) != i {
				t.Fatalf("entry %d is none: %v; the scan gives %d entries, %v", i, err, len(s.Entries), failed)
			}
			return
		}
		if len(s.Entries) <= i {
			t.Fatalf("%d entries, %v; the next one has %d bytes", len(s.Entries), failed, n)
		}
		if !bytes.Equal(s.Record(i), rest[:n]) {
			t.Fatalf("entry %d is another", i)
		}
		if runs[0].At+runs[0].Len == i {
			runs, inRun = runs[1:], 0
		}
		run, e := runs[0], &s.Entries[i]
		_, m, err := d.Decode(rest[:n])
		if (m.Change != nil) != run.Changes || err == nil && offset != e.Offset || !run.Changes && run.Len != 1 {
			t.Fatalf("entry %d: %+v, %v; the scan gives %+v in %+v", i, m, err, e, run)
		}
		if c := m.Change; c != nil {
			if c.Stamp != run.Stamp || c.Snapshot != run.Snapshot || c.Seq != run.Seq+int64(inRun) || c.Op != e.Op ||
				!bytes.Equal(c.Key, s.Key(e)) || !bytes.Equal(c.After, s.After(e)) {
				t.Fatalf("entry %d: %+v; the scan gives %+v in %+v", i, c, e, run)
			}
		}
		inRun++
		rest = rest[n:]
	}
	if failed != nil || len(s.Entries) != count {
		t.Fatalf("%d entries, %v; there are %d", len(s.Entries), failed, count)
	}
	total := 0
	for _, r := range s.Runs {
		total += r.Len
	}
	if total != count || count > 0 && s.Size(0, count) != int64(len(block)-len(rest)) {
		t.Fatalf("runs of %d entries, there are %d", total, count)
	}
}

// TestScan takes blocks of all messages apart, whole, cut and altered.
func TestScan(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 0))
	_, messages := sample(t)
	e, err := NewEncoder(orders())
	if err != nil {
		t.Fatal(err)
	}
	d, err := NewEntryDecoder(EntrySchema(orders()))
	if err != nil {
		t.Fatal(err)
	}
	s, counted := &Scan{}, 0
	for range 300 {
		var block []byte
		c, count, offset := event(t), 0, r.Int64N(1<<40)
		for range r.IntN(12) {
			msg := messages[r.IntN(len(messages))]
			if r.IntN(5) > 0 {
				switch r.IntN(8) {
				case 0:
					c.Snapshot++
				case 1:
					c.Epoch++
				case 2:
					c.Seq += 2
				}
				c.Seq++
				if c.Op = Op(1 + r.IntN(4)); r.IntN(4) == 0 {
					c.Op = Update
				}
				m := *c
				if m.Op <= Create {
					m.Before = nil
				}
				if m.Op == Delete {
					m.After = nil
				}
				msg = e.AppendChange(nil, &m)
			}
			record, err := AppendEntry(nil, offset, msg)
			if err != nil {
				t.Fatal(err)
			}
			block = append(block, record...)
			count, offset = count+1, offset+1+r.Int64N(3)
		}
		scannedAlike(t, d, s, count, block)
		scannedAlike(t, d, s, count+1, block)
		for range 60 {
			if len(block) == 0 {
				break
			}
			altered := bytes.Clone(block)
			altered[r.IntN(len(altered))] = byte(r.UintN(256) >> r.UintN(8))
			scannedAlike(t, d, s, count, altered[:len(altered)-r.IntN(2)*r.IntN(len(altered))])
			counted++
		}
	}
	t.Logf("counted: %d altered blocks", counted)
}

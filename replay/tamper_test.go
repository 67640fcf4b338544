package replay

import (
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"rewind/change"
	"rewind/crypt"
	"rewind/disk"
	"rewind/journal"
	"rewind/table"
)

var (
	tamperKey = ed25519.NewKeyFromSeed([]byte("thirty-two bytes that are a seed"))
	customers = table.Name{Database: "shop", Table: "customers"}
	oldLife   = strings.Repeat("0b", 16) // streams of orders, and that of customers
	newLife   = strings.Repeat("0c", 16)
	elsewhere = strings.Repeat("0d", 16)
)

const laterLife = 3_600_000_000 // µs that the newer stream of orders is younger

const tamperIdentity = "AGE-SECRET-KEY-15KG26SKU2E22W5SEFQMTVATH6YV7MUPP0HA5R4SGRWZS33RLENYSQNL0FD"

// vault is what an attacker finds, who may write everywhere but has no key: two tables, three streams, two partitions each,
// some sealed segments in each partition, heads signed. He could read along, and keeps the folder as it once was.
type vault struct {
	fs     *disk.Memory   // as it is
	proved *disk.Memory   // the same behind a verify, whose records are there
	before *disk.Memory   // as it once was, heads and all
	heads  []journal.Head // of orders, kept elsewhere
	rows   map[int64]rows // of orders, by restore point
	keys   *crypt.Keys
}

func newVault(t *testing.T, keys *crypt.Keys) *vault {
	t.Helper()
	v := &vault{fs: disk.NewMemory(), rows: map[int64]rows{}, keys: keys}
	random := rand.New(rand.NewPCG(11, 11))
	v.write(t, orders, oldLife, 3, 0, tamperKey, func(tp *tape) { v.rows[tp.snapshot(shuffled(tp, random), published{})] = tp.current })
	v.write(t, customers, elsewhere, 3, 0, tamperKey, func(tp *tape) { tp.snapshot(shuffled(tp, random), published{}) })
	v.write(t, orders, newLife, 4, laterLife, tamperKey, func(tp *tape) { v.rows[tp.snapshot(shuffled(tp, random), published{})] = tp.current })
	j := v.open(t, v.fs)
	for _, s := range j.streams {
		for _, p := range s.partitions {
			reader, err := p.open(decoders{})
			if err != nil {
				t.Fatal(err)
			}
			head, err := reader.Head(tamperKey.Public().(ed25519.PublicKey))
			if err != nil {
				t.Fatal(err)
			}
			v.heads = append(v.heads, head)
		}
	}
	v.proved = v.fs.Restart(disk.LoseNone())
	v.fs = v.fs.Restart(disk.LoseNone())
	if verdict, err := v.verify(v.proved, VerifyOptions{}); err != nil || verdict.Now != len(v.rows) {
		t.Fatalf("%+v, %v", verdict, err)
	}
	return v
}

// write makes the journals of one stream, with a schema that changes on the way; the last but one snapshot leaves v.before behind.
func (v *vault) write(t *testing.T, name table.Name, stream string, snapshots int, later int64, key ed25519.PrivateKey, snapshot func(tp *tape)) {
	tp := unopenedTape(t, v.fs, 2)
	tp.table, tp.stream, tp.segment, tp.sign, tp.keys = name, stream, 14<<10, key, v.keys
	tp.clock += later
	tp.openJournals()
	tp.open(1)
	schema := func(columns ...table.Column) *table.Schema {
		s := ordersSchema(columns...)
		s.Table = name
		return s
	}
	tp.use(schema(itemColumn))
	for n := range snapshots {
		if n == snapshots-1 {
			tp.close()
			v.before = v.fs.Restart(disk.LoseNone())
			v.fs = v.before.Restart(disk.LoseNone())
			tp.fs = v.fs
			tp.openJournals()
			tp.use(schema(itemColumn, quantityColumn))
		}
		snapshot(tp)
	}
	tp.close()
}

func (v *vault) open(t *testing.T, fs disk.FS) *Journal {
	t.Helper()
	j, err := Open(testRoot, orders, v.options(fs))
	if err != nil {
		t.Fatal(err)
	}
	return j
}

func (v *vault) verify(fs disk.FS, how VerifyOptions) (Verdict, error) {
	return Verify(context.Background(), testRoot, orders, v.options(fs), how)
}

func (v *vault) options(fs disk.FS) Options {
	return Options{FS: fs, Keys: v.keys, MemoryBytes: 64 << 10}
}

// sight is what each command makes of an altered journal.
type sight struct {
	plain, again, signed, kept error // verify: without a key; the same behind an earlier one; with it; with heads that were kept
	skipped                    bool  // verify behind an earlier one was not asked
	warned                     bool  // it warns
	unsigned                   bool  // verify with the key says that something is not signed yet
	points                     bool  // points shows damage, or other points
	refused, forged            int   // restore points that cannot be restored, and those that come back with other rows
	consume                    error // what it says when it opens the journals
}

// look has every command look at a journal, altered where it was never verified, and where it was.
func (v *vault) look(t *testing.T, alter strike, thin bool) (s sight) {
	t.Helper()
	public := tamperKey.Public().(ed25519.PublicKey)
	fs := v.fs.Restart(disk.LoseNone())
	alter(fs)
	_, s.plain = v.verify(fs.Restart(disk.LoseNone()), VerifyOptions{})
	if s.skipped = thin && s.plain != nil; !s.skipped {
		behind := v.proved.Restart(disk.LoseNone())
		alter(behind)
		var verdict Verdict
		verdict, s.again = v.verify(behind, VerifyOptions{Sample: -1})
		s.warned = len(verdict.Warnings) > 0
	}
	s.signed, s.kept = s.plain, s.plain // each looks at more than the one before
	if s.plain == nil {
		fs = fs.Restart(disk.LoseNone())
		var verdict Verdict
		verdict, s.signed = v.verify(fs, VerifyOptions{Key: public, Heads: nil})
		for _, h := range verdict.Heads {
			s.unsigned = s.unsigned || h.Behind.Bytes > 0
		}
		if s.kept = s.signed; s.signed == nil {
			_, s.kept = v.verify(fs, VerifyOptions{Key: public, Heads: v.heads})
		}
	}
	fs = fs.Restart(disk.LoseNone())
	j := v.open(t, fs)
	s.points = j.Damage() != nil || len(j.Points()) != len(v.rows)
	for i, id := range slices.Sorted(maps.Keys(v.rows)) {
		if i != 1 && i != len(v.rows)-1 { // in the middle of the old stream, and at the end of the new one
			continue
		}
		want := v.rows[id]
		p, err := j.Point(id)
		var got rows
		if err == nil {
			got, err = collect(t, j, p)
		}
		switch {
		case err != nil:
			s.refused++
		case !sameRows(got, want):
			s.forged++
		}
	}
	s.consume = v.consume(j, fs)
	return s
}

// consume opens every journal of orders as the consumer does, with the key, and cuts no torn tail that was signed.
func (v *vault) consume(j *Journal, fs disk.FS) (all error) {
	for _, s := range j.streams {
		for _, p := range s.partitions {
			if _, err := fs.Stat(p.dir); err != nil {
				continue // it would begin it anew, at the offset that the group in Kafka says is wrong
			}
			opened, err := journal.Open(p.dir, journal.Options{
				FS: fs, Stream: p.stream, Partition: p.number, Schema: change.EntrySchema(nil), Splitter: decoders{}.split,
				Keys: v.keys, Signing: journal.Signing{Key: tamperKey, Table: orders.String()},
			})
			if err == nil {
				err = opened.Close()
			}
			all = errors.Join(all, err)
		}
	}
	return all
}

// tampering is one kind of it, and who must notice each case. What nobody must notice is not noticed: else the expectation is stale.
type tampering struct {
	name  string
	cases func(a *attack) []func(fs disk.FS)
	finds finder // the weakest verify that finds every case
	// Restores come back with the attacker's rows: he has computed the digests, too.
	forges bool
	// consume refuses every case; it reads its own end alone.
	consume bool
}

type finder uint8

const (
	byVerify finder = iota + 1 // any verify
	byProofs                   // one with the record of what was proved before, or with the key
	byKey                      // one with the key
	byKept                     // one with the record of proofs, or with heads that were kept elsewhere
	byHeads                    // one with heads that were kept elsewhere
	byOwner                    // none; it is said that something is not signed yet
)

// TestTampering has an attacker do everything to a journal that one can think of, in every place, and every command look at it. What
// comes back out of it is what was captured, or nothing: but for journals that he made whole again, which the signed head shows.
func TestTampering(t *testing.T) {
	t.Parallel()
	tamper(t, nil, 1)
}

// TestTamperingEncrypted is the same on encrypted segments, thinned. The attacker knows to whom they are encrypted.
func TestTamperingEncrypted(t *testing.T) {
	t.Parallel()
	keys, err := crypt.New(tamperIdentity, nil, true)
	if err != nil {
		t.Fatal(err)
	}
	tamper(t, keys, 7)
}

func tamper(t *testing.T, keys *crypt.Keys, stride int) {
	v := newVault(t, keys)
	a := newAttack(t, v)
	whole := v.look(t, func(disk.FS) {}, false)
	if whole.plain != nil || whole.again != nil || whole.kept != nil || whole.points || whole.refused+whole.forged > 0 || whole.consume != nil || whole.unsigned {
		t.Fatalf("untouched: %+v", whole)
	}
	total := 0
	for _, kind := range tamperings() {
		found := map[string]int{}
		cases := kind.cases(a)
		for i := 0; i < len(cases); i += stride * thinned {
			s := v.look(t, cases[i], i%5 > 0)
			kind.hold(t, fmt.Sprintf("%s, case %d", kind.name, i), s)
			s.count(found)
			total++
		}
		t.Logf("%-38s %3d cases: verify finds %3d (after an earlier one %3d of %3d and warns in %3d, with the key %3d, with kept heads %3d), points %3d, restore refuses some point in %3d and is deceived in %3d, consume refuses %3d",
			kind.name, found["cases"], found["plain"], found["again"], found["asked again"], found["warned"], found["signed"], found["kept"], found["points"], found["refused"], found["forged"], found["consume"])
	}
	t.Logf("counted: %d journals tampered with, in %d ways", total, len(tamperings()))
}

func (s sight) count(found map[string]int) {
	for what, is := range map[string]bool{
		"cases": true, "plain": s.plain != nil, "again": s.again != nil, "asked again": !s.skipped, "warned": s.warned, "signed": s.signed != nil, "kept": s.kept != nil,
		"points": s.points, "refused": s.refused > 0, "forged": s.forged > 0, "consume": s.consume != nil,
	} {
		if is {
			found[what]++
		}
	}
}

// hold compares what was seen with what must be.
func (k *tampering) hold(t *testing.T, where string, s sight) {
	t.Helper()
	for _, c := range []struct {
		who   string
		err   error
		finds bool
	}{
		{"verify", s.plain, k.finds == byVerify},
		{"verify after an earlier one", s.again, !s.skipped && k.finds == byVerify || k.finds == byProofs || k.finds == byKept},
		{"verify with the key", s.signed, k.finds <= byKey},
		{"verify with kept heads", s.kept, k.finds <= byHeads},
	} {
		if c.finds && c.err == nil {
			t.Errorf("%s: %s finds nothing", where, c.who)
		}
		var coded interface{ ExitCode() int }
		if c.err != nil && (!errors.As(c.err, &coded) || coded.ExitCode() != exitCorrupt) {
			t.Errorf("%s: %s ends with another code than %d: %v", where, c.who, exitCorrupt, c.err)
		}
	}
	switch {
	case k.finds == byOwner && !s.unsigned:
		t.Errorf("%s: nothing is said to be unsigned", where)
	case s.forged > 0 && !k.forges:
		t.Errorf("%s: %d restore points come back with other rows", where, s.forged)
	case k.consume && s.consume == nil:
		t.Errorf("%s: consume goes on", where)
	}
}

package replay

import (
	"crypto/ed25519"
	"crypto/sha256"
	"path/filepath"

	"rewind/disk"
)

type strike = func(fs disk.FS)

// tamperings lists what an attacker does.
func tamperings() []tampering {
	return []tampering{
		{name: "a sealed segment dropped", finds: byVerify, cases: segments(func(a *attack, p place, i int) (all []strike) {
			if s := p.segments[i]; !s.last {
				all = append(all, func(fs disk.FS) { a.remove(fs, s.path) })
			}
			return all
		})},
		{name: "the last segments dropped", finds: byProofs, consume: true, cases: segments(func(a *attack, p place, i int) []strike {
			if i == 0 {
				return nil
			}
			return []strike{func(fs disk.FS) {
				for _, s := range p.segments[i:] {
					a.remove(fs, s.path)
				}
			}}
		})},
		{name: "swapped with its neighbour", finds: byVerify, cases: segments(func(a *attack, p place, i int) []strike {
			if i == 0 {
				return nil
			}
			one, two := p.segments[i-1], p.segments[i]
			return []strike{func(fs disk.FS) {
				a.remove(fs, one.path)
				a.remove(fs, two.path)
				a.put(fs, one.named(p.dir, two.base), one.file)
				a.put(fs, two.named(p.dir, one.base), two.file)
			}}
		})},
		{name: "replaced by another's copy", finds: byVerify, cases: segments((*attack).replaced)},
		{name: "a copy under another name", finds: byVerify, cases: segments(func(a *attack, p place, i int) (all []strike) {
			s, last := p.segments[i], p.segments[len(p.segments)-1]
			for _, base := range []int64{s.base + 1, last.base + 1000} {
				all = append(all, func(fs disk.FS) { a.put(fs, s.named(p.dir, base), s.file) })
			}
			return all
		})},
		{name: "renamed", finds: byVerify, cases: segments(func(a *attack, p place, i int) []strike {
			s := p.segments[i]
			return []strike{func(fs disk.FS) { a.rename(fs, s.path, s.named(p.dir, s.base+1)) }}
		})},
		{name: "a sealed segment cut at a block", finds: byVerify, cases: segments(func(a *attack, p place, i int) []strike {
			if p.segments[i].last {
				return nil
			}
			return a.cuts(p.segments[i])
		})},
		{name: "the last segment cut at a block", finds: byProofs, consume: true, cases: segments(func(a *attack, p place, i int) []strike {
			if !p.segments[i].last {
				return nil
			}
			return a.cuts(p.segments[i])
		})},
		{name: "a row changed, its CRC right", finds: byVerify, cases: segments(rebuilt(rowsAltered))},
		{name: "a row changed, the chain right", finds: byVerify, consume: true, cases: segments(rechained(rowsAltered))},
		{name: "a definition changed, its CRC right", finds: byVerify, cases: segments(func(a *attack, p place, i int) []strike {
			if p.segments[i].last {
				return nil // as good as rechained
			}
			return rebuilt(definitionsAltered)(a, p, i)
		})},
		{name: "a definition changed, the chain right", finds: byKey, consume: true, cases: segments(rechained(definitionsAltered))},
		{name: "made anew, every sum right", finds: byProofs, forges: true, consume: true, cases: forgeries(nil)},
		{name: "made anew, another's signature", finds: byProofs, forges: true, consume: true,
			cases: forgeries(ed25519.NewKeyFromSeed([]byte("another seed of thirty-two bytes")))},
		{name: "a partition removed", finds: byVerify, cases: partitions(func(a *attack, p place) []strike {
			return []strike{func(fs disk.FS) { a.clear(fs, p.dir) }}
		})},
		{name: "partitions exchanged", finds: byVerify, cases: (*attack).partitionsExchanged},
		{name: "streams or tables exchanged", finds: byVerify, cases: (*attack).foldersExchanged},
		{name: "a stream or the table removed", finds: byKept, cases: (*attack).foldersRemoved},
		{name: "a head removed or replaced", finds: byKey, consume: true, cases: partitions((*attack).heads)},
		{name: "a head rolled back", finds: byOwner, cases: (*attack).headsRolledBack},
		{name: "rolled back with the head", finds: byKept, cases: func(a *attack) []strike { return a.rolledBack(false) }},
		{name: "rolled back with all records", finds: byHeads, cases: func(a *attack) []strike { return a.rolledBack(true) }},
	}
}

// segments makes cases of every segment of orders.
func segments(of func(a *attack, p place, i int) []strike) func(a *attack) []strike {
	return func(a *attack) (all []strike) {
		for _, p := range a.orders {
			for i := range p.segments {
				all = append(all, of(a, p, i)...)
			}
		}
		return all
	}
}

// partitions makes cases of every partition of orders.
func partitions(of func(a *attack, p place) []strike) func(a *attack) []strike {
	return func(a *attack) (all []strike) {
		for _, p := range a.orders {
			all = append(all, of(a, p)...)
		}
		return all
	}
}

// cuts are a segment cut behind each of its blocks, or, where they cannot be seen, at some places.
func (a *attack) cuts(s secret) (all []strike) {
	ends := s.blocks[:len(s.blocks)-1]
	if s.encrypted() {
		ends = []int{0, 1, 100, len(s.file) / 2, len(s.file) - 16, len(s.file) - 1}
	}
	for _, end := range ends {
		all = append(all, func(fs disk.FS) { a.put(fs, s.path, s.file[:end]) })
	}
	return all
}

// replaced puts other segments into a segment's place: those beside it, and those of its rank in the other partitions.
func (a *attack) replaced(p place, i int) (all []strike) {
	s := p.segments[i]
	var copies []secret
	for _, near := range []int{i - 1, i + 1} {
		if near >= 0 && near < len(p.segments) {
			copies = append(copies, p.segments[near])
		}
	}
	for _, other := range append(a.orders, a.others...) {
		if other.dir != p.dir && i < len(other.segments) {
			copies = append(copies, other.segments[i])
		}
	}
	for _, c := range copies {
		all = append(all, func(fs disk.FS) {
			a.remove(fs, s.path)
			a.put(fs, c.named(p.dir, s.base), c.file)
		})
	}
	return all
}

// rebuilt changes records and computes the sums of their block anew.
func rebuilt(alter altering) func(a *attack, p place, i int) []strike {
	return func(a *attack, p place, i int) (all []strike) {
		s := p.segments[i]
		for _, records := range alter(s) {
			file := a.file(s, s.rebuilt(records, [sha256.Size]byte{}, [sha256.Size]byte{}))
			all = append(all, func(fs disk.FS) { a.put(fs, s.path, file) })
		}
		return all
	}
}

// rechained changes records and computes everything anew behind them, but a digest that they cannot have any more.
func rechained(alter altering) func(a *attack, p place, i int) []strike {
	return func(a *attack, p place, i int) (all []strike) {
		for _, records := range alter(p.segments[i]) {
			files := make([][]byte, len(p.segments))
			was, is := [sha256.Size]byte{}, [sha256.Size]byte{}
			for n := i; n < len(p.segments); n++ {
				s := p.segments[n]
				if n > i {
					records = s.record
				}
				plain := s.rebuilt(records, was, is)
				was, is = sha256.Sum256(s.plain), sha256.Sum256(plain)
				files[n] = a.file(s, plain)
			}
			all = append(all, func(fs disk.FS) {
				for n := i; n < len(p.segments); n++ {
					a.put(fs, p.segments[n].path, files[n])
				}
			})
		}
		return all
	}
}

// forgeries are journals of orders' newer stream that the program itself has written, in which a row is another from some
// snapshot on. The heads stay, or are the attacker's own.
func forgeries(key ed25519.PrivateKey) func(a *attack) []strike {
	return func(a *attack) (all []strike) {
		for from := range 4 {
			fake := a.forged(from, key)
			all = append(all, func(fs disk.FS) {
				for _, p := range a.orders[2:] {
					head := filepath.Join(p.dir, "head.json")
					kept := contentOf(a.t, fs, head)
					a.copyDir(fs, fake, p.dir)
					if key == nil {
						a.put(fs, head, kept)
					}
				}
			})
		}
		return all
	}
}

func (a *attack) partitionsExchanged() (all []strike) {
	for i, one := range a.orders {
		for _, two := range append(a.orders[i+1:], a.others...) {
			all = append(all, func(fs disk.FS) { a.exchange(fs, one.dir, two.dir) })
		}
	}
	return all
}

// foldersOf are the streams of orders, that of customers, and the tables.
func (a *attack) foldersOf() (old, recent, other, table, otherTable string) {
	old, recent, other = filepath.Dir(a.orders[0].dir), filepath.Dir(a.orders[2].dir), filepath.Dir(a.others[0].dir)
	return old, recent, other, filepath.Dir(old), filepath.Dir(other)
}

func (a *attack) foldersExchanged() (all []strike) {
	old, recent, other, table, otherTable := a.foldersOf()
	for _, pair := range [][2]string{{old, recent}, {old, other}, {recent, other}, {table, otherTable}} {
		all = append(all, func(fs disk.FS) { a.exchange(fs, pair[0], pair[1]) })
	}
	return append(all, func(fs disk.FS) { a.rename(fs, other, filepath.Join(table, elsewhere)) })
}

func (a *attack) foldersRemoved() (all []strike) {
	old, recent, _, table, _ := a.foldersOf()
	for _, dir := range []string{old, recent, table} {
		all = append(all, func(fs disk.FS) { a.clear(fs, dir) })
	}
	return all
}

func (a *attack) heads(p place) (all []strike) {
	head := filepath.Join(p.dir, "head.json")
	whole := contentOf(a.t, a.now, head)
	all = append(all, func(fs disk.FS) { a.remove(fs, head) })
	for _, other := range append(a.orders, a.others...) {
		if other.dir != p.dir {
			text := contentOf(a.t, a.now, filepath.Join(other.dir, "head.json"))
			all = append(all, func(fs disk.FS) { a.put(fs, head, text) })
		}
	}
	for _, text := range [][]byte{{}, []byte("{}"), []byte("null"), whole[:len(whole)/2]} {
		all = append(all, func(fs disk.FS) { a.put(fs, head, text) })
	}
	return all
}

// headsRolledBack leaves the journal as it is: what is behind the old heads is not signed, as after a crash.
func (a *attack) headsRolledBack() (all []strike) {
	for _, p := range a.orders[2:] {
		head := filepath.Join(p.dir, "head.json")
		text := contentOf(a.t, a.before, head)
		all = append(all, func(fs disk.FS) { a.put(fs, head, text) })
	}
	return all
}

// rolledBack puts partitions back to what they once were, heads and all, and perhaps the record of what was proved, too.
func (a *attack) rolledBack(records bool) (all []strike) {
	for _, places := range [][]place{a.orders[2:3], a.orders[3:], a.orders[2:]} {
		all = append(all, func(fs disk.FS) {
			for _, p := range places {
				a.copyDir(fs, a.before, p.dir)
			}
			if records {
				a.clear(fs, "/data/proofs")
			}
		})
	}
	return all
}

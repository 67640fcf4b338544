package index

import (
	"encoding/binary"
	"math/bits"
	"slices"
	"sort"
)

const (
	maxPairs     = 8 << 20 // that are kept in memory while a segment is indexed: 64 MiB
	pairsPerPage = 512
	printBits    = 32
)

// pair says that a stretch holds a change of a key with this print: the print above, the stretch's number below.
type pair uint64

func newPair(print uint32, stretch int) pair { return pair(print)<<printBits | pair(uint32(stretch)) }

func (p pair) print() uint32 { return uint32(p >> printBits) }
func (p pair) stretch() int  { return int(uint32(p)) }

// pairs collects them. Once there are too many it gives up: the segment is then read whole for a key.
type pairs struct {
	all    []pair
	last   pair
	gaveUp bool
}

func (p *pairs) add(print uint32, stretch int) {
	n := newPair(print, stretch)
	if p.gaveUp || n == p.last && len(p.all) > 0 {
		return
	}
	if len(p.all) == maxPairs {
		if p.compact(); len(p.all) > maxPairs-maxPairs/8 {
			p.all, p.gaveUp = nil, true
			return
		}
	}
	p.all, p.last = append(p.all, n), n
}

func (p *pairs) compact() {
	slices.Sort(p.all)
	p.all = slices.Compact(p.all)
}

// pageBits is how many of a print's first bits are the number of its page, where there are so many pairs.
func pageBits(pairs int) int { return min(bits.Len(uint(pairs/pairsPerPage)), maxPageBits) }

// appendPages writes the pairs as pages: those of prints with the same first bits, in ascending order, as what print and stretch add to the
// pair before. at is where the first one begins.
func (p *pairs) appendPages(b []byte, at int64) (out []byte, pages []section) {
	p.compact()
	shift := printBits - pageBits(len(p.all))
	rest := p.all
	for number := range 1 << (printBits - shift) {
		n := 0
		for n < len(rest) && int(uint64(rest[n].print())>>shift) == number {
			n++
		}
		from := len(b)
		before := uint32(uint64(number) << shift)
		for _, pair := range rest[:n] {
			b = binary.AppendUvarint(b, uint64(pair.print()-before))
			b = binary.AppendUvarint(b, uint64(pair.stretch()))
			before = pair.print()
		}
		rest = rest[n:]
		pages = append(pages, section{at: at, length: int64(len(b) - from), sum: checksum(b[from:])})
		at += int64(len(b) - from)
	}
	return b, pages
}

// page reads one.
func (x *Index) page(number int) ([]pair, error) {
	b, err := x.section(x.pages[number])
	if err != nil {
		return nil, err
	}
	c := cursor{rest: b}
	print := uint64(number) << (printBits - bits.Len(uint(len(x.pages)-1)))
	var all []pair
	for len(c.rest) > 0 {
		print += uint64(c.number())
		n := c.number()
		if c.failed || print > 1<<printBits-1 || n >= int64(len(x.stretches)) {
			return nil, &Damage{Path: x.path, Reason: errForm.Error()}
		}
		all = append(all, newPair(uint32(print), int(n)))
	}
	return all, nil
}

// Find gives the stretches that may hold changes of keys with these prints, in order: each that does, and now and then another one.
// ok is false where the keys were not indexed.
func (x *Index) Find(prints ...uint32) (found []Stretch, ok bool, err error) {
	if !x.keyed {
		return nil, false, nil
	}
	var numbers []int
	for _, print := range prints {
		page, err := x.page(int(uint64(print) >> (printBits - bits.Len(uint(len(x.pages)-1)))))
		if err != nil {
			return nil, false, err
		}
		for _, p := range page {
			if p.print() == print {
				numbers = append(numbers, p.stretch())
			}
		}
	}
	slices.Sort(numbers)
	for _, n := range slices.Compact(numbers) {
		found = append(found, x.stretch(n))
	}
	return found, true, nil
}

// pairs gives all of them, to go on from.
func (x *Index) pairs() (*pairs, error) {
	p := &pairs{gaveUp: !x.keyed}
	for number := range x.pages {
		page, err := x.page(number)
		if err != nil {
			return nil, err
		}
		p.all = append(p.all, page...)
	}
	return p, nil
}

// At gives the stretch that holds an offset, or the last one before it; ok is false where the offset lies before all of them.
func (x *Index) At(offset int64) (found Stretch, ok bool) {
	n := sort.Search(len(x.stretches), func(i int) bool { return x.stretches[i].first > offset })
	if n == 0 {
		return found, false
	}
	return x.stretch(n - 1), true
}

package replay

import (
	"encoding/binary"
	"math/bits"
	"math/rand/v2"

	"github.com/zeebo/xxh3"
)

// seen remembers keys that were met, in bounded memory: what is older than a change of the same key does not count. A key is known by 64 bits
// of a hash that is drawn for each fold, at a place that other 64 bits of it decide: that one is taken for another happens once in 10^12
// folds, and would show in the digest.
type seen struct {
	slots []byte // eight each; 0: free
	count uint64 // of slots
	free  func()
	seed  uint64
	room  int // keys that may still be taken in
}

const (
	slotBytes  = 8
	leastSlots = 16
)

// newSeen makes one for so many keys, or as many as fit into so many bytes.
func newSeen(keys int64, bytes int) *seen {
	slots := max(min(keys+keys/2, int64(bytes/slotBytes)), leastSlots)
	s := &seen{count: uint64(slots), seed: rand.Uint64(), room: int(slots / 5 * 4)}
	s.slots, s.free = scratch(int(slots) * slotBytes)
	return s
}

// lookAhead is how many keys are looked for before the first of them is asked about: their places in memory come in meanwhile.
const lookAhead = 64

// look is a key that is looked for.
type look struct {
	at, mark, found uint64
}

// look begins to look for a key.
func (s *seen) look(l *look, key []byte) {
	hash := xxh3.Hash128Seed(key, s.seed)
	l.at, _ = bits.Mul64(hash.Hi, s.count)
	l.mark = hash.Lo | 1
	l.found = binary.LittleEndian.Uint64(s.slots[l.at*slotBytes:])
}

// before says whether a key was met before, and takes it in. Once there is no room left it only says.
func (s *seen) before(l *look) bool {
	if l.found == l.mark {
		return true
	}
	for at := l.at; ; at++ {
		if at == s.count {
			at = 0
		}
		switch slot := s.slots[at*slotBytes:]; binary.LittleEndian.Uint64(slot) {
		case l.mark:
			return true
		case 0:
			if s.room > 0 {
				s.room--
				binary.LittleEndian.PutUint64(slot, l.mark)
			}
			return false
		}
	}
}

// bytes that it takes.
func (s *seen) bytes() int { return len(s.slots) }

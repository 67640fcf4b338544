package sorting

import "bytes"

// cursor gives records in order; a nil record is the end. A record is valid until the next step.
type cursor interface {
	Next() (Record, error)
}

// head is a cursor and its current record.
type head struct {
	from   cursor
	rec    Record
	prefix uint64
}

// Merged is the sorted rows. It is a binary heap of cursors with the smallest head on top.
type Merged struct {
	s     *Sorter
	heads []head
	last  []byte // the key given last, whose older records are passed over
	begun bool
}

func (s *Sorter) newMerge(cursors []cursor) (*Merged, error) {
	m := &Merged{s: s, heads: make([]head, 0, len(cursors))}
	for _, c := range cursors {
		rec, err := c.Next()
		if err != nil {
			return nil, err
		}
		if rec != nil {
			m.heads = append(m.heads, head{from: c, rec: rec, prefix: prefixOf(rec.Key())})
		}
	}
	for i := len(m.heads)/2 - 1; i >= 0; i-- {
		m.sink(i)
	}
	return m, nil
}

func (m *Merged) less(a, b int) bool {
	x, y := &m.heads[a], &m.heads[b]
	if x.prefix != y.prefix {
		return x.prefix < y.prefix
	}
	return m.s.compare(x.rec, y.rec) < 0
}

func (m *Merged) sink(i int) {
	for {
		least := i
		for child := 2*i + 1; child <= 2*i+2 && child < len(m.heads); child++ {
			if m.less(child, least) {
				least = child
			}
		}
		if least == i {
			return
		}
		m.heads[i], m.heads[least] = m.heads[least], m.heads[i]
		i = least
	}
}

// Next gives the next row, or nil behind the last. It moves the cursor that gave the last record first, so that record stays
// valid until now.
func (m *Merged) Next() (Record, error) {
	for {
		if m.begun {
			if err := m.advance(); err != nil {
				return nil, err
			}
		}
		m.begun = true
		if len(m.heads) == 0 {
			return nil, nil
		}
		rec := m.heads[0].rec
		if m.s.o.KeepAll {
			return rec, nil
		}
		if m.last != nil && bytes.Equal(rec.Key(), m.last) {
			continue
		}
		m.last = append(m.last[:0], rec.Key()...)
		return rec, nil
	}
}

// advance moves the top cursor on.
func (m *Merged) advance() error {
	if len(m.heads) == 0 {
		return nil
	}
	top := &m.heads[0]
	rec, err := top.from.Next()
	if err != nil {
		return err
	}
	if rec == nil {
		n := len(m.heads) - 1
		m.heads[0] = m.heads[n]
		m.heads = m.heads[:n]
	} else {
		top.rec, top.prefix = rec, prefixOf(rec.Key())
	}
	m.sink(0)
	return nil
}

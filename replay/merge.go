package replay

import "bytes"

// cursor gives records in key order; a nil record is the end. A record is valid until the next step.
type cursor interface {
	step() (record, error)
}

// head is a cursor and its current record.
type head struct {
	from   cursor
	rec    record
	prefix uint64
}

// merge merges cursors: keys in order, of each the newest record. It is a binary heap with the smallest head on top.
type merge struct {
	heads []head
	last  []byte // the key given last, whose older records are passed over
	begun bool
}

func newMerge(cursors []cursor) (*merge, error) {
	m := &merge{heads: make([]head, 0, len(cursors))}
	for _, c := range cursors {
		rec, err := c.step()
		if err != nil {
			return nil, err
		}
		if rec != nil {
			m.heads = append(m.heads, head{from: c, rec: rec, prefix: prefixOf(rec.key())})
		}
	}
	for i := len(m.heads)/2 - 1; i >= 0; i-- {
		m.sink(i)
	}
	return m, nil
}

func (m *merge) less(a, b int) bool {
	x, y := &m.heads[a], &m.heads[b]
	if x.prefix != y.prefix {
		return x.prefix < y.prefix
	}
	if c := bytes.Compare(x.rec.key(), y.rec.key()); c != 0 {
		return c < 0
	}
	return x.rec.order() > y.rec.order()
}

func (m *merge) sink(i int) {
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

// step gives the newest record of the next key. It moves the cursor that gave the last record first, so that record stays
// valid until now.
func (m *merge) step() (record, error) {
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
		if m.last != nil && bytes.Equal(rec.key(), m.last) {
			continue
		}
		m.last = append(m.last[:0], rec.key()...)
		return rec, nil
	}
}

// advance moves the top cursor on.
func (m *merge) advance() error {
	if len(m.heads) == 0 {
		return nil
	}
	top := &m.heads[0]
	rec, err := top.from.step()
	if err != nil {
		return err
	}
	if rec == nil {
		n := len(m.heads) - 1
		m.heads[0] = m.heads[n]
		m.heads = m.heads[:n]
	} else {
		top.rec, top.prefix = rec, prefixOf(rec.key())
	}
	m.sink(0)
	return nil
}

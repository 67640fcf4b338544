package producer

import "rewind/table"

// unread is the next block of the file before, packed still, while the scan brings what may be its rows: where they are all of them, the
// block is taken over as it stands, else it is read and they are compared one by one.
type unread struct {
	summary  *summary // nil: there is no such block
	contents []byte   // of the rows that were held so far
	rows     int64
	reading  bool // it was read after all, and rows that were held wait for their places; behind the last one another block may be left unread
}

// leaveUnread leaves the next block of the file unread, if it may be taken over as a whole.
func (m *merge) leaveUnread() (bool, error) {
	f := m.file
	if !m.hashes || m.unread.reading || m.out.count > 0 || f.left > 0 {
		return false, nil
	}
	if err := f.look(); err != nil || !f.packed || f.summary.bytes < blockBytes/4 {
		return false, err
	}
	m.unread.summary = &f.summary
	return true, nil
}

// hold takes a row of the scan for one of the block's.
func (m *merge) hold(row table.Row) error {
	u := &m.unread
	u.contents = appendContent(u.contents, row)
	u.rows++
	switch size := int64(len(u.contents)); {
	case u.rows < u.summary.digest.Rows && size < u.summary.bytes:
		return nil
	case u.rows == u.summary.digest.Rows && size == u.summary.bytes && hashOf(u.contents, m.file.header.HashKey) == u.summary.hash:
		return m.takeUnread()
	}
	return m.readUnread()
}

// takeUnread takes the block over: the scan brought its rows.
func (m *merge) takeUnread() error {
	s := m.unread.summary
	m.found.same += s.digest.Rows
	m.found.before += s.digest.Rows
	m.unread.summary, m.unread.contents, m.unread.rows = nil, again(m.unread.contents), 0
	m.out.digest.Merge(s.digest)
	if err := m.out.appendBlock(m.file.count, m.file.summaryPacked, m.file.in.Packed()); err != nil {
		return err
	}
	m.file.pass()
	return m.proceed()
}

// readUnread reads the block after all, and places the rows that were held.
func (m *merge) readUnread() error {
	u := &m.unread
	rest, rows := u.contents, u.rows
	u.summary, u.rows, u.reading = nil, 0, true
	err := m.next()
	for ; err == nil && rows > 0; rows-- {
		var row table.Row
		row, rest = splitContent(rest)
		u.reading = rows > 1
		err = m.place(row)
	}
	u.contents, u.reading = again(u.contents), false
	return err
}

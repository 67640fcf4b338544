package producer

import (
	"bytes"
	"errors"
	"io"

	"rewind/change"
	"rewind/sorting"
	"rewind/table"
)

// merge walks the current file beside the scan and writes the new file, in one pass. What did not change is taken over as it stands
// there: a row with its fingerprint, a block without packing it again. What changed is spooled for publishing, and the guard is told how much
// that is.
type merge struct {
	codec      *table.Codec
	out        *fileWriter
	spool      *changeSpool      // nil: nobody wants the changes, or there were too many of them
	file       *fileReader       // of what was before; nil: nothing, or nothing any more
	projection *table.Projection // to the new schema
	takes      bool              // over what did not change; else it is written anew
	hashes     bool              // of the file's summaries are those of the new file
	unread     unread
	optional   bool // a baseline does without the file, if it is damaged
	found      compared
	row        table.Row // the file's, projected
	key, image []byte    // of row, where it is projected
	print      table.Fingerprint
	from       int // where in the file's block the rows begin that are taken over and were not yet
	rows       int // how many they are
}

// fullEvery: so many captures in a row take over what did not change; the next one computes and packs everything anew.
const fullEvery = 100

func (c *capture) openMerge(t *term, codec *table.Codec, out *fileWriter) (*merge, error) {
	m := &merge{codec: codec, out: out, projection: c.projection, optional: c.report.Baseline, spool: c.spool}
	m.takes = c.header.Kept > 0
	m.found.images, m.found.pairs = true, c.schema.WholeRow
	if t.current != nil && c.projection == nil {
		m.projection, m.found.images = comparison(t.current.schema, c.schema)
	}
	if m.projection == nil {
		return m, nil
	}
	f, err := c.folder().open(currentName)
	if err != nil {
		err = m.without(err)
		return m, err
	}
	m.file, m.found.byKey = f, true
	f.input.once = true // the new file takes its place
	m.hashes = m.takes && f.header.Version > 1 && bytes.Equal(f.header.HashKey, c.header.HashKey)
	if m.takes {
		out.most = 2 * blockBytes // a block that grew is divided only when it is twice as large
	}
	if err := m.proceed(); err != nil {
		m.close()
		return nil, err
	}
	return m, nil
}

// comparison gives a projection by which two snapshots can be compared though the second builds on nothing: of whole rows, or of
// their keys alone; nil where not even these can be.
func comparison(from, to *table.Schema) (projection *table.Projection, images bool) {
	if p, err := table.NewProjection(from, to); err == nil {
		return p, true
	}
	if from.WholeRow || to.WholeRow {
		return nil, false
	}
	p, err := table.NewProjection(keysOf(from), keysOf(to))
	if err != nil {
		return nil, false
	}
	return p, false
}

// keysOf is the schema without the columns that are not of the key.
func keysOf(s *table.Schema) *table.Schema {
	keys := *s
	keys.Columns = s.KeyColumns()
	return &keys
}

// without goes on without the file where it can be done without.
func (m *merge) without(err error) error {
	var damaged *FileError
	if !m.optional || !errors.As(err, &damaged) {
		return err
	}
	m.close()
	m.found.byKey = false
	return nil
}

// proceed goes on to the next row of the file, or leaves its next block unread: no row of the scan waits for its place.
func (m *merge) proceed() error {
	if m.takes && m.file.blockEnds() {
		if err := m.finishBlock(); err != nil {
			return err
		}
		if unread, err := m.leaveUnread(); err != nil || unread {
			return m.without(err)
		}
	}
	return m.next()
}

// step goes on to the next row of the file.
func (m *merge) step() error {
	if m.takes && m.file.blockEnds() {
		if err := m.finishBlock(); err != nil {
			return err
		}
	}
	return m.next()
}

// next reads the file's next row.
func (m *merge) next() error {
	row, print, err := m.file.next()
	if errors.Is(err, io.EOF) {
		m.close()
		return nil
	}
	if err == nil {
		err = m.project(row)
	}
	if err != nil {
		return m.without(err)
	}
	m.print = print
	m.found.before++
	return nil
}

func (m *merge) project(row table.Row) (err error) {
	if m.row = row; m.projection.Identity() && m.found.images {
		return nil
	}
	if m.key, err = m.projection.AppendKey(m.key[:0], row.Key); err != nil {
		return err
	}
	m.row.Key = m.key
	if m.found.images {
		m.image, err = m.projection.AppendImage(m.image[:0], row.Image)
		m.row.Image = m.image
	}
	return err
}

// take takes the next row of the scan in.
func (m *merge) take(row table.Row) error {
	m.found.now++
	if m.unread.summary != nil {
		return m.hold(row)
	}
	return m.place(row)
}

// place finds a row's place among those of the file.
func (m *merge) place(row table.Row) error {
	for m.file != nil {
		order := bytes.Compare(m.row.Key, row.Key)
		if order > 0 {
			break
		}
		if order == 0 {
			return m.pair(row)
		}
		if err := m.gone(); err != nil {
			return err
		}
	}
	if err := m.takeOver(false); err != nil {
		return err
	}
	if err := m.changed(change.Create, row.Key, nil, row.Image); err != nil {
		return err
	}
	return m.write(row)
}

// pair compares a row with the file's of the same key.
func (m *merge) pair(row table.Row) error {
	switch {
	case m.found.images && !bytes.Equal(m.row.Image, row.Image):
		m.found.changed++
		if err := m.takeOver(true); err != nil {
			return err
		}
		if err := m.changed(change.Update, row.Key, m.row.Image, row.Image); err != nil {
			return err
		}
		if err := m.write(row); err != nil {
			return err
		}
	case m.takes:
		m.found.same++
		m.rows++
		m.out.digest.Add(m.print)
	default:
		m.found.same++
		if err := m.write(row); err != nil {
			return err
		}
	}
	return m.proceed()
}

// gone passes over the file's row: the table has none of its key any more.
func (m *merge) gone() error {
	if err := m.takeOver(true); err != nil {
		return err
	}
	if err := m.changed(change.Delete, m.row.Key, m.row.Image, nil); err != nil {
		return err
	}
	return m.step()
}

// write adds a row that is computed anew.
func (m *merge) write(row table.Row) error {
	f, err := m.codec.Fingerprint(row.Image)
	if err != nil {
		return err
	}
	return m.out.append(row, f)
}

// takeOver writes the rows before the file's row that are taken over. That row itself may be left out.
func (m *merge) takeOver(but bool) error {
	if !m.takes || m.file == nil {
		return nil
	}
	err := m.out.appendRecords(m.rows, m.file.block[m.from:m.file.began])
	if m.from, m.rows = m.file.began, 0; but {
		m.from = m.file.at
	}
	return err
}

// finishBlock writes what of the file's block is taken over and was not yet: the whole of it as it is packed, where nothing in it
// changed.
func (m *merge) finishBlock() (err error) {
	f := m.file
	whole := m.rows > 0 && m.rows == f.count && m.out.count == 0 && len(f.block) >= blockBytes/4
	if whole && m.hashes && f.summarized {
		err = m.out.appendBlock(f.count, f.summaryPacked, f.in.Packed())
	} else if whole {
		err = m.out.summarizeBlock(f.count, f.block, f.in.Packed())
	} else if err = m.out.appendRecords(m.rows, f.block[m.from:f.at]); err == nil {
		err = m.out.align()
	}
	m.from, m.rows = 0, 0
	return err
}

// changed spools a change. Where there are too many they are found once more when they are published, from the files.
func (m *merge) changed(op change.Op, key, before, after []byte) error {
	if m.spool == nil {
		return nil
	}
	err := m.spool.add(op, key, before, after)
	if errors.Is(err, sorting.ErrSpoolFull) {
		err, m.spool = m.spool.close(), nil
	}
	return err
}

// end walks to the file's end and says what was found.
func (m *merge) end() (compared, error) {
	for m.unread.summary != nil { // once more, where the last of the rows that were held ends a block
		if err := m.readUnread(); err != nil {
			return m.found, err
		}
	}
	for m.file != nil {
		if err := m.gone(); err != nil {
			return m.found, err
		}
	}
	return m.found, nil
}

func (m *merge) close() {
	if m.file != nil {
		m.file.close()
		m.file = nil
		m.out.most = blockBytes
	}
}

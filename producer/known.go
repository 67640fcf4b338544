package producer

import (
	"bytes"
	"errors"
	"io"

	"rewind/table"
)

// knownRows walks the current file beside the scan. A row whose image did not change has the fingerprint that it had; and the guard
// is told how many rows are gone or changed, without another pass over anything.
type knownRows struct {
	codec      *table.Codec
	file       *fileReader       // nil: nothing is known, or not any more
	projection *table.Projection // to the new schema
	prints     bool              // fingerprints stay what they were
	optional   bool              // a baseline does without the file, if it is damaged
	found      compared
	row        table.Row // projected
	key, image []byte    // of row, where it is projected
	print      table.Fingerprint
}

func (c *capture) openKnown(t *term, codec *table.Codec) (*knownRows, error) {
	k := &knownRows{codec: codec, projection: c.projection, optional: c.report.Baseline}
	k.prints = c.projection != nil && c.projection.Identity()
	k.found.images, k.found.pairs = true, c.schema.WholeRow
	if t.current != nil && c.projection == nil {
		k.projection, k.found.images = comparison(t.current.schema, c.schema)
	}
	if k.projection == nil {
		return k, nil
	}
	f, err := c.folder().open(currentName)
	if err != nil {
		err = k.without(err)
		return k, err
	}
	k.file, k.found.byKey = f, true
	if err := k.step(); err != nil {
		k.close()
		return nil, err
	}
	return k, nil
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
func (k *knownRows) without(err error) error {
	var damaged *FileError
	if !k.optional || !errors.As(err, &damaged) {
		return err
	}
	k.close()
	k.found.byKey = false
	return nil
}

// step goes on to the next row of the file.
func (k *knownRows) step() error {
	row, print, err := k.file.next()
	if errors.Is(err, io.EOF) {
		k.close()
		return nil
	}
	if err == nil {
		err = k.project(row)
	}
	if err != nil {
		return k.without(err)
	}
	k.print = print
	k.found.before++
	return nil
}

func (k *knownRows) project(row table.Row) (err error) {
	if k.row = row; k.projection.Identity() && k.found.images {
		return nil
	}
	if k.key, err = k.projection.AppendKey(k.key[:0], row.Key); err != nil {
		return err
	}
	k.row.Key = k.key
	if k.found.images {
		k.image, err = k.projection.AppendImage(k.image[:0], row.Image)
		k.row.Image = k.image
	}
	return err
}

// fingerprint compares the next row of the scan with the file's, and gives its fingerprint.
func (k *knownRows) fingerprint(row table.Row) (table.Fingerprint, error) {
	k.found.now++
	for k.file != nil && bytes.Compare(k.row.Key, row.Key) < 0 {
		if err := k.step(); err != nil {
			return table.Fingerprint{}, err
		}
	}
	if k.file == nil || !bytes.Equal(k.row.Key, row.Key) {
		return k.codec.Fingerprint(row.Image)
	}
	if k.found.images && !bytes.Equal(k.row.Image, row.Image) {
		k.found.changed++
		return k.codec.Fingerprint(row.Image)
	}
	k.found.same++
	if k.prints {
		return k.print, nil
	}
	return k.codec.Fingerprint(row.Image)
}

// compared walks to the file's end and says what was found.
func (k *knownRows) compared() (compared, error) {
	for k.file != nil {
		if err := k.step(); err != nil {
			return k.found, err
		}
	}
	return k.found, nil
}

func (k *knownRows) close() {
	if k.file != nil {
		k.file.close()
		k.file = nil
	}
}

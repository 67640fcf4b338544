package producer

import (
	"errors"
	"io"

	"rewind/table"
)

// fileRows are the rows of a snapshot file, projected. The file is opened for the first one.
type fileRows struct {
	name       string // "": there is no file, and no row
	folder     folder
	projection *table.Projection // nil: the rows are given as they are
	file       *fileReader
	projected  table.Row
}

func (c *capture) rowsOf(name string, projection *table.Projection) *fileRows {
	if projection != nil && projection.Identity() {
		projection = nil
	}
	return &fileRows{name: name, folder: c.folder(), projection: projection}
}

// previousRows are the rows of the current file as rows of the new schema; none for a baseline.
func (c *capture) previousRows() *fileRows {
	if c.report.Baseline {
		return c.rowsOf("", nil)
	}
	return c.rowsOf(currentName, c.projection)
}

// next gives the next row, valid until the next call; more is false behind the last.
func (r *fileRows) next() (row table.Row, more bool, err error) {
	if r.name == "" {
		return table.Row{}, false, nil
	}
	if r.file == nil {
		if r.file, err = r.folder.open(r.name); err != nil {
			return table.Row{}, false, err
		}
	}
	row, _, err = r.file.next()
	if errors.Is(err, io.EOF) {
		return table.Row{}, false, nil
	}
	if err != nil || r.projection == nil {
		return row, true, err
	}
	if r.projected.Key, err = r.projection.AppendKey(r.projected.Key[:0], row.Key); err == nil {
		r.projected.Image, err = r.projection.AppendImage(r.projected.Image[:0], row.Image)
	}
	return r.projected, true, err
}

// all gives the rows that are left, as an iter.Seq2.
func (r *fileRows) all(yield func(table.Row, error) bool) {
	for {
		row, more, err := r.next()
		if err == nil && !more {
			return
		}
		if !yield(row, err) || err != nil {
			return
		}
	}
}

func (r *fileRows) close() {
	if r.file != nil {
		r.file.close()
		r.file = nil
	}
}

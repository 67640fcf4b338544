package producer

import (
	"errors"
	"io/fs"
	"path/filepath"

	"rewind/table"
)

// Ranges gives the keys at which a capture by so many streams cuts the schema's table: those of the last committed snapshot. None where there is no
// snapshot yet, or its keys are others: one stream reads it then. It takes no lock, and changes nothing.
func Ranges(o Options, to *table.Schema, streams int) ([][]byte, error) {
	p := New(nil, nil, o)
	f := folder{fs: p.options.FS, dir: filepath.Join(p.options.Dir, to.Table.FileName()), keys: p.options.Keys}
	current, err := f.header(currentName)
	if err != nil || current == nil {
		return nil, err
	}
	projection, _ := comparison(current.schema, to)
	if projection == nil {
		return nil, nil
	}
	bounds, err := f.keysBetween(currentName, min(streams, MostStreams), projection)
	if errors.Is(err, fs.ErrNotExist) { // whoever runs beside may have put another in its place
		return nil, nil
	}
	return bounds, err
}

package workload

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"iter"
	"math/rand/v2"
	"os"
	"slices"

	"rewind/table"
)

// maxPart bounds a key or an image in a file of rows: what is larger is damage.
const maxPart = 64 << 20

// Encoded gives a version's rows as the producer wants them: a key and an image. A row is valid until the next step.
func (s Shape) Encoded(version int) iter.Seq2[table.Row, error] {
	return func(yield func(table.Row, error) bool) {
		codec, err := table.NewCodec(s.Schema())
		if err != nil {
			yield(table.Row{}, err)
			return
		}
		var row table.Row
		for r := range s.All(version) {
			if row.Image, err = codec.AppendImage(row.Image[:0], r.Values); err == nil {
				row.Key, err = codec.AppendKey(row.Key[:0], r.Values)
			}
			if !yield(row, err) || err != nil {
				return
			}
		}
	}
}

// WriteRows writes encoded rows to a file, so that reading them again costs next to nothing.
func WriteRows(path string, rows iter.Seq2[table.Row, error]) error {
	return write(path, func(w *bufio.Writer) error {
		var b []byte
		for row, err := range rows {
			if err != nil {
				return err
			}
			b = binary.AppendUvarint(b[:0], uint64(len(row.Key)))
			b = append(b, row.Key...)
			b = binary.AppendUvarint(b, uint64(len(row.Image)))
			b = append(b, row.Image...)
			if _, err := w.Write(b); err != nil {
				return err
			}
		}
		return nil
	})
}

// WriteShuffled writes them in an order that has nothing to do with their keys, the same for every seed, as an engine gives rows that it was
// not asked to sort. All are in memory meanwhile.
func WriteShuffled(path string, rows iter.Seq2[table.Row, error], seed uint64) error {
	var all []table.Row
	for row, err := range rows {
		if err != nil {
			return err
		}
		all = append(all, table.Row{Key: slices.Clone(row.Key), Image: slices.Clone(row.Image)})
	}
	rand.New(rand.NewPCG(seed, uint64(len(all)))).Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	return WriteRows(path, func(yield func(table.Row, error) bool) {
		for _, row := range all {
			if !yield(row, nil) {
				return
			}
		}
	})
}

// WriteCSV writes a version as CSV, with the columns' names in its first line.
func WriteCSV(path string, s Shape, version int) error {
	return write(path, func(w *bufio.Writer) error {
		schema := s.Schema()
		var b []byte
		for i, c := range schema.Columns {
			if i > 0 {
				b = append(b, ',')
			}
			b = append(b, c.Name...)
		}
		b = append(b, '\n')
		for r := range s.All(version) {
			if _, err := w.Write(b); err != nil {
				return err
			}
			b = AppendCSV(b[:0], schema, r.Values)
		}
		_, err := w.Write(b)
		return err
	})
}

func write(path string, content func(*bufio.Writer) error) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	w := bufio.NewWriterSize(f, 1<<20)
	err = content(w)
	if err == nil {
		err = w.Flush()
	}
	return errors.Join(err, f.Close())
}

// ReadRows gives the rows of a file that WriteRows wrote. A row is valid until the next step: it lies where it was read.
func ReadRows(path string) iter.Seq2[table.Row, error] {
	return func(yield func(table.Row, error) bool) {
		f, err := os.Open(path)
		if err != nil {
			yield(table.Row{}, err)
			return
		}
		defer f.Close()
		in := window{file: f, buffer: make([]byte, 0, 256<<10)}
		for {
			row, size, err := splitRow(in.buffer[in.at:])
			if errors.Is(err, io.ErrUnexpectedEOF) {
				if err = in.more(); errors.Is(err, io.EOF) {
					return
				}
				if err == nil {
					continue
				}
			}
			in.at += size
			if err != nil {
				err = fmt.Errorf("%s: %w", path, err)
			}
			if !yield(row, err) || err != nil {
				return
			}
		}
	}
}

// window is a part of a file; what of it lies before at was taken.
type window struct {
	file   *os.File
	buffer []byte
	at     int
}

// more reads on. io.EOF says that the file ends, and nothing is left.
func (w *window) more() error {
	left := copy(w.buffer, w.buffer[w.at:])
	w.buffer, w.at = w.buffer[:left], 0
	if left == cap(w.buffer) {
		w.buffer = slices.Grow(w.buffer, left)
	}
	n, err := w.file.Read(w.buffer[left:cap(w.buffer)])
	w.buffer = w.buffer[:left+n]
	switch {
	case n > 0:
		return nil
	case errors.Is(err, io.EOF) && left > 0:
		return errors.New("it ends within a row")
	}
	return err
}

// splitRow takes a row off; io.ErrUnexpectedEOF says that it goes on behind b.
func splitRow(b []byte) (row table.Row, size int, err error) {
	row.Key, size, err = splitPart(b)
	if err != nil {
		return row, 0, err
	}
	image, more, err := splitPart(b[size:])
	row.Image = image
	return row, size + more, err
}

func splitPart(b []byte) (part []byte, size int, err error) {
	n, prefix := binary.Uvarint(b)
	switch {
	case prefix < 0 || n > maxPart:
		return nil, 0, fmt.Errorf("a part of %d bytes", n)
	case prefix == 0 || uint64(len(b)-prefix) < n:
		return nil, 0, io.ErrUnexpectedEOF
	}
	size = prefix + int(n)
	return b[prefix:size:size], size, nil
}

// Source is a table's engine, as the producer reads it, that has the rows ready: what is measured behind it is the producer.
type Source struct {
	Shape Shape
	Read  iter.Seq2[table.Row, error]
}

// Describe says what the table is.
func (s Source) Describe(_ context.Context, name table.Name) (*table.Definition, error) {
	schema := s.Shape.Schema()
	schema.Table = name
	return &table.Definition{Schema: schema, DDL: "CREATE TABLE bench.t", Engine: "bench"}, nil
}

// Rows gives the rows, which are in the order of the key already.
func (s Source) Rows(context.Context, *table.Schema, bool) iter.Seq2[table.Row, error] { return s.Read }

// Altered says that nobody altered the table.
func (Source) Altered(context.Context, table.Name, *table.Definition) (string, error) { return "", nil }

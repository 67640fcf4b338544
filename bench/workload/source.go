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

// ReadRows gives the rows of a file that WriteRows wrote. A row is valid until the next step.
func ReadRows(path string) iter.Seq2[table.Row, error] {
	return func(yield func(table.Row, error) bool) {
		f, err := os.Open(path)
		if err != nil {
			yield(table.Row{}, err)
			return
		}
		defer f.Close()
		in := bufio.NewReaderSize(f, 256<<10)
		var row table.Row
		for {
			row.Key, err = readPart(in, row.Key)
			if errors.Is(err, io.EOF) {
				return
			}
			if err == nil {
				row.Image, err = readPart(in, row.Image)
			}
			if err != nil {
				err = fmt.Errorf("%s: %w", path, err)
			}
			if !yield(row, err) || err != nil {
				return
			}
		}
	}
}

func readPart(in *bufio.Reader, into []byte) ([]byte, error) {
	n, err := binary.ReadUvarint(in)
	if err != nil {
		return into, err
	}
	if n > maxPart {
		return into, fmt.Errorf("a part of %d bytes", n)
	}
	if uint64(cap(into)) < n {
		into = make([]byte, n)
	}
	_, err = io.ReadFull(in, into[:n])
	return into[:n], err
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

package producer

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"io"

	"rewind/change"
	"rewind/sorting"
)

// changeSpool keeps the changes that a capture found until they may be published: the guard sees how many they are first. It dies with
// its process; what is published after a crash is found anew.
type changeSpool struct {
	spool  *sorting.Spool
	record []byte
	count  int64
}

// add takes one change:
//
//	op 1 | lengths of key, before and after, as varints | key | before | after
func (s *changeSpool) add(op change.Op, key, before, after []byte) error {
	b := s.record[:0]
	b = append(b, byte(op))
	b = binary.AppendUvarint(b, uint64(len(key)))
	b = binary.AppendUvarint(b, uint64(len(before)))
	b = binary.AppendUvarint(b, uint64(len(after)))
	b = append(append(append(b, key...), before...), after...)
	s.record = b
	s.count++
	_, err := s.spool.Write(b)
	return err
}

// all gives the changes in the order in which they were added. A change is valid until the next step.
func (s *changeSpool) all(yield func(change.Change, error) bool) {
	from, err := s.spool.Read()
	if err != nil {
		yield(change.Change{}, err)
		return
	}
	in := bufio.NewReaderSize(from, 16<<10)
	for range s.count {
		m, err := s.read(in)
		if err != nil {
			err = fmt.Errorf("spooled change: %w", err)
		}
		if !yield(m, err) || err != nil {
			return
		}
	}
}

// read gives the next change.
func (s *changeSpool) read(in *bufio.Reader) (m change.Change, err error) {
	op, err := in.ReadByte()
	if err != nil {
		return m, err
	}
	var sizes [3]int
	total := 0
	for i := range sizes {
		n, err := binary.ReadUvarint(in)
		if err != nil {
			return m, err
		}
		if n > maxSpooled {
			return m, fmt.Errorf("a length of %d", n)
		}
		sizes[i] = int(n)
		total += int(n)
	}
	if cap(s.record) < total {
		s.record = make([]byte, total)
	}
	b := s.record[:total]
	if _, err := io.ReadFull(in, b); err != nil {
		return m, err
	}
	m.Op = change.Op(op)
	m.Key, b = b[:sizes[0]:sizes[0]], b[sizes[0]:]
	if m.Op != change.Create {
		m.Before = b[:sizes[1]:sizes[1]]
	}
	if m.Op != change.Delete {
		m.After = b[sizes[1]:]
	}
	return m, nil
}

// maxSpooled bounds a key or an image.
const maxSpooled = 1 << 30

func (s *changeSpool) close() error { return s.spool.Close() }

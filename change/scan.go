package change

import (
	"fmt"

	"rewind/table"
)

// Scan is a block of a segment's entries, taken apart in one go: where each of them ends, where a change's key and image are, and which of them
// follow each other. It is filled by EntryDecoder.Scan, again and again.
type Scan struct {
	Entries []Scanned
	Runs    []Run

	records []byte
	head    []byte // of the last change: its epoch, writer and snapshot, as they are written
	stamp   Stamp  // what they say
	id      int64
	fits    bool // with what a change may say there
}

// Scanned is an entry of a block. Its places are bytes of the block.
type Scanned struct {
	Offset      int64
	End         uint32 // of its record
	Key, KeyEnd uint32 // of a change
	After       uint32 // of a change with an image afterwards: where that begins, which goes on to End; else 0
	Op          Op     // of a change
}

// Run is as many changes of one snapshot by one writer as follow each other, with nothing between and no seq left out, or one entry that is
// no change. One that Decode refuses is like one that is no change.
type Run struct {
	At, Len  int  // of the entries
	Changes  bool // what follows is set
	Stamp    Stamp
	Snapshot int64
	Seq      int64 // of the first
}

// Key of a change.
func (s *Scan) Key(e *Scanned) []byte { return s.records[e.Key:e.KeyEnd:e.KeyEnd] }

// After is a change's image afterwards; nil where there is none.
func (s *Scan) After(e *Scanned) []byte {
	if e.After == 0 {
		return nil
	}
	return s.records[e.After:e.End:e.End]
}

// Record of an entry.
func (s *Scan) Record(i int) []byte {
	end := s.Entries[i].End
	return s.records[s.start(i):end:end]
}

// start is where an entry's record begins.
func (s *Scan) start(i int) uint32 {
	if i == 0 {
		return 0
	}
	return s.Entries[i-1].End
}

// Size of so many entries' records.
func (s *Scan) Size(at, n int) int64 {
	return int64(s.Entries[at+n-1].End - s.start(at))
}

// Scan takes a block's records apart: so many, or as many as there are bytes for. It finds what RecordLen finds. Of an error it tells which entry
// has it; those before are in s.
func (d *EntryDecoder) Scan(count int, records []byte, s *Scan) error {
	s.records, s.Entries, s.Runs = records, s.Entries[:0], s.Runs[:0]
	for at := 0; count > len(s.Entries) && at < len(records); {
		var e Scanned
		if seq := d.scanChange(s, at, &e); seq > 0 {
			s.follow(seq)
		} else {
			n, err := d.RecordLen(records[at:])
			if err != nil {
				return fmt.Errorf("entry %d of the block: %w", len(s.Entries), err)
			}
			offset, _ := table.ReadLong(records[at:])
			if offset < 0 {
				return fmt.Errorf("entry %d of the block: %w", len(s.Entries), &RecordError{errCutRecord})
			}
			e = Scanned{Offset: offset, End: uint32(at + n)}
			s.Runs = append(s.Runs, Run{At: len(s.Entries), Len: 1})
		}
		s.Entries = append(s.Entries, e)
		at = int(e.End)
	}
	return nil
}

// follow puts the next entry, a change of the head that was read last, into its run.
func (s *Scan) follow(seq int64) {
	if n := len(s.Runs) - 1; n >= 0 {
		if r := &s.Runs[n]; r.Changes && r.Seq+int64(r.Len) == seq && r.Snapshot == s.id && r.Stamp == s.stamp {
			r.Len++
			return
		}
	}
	s.Runs = append(s.Runs, Run{At: len(s.Entries), Len: 1, Changes: true, Stamp: s.stamp, Snapshot: s.id, Seq: seq})
}

// scanChange reads a change and gives its seq; 0 where there is none, or none that Decode takes.
func (d *EntryDecoder) scanChange(s *Scan, at int, e *Scanned) (seq int64) {
	b := s.records
	offset, n := table.ReadLong(b[at:])
	if at += n; n <= 0 || offset < 0 || d.rows == nil || at >= len(b) || b[at] != 2*branchChange {
		return 0
	}
	e.Offset = offset
	if at = s.readHead(at + 1); at < 0 {
		return 0
	}
	if seq, n = table.ReadLong(b[at:]); n <= 0 {
		return 0
	}
	if at += n; at >= len(b) || b[at]&1 != 0 {
		return 0
	}
	e.Op = Op(b[at]/2 + 1)
	length, n := table.ReadLong(b[at+1:])
	if at += 1 + n; n <= 0 || length < 0 || length > int64(len(b)-at) {
		return 0
	}
	e.Key, e.KeyEnd = uint32(at), uint32(at+int(length))
	before, at := d.scanImage(b, int(e.KeyEnd))
	if at < 0 {
		return 0
	}
	after, at := d.scanImage(b, at)
	if at < 0 {
		return 0
	}
	e.After, e.End = uint32(after), uint32(at)
	if !s.fits || seq < 1 || e.Op > Delete || e.Op <= Create && before > 0 || (e.Op == Delete) != (after == 0) {
		return 0
	}
	return seq
}

// scanImage passes over a union of null and an image: where the image begins, or 0 where there is none that has bytes, and where it ends, or -1.
func (d *EntryDecoder) scanImage(b []byte, at int) (begin, end int) {
	if at >= len(b) {
		return 0, -1
	}
	switch b[at] {
	case branchNull:
		return 0, at + 1
	case branchValue:
		if end = d.rows.ImageEnd(b, at+1); end == at+1 {
			return 0, end
		}
		return at + 1, end
	}
	return 0, -1
}

// readHead reads epoch, writer and snapshot, which most often are those of the change before, and gives the place behind them, or -1.
func (s *Scan) readHead(at int) int {
	b := s.records
	if n := len(s.head); n > 0 && len(b)-at >= n && string(b[at:at+n]) == string(s.head) {
		return at + n
	}
	c := cursor{rest: b[at:]}
	stamp := Stamp{Epoch: c.long()}
	copy(stamp.Writer[:], c.take(len(stamp.Writer)))
	id := c.long()
	if c.failed {
		return -1
	}
	end := len(b) - len(c.rest)
	s.stamp, s.id, s.fits = stamp, id, stamp.Epoch >= 0 && id > 0
	s.head = append(s.head[:0], b[at:end]...)
	return end
}

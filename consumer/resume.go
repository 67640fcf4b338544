package consumer

import (
	"fmt"
	"slices"

	"rewind/change"
	"rewind/journal"
)

// resume finds out from the journal's end where the sequence stands, and which row schema is in force. It reads the last
// segment, and those before it only as long as they hold nothing but Opens and Gaps. The last one says which Gaps fit into it.
func (p *partition) resume(dir string) error {
	p.sequence = sequence{stream: p.table.stream, decides: p.number == 0}
	p.decoder = change.NewDecoder()
	p.next = p.journal.NextOffset()
	segments := p.journal.Reader().Segments()
	for i, info := range slices.Backward(segments) {
		if info.Err != nil {
			return info.Err
		}
		end := p.journal.NextOffset()
		if i+1 < len(segments) {
			end = segments[i+1].BaseOffset
		}
		tail, err := p.readSegment(info, end, i == len(segments)-1)
		if err != nil {
			return err
		}
		p.sequence.precede(tail)
		if p.sequence.snapshot != 0 {
			break
		}
	}
	p.held = p.sequence.held
	return nil
}

// readSegment reads what one segment says; the decoder learns its row schemas.
func (p *partition) readSegment(info journal.SegmentInfo, end int64, active bool) (sequence, error) {
	s := sequence{stream: p.table.stream}
	decoder, err := change.NewEntryDecoder(info.Schema)
	if err != nil {
		return s, err
	}
	if active {
		p.older = !decoder.TakesGap()
	}
	if schema := decoder.Schema(); schema != nil {
		if err := p.decoder.Learn(schema); err != nil {
			return s, err
		}
	}
	for e, err := range p.journal.Reader().Entries(info.BaseOffset) {
		if err != nil {
			return s, err
		}
		if e.Offset >= end {
			break
		}
		_, m, err := decoder.Decode(e.Record)
		if err != nil {
			return s, fmt.Errorf("segment %s: the entry at offset %d: %w", info.Path, e.Offset, err)
		}
		if m.Begin != nil {
			if err := p.decoder.Learn(m.Begin.Schema); err != nil {
				return s, err
			}
		}
		if m.Gap != nil {
			p.next = max(p.next, m.Gap.NextOffset)
		}
		s.take(m)
	}
	return s, nil
}

// take follows an entry of the journal: all that stands there was accepted once.
func (s *sequence) take(m change.Message) {
	s.held.take(m)
	if m.Gap != nil && !m.Gap.Refused() {
		s.lose(m.Gap)
		return
	}
	stamp, _ := m.Stamp()
	if stamp != s.stamp {
		s.stamp, s.refused = stamp, 0
	}
	s.lost = false
	switch {
	case m.Gap != nil:
		s.refused = m.Gap.At
	case m.Begin != nil:
		s.snapshot, s.seq, s.closed, s.holes = m.Begin.Snapshot, 0, false, false
	case m.Change != nil || m.Commit != nil:
		s.snapshot, s.seq, s.closed = place(m)
		s.holes = false
		if s.closed {
			s.commit = s.snapshot
		}
	}
}

// precede adds what the segment before says to what those behind it said.
func (s *sequence) precede(before sequence) {
	if s.stamp == (change.Stamp{}) { // nothing behind it is a message of the stream
		s.stamp, s.refused, s.lost = before.stamp, before.refused, s.lost || before.lost
	}
	s.snapshot, s.seq, s.closed = before.snapshot, before.seq, before.closed
	s.held.precede(before.held)
	if !s.holes { // a Gap may have taken a later Commit
		s.commit = before.commit
	}
	s.holes = s.holes || before.holes
}

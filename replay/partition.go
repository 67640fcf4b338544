package replay

import (
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"log/slog"
	"sync"

	"rewind/change"
	"rewind/crypt"
	"rewind/disk"
	"rewind/journal"
	"rewind/table"
)

// partition is one partition of a stream, as far as its journal was read.
type partition struct {
	fs     disk.FS
	keys   *crypt.Keys
	cutKey ed25519.PublicKey
	logger *slog.Logger
	known  *decoderPool
	from   int64 // bytes of a segment that is indexed
	seeks  bool  // a fold that begins with a checkpoint asks the indexes where to read on
	makes  bool  // an index where there is none
	dir    string
	table  table.Name
	stream string
	number int

	start  int64     // behind a cut: the first offset that is not gone
	gone   bool      // all that it had was dropped
	unread bool      // the last reading ended at damage
	next   int64     // the offset to go on reading at
	place  readPlace // and where that is
	seen   extent
	order  sequence
	spans  []*span // committed in this partition, ascending
	gaps   []gapHere
}

// gapHere is a Gap entry and the highest snapshot that had begun before it.
type gapHere struct {
	gap   Gap
	last  int64
	stamp change.Stamp // of the partition's owner then
}

// entry is one decoded journal entry.
type entry struct {
	offset int64
	size   int
	change.Message
	rows *table.Schema // of the segment; nil where it holds no changes
	link int           // of the chain that is being read
}

// decoders are those of a journal's segment schemas. Not for concurrent use.
type decoders map[string]*change.EntryDecoder

// decoderPool keeps decoders between walks: making one reads a schema of several kilobytes.
type decoderPool struct{ sync.Pool }

func (p *decoderPool) get() decoders {
	if p != nil {
		if d, ok := p.Get().(decoders); ok {
			return d
		}
	}
	return decoders{}
}

func (p *decoderPool) put(d decoders) {
	if p != nil {
		p.Put(d)
	}
}

func (d decoders) of(schema string) (*change.EntryDecoder, error) {
	if known, ok := d[schema]; ok {
		return known, nil
	}
	made, err := change.NewEntryDecoder(schema)
	if err == nil {
		d[schema] = made
	}
	return made, err
}

// split tells journal how long a block's records are.
func (d decoders) split(segmentSchema string) (func(block []byte) (int, error), error) {
	made, err := d.of(segmentSchema)
	if err != nil {
		return nil, err
	}
	return made.RecordLen, nil
}

func (p *partition) open(d decoders) (*journal.Reader, error) {
	return journal.OpenReader(p.dir, journal.Options{FS: p.fs, Keys: p.keys, CutKey: p.cutKey, Stream: p.stream, Partition: p.number, Splitter: d.split})
}

const entriesBetweenLooks = 1 << 12 // at the context

// entries decodes the journal from an offset on. An entry's change is valid until the next step.
func (p *partition) entries(ctx context.Context, from int64) iter.Seq2[entry, error] {
	return p.entriesBy(ctx, from, false)
}

// entriesBy is entries for who may look an offset's place up in an index.
func (p *partition) entriesBy(ctx context.Context, from int64, indexed bool) iter.Seq2[entry, error] {
	from = max(from, p.start)
	return func(yield func(entry, error) bool) {
		known := p.known.get()
		defer p.known.put(known)
		reader, err := p.open(known)
		if errors.Is(err, fs.ErrNotExist) {
			return
		}
		if err != nil {
			yield(entry{}, err)
			return
		}
		var schema string
		var decoder *change.EntryDecoder
		looked := 0
		for raw, err := range reader.EntriesFrom(from, p.seek(ctx, reader, from, indexed)) {
			if looked%entriesBetweenLooks == 0 && ctx.Err() != nil {
				yield(entry{}, ctx.Err())
				return
			}
			looked++
			if err == nil && (decoder == nil || raw.Schema != schema) {
				schema = raw.Schema
				decoder, err = known.of(schema)
			}
			if err != nil {
				yield(entry{}, err)
				return
			}
			e, err := p.decoded(reader, decoder, raw)
			if !yield(e, err) || err != nil {
				return
			}
		}
	}
}

// damaged makes the error of an entry that no consumer writes, with the segment that holds it.
func (p *partition) damaged(reader *journal.Reader, offset int64, reason string) error {
	e := &SequenceError{Stream: p.stream, Partition: p.number, Offset: offset, Reason: reason}
	if reader == nil {
		opened, err := p.open(decoders{})
		if err != nil {
			return e
		}
		reader = opened
	}
	for _, s := range reader.Segments() {
		if s.BaseOffset <= offset {
			e.Segment = s.Path
		}
	}
	return e
}

// extent of a journal's files: while it is the same there is nothing new to read.
type extent struct {
	segments int
	bytes    int64
}

func extentOf(infos []journal.SegmentInfo) (x extent) {
	for _, s := range infos {
		x.segments++
		x.bytes += s.Bytes
	}
	return x
}

// read goes on to the journal's end and keeps what it says of snapshots.
func (p *partition) read(ctx context.Context) error {
	if p.gone {
		return nil
	}
	known := p.known.get()
	defer p.known.put(known)
	reader, err := p.open(known)
	if err != nil {
		if p.start > 0 && errors.Is(err, fs.ErrNotExist) {
			return &MissingJournalError{Table: p.table, Dir: p.dir, Partition: p.number, Snapshot: p.order.last}
		}
		return ignoreNotExist(err)
	}
	infos := reader.Segments()
	now := extentOf(infos)
	if now == p.seen {
		return nil
	}
	if err := p.readOn(ctx, reader, known, infos); err != nil {
		return err
	}
	p.seen = now
	return nil
}

func (p *partition) take(e entry) error {
	_, err := p.step(e)
	return err
}

// step takes the next entry and says what it meant.
func (p *partition) step(e entry) (happening, error) {
	if b := e.Begin; b != nil && b.Schema.Table != p.table {
		return 0, fmt.Errorf("it is of table %s, not of %s: a folder was copied or moved to a wrong place", b.Schema.Table, p.table)
	}
	open, last := p.order.open, p.order.last
	what, err := p.order.step(e.offset, e.size, e.Message)
	if err != nil {
		return 0, err
	}
	switch what {
	case closed:
		p.spans = append(p.spans, open)
	case gapped:
		p.gaps = append(p.gaps, gapHere{gap: p.newGap(e.offset, e.Gap), last: last, stamp: p.order.highest})
	}
	return what, nil
}

// committed finds the partition's span of a snapshot; nil where it holds no Commit of it.
func (p *partition) committed(snapshot int64) *span {
	for i := len(p.spans) - 1; i >= 0 && p.spans[i].begin.Snapshot >= snapshot; i-- {
		if p.spans[i].begin.Snapshot == snapshot {
			return p.spans[i]
		}
	}
	return nil
}

// gapOver finds the latest gap that can have swallowed messages of a snapshot.
func (p *partition) gapOver(snapshot int64) *gapHere {
	for i := len(p.gaps) - 1; i >= 0; i-- {
		if g := &p.gaps[i]; g.last <= snapshot && !g.gap.whole() {
			return g
		}
	}
	return nil
}

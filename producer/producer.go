// Package producer captures tables: it reads a snapshot, diffs it with the last committed one and publishes the changes.
//
// One capture goes through these stages, and a crash between any two of them is mended by the next one:
//
//	term     an Open in every partition, acknowledged; each partition read up to it: what is committed, who is ahead
//	recover  a pending snapshot file whose Commit stands in partition 0 becomes the current one, any other is dropped
//	scan     the whole table into the pending snapshot file, key order checked, fsynced; nothing was published yet. The engine is
//	         then asked whether the table is still what it was described as: if it was altered meanwhile, the scan is done anew
//	guard    too much is gone, or changed, since the last snapshot: refused; a Gap in partition 0 says so, once
//	publish  Begin, the Changes between the current file and the pending one, Commits; partition 0's Commit decides
//	rename   the pending file becomes the current one
//
// The scan never waits for Kafka, and publishing never waits for the engine. Memory does not depend on the table's size.
package producer

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"path/filepath"
	"sync"
	"time"

	"rewind/crypt"
	"rewind/disk"
	"rewind/table"
	"rewind/topic"
)

// Options of a Producer. The zero value of a field is the documented default; Dir has none.
type Options struct {
	Dir          string           // folder of the snapshot files, <data>/snapshots
	FS           disk.FS          // nil: disk.OS
	Keys         *crypt.Keys      // that snapshot files are encrypted to and opened with; nil: they stay in clear
	Logger       *slog.Logger     // nil: nothing is logged
	Progress     func(Progress)   // nil: nobody asks; called by one goroutine at a time for one table
	Now          func() time.Time // nil: time.Now
	MemoryBytes  int              // for a sort of a table's rows, and at most for each spool; 0: sorting.DefaultMemoryBytes, DefaultSpoolBytes
	MaxClockSkew time.Duration    // how far the clock may stand behind the last snapshot's id; 0: 5 s
}

// TableOptions of one capture.
type TableOptions struct {
	Partitions  int           // of a baseline, at most as many as the topic has; 0: all of them
	Rebaseline  bool          // publish a new baseline whatever is on disk: the way out of lost state and changed options
	AcceptClock bool          // capture although the clock stands behind the last snapshot's id
	SortHere    bool          // sort the rows on this machine; false: the engine orders them, unless the key is the whole row
	Streams     int           // how many ranges of keys are read at once, as of one instant, by a Source that is a Ranger; 0: 1
	LastSchema  *table.Schema // of the journal, for a baseline into a new topic: its column ids are not given again

	LastSnapshot int64     // the highest id in the journal, aborted ones included, for the same: ids go on rising
	LastPoint    LastPoint // the journal's, for the guard, where neither topic nor snapshot file knows one

	Guard           Guard // what is refused; zero: a table of which more than half is gone
	AllowMassDelete bool  // whatever the guard says of rows that are gone
	AllowMassChange bool  // whatever it says of rows that were changed
}

// LastPoint is the last committed snapshot of a table as somebody remembers it.
type LastPoint struct {
	Snapshot  int64 // id; 0: none is known
	ReadEnded int64 // microseconds UTC
	Rows      int64
}

// Progress of a capture.
type Progress struct {
	Table table.Name
	Stage string // "scan", "sort", "publish"
	Rows  int64  // so far; for publish the changes
	Bytes int64
	Total int64 // rows expected, 0 when unknown
}

// Producer captures tables from one source into one Kafka. Tables may be captured concurrently, one table by one caller
// at a time.
type Producer struct {
	source  Source
	kafka   *topic.Client
	options Options

	mutex  sync.Mutex
	tables map[table.Name]*session
}

// session is what the producer keeps of a table between captures: the folder's lock and, while it is known to be
// unbroken, its term.
type session struct {
	busy sync.Mutex
	dir  string
	lock io.Closer
	term *term // nil: the next capture opens one
}

// New makes a Producer; it touches nothing yet.
func New(source Source, kafka *topic.Client, o Options) *Producer {
	if o.FS == nil {
		o.FS = disk.OS
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.MaxClockSkew == 0 {
		o.MaxClockSkew = 5 * time.Second
	}
	if o.Progress == nil {
		o.Progress = func(Progress) {}
	}
	return &Producer{source: source, kafka: kafka, options: o, tables: map[table.Name]*session{}}
}

// Capture makes one snapshot of a table and publishes it. When it returns without an error the snapshot is a restore
// point in Kafka. A process that captures a table again goes on in the same term.
func (p *Producer) Capture(ctx context.Context, name table.Name, o TableOptions) (Report, error) {
	s, err := p.session(name)
	if err != nil {
		return Report{}, err
	}
	defer s.busy.Unlock()
	c := &capture{producer: p, session: s, name: name, options: o, logger: p.options.Logger.With("table", name.String())}
	return c.run(ctx)
}

// session gives the table's session, its folder locked, and occupies it.
func (p *Producer) session(name table.Name) (*session, error) {
	p.mutex.Lock()
	s := p.tables[name]
	if s == nil {
		s = &session{dir: filepath.Join(p.options.Dir, name.FileName())}
		p.tables[name] = s
	}
	p.mutex.Unlock()
	s.busy.Lock()
	if s.lock != nil {
		return s, nil
	}
	err := disk.MakeDirs(p.options.FS, s.dir, 0o700)
	if err == nil {
		s.lock, err = p.options.FS.Lock(filepath.Join(s.dir, lockName))
	}
	if err != nil {
		s.busy.Unlock()
		return nil, err
	}
	return s, nil
}

// Close releases the tables' folders. No capture may be running.
func (p *Producer) Close() error {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	var errs []error
	for name, s := range p.tables {
		if s.lock != nil {
			errs = append(errs, s.lock.Close())
		}
		delete(p.tables, name)
	}
	return errors.Join(errs...)
}

// Names of the files in a table's folder.
const (
	lockName    = "lock"
	currentName = "current.avro"
	pendingName = "pending.avro"
	placesName  = "places.json"
)

// Package replay brings a table's journal back to a table: restore points, fold, restore, the history of one row, verify.
//
// It reads what the consumer wrote, without the writer's lock, and may do so while a consumer appends. A restore point
// exists once every partition's journal holds its Commit and partition 0's, which decides, is among them. Whatever is not
// committed is invisible. Nothing is loaded before the folded rows have the digest that the producer put into the Commit,
// and nothing is called restored before the loaded table has it too.
package replay

import (
	"context"
	"crypto/ed25519"
	"iter"
	"log/slog"
	"path/filepath"
	"sync"

	"rewind/crypt"
	"rewind/disk"
	"rewind/table"
)

// Target is the engine that a table is restored into.
type Target interface {
	// Load makes the new table l.Into out of the definition and fills it with rows. Rows end with an error when they are not the restore
	// point (their digest is checked at their end): then nothing was loaded. A failed Load leaves no table and no staging folder.
	Load(ctx context.Context, l table.Load, rows iter.Seq2[table.Row, error]) (table.Loaded, error)
}

// Catalog is what an in-place restore needs of the engine.
type Catalog interface {
	Rename(ctx context.Context, from, to table.Name) error
	// RestoreID is the table's property rewind.restore ("" where there is none); exists is false where there is no such table.
	RestoreID(ctx context.Context, name table.Name) (id string, exists bool, err error)
	Digest(ctx context.Context, name table.Name, s *table.Schema) (d table.Digest, how string, err error)
}

// Options say where replay works and how much it may use. The zero value is ready.
type Options struct {
	FS          disk.FS           // nil: disk.OS
	Logger      *slog.Logger      // nil: discard
	Data        string            // the data directory, for proofs/ and restore/; "": the folder that holds root
	TempDir     string            // for sorted runs that do not fit in memory; "": <Data>/tmp
	Keys        *crypt.Keys       // that encrypted segments are opened with; nil: those in clear alone can be read
	CutKey      ed25519.PublicKey // that a record of what was dropped must be signed with, and heads before anything is dropped; nil: they need not be
	MemoryBytes int               // that a fold may use for its buffers; 0: 20 MiB
	Progress    func(Progress)    // nil: nobody watches
	ReadOnly    bool              // reading makes no index of a segment that has none

	SpareBytes int64 // of disk that a checkpoint leaves free: the journal is to go on; 0: 64 MiB

	indexFrom     int64 // bytes of a segment that is indexed; 0: the default
	noCheckpoints bool  // every fold reads its changes
}

// Progress of a long job, told now and then by the goroutine that does it.
type Progress struct {
	Stage string // "fold", "prove", "load", "verify"
	Rows  int64  // rows or changes so far
	Total int64  // that are expected; 0 where it is not known
	Bytes bool   // what is counted are bytes, not rows
}

// defaultMemoryBytes keeps a fold, with the blocks that it reads and the program around it, within 64 MiB. Twice as much would make it
// 4 % faster.
const defaultMemoryBytes = 20 << 20

const defaultSpareBytes = 64 << 20

func (o Options) applyDefaults(root string) Options {
	if o.FS == nil {
		o.FS = disk.OS
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Data == "" {
		o.Data = filepath.Dir(filepath.Clean(root))
	}
	if o.TempDir == "" {
		o.TempDir = filepath.Join(o.Data, "tmp")
	}
	if o.Progress == nil {
		o.Progress = func(Progress) {}
	}
	if o.SpareBytes == 0 {
		o.SpareBytes = defaultSpareBytes
	}
	if o.MemoryBytes == 0 {
		o.MemoryBytes = defaultMemoryBytes
	}
	return o
}

// Journal is everything that was journaled of one table: all its streams and their partitions.
// Its methods may be called by several goroutines; each sees the restore points that were there at the last Open or Refresh.
type Journal struct {
	name table.Name
	dir  string // <root>/<file>
	o    Options

	known decoderPool

	mu      sync.Mutex
	streams []*stream
	points  []Point
	gaps    []Gap

	distrusted map[string]bool // checkpoints whose rows did not add up
}

// Open reads the restore points of the table under root, the folder of all journals (<data>/journal). A table that was
// never journaled opens too: it has no points. Damage does not fail Open: what stands before it can still be restored
// (see Damage).
func Open(root string, name table.Name, o Options) (*Journal, error) {
	o = o.applyDefaults(root)
	j := &Journal{name: name, dir: filepath.Join(root, name.FileName()), o: o}
	if err := j.Refresh(context.Background()); err != nil {
		return nil, err
	}
	return j, nil
}

// Name of the table.
func (j *Journal) Name() table.Name { return j.name }

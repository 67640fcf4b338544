package replay

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"path/filepath"
	"reflect"
	"slices"

	"rewind/checkpoint"
	"rewind/journal"
)

// under is what a fold begins with: the rows of a checkpoint, on top of which come the changes behind it.
type under struct {
	file  *checkpoint.File
	links int  // of the chain that it stands for
	cut   bool // it is what the journal begins with, since retention dropped what stood before
}

// streamDir is the folder of a stream.
func (j *Journal) streamDir(id string) string { return filepath.Join(j.dir, id) }

// begin finds the newest checkpoint at or before the point that can be believed, and leaves to the fold the links behind it. One that is
// damaged, or of another journal, is told and passed over: then more is read.
func (f *folded) begin(ctx context.Context, j *Journal, parts []partition) error {
	if j.o.noCheckpoints {
		return f.beginBehindCut(ctx, j)
	}
	found, err := checkpoint.List(j.o.FS, j.streamDir(f.point.Stream))
	if err != nil {
		return err
	}
	for _, c := range slices.Backward(found) {
		n := slices.IndexFunc(f.links, func(l link) bool { return l.spans[0].begin.Snapshot == c.Snapshot })
		if n < 0 || c.Temporary || c.Base || j.isDistrusted(c.Path) {
			continue
		}
		file, err := j.believe(ctx, c.Path, f.links[n], parts)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err == nil {
			f.beginWith(file, n+1)
			return nil
		}
		if damage := (*checkpoint.Damage)(nil); errors.As(err, &damage) { // it names the file, too
			err = damage.Err
		}
		j.o.Logger.Warn("a checkpoint is not used: more of the journal is read instead; the file may be deleted", "checkpoint", c.Path, "error", err)
	}
	return f.beginBehindCut(ctx, j)
}

// beginBehindCut begins with the rows that the journal does, where what stood before was dropped.
func (f *folded) beginBehindCut(ctx context.Context, j *Journal) error {
	if lost := f.links[0].lost; lost != nil {
		return lost.lost
	}
	b := f.links[0].beginning
	if b == nil {
		return nil
	}
	file, err := j.checkedBase(ctx, b)
	if err != nil {
		return err
	}
	f.beginWith(file, 1)
	f.under.cut = true
	return nil
}

// believe opens a checkpoint of a link, and holds it against the journal: nothing of it counts before it is known to be whole, and of the very
// snapshot that the journal holds.
func (j *Journal) believe(ctx context.Context, path string, of link, parts []partition) (*checkpoint.File, error) {
	file, err := checkpoint.Open(j.o.FS, j.o.Keys, path)
	if err != nil {
		return nil, err
	}
	err = j.holdCheckpoint(file, of, parts)
	if err == nil {
		_, err = file.Check(ctx)
	}
	if err != nil {
		return nil, errors.Join(err, file.Close())
	}
	return file, nil
}

// holdCheckpoint holds a checkpoint's header against the journal.
func (j *Journal) holdCheckpoint(file *checkpoint.File, of link, parts []partition) error {
	if file.Stream != parts[0].stream || file.Table != j.name.String() || len(file.Partitions) != len(parts) {
		return errors.New("it is of another journal")
	}
	for i := range parts {
		span, p := of.spans[i], file.Partitions[i]
		if p.From != span.from || p.To != span.to || !reflect.DeepEqual(file.Begin(i), span.begin) || !reflect.DeepEqual(file.Commit(i), span.commit) {
			return fmt.Errorf("its restore point is not the one in the journal (partition %d)", i)
		}
		in, err := parts[i].segmentOf(span.to)
		if err != nil {
			return err
		}
		if in.BaseOffset != p.Segment || in.Err == nil && hex.EncodeToString(in.Previous[:]) != p.Previous {
			return fmt.Errorf("it was made of another journal of the stream (partition %d)", i)
		}
	}
	return nil
}

// segmentOf finds the segment that holds an offset. Where its header cannot be read, its Err says so, and its name tells no more than its first
// offset: what the journal begins with since a retention is known all the same, though the segment is damaged.
func (p *partition) segmentOf(offset int64) (in journal.SegmentInfo, err error) {
	reader, err := p.open(decoders{})
	if err != nil {
		return in, err
	}
	for _, s := range reader.Segments() {
		if s.BaseOffset <= offset && s.BaseOffset >= in.BaseOffset {
			in = s
		}
	}
	return in, nil
}

// beginWith takes a checkpoint for the first links.
func (f *folded) beginWith(file *checkpoint.File, links int) {
	f.under, f.below = &under{file: file, links: links}, &f.links[links-1]
	f.links = f.links[links:]
}

// underRows gives a checkpoint's rows, which are older than every change.
type underRows struct{ rows *checkpoint.Rows }

func (u *underRows) step(_ context.Context, b *foundation) (bool, error) {
	b.keep()
	row, ok, err := u.rows.Next()
	b.row = foundationRow{key: row.Key, image: row.Image}
	return ok, err
}

func (u *underRows) close() {}

// misled says whether an error may come from the checkpoint that the fold began with: its rows do not add up, or cannot be read to their end. It is
// not used again. What the journal begins with since a retention there is no doing without.
func (f *folded) misled(j *Journal, err error) bool {
	var proof *ProofError
	var damage *checkpoint.Damage
	if f.under == nil || f.under.cut || !errors.As(err, &proof) && !errors.As(err, &damage) {
		return false
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.distrusted == nil {
		j.distrusted = map[string]bool{}
	}
	j.distrusted[f.under.file.Path()] = true
	j.o.Logger.Warn("a checkpoint's rows are not its restore point: it is not used again; the file may be deleted", "checkpoint", f.under.file.Path(), "error", err)
	return true
}

func (j *Journal) isDistrusted(path string) bool {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.distrusted[path]
}

package replay

import (
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"time"

	"rewind/journal"
	"rewind/table"
)

// DefaultSample is the share of the segments proved before that Verify reads again: run once a day, it reads each of them
// about once in three weeks.
const DefaultSample = 0.05

// VerifyOptions say how thorough Verify is. The zero value reads what no earlier Verify has proved, and a sample of the rest.
type VerifyOptions struct {
	Full   bool    // read every segment, also those that were proved before
	Sample float64 // the share of the segments proved before that is read again, drawn at random, one at least; 0: DefaultSample; below 0: none
	Seed   uint64  // of the draw; 0: a fresh one, which the verdict names
	Fold   bool    // fold every restore point, not only those whose changes cannot be added up

	Key   ed25519.PublicKey // the journal must be signed with it; nil: heads are not looked at
	Heads []journal.Head    // heads that were kept elsewhere: what they sign must still be there; those of other tables are passed over

	going []string // streams that are about to be dropped as a whole
}

// Verdict on a table's journal.
type Verdict struct {
	Table   string         `json:"table"`
	Points  []PointVerdict `json:"points"`
	Now     int            `json:"proved_now"`     // points proved by this run
	Earlier int            `json:"proved_earlier"` // proved by an earlier run; their segments were not read again but for the sample
	Not     int            `json:"not_proved"`
	Gaps    []Gap          `json:"gaps,omitempty"`

	Segments        int           `json:"segments"`
	SegmentsRead    int           `json:"segments_read"`    // whole, for the first time or again (--full, or another length or time than it had)
	SegmentsSampled int           `json:"segments_sampled"` // of those proved before: read again whole, by the draw
	SegmentsEarlier int           `json:"segments_earlier"` // proved before, known by name, length, time and chain, not read again
	Sampled         []string      `json:"sampled,omitempty"`
	Share           float64       `json:"sample"`
	Seed            uint64        `json:"seed,omitempty"` // of the draw, where there was something to draw from
	Entries         int64         `json:"entries"`
	EntriesRead     int64         `json:"entries_read"`
	Bytes           int64         `json:"bytes"`      // of the segments
	BytesRead       int64         `json:"bytes_read"` // of the segments that were read
	Heads           []HeadVerdict `json:"heads,omitempty"`
	Damage          []string      `json:"damage,omitempty"`
	Warnings        []string      `json:"warnings,omitempty"`
	Seconds         float64       `json:"seconds"`
}

// PointVerdict on one restore point.
type PointVerdict struct {
	Point    Point     `json:"point"`
	Proved   bool      `json:"proved"`
	How      string    `json:"how,omitempty"` // ProofRecomputed, ProofFolded or ProofRestored
	At       time.Time `json:"at,omitzero"`   // when
	Earlier  bool      `json:"earlier,omitempty"`
	Unsigned bool      `json:"unsigned,omitempty"` // it stands behind a signed head: no signature covers it yet
	Why      string    `json:"why,omitempty"`      // it is not proved
}

// Verify walks a table's journal: the chain of its segments, every entry, the order of its messages, and the digest of every
// restore point, recomputed from what the changes took away and brought. What was walked before is known by the segments'
// SHA-256 and not read again, but for a sample. Where no digest can be added up, because the schema changed, the point is
// folded. What is proved is recorded. The error is the damage that was found, joined; the verdict stands beside it.
//
// A record of an earlier walk proves nothing by itself: where anything does not fit it, everything is read again.
func Verify(ctx context.Context, root string, name table.Name, o Options, how VerifyOptions) (Verdict, error) {
	began := time.Now()
	o = o.applyDefaults(root)
	if how.Sample == 0 {
		how.Sample = DefaultSample
	}
	if how.Seed == 0 {
		how.Seed = rand.Uint64()>>1 | 1 // fits every JSON reader's integer
	}
	v, err := verify(ctx, root, name, o, how)
	if err == nil && v.relied && (v.walkDamaged || v.forgotten) {
		o.Logger.Warn("verify: something does not fit what was proved before: everything is read again", "table", name)
		how.Full = true
		told := v.exchanged
		v, err = verify(ctx, root, name, o, how)
		v.exchanged = told
	}
	if err == nil && v.cutMeanwhile() {
		return Verify(ctx, root, name, o, how)
	}
	if len(v.damage) == 0 { // else that is why
		v.Warnings = append(v.exchanged, v.Warnings...)
	}
	v.Seconds = time.Since(began).Seconds()
	if err != nil {
		return v.Verdict, err
	}
	return v.Verdict, errors.Join(v.damage...)
}

// cutMeanwhile says whether retention cut the journal while it was read: what was missing then is no damage.
func (v *verifier) cutMeanwhile() bool {
	for _, s := range v.j.streams {
		now, err := journal.ReadCut(v.j.o.FS, v.j.streamDir(s.id), v.j.o.CutKey)
		if err == nil && s.cutErr == nil && !now.Same(s.cut) {
			return true
		}
	}
	return false
}

// Verify is the function of that name on this journal; its points know their proofs afterwards.
func (j *Journal) Verify(ctx context.Context, o VerifyOptions) (Verdict, error) {
	v, err := Verify(ctx, filepath.Dir(j.dir), j.name, j.o, o)
	if refreshed := j.Refresh(ctx); refreshed != nil {
		return v, errors.Join(err, refreshed)
	}
	return v, err
}

// verifier gathers the verdict.
type verifier struct {
	Verdict
	j                  *Journal // its own: what it knows comes from the walks
	how                VerifyOptions
	walks              map[string][]*walk // by stream
	read               *readMeter
	damage             []error
	walkDamaged        bool     // there is damage that a record may have made up
	relied             bool     // on the record of an earlier walk
	forgotten          bool     // a walk is remembered, but not what it proved: somebody removed the record of proofs
	exchanged          []string // sealed segments that are not those of an earlier walk
	recomputed, folded []Point
	earlier            []provedPoint // what was proved before it looked
	at                 time.Time     // of its proofs
}

func verify(ctx context.Context, root string, name table.Name, o Options, how VerifyOptions) (*verifier, error) {
	read := &readMeter{FS: o.FS, report: o.Progress}
	o.FS, o.noCheckpoints = read, true // they are no evidence
	if how.Key != nil {
		o.CutKey = how.Key
	}
	j := &Journal{name: name, dir: filepath.Join(root, name.FileName()), o: o}
	v := &verifier{j: j, how: how, at: time.Now().UTC().Truncate(time.Microsecond), walks: map[string][]*walk{}, read: read, Verdict: Verdict{Table: name.String(), Share: max(0, how.Sample)}}
	v.earlier = j.readProofs().Proved // before it looks at the journal: what others prove from here on may be behind what it sees
	if err := j.findStreams(); err != nil {
		return v, err
	}
	for _, s := range j.streams {
		if s.cutErr != nil {
			v.damaged(s.cutErr)
			continue
		}
		for i := range s.partitions {
			w, err := v.begin(s, i)
			if err != nil {
				return v, err
			}
			v.walks[s.id] = append(v.walks[s.id], w)
		}
	}
	for _, s := range j.streams {
		if s.lost != nil {
			v.damaged(s.lost.lost)
		}
	}
	v.draw()
	v.expect()
	for _, s := range j.streams {
		if s.cutErr != nil {
			continue
		}
		if err := v.walkStream(ctx, s); err != nil {
			return v, err
		}
	}
	read.done()
	v.keptHeads()
	j.assemble()
	j.attachProofs()
	v.Gaps = j.gaps
	for _, s := range j.streams {
		for _, err := range s.damage {
			v.damaged(err)
		}
		if err := v.judge(ctx, s); err != nil {
			return v, err
		}
	}
	v.holdProved()
	v.count()
	v.record()
	return v, nil
}

// begin looks at one partition, and goes on from an earlier walk where that fits what is there.
func (v *verifier) begin(s *stream, i int) (*walk, error) {
	fresh := *s.partitions[i]
	w := newWalk(s.partitions[i])
	// Nobody signs a stream any more that goes, or went, as a whole: it may be from before there was this key.
	if err := w.readHead(v.how.Key, !w.part.gone && !slices.Contains(v.how.going, s.id)); err != nil {
		return nil, err
	}
	if err := w.look(); err != nil {
		return nil, err
	}
	if v.how.Full || w.reader == nil {
		return w, nil
	}
	r := v.j.recall(w.part)
	if r != nil {
		r = r.behindCut(w)
	}
	if r == nil {
		return w, nil
	}
	fits, err := w.fits(r)
	if err == nil && fits {
		err = w.resume(r)
	}
	if err == nil && fits {
		v.relied = true
		return w, nil
	}
	warning := fmt.Sprintf("stream %s, partition %d: the sealed segments are not those that verify read at %s: it was consumed anew since, or somebody exchanged them; it is read again", s.id, i, stamp(r.At))
	if err != nil {
		warning += ": " + err.Error()
	}
	v.exchanged = append(v.exchanged, warning)
	s.partitions[i] = &fresh
	again := newWalk(s.partitions[i])
	again.head = w.head
	err = again.look()
	return again, err
}

// draw chooses the share of the segments proved before that is read again.
func (v *verifier) draw() {
	type place struct {
		w *walk
		i int
	}
	var all []place
	for _, s := range v.j.streams {
		for _, w := range v.walks[s.id] {
			for i := range w.skipped() {
				if !w.readNow[i] {
					all = append(all, place{w, i})
				}
			}
		}
	}
	if len(all) == 0 || v.how.Sample <= 0 {
		return
	}
	v.Seed = v.how.Seed
	wanted := min(len(all), max(1, int(float64(len(all))*v.how.Sample+0.5)))
	random := rand.New(rand.NewPCG(v.how.Seed, 0)) //nolint:gosec // it must be repeatable, not secret
	for _, n := range random.Perm(len(all))[:wanted] {
		all[n].w.sample = append(all[n].w.sample, all[n].i)
	}
}

// walkStream walks through one stream's partitions. An error is none of the journal's: a context that ended.
func (v *verifier) walkStream(ctx context.Context, s *stream) error {
	for _, w := range v.walks[s.id] {
		for _, i := range w.sample {
			if err := w.reread(i); err != nil {
				v.damaged(err)
			}
			v.Sampled = append(v.Sampled, w.infos[i].Path)
			if ctx.Err() != nil {
				return ctx.Err()
			}
		}
		if err := w.chain(); err != nil {
			v.damaged(err)
			w.broken = "the chain of segments is broken"
		}
		err := w.entries(ctx)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err != nil {
			v.damaged(err)
		}
		v.holdHead(w)
	}
	for _, err := range missingJournals(s.partitions) {
		v.damaged(err)
	}
	return nil
}

// damaged takes note of damage, once.
func (v *verifier) damaged(err error) {
	v.walkDamaged = true
	v.note(err)
}

func (v *verifier) note(err error) {
	for _, known := range v.damage {
		if known.Error() == err.Error() {
			return
		}
	}
	v.damage = append(v.damage, err)
	v.Damage = append(v.Damage, err.Error())
}

// count adds up what was read, and what was proved.
func (v *verifier) count() {
	for _, s := range v.j.streams {
		for _, w := range v.walks[s.id] {
			v.Entries += w.count
			v.EntriesRead += w.fresh
			for i, info := range w.infos {
				v.Segments++
				v.Bytes += info.Bytes
				if i < w.skipped() && !w.readNow[i] {
					v.SegmentsEarlier++
					continue
				}
				v.BytesRead += info.Bytes
				v.SegmentsRead++
			}
			v.SegmentsSampled += len(w.sample)
			v.SegmentsRead -= len(w.sample)
		}
	}
	for _, p := range v.Points {
		switch {
		case !p.Proved:
			v.Not++
		case p.Earlier:
			v.Earlier++
		default:
			v.Now++
		}
	}
}

// record writes down what is proved, and how far the walks went. That it cannot be written makes nothing less proved.
func (v *verifier) record() {
	var gone []*walk
	for _, s := range v.j.streams {
		for _, w := range v.walks[s.id] {
			if len(v.damage) == 0 && w.sealed != nil && w.worthRemembering() {
				gone = append(gone, w)
			}
		}
	}
	if len(v.recomputed)+len(v.folded)+len(gone) == 0 {
		return
	}
	err := v.j.lockProofs(func() error {
		err := errors.Join(v.j.addProofs(v.at, ProofRecomputed, v.recomputed), v.j.addProofs(v.at, ProofFolded, v.folded))
		for _, w := range gone {
			w.complete(w.sealed)
			w.sealed.At = v.at
			err = errors.Join(err, v.j.remember(w.sealed))
		}
		return err
	})
	if err != nil {
		v.Warnings = append(v.Warnings, fmt.Sprintf("what was proved could not be written down, the next verify reads it again: %v", err))
	}
}

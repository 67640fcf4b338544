package replay

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"rewind/crypt"
	"rewind/journal"
	"rewind/table"
)

// stream is one life of the table's topic: its partitions, and the snapshots that they agree on.
type stream struct {
	id         string
	partitions []*partition // by number; as many as there are folders
	damage     []error

	cut    *journal.CutRecord // where its journals begin; nil: nothing was dropped
	cutErr error              // why that cannot be told
	lost   *beginning         // what its journals should begin with, and which is missing or damaged
	begun  *beginning         // what its journals begin with since the cut; nil: at their beginning
}

// link is one committed snapshot that every partition holds: a link of the chain from its baseline.
type link struct {
	spans     []*span    // by partition
	beginning *beginning // of the first one behind a cut: its rows; nil: its changes are in the journal
	lost      *beginning // of the first one behind a base that is lost: it builds on that
	number    int        // position in its chain
}

const (
	streamDigits    = 32
	partitionDigits = 5
)

// findStreams looks for folders of streams and partitions that are new.
func (j *Journal) findStreams() error {
	folders, err := j.o.FS.ReadDir(j.dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	for _, f := range folders {
		if !f.IsDir() || len(f.Name()) != streamDigits || strings.Trim(f.Name(), "0123456789abcdef") != "" {
			continue
		}
		i := slices.IndexFunc(j.streams, func(s *stream) bool { return s.id == f.Name() })
		if i < 0 {
			i = len(j.streams)
			j.streams = append(j.streams, &stream{id: f.Name()})
		}
		if err := j.findPartitions(j.streams[i]); err != nil {
			return err
		}
	}
	return nil
}

func (j *Journal) findPartitions(s *stream) error {
	dir := filepath.Join(j.dir, s.id)
	folders, err := j.o.FS.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, f := range folders {
		n, err := strconv.Atoi(f.Name())
		if err != nil || !f.IsDir() || len(f.Name()) != partitionDigits {
			continue
		}
		for len(s.partitions) <= n {
			j.addPartition(s)
		}
	}
	return j.readCut(s)
}

func (j *Journal) addPartition(s *stream) {
	number := len(s.partitions)
	s.partitions = append(s.partitions, &partition{
		fs: j.o.FS, keys: j.o.Keys, cutKey: j.o.CutKey, logger: j.o.Logger, from: j.o.indexFrom, makes: !j.o.ReadOnly, seeks: !j.o.noCheckpoints, known: &j.known, table: j.name, stream: s.id,
		number: number, dir: filepath.Join(j.streamDir(s.id), fmt.Sprintf("%0*d", partitionDigits, number)),
	})
}

// read brings all partitions up to date. Damage is kept, not returned: what stands before it remains good.
func (s *stream) read(ctx context.Context) error {
	s.damage = nil
	if s.cutErr != nil {
		s.damage = []error{s.cutErr}
		return nil //nolint:nilerr // damage is kept
	}
	if s.lost != nil {
		s.damage = []error{s.lost.lost}
	}
	for _, p := range s.partitions {
		err := p.read(ctx)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if key := (*crypt.KeyError)(nil); errors.As(err, &key) {
			return err // what cannot be read for want of a key is not damaged
		}
		if p.unread = err != nil; p.unread {
			s.damage = append(s.damage, err)
		}
	}
	return nil
}

// assemble puts the partitions' snapshots together: points and gaps of all streams.
func (j *Journal) assemble() {
	j.points, j.gaps = nil, nil
	for _, s := range j.streams {
		points, gaps := s.assemble()
		j.points = append(j.points, points...)
		j.gaps = append(j.gaps, gaps...)
	}
	slices.SortStableFunc(j.points, func(a, b Point) int {
		if c := a.ReadEnded.Compare(b.ReadEnded); c != 0 {
			return c
		}
		return int(min(max(a.ID-b.ID, -1), 1))
	})
	explain(j.points)
	j.placeGaps()
}

// assembly of one stream's points.
type assembly struct {
	*stream
	points []Point
	gaps   []Gap
	last   int64    // the last snapshot that partition 0 has committed
	behind int64    // offset of that one's Commit there
	chain  []link   // from the last baseline
	torn   *gapHere // the gap that the chain is torn by; nil: it is whole

	identities map[*table.Schema]string // those that were computed: thousands of snapshots share a few schemas
}

func (a *assembly) identity(s *table.Schema) string {
	known, ok := a.identities[s]
	if !ok {
		known = s.Identity()
		a.identities[s] = known
	}
	return known
}

// assemble follows partition 0, which alone decides what is committed.
func (s *stream) assemble() ([]Point, []Gap) {
	if len(s.partitions) == 0 {
		return nil, nil
	}
	for _, p := range s.partitions {
		for i := range p.gaps {
			p.gaps[i].gap.Lost, p.gaps[i].gap.Unknown = nil, false
		}
	}
	a := &assembly{stream: s, behind: -1, identities: map[*table.Schema]string{}}
	if s.lost != nil {
		a.last = s.lost.cut.Snapshot
	}
	for _, decided := range s.partitions[0].spans {
		goOn, err := a.take(decided)
		if err != nil {
			s.damage = append(s.damage, err)
		}
		if !goOn {
			break
		}
	}
	for _, p := range s.partitions {
		for _, g := range p.gaps {
			a.gaps = append(a.gaps, g.gap)
		}
	}
	return a.points, a.gaps
}

// missingJournals looks for partitions of a stream whose journal is gone: without it their snapshots only seem not to have come yet.
func missingJournals(partitions []*partition) (missing []error) {
	needs := map[int]int64{} // the first snapshot that was committed in a partition and lies in this one too
	for _, p := range partitions {
		for _, committed := range p.spans {
			for n := range committed.begin.Partitions {
				if id := committed.begin.Snapshot; needs[n] == 0 || id < needs[n] {
					needs[n] = id
				}
			}
		}
	}
	for n := range len(needs) {
		one := partitions[0]
		dir := filepath.Join(filepath.Dir(one.dir), fmt.Sprintf("%0*d", partitionDigits, n))
		if _, err := one.fs.Stat(dir); errors.Is(err, fs.ErrNotExist) {
			missing = append(missing, &MissingJournalError{Table: one.table, Dir: dir, Partition: n, Snapshot: needs[n]})
		}
	}
	return missing
}

// take adds a snapshot that partition 0 has committed, if it can be restored. goOn is false where what follows is not
// to be known yet, or not any more.
func (a *assembly) take(decided *span) (goOn bool, err error) {
	begin := decided.begin
	a.doubt(decided)
	if begin.Previous == 0 || a.behindCut(decided) {
		a.chain, a.torn = nil, nil
	} else if begin.Previous != a.last {
		missing := a.partitions[0].gapOver(begin.Previous)
		if missing == nil {
			return false, a.damagedAt(0, decided.from, fmt.Sprintf("snapshot %d builds on %d, but the last committed is %d",
				begin.Snapshot, begin.Previous, a.last))
		}
		a.torn = missing
		a.lose(begin.Previous, a.endOf(begin.Previous))
	}
	spans, swallowed, err := a.gather(decided)
	if spans == nil && swallowed == nil {
		return false, err
	}
	a.last, a.behind = begin.Snapshot, decided.to
	if swallowed != nil {
		a.torn = swallowed
	}
	if a.torn != nil {
		a.lose(begin.Snapshot, time.UnixMicro(decided.commit.ReadEnded).UTC())
		return true, nil
	}
	if len(a.chain) > 0 && a.chain[0].spans[0].begin.Partitions != begin.Partitions {
		return false, a.damagedAt(0, decided.from, fmt.Sprintf("snapshot %d has %d partitions without being a baseline", begin.Snapshot, begin.Partitions))
	}
	next := link{spans: spans, number: len(a.chain)}
	if a.behindCut(decided) {
		next.beginning = a.begun
	}
	if len(a.chain) == 0 && begin.Previous != 0 && next.beginning == nil {
		next.lost = a.lost
	}
	a.chain = append(a.chain, next)
	a.points = append(a.points, a.newPoint())
	return true, nil
}

// behindCut says whether a snapshot is the one that the journal begins with since a cut.
func (a *assembly) behindCut(decided *span) bool {
	return a.begun != nil && decided.begin.Snapshot == a.begun.cut.Snapshot
}

// doubt marks the gaps between a snapshot and the one before it in partition 0 that may hold snapshots of which nothing is left: all,
// unless it builds on that one.
func (a *assembly) doubt(decided *span) {
	if previous := decided.begin.Previous; previous != 0 && previous == a.last || a.behindCut(decided) {
		return
	}
	for i := range a.partitions[0].gaps {
		if g := &a.partitions[0].gaps[i].gap; !g.whole() && g.Offset > a.behind && g.Offset < decided.from {
			g.Unknown = true
		}
	}
}

// gather collects the snapshot's spans of all partitions. Both are nil where a partition does not hold its Commit yet.
func (a *assembly) gather(decided *span) (spans []*span, swallowed *gapHere, err error) {
	id := decided.begin.Snapshot
	if decided.begin.Partitions > len(a.partitions) {
		return nil, nil, nil
	}
	for _, p := range a.partitions[:decided.begin.Partitions] {
		s := p.committed(id)
		switch {
		case s != nil && !s.broken:
			if reason := a.disagreement(decided, s); reason != "" {
				return nil, nil, a.damagedAt(p.number, s.to, reason)
			}
			spans = append(spans, s)
		case s == nil && p.lostBehind(decided) != nil:
			swallowed = p.lostBehind(decided)
		case s != nil || p.order.passed(id):
			if swallowed = p.gapOver(id); swallowed == nil {
				return nil, nil, a.damagedAt(p.number, p.next-1, fmt.Sprintf("the commit of snapshot %d is missing, though later ones are there", id))
			}
		default:
			return nil, nil, nil
		}
	}
	if swallowed != nil {
		return nil, swallowed, nil
	}
	return spans, nil, nil
}

// disagreement says how one partition's Begin and Commit differ from partition 0's.
func (a *assembly) disagreement(decided, s *span) string {
	id := decided.begin.Snapshot
	switch {
	case decided.begin.Previous != s.begin.Previous || decided.begin.Partitions != s.begin.Partitions ||
		a.identity(decided.begin.Schema) != a.identity(s.begin.Schema):
		return fmt.Sprintf("the begin of snapshot %d is not that of partition 0", id)
	case decided.commit.Digest != s.commit.Digest || decided.commit.Counts != s.commit.Counts ||
		decided.commit.ReadBegan != s.commit.ReadBegan || decided.commit.ReadEnded != s.commit.ReadEnded:
		return fmt.Sprintf("the commit of snapshot %d is not that of partition 0", id)
	}
	return ""
}

func (a *assembly) damagedAt(partition int, offset int64, reason string) error {
	return a.partitions[partition].damaged(nil, offset, reason)
}

func (a *assembly) lose(id int64, ended time.Time) {
	a.torn.gap.Lost = append(a.torn.gap.Lost, Lost{ID: id, ReadEnded: ended})
}

// endOf is when a snapshot that partition 0 has lost was read to its end, as another partition may know; else its id's time.
func (a *assembly) endOf(id int64) time.Time {
	for _, p := range a.partitions {
		if s := p.committed(id); s != nil {
			return time.UnixMicro(s.commit.ReadEnded).UTC()
		}
	}
	return time.UnixMicro(id).UTC()
}

func (a *assembly) newPoint() Point {
	chain := a.chain
	decided := chain[len(chain)-1].spans[0]
	begin, commit := decided.begin, decided.commit
	p := Point{
		ID: begin.Snapshot, Previous: begin.Previous, Baseline: chain[0].spans[0].begin.Snapshot, Stream: a.id,
		ReadBegan: time.UnixMicro(commit.ReadBegan).UTC(), ReadEnded: time.UnixMicro(commit.ReadEnded).UTC(),
		Rows: commit.Digest.Rows, Counts: Counts(commit.Counts),
		Schema: table.RecordName(a.identity(begin.Schema)), SchemaIdentity: a.identity(begin.Schema), Partitions: begin.Partitions,
		Digest: commit.Digest, DigestText: commit.Digest.String(),
		Base: chain[len(chain)-1].beginning != nil, begin: begin, links: slices.Clip(chain),
	}
	if lost := chain[0].lost; lost != nil {
		p.Baseline = lost.cut.Snapshot
	}
	for _, s := range chain[len(chain)-1].spans {
		p.Bytes += s.bytes
	}
	return p
}

// Tables lists the tables that have a journal under root.
func Tables(root string, o Options) ([]table.Name, error) {
	o = o.applyDefaults(root)
	folders, err := o.FS.ReadDir(root)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var names []table.Name
	for _, f := range folders {
		text, err := url.PathUnescape(f.Name())
		if err != nil || !f.IsDir() {
			continue
		}
		if name, err := table.ParseName(text); err == nil && name.FileName() == f.Name() {
			names = append(names, name)
		}
	}
	return names, nil
}

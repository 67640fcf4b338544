package replay

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"net/url"
	"path/filepath"
	"slices"
	"strings"

	"rewind/table"
)

// ProvedLostError: restore points of a stream were proved earlier, and the journal does not hold them any more, or not as they were,
// though nothing in it looks damaged: an end that was cut off looks like one that never came.
type ProvedLostError struct {
	Table       table.Name
	Stream      string
	Points      []int64 // ascending
	Last        Proof   // of the last of them
	Other       bool    // they are there, with other digests
	ProofRecord string  // path
}

func (e *ProvedLostError) Error() string {
	which := fmt.Sprintf("restore point %d", e.Points[0])
	if n := len(e.Points); n > 1 {
		which = fmt.Sprintf("%d restore points from %d to %d", n, e.Points[0], e.Points[n-1])
	}
	what := "not in the journal any more: its end was cut off, or a part of it was removed"
	if e.Other {
		what = "with other digests in the journal now: it was exchanged"
	}
	return fmt.Sprintf("%s: %s of stream %s, proved until %s, %s %s", e.Table, which, e.Stream, stamp(e.Last.At), isOrAre(len(e.Points)), what)
}

// wasDropped says whether retention dropped a restore point.
func (j *Journal) wasDropped(stream string, snapshot int64) bool {
	for _, s := range j.streams {
		if s.id == stream && s.cut != nil && (s.cut.Base == nil || snapshot < s.cut.Snapshot || s.lost != nil && snapshot == s.cut.Snapshot) {
			return true
		}
	}
	return false
}

func isOrAre(n int) string {
	if n == 1 {
		return "is"
	}
	return "are"
}

// ExitCode is that of "a proof failed".
func (e *ProvedLostError) ExitCode() int { return exitCorrupt }

// Hint says what to do.
func (e *ProvedLostError) Hint() string {
	return "bring the journal back from a copy; or `rewind consume " + e.Table.String() + " --refetch`, which reads again what the topic still has. If it was moved aside on purpose, remove " + e.ProofRecord
}

// holdProved looks for the points that were proved earlier. Where there is damage, it is what took them.
func (v *verifier) holdProved() {
	if len(v.damage) > 0 {
		return
	}
	known := make(map[string]string, len(v.j.points))
	for _, p := range v.j.points {
		known[fmt.Sprint(p.Stream, p.ID)] = p.DigestText
	}
	lost := map[string]*ProvedLostError{}
	for _, p := range v.earlier {
		if v.j.wasDropped(p.Stream, p.Snapshot) {
			continue
		}
		now, there := known[fmt.Sprint(p.Stream, p.Snapshot)]
		if there && now == p.Digest {
			continue
		}
		which := fmt.Sprint(p.Stream, there)
		if lost[which] == nil {
			lost[which] = &ProvedLostError{Table: v.j.name, Stream: p.Stream, Other: there, ProofRecord: v.j.proofPath()}
		}
		e := lost[which]
		e.Points = append(e.Points, p.Snapshot)
		if p.At.After(e.Last.At) {
			e.Last = p.Proof
		}
	}
	for _, which := range slices.Sorted(maps.Keys(lost)) {
		slices.Sort(lost[which].Points)
		v.note(lost[which])
	}
}

// ProvedTables lists the tables of which a proof is on record: should one of their journals be gone as a whole, Verify tells.
func ProvedTables(root string, o Options) ([]table.Name, error) {
	o = o.applyDefaults(root)
	files, err := o.FS.ReadDir(filepath.Join(o.Data, "proofs"))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var names []table.Name
	for _, f := range files {
		file, isProofs := strings.CutSuffix(f.Name(), ".json")
		text, err := url.PathUnescape(file)
		if err != nil || !isProofs || f.IsDir() {
			continue
		}
		if name, err := table.ParseName(text); err == nil && name.FileName() == file {
			names = append(names, name)
		}
	}
	return names, nil
}

package replay

import (
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"path/filepath"
	"strings"

	"rewind/table"
)

// ProvedLostError: a restore point was proved earlier, and the journal does not hold it any more, though nothing in the journal looks
// damaged: an end that was cut off looks like one that never came.
type ProvedLostError struct {
	Table    table.Name
	Stream   string
	Snapshot int64
	Proof    Proof
	Digest   string // that it had
	Now      string // that the journal says it has; "": the point is not there
	Path     string // of the record of proofs
}

func (e *ProvedLostError) Error() string {
	text := fmt.Sprintf("%s: restore point %d of stream %s was proved at %s (%s) with the digest %s", e.Table, e.Snapshot, e.Stream, stamp(e.Proof.At), e.Proof.How, e.Digest)
	if e.Now != "" {
		return text + ", and the journal says now that it is " + e.Now + ": the journal was exchanged"
	}
	return text + " and is not in the journal any more: its end was cut off, or a part of it was removed"
}

// ExitCode is that of "a proof failed".
func (e *ProvedLostError) ExitCode() int { return exitCorrupt }

// Hint says what to do.
func (e *ProvedLostError) Hint() string {
	return "bring the journal back from a copy; or rewind consume, which fetches again what the topic still has. If it was moved aside on purpose, remove " + e.Path
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
	for _, p := range v.j.readProofs().Proved {
		if now := known[fmt.Sprint(p.Stream, p.Snapshot)]; now != p.Digest {
			v.note(&ProvedLostError{Table: v.j.name, Stream: p.Stream, Snapshot: p.Snapshot, Proof: p.Proof, Digest: p.Digest, Now: now, Path: v.j.proofPath()})
		}
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

package replay

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"rewind/disk"
)

// Proof says when and how a restore point's digest was recomputed and found equal to its Commit's.
type Proof struct {
	At  time.Time `json:"at"`
	How string    `json:"how"`
}

// How a point was proved.
const (
	ProofRecomputed = "recomputed from the changes"
	ProofFolded     = "folded"
	ProofRestored   = "restored"
)

// proofFile is <data>/proofs/<file>.json: derived, and deletable at any time.
type proofFile struct {
	Version int           `json:"version"`
	Table   string        `json:"table"`
	Proved  []provedPoint `json:"proved"`
}

// provedPoint carries the digest: a proof of other rows under the same id does not count.
type provedPoint struct {
	Stream   string `json:"stream"`
	Snapshot int64  `json:"snapshot"`
	Digest   string `json:"digest"`
	Proof
}

const (
	proofVersion     = 1
	maxDurableBytes  = 64 << 20 // of a JSON file that is read back
	proofPermissions = 0o600
)

func (j *Journal) proofPath() string {
	return filepath.Join(j.o.Data, "proofs", j.name.FileName()+".json")
}

// readProofs reads the file; what it cannot read is as if it were not there, for it is derived.
func (j *Journal) readProofs() proofFile {
	f := proofFile{Version: proofVersion, Table: j.name.String()}
	var found proofFile
	err := readJSON(j.o.FS, j.proofPath(), &found)
	switch {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil || found.Version != proofVersion || found.Table != f.Table:
		j.o.Logger.Warn("the record of proofs cannot be read: points count as not proved", "path", j.proofPath(), "error", err)
	default:
		f = found
	}
	return f
}

// attachProofs tells the points which of them were proved.
func (j *Journal) attachProofs() {
	type key struct {
		stream   string
		snapshot int64
		digest   string
	}
	proofs := make(map[key]Proof)
	for _, p := range j.readProofs().Proved {
		proofs[key{p.Stream, p.Snapshot, p.Digest}] = p.Proof
	}
	for i := range j.points {
		p := &j.points[i]
		if proof, ok := proofs[key{p.Stream, p.ID, p.DigestText}]; ok {
			p.Proved = &proof
		}
	}
}

// Waiting for another process that writes proofs: it holds the lock for as long as one file takes.
const (
	proofsWait  = 10 * time.Second
	proofsRetry = 10 * time.Millisecond
)

// lockProofs does something while no other process writes the table's proofs: what both have proved stays.
func (j *Journal) lockProofs(do func() error) error {
	path := strings.TrimSuffix(j.proofPath(), ".json") + ".lock"
	if err := disk.MakeDirs(j.o.FS, filepath.Dir(path), 0o700); err != nil {
		return err
	}
	lock, err := j.takeProofs(path)
	if err != nil {
		return err
	}
	defer lock.Close() //nolint:errcheck // a lock goes with its process at the latest
	return do()
}

// takeProofs takes the lock, waiting a while for who has it.
func (j *Journal) takeProofs(path string) (io.Closer, error) {
	for end := time.Now().Add(proofsWait); ; {
		lock, err := j.o.FS.Lock(path)
		var held *disk.LockedError
		if !errors.As(err, &held) || time.Now().After(end) {
			return lock, err
		}
		<-time.After(proofsRetry)
	}
}

// recordProofs adds proofs to the file and to the points.
func (j *Journal) recordProofs(how string, points ...Point) error {
	if len(points) == 0 {
		return nil
	}
	return j.lockProofs(func() error { return j.addProofs(time.Now().UTC().Truncate(time.Microsecond), how, points) })
}

// addProofs is recordProofs for who holds the lock.
func (j *Journal) addProofs(now time.Time, how string, points []Point) error {
	if len(points) == 0 {
		return nil
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	f := j.readProofs()
	fresh := make(map[string]bool, len(points))
	kept := make([]provedPoint, 0, len(f.Proved)+len(points))
	for _, p := range points {
		fresh[fmt.Sprint(p.Stream, p.ID)] = true
	}
	for _, p := range f.Proved {
		if !fresh[fmt.Sprint(p.Stream, p.Snapshot)] {
			kept = append(kept, p)
		}
	}
	for _, p := range points {
		kept = append(kept, provedPoint{Stream: p.Stream, Snapshot: p.ID, Digest: p.DigestText, Proof: Proof{At: now, How: how}})
	}
	f.Proved = kept
	if err := writeJSON(j.o.FS, j.proofPath(), f); err != nil {
		return err
	}
	j.attachProofs()
	return nil
}

// readJSON reads a small durable file, strictly.
func readJSON(fsys disk.FS, path string, into any) error {
	return readJSONUpTo(fsys, path, maxDurableBytes, into)
}

func readJSONUpTo(fsys disk.FS, path string, limit int64, into any) error {
	file, err := fsys.OpenFile(path, os.O_RDONLY, 0)
	if err != nil {
		return err
	}
	defer file.Close() //nolint:errcheck // only read
	text, err := io.ReadAll(io.LimitReader(file, limit+1))
	if err != nil {
		return err
	}
	if int64(len(text)) > limit {
		return fmt.Errorf("%s is larger than %d bytes", path, limit)
	}
	if err := json.Unmarshal(text, into); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return nil
}

// writeJSON writes a small file atomically and durably, and makes its folder.
func writeJSON(fsys disk.FS, path string, value any) error {
	text, err := json.MarshalIndent(value, "", "  ")
	if err != nil {
		return err
	}
	return writeDurable(fsys, path, text)
}

// writeCompactJSON is writeJSON for what nobody reads.
func writeCompactJSON(fsys disk.FS, path string, value any) error {
	text, err := json.Marshal(value)
	if err != nil {
		return err
	}
	return writeDurable(fsys, path, text)
}

func writeDurable(fsys disk.FS, path string, text []byte) error {
	if err := disk.MakeDirs(fsys, filepath.Dir(path), 0o700); err != nil {
		return err
	}
	return disk.WriteFile(fsys, path, append(text, '\n'), proofPermissions)
}

// removeDurably removes a file; that it is not there is as good.
func removeDurably(fsys disk.FS, path string) error {
	if err := fsys.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return fsys.SyncDir(filepath.Dir(path))
}

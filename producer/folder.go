package producer

import (
	"encoding/hex"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"rewind/change"
	"rewind/crypt"
	"rewind/disk"
)

// folder is a table's folder of snapshot files.
type folder struct {
	fs   disk.FS
	dir  string
	keys *crypt.Keys
}

func (f folder) create(name string, h *fileHeader) (*fileWriter, error) {
	return createFile(f.fs, f.path(name), h, f.keys)
}

func (f folder) open(name string) (*fileReader, error) { return openFile(f.fs, f.path(name), f.keys) }

func (f folder) path(name string) string { return filepath.Join(f.dir, name) }

// header reads a snapshot file's header; nil where there is no file.
func (f folder) header(name string) (*fileHeader, error) {
	r, err := f.open(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	r.close()
	return &r.header, nil
}

// size of a file; 0 where there is none.
func (f folder) size(name string) (int64, error) {
	info, err := f.fs.Stat(f.path(name))
	if errors.Is(err, fs.ErrNotExist) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	return info.Size(), nil
}

// promote makes the pending file the current one, durably.
func (f folder) promote() error {
	if err := f.fs.Rename(f.path(pendingName), f.path(currentName)); err != nil {
		return err
	}
	return f.fs.SyncDir(f.dir)
}

// drop removes the pending file, if there is one.
func (f folder) drop() error {
	err := f.fs.Remove(f.path(pendingName))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// places says where a snapshot's Commits stand: recovery reads from there. It is a shortcut: without the file, or with one
// of another snapshot, recovery reads from where the snapshot file says, before its Begin.
type places struct {
	Snapshot int64   `json:"snapshot"`
	Offsets  []int64 `json:"offsets"`
}

func (f folder) savePlaces(p places) error {
	text, err := json.Marshal(p)
	if err != nil {
		return err
	}
	return disk.WriteFile(f.fs, f.path(placesName), append(text, '\n'), 0o600)
}

// maxPlaces bounds what is read as places.
const maxPlaces = 1 << 20

// loadPlaces gives the Commits' offsets of a snapshot, nil when they are not known.
func (f folder) loadPlaces(h *fileHeader) []int64 {
	file, err := f.fs.OpenFile(f.path(placesName), os.O_RDONLY, 0)
	if err != nil {
		return nil
	}
	defer func() { _ = file.Close() }()
	info, err := file.Stat()
	if err != nil || info.Size() > maxPlaces {
		return nil
	}
	var p places
	text := make([]byte, info.Size())
	if _, err := file.ReadAt(text, 0); err != nil || json.Unmarshal(text, &p) != nil {
		return nil
	}
	if p.Snapshot != h.Snapshot || len(p.Offsets) != h.Partitions {
		return nil
	}
	return p.Offsets
}

// stamp is that of the term in which the file was written.
func (h *fileHeader) stamp() (s change.Stamp) {
	s.Epoch = h.Epoch
	if n, err := hex.Decode(s.Writer[:], []byte(h.Writer)); err != nil || n != len(s.Writer) {
		return change.Stamp{}
	}
	return s
}

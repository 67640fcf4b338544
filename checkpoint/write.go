package checkpoint

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"rewind/crypt"
	"rewind/disk"
	"rewind/ocf"
	"rewind/table"
)

// Branches of the union in a record.
const (
	rowBranch = 0
	endBranch = 1
)

// fileSchema is the Avro schema of the file: the table's rows as what they are, so that any Avro tool shows them.
func fileSchema(s *table.Schema) string {
	return `{"type":"record","name":"CheckpointRecord","namespace":"rewind","fields":[{"name":"content","type":[` +
		`{"type":"record","name":"Row","fields":[{"name":"key","type":"bytes"},{"name":"row","type":` + s.AvroSchema() + `}]},` +
		`{"type":"record","name":"End","fields":[{"name":"rows","type":"long"},{"name":"sha256","type":{"type":"fixed","name":"SHA256","size":32}}]}]}]}`
}

// Writer writes a file of rows in key order under a temporary name, until Finish.
type Writer struct {
	fs     disk.FS
	path   string
	file   disk.File
	cipher io.WriteCloser // between out and file; nil: the file is in clear
	to     io.Writer
	hash   hash.Hash
	out    *ocf.Writer
	record []byte
	last   []byte // the key before
	rows   int64
}

// ErrOrder: a row was added whose key does not come behind the one before.
var ErrOrder = errors.New("checkpoint: a row that is not in the order of keys")

// Create begins a checkpoint in the stream's folder, encrypted if keys are for that.
func Create(fsys disk.FS, keys *crypt.Keys, dir string, h Header) (*Writer, error) {
	if err := h.parse(); err != nil {
		return nil, fmt.Errorf("checkpoint: %w", err)
	}
	meta, err := json.Marshal(h)
	if err != nil {
		return nil, err
	}
	w := &Writer{fs: fsys, path: filepath.Join(dir, Name(h.Snapshot, false, keys.Encrypts())), hash: sha256.New()}
	if w.file, err = fsys.OpenFile(w.path+temporary, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, fileMode); err != nil {
		return nil, err
	}
	w.to = w.file
	if keys.Encrypts() {
		if w.cipher, err = keys.NewWriter(w.file); err != nil {
			return nil, errors.Join(err, w.Abandon())
		}
		w.to = w.cipher
	}
	if w.out, err = ocf.NewWriter(w, ocf.Header{Schema: fileSchema(h.Schema()), Meta: map[string][]byte{metaKey: meta}}); err != nil {
		return nil, errors.Join(err, w.Abandon())
	}
	return w, nil
}

// Write takes what goes into the file into its SHA-256; it is for the container file's writer.
func (w *Writer) Write(p []byte) (int, error) {
	n, err := w.to.Write(p)
	w.hash.Write(p[:n])
	return n, err
}

// Add takes the next row in key order. Another is refused with ErrOrder: nobody could read the file.
func (w *Writer) Add(row table.Row) error {
	if w.rows > 0 && bytes.Compare(row.Key, w.last) <= 0 {
		return ErrOrder
	}
	w.last = append(w.last[:0], row.Key...)
	w.record = binary.AppendVarint(w.record[:0], rowBranch)
	w.record = binary.AppendVarint(w.record, int64(len(row.Key)))
	w.record = append(append(w.record, row.Key...), row.Image...)
	w.rows++
	return w.out.Append(w.record)
}

// Finish closes the file's content, makes it durable and gives it its name. It is for who knows by now that the rows are what they should be.
func (w *Writer) Finish() (path string, err error) {
	if err := w.end(); err != nil {
		return "", errors.Join(err, w.Abandon())
	}
	err = w.file.Close()
	w.file = nil
	if err == nil {
		err = w.fs.Rename(w.path+temporary, w.path)
	}
	if err != nil {
		return "", errors.Join(err, w.Abandon())
	}
	return w.path, w.fs.SyncDir(filepath.Dir(w.path))
}

func (w *Writer) end() error {
	if err := w.out.Flush(); err != nil {
		return err
	}
	end := binary.AppendVarint(nil, endBranch)
	end = binary.AppendVarint(end, w.rows)
	if err := w.out.WriteBlock(1, w.hash.Sum(end)); err != nil {
		return err
	}
	if w.cipher != nil {
		if err := w.cipher.Close(); err != nil {
			return err
		}
	}
	return w.file.Sync()
}

// Abandon removes what was written.
func (w *Writer) Abandon() error {
	var err error
	if w.file != nil {
		err = w.file.Close()
		w.file = nil
	}
	if removed := w.fs.Remove(w.path + temporary); removed != nil && !errors.Is(removed, fs.ErrNotExist) {
		err = errors.Join(err, removed)
	}
	return err
}
